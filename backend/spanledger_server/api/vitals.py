"""How the server itself does: why it is not ready, and its own counters.

Given the running parts, reads what they count.

Never: a counter of its own, or a question to the store that waits for a writer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

from spanledger.version import __version__
from spanledger_server.alerts.received import ReceivedAlerts
from spanledger_server.alerts.watch import Alerting
from spanledger_server.api import alerts_samples, health_samples, notifications_samples, slo_samples
from spanledger_server.api.exposition import Sample
from spanledger_server.api.histogram import Histogram
from spanledger_server.care.caretaker import Caretaker
from spanledger_server.clock import Clock
from spanledger_server.errors import SpanledgerError
from spanledger_server.health.watch import Health
from spanledger_server.ingest.accept import Ingest
from spanledger_server.ingest.admission import Admission
from spanledger_server.loops import TickLoop
from spanledger_server.notify.office import Notifications
from spanledger_server.otlp.columns import Signal
from spanledger_server.slos.watch import Watch
from spanledger_server.store import sizes
from spanledger_server.store.database import Database

FAILING_FOR_NS = 30 * 10**9  # a failed commit counts against readiness this long when nobody tries again


@dataclass(slots=True)
class Vitals:
    """The parts, once they run."""

    database: Database
    ingest: Ingest
    admission: Admission
    clock: Clock
    alerts: ReceivedAlerts
    care: Caretaker
    slos: Watch | None = None
    health: Health = field(kw_only=True)
    notify: Notifications = field(kw_only=True)
    alerting: Alerting = field(kw_only=True)
    loop: TickLoop | None = None
    stopping: bool = False
    acks: dict[Signal, Histogram] = field(
        default_factory=lambda: {"traces": Histogram(), "logs": Histogram(), "metrics": Histogram()}
    )
    questions: Histogram = field(default_factory=Histogram)  # how long the gate's answers to readers took
    refused: dict[int, int] = field(default_factory=dict)  # requests that the gate answered itself, by status

    def unready(self) -> list[str]:
        """The reasons not to send anything here; none when all is well."""
        reasons = []
        if self.stopping:
            reasons.append("the server is stopping")
        if self.loop is None:
            reasons.append("the server is starting")
        failing = self.failing()
        if failing is not None:
            reasons.append(failing)
        try:
            self.database.size_bytes()
        except SpanledgerError as error:
            reasons.append(str(error))
        return reasons

    def troubles(self) -> list[str]:
        """Why the server should be looked at: it is not ready, or work of the tick fails."""
        tasks = self.loop.tasks if self.loop is not None else ()
        return [*self.unready(), *(f"the task {task.name} failed" for task in tasks if task.failed)]

    def tasks(self) -> list[tuple[str, bool]]:
        """The tasks of the tick, and whether each failed in its last turn."""
        return [(task.name, task.failed) for task in self.loop.tasks] if self.loop is not None else []

    def told_to_come_back(self) -> int:
        """How many requests were refused for want of room, or because they could not be committed."""
        return self.admission.turned_away + self.ingest.counters.busy

    def failing(self) -> str | None:
        """Why data could not be stored lately: the newest attempt failed."""
        failed_ns = self.ingest.counters.failed_ns
        if failed_ns is not None and self.clock.now_ns() - failed_ns < FAILING_FOR_NS:
            return "the last commit failed; senders keep their data and try again"
        return None

    def samples(self) -> Iterator[Sample]:
        """Everything for /metrics."""
        yield Sample("spanledger_info", "gauge", "The version that runs.", 1, (("version", __version__),))
        yield Sample("spanledger_ready", "gauge", "1 when it is ready.", int(not self.unready()))
        yield from self._ingest()
        yield from self._ledger()
        yield from self._refusals()
        yield from self._tasks()
        yield from self._alerts()
        yield from self._store()
        yield from self._heartbeat()
        yield from alerts_samples.samples(self.alerting.counters, self.clock.now_ns())
        yield from health_samples.samples(self.health)
        yield from notifications_samples.samples(self.notify)
        yield from slo_samples.samples(self.slos.standing if self.slos else ())
        yield from process_samples()

    def _ingest(self) -> Iterator[Sample]:
        counters = self.ingest.counters
        yield Sample("spanledger_requests_total", "counter", "Requests committed.", counters.requests)
        yield Sample("spanledger_bytes_total", "counter", "Bytes of requests committed.", counters.bytes)
        yield Sample("spanledger_commits_total", "counter", "Transactions of the writer.", counters.groups)
        yield Sample(
            "spanledger_commit_seconds_total", "counter", "Time in those transactions.", counters.commit_seconds
        )
        for signal, rows in self.ingest.totals.rows.items():
            yield Sample("spanledger_rows_total", "counter", "New rows by signal.", rows, (("signal", signal),))
        for signal, acks in self.acks.items():
            yield Sample(
                "spanledger_ack_duration_seconds",
                "histogram",
                "From a request's last byte to its acknowledgement, its rows on disk.",
                acks.seen(),
                (("signal", signal),),
            )
        yield Sample(
            "spanledger_question_duration_seconds",
            "histogram",
            "From a reader's question over HTTP to the end of its answer.",
            self.questions.seen(),
        )
        yield Sample("spanledger_queue_requests", "gauge", "Requests that wait for the writer.", self.ingest.queued())
        yield Sample("spanledger_queue_bytes", "gauge", "Bytes being decoded or waiting.", self.admission.inside_bytes)
        yield Sample(
            "spanledger_queue_limit_bytes",
            "gauge",
            "Bytes that may be; more is turned away.",
            self.admission.limit_bytes,
        )

    def _ledger(self) -> Iterator[Sample]:
        totals = self.ingest.totals
        for state, lines in totals.lines.items():
            yield Sample(
                "spanledger_ledger_lines_total", "counter", "Ledger lines stored, by state.", lines, (("state", state),)
            )
        for (provider, model), cost in totals.cost_usd.items():
            labels = (("provider", provider), ("model", model))
            yield Sample("spanledger_cost_usd_total", "counter", "Cost of the ledger lines stored.", cost, labels)

    def _refusals(self) -> Iterator[Sample]:
        counters = self.ingest.counters
        yield Sample("spanledger_refused_records_total", "counter", "Records refused.", counters.refused_records)
        for (signal, reason), count in self.ingest.totals.refused.items():
            yield Sample(
                "spanledger_loss_records_total",
                "counter",
                "Records refused, or folded into an overflow series, by reason.",
                count,
                (("signal", signal), ("reason", reason)),
            )
        yield Sample("spanledger_busy_total", "counter", "Requests told to come back by the writer.", counters.busy)
        turned_away = self.admission.turned_away
        yield Sample(
            "spanledger_turned_away_total", "counter", "Requests told to come back for want of room.", turned_away
        )
        for status, count in sorted(self.refused.items()):
            labels = (("status", str(status)),)
            yield Sample(
                "spanledger_gate_refused_total", "counter", "Requests refused before any route.", count, labels
            )

    def _tasks(self) -> Iterator[Sample]:
        for task in self.loop.tasks if self.loop is not None else ():
            labels = (("task", task.name),)
            yield Sample("spanledger_task_turns_total", "counter", "Turns of a task.", task.turns, labels)
            yield Sample(
                "spanledger_task_failures_total", "counter", "Turns of a task that failed.", task.failures, labels
            )
            yield Sample(
                "spanledger_task_busy_seconds_total", "counter", "Time in a task's turns.", task.busy_s, labels
            )
            yield Sample("spanledger_task_seconds", "gauge", "How long a task's last turn took.", task.seconds, labels)
            if task.last_ns is not None:
                at_s = task.last_ns / 1e9
                yield Sample("spanledger_task_last_timestamp_seconds", "gauge", "When it last began.", at_s, labels)

    def _alerts(self) -> Iterator[Sample]:
        counters = self.alerts.counters
        yield Sample("spanledger_alerts_received_total", "counter", "Alerts that were sent here.", counters.received)
        yield Sample("spanledger_alerts_refused_total", "counter", "Alerts that were refused.", counters.refused)
        for severity, count in self.alerts.firing().items():
            labels = (("severity", severity),)
            yield Sample("spanledger_alerts_firing", "gauge", "Alerts that fire.", count, labels)

    def _store(self) -> Iterator[Sample]:
        yield Sample("spanledger_store_bytes", "gauge", "Size of the database.", self.database.size_bytes())
        yield Sample("spanledger_store_wal_bytes", "gauge", "Size of its log.", self.database.wal_bytes())
        free = self.database.free_bytes()
        if free is not None:
            yield Sample("spanledger_store_free_bytes", "gauge", "Free space of its volume.", free)
        with self.database.reader() as reader:
            for table, rows in sizes.rows(reader).items():
                yield Sample("spanledger_store_rows", "gauge", "Rows by table, about.", rows, (("table", table),))

    def _heartbeat(self) -> Iterator[Sample]:
        if self.care.heartbeat is None:
            return
        counters = self.care.heartbeat.counters
        yield Sample("spanledger_heartbeats_total", "counter", "Times the outside watcher was told.", counters.sent)
        yield Sample("spanledger_heartbeats_failed_total", "counter", "Times it could not be told.", counters.failed)
        if counters.sent_ns is not None:
            at_s = counters.sent_ns / 1e9
            yield Sample("spanledger_heartbeat_last_timestamp_seconds", "gauge", "When it was told last.", at_s)


def process_samples() -> Iterator[Sample]:
    """What every Prometheus client tells of its process."""
    process = psutil.Process()
    with process.oneshot():
        times, memory = process.cpu_times(), process.memory_info()
        yield Sample("process_start_time_seconds", "gauge", "When it was started.", process.create_time())
        yield Sample("process_resident_memory_bytes", "gauge", "Memory in use.", memory.rss)
        yield Sample("process_virtual_memory_bytes", "gauge", "Addresses in use.", memory.vms)
        yield Sample("process_cpu_seconds_total", "counter", "CPU time used.", times.user + times.system)
        yield Sample("process_threads", "gauge", "Threads.", process.num_threads())
        if psutil.POSIX:
            yield Sample("process_open_fds", "gauge", "Open files and sockets.", process.num_fds())
