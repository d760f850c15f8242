"""Celery in figures: how long queues are, how busy workers are, how long tasks ran and how they ended.

Given Celery's signals, a worker's first process tells the queues it takes from and its pool; each process that runs
tasks tells how long they ran. Queues are asked by a thread of their own, over a connection of its own.

    celery.queue.length         {message}  what waits at the broker; messaging.destination.name is the queue
    celery.worker.pool.size     {process}  how many tasks the worker runs at once
    celery.worker.tasks         {task}     what the worker has taken: celery.task.state is active or reserved
    messaging.process.duration  s          how long tasks ran, by celery.task.name and celery.task.state

Never: a worker that waits for a broker because of telemetry, or a length that is not known told as zero.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from celery import signals
from celery.worker import state
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.metrics import CallbackOptions, Observation, get_meter
from opentelemetry.semconv._incubating.metrics.messaging_metrics import MESSAGING_PROCESS_DURATION

from spanledger import semconv
from spanledger.configure import held, prepare
from spanledger.guard import guard
from spanledger.version import __version__

QUEUE_LENGTH: Final = "celery.queue.length"
POOL_SIZE: Final = "celery.worker.pool.size"
WORKER_TASKS: Final = "celery.worker.tasks"
DESTINATION: Final = "messaging.destination.name"
SYSTEM: Final = {"messaging.system": "celery"}
WORKER: Final = "celery.worker.name"
TASK, TASK_STATE = "celery.task.name", "celery.task.state"
_guard = guard("celery")
_watches: list[WorkerWatch] = []


def watch_celery() -> None:
    """Have Celery tell when a worker is ready and when tasks begin and end; a second call changes nothing."""
    signals.worker_init.connect(_init, dispatch_uid="spanledger.init")
    signals.worker_ready.connect(_ready, dispatch_uid="spanledger.ready")
    signals.worker_shutdown.connect(_shutdown, dispatch_uid="spanledger.shutdown")
    signals.task_prerun.connect(_begun, dispatch_uid="spanledger.begun")
    signals.task_postrun.connect(_ended, dispatch_uid="spanledger.ended")


class WorkerWatch:
    """One worker, watched from its first process.

    Args:
        consumer: Celery's consumer, which knows the application, its queues and the pool.
        every_s: Seconds between two looks at the queues.
    """

    def __init__(self, consumer: Any, every_s: float) -> None:
        self._app, self._pool, self._every_s = consumer.app, consumer.pool, every_s
        self._labels = {**SYSTEM, WORKER: str(consumer.hostname)}
        self._lengths: dict[str, int] = {}
        self._pid = os.getpid()
        self._stop = threading.Event()
        meter = get_meter("spanledger", __version__)
        meter.create_observable_gauge(QUEUE_LENGTH, [self._tell_lengths], "{message}", "Messages that wait in a queue")
        meter.create_observable_up_down_counter(POOL_SIZE, [self._tell_pool], "{process}", "Tasks that may run at once")
        meter.create_observable_up_down_counter(WORKER_TASKS, [self._tell_tasks], "{task}", "Tasks taken by a worker")
        self._thread = threading.Thread(target=self._look, name="spanledger-celery", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more; what was last seen is no longer told."""
        self._stop.set()

    def _is_ours(self) -> bool:
        """Whether this is the worker's first process, still at work: its children have copies of all this."""
        return os.getpid() == self._pid and not self._stop.is_set()

    def _look(self) -> None:
        with suppress_instrumentation():
            while not self._stop.is_set():
                self._lengths = {}
                with _guard:
                    self._lengths = self._asked()
                self._stop.wait(self._every_s)

    def _asked(self) -> dict[str, int]:
        with self._app.connection_for_read(connect_timeout=self._every_s) as connection:
            return {name: _length(connection, name) for name in list(self._app.amqp.queues.consume_from)}

    def _tell_lengths(self, options: CallbackOptions) -> Iterator[Observation]:
        del options
        for name, length in self._lengths.items() if self._is_ours() else ():
            yield Observation(length, {**SYSTEM, DESTINATION: name})

    def _tell_pool(self, options: CallbackOptions) -> Iterator[Observation]:
        del options
        size = getattr(self._pool, "num_processes", None)
        if size is not None and self._is_ours():
            yield Observation(size, self._labels)

    def _tell_tasks(self, options: CallbackOptions) -> Iterator[Observation]:
        del options
        if self._is_ours():
            active, taken = len(state.active_requests), len(state.reserved_requests)
            yield Observation(active, {**self._labels, TASK_STATE: "active"})
            yield Observation(max(taken - active, 0), {**self._labels, TASK_STATE: "reserved"})


def _length(connection: Any, queue: str) -> int:
    """What waits in a queue that this worker has declared: one that is not found is one of Redis, and empty."""
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue=queue, passive=True).message_count)
        except connection.channel_errors:
            return 0


class _Durations:
    """How long tasks ran in this process."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}
        self.histogram = get_meter("spanledger", __version__).create_histogram(
            MESSAGING_PROCESS_DURATION,
            "s",
            "Duration of processing operation.",
            explicit_bucket_boundaries_advisory=list(semconv.DURATION_BUCKETS_S),
        )


_durations: list[_Durations] = []


def _init(**_: Any) -> None:
    """Before the pool forks: what each child would load before it can deliver its first line, they all share."""
    prepare()


def _ready(sender: Any, **_: Any) -> None:
    with _guard:
        _watches.append(WorkerWatch(sender, held().metrics_interval_s))


def _shutdown(**_: Any) -> None:
    while _watches:
        _watches.pop().stop()


def _begun(task_id: str, **_: Any) -> None:
    with _guard:
        if not _durations:
            _durations.append(_Durations())
        _durations[0].began[task_id] = time.perf_counter()


def _ended(task_id: str, task: Any, state: str | None = None, retval: Any = None, **_: Any) -> None:
    with _guard:
        began = _durations[0].began.pop(task_id, None) if _durations else None
        if began is None:
            return
        labels = {
            **SYSTEM,
            "messaging.operation.name": "run",
            TASK: task.name,
            TASK_STATE: (state or "unknown").lower(),
        }
        queue = (task.request.delivery_info or {}).get("routing_key")
        if queue:
            labels[DESTINATION] = queue
        if isinstance(retval, BaseException):
            labels[semconv.ERROR_TYPE] = type(retval).__name__
        _durations[0].histogram.record(time.perf_counter() - began, labels)
