"""The only global state of the SDK: what is configured, and where spans and entries go.

Given arguments and the environment, `configure` builds the pipeline once; `flush`, `shutdown` and `stats` speak to it
from any thread. Where nobody calls `configure`, spans go to whatever OpenTelemetry provider the program has set, and
the ledger's way out starts with the first entry, from the environment.

Never: an exception into the user's program (but with `strict=True`), or a second pipeline beside the first.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from opentelemetry import trace
from opentelemetry.trace import NoOpTracer, Tracer

from spanledger import endpoints, guard, ledger, settings, withheld
from spanledger.endings import deliver_at_the_end, deliver_with_servers
from spanledger.errors import ConfigurationError
from spanledger.instrumentation import keep_clients_from_sending_baggage, states
from spanledger.version import __version__

if TYPE_CHECKING:
    from spanledger.call import Entry
    from spanledger.delivery.lane import Lane
    from spanledger.pipeline import Pipeline

EARLY_ENTRIES, TWICE = 20_000, "spanledger is configured already; what a second configure() asks for is not used"
SIGNALS = ("spans", "ledger", "metrics", "logs")
_logger = logging.getLogger("spanledger")
_guard = guard.guard("configure")


class Telemetry:
    """The handle that `configure` gives: the same calls as `spanledger.flush`, `shutdown` and `stats`.

    Attributes:
        settings: What holds.
        mistakes: What was wrong with what was asked for, one sentence each.
    """

    def __init__(self, held: settings.Settings, mistakes: tuple[str, ...]) -> None:
        self.settings, self.mistakes = held, mistakes

    def flush(self, timeout_s: float = 10.0) -> bool:
        """See `spanledger.flush`."""
        return flush(timeout_s)

    def shutdown(self, timeout_s: float | None = None) -> None:
        """See `spanledger.shutdown`."""
        shutdown(timeout_s)

    def stats(self) -> dict[str, Any]:
        """See `spanledger.stats`."""
        return stats()


class _State:
    """What there is one of in a process."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.enabled: bool | None = None
        self.tracer: Tracer = trace.get_tracer("spanledger", __version__)  # hands over to a provider that is set later
        self.pipeline: Pipeline | None = None
        self.telemetry: Telemetry | None = None
        self.arguments: dict[str, Any] = {}
        self.former: list[Pipeline] = []
        self.early: _Early | None = None
        self.hooked = False
        self.environment: settings.Settings | None = None
        self.settle: list[Callable[[float], bool]] = []
        self.stop: list[Callable[[float], None]] = []


class _Early:
    """Holds the first entries of a program that never called `configure`, while a thread builds the pipeline."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._entries: deque[Entry] = deque()
        self._too_many = 0
        self._put: Callable[[Entry], None] | None = None
        self.thread = threading.Thread(target=self._build, name="spanledger-start", daemon=True)

    def put(self, entry: Entry) -> None:
        """Take an entry."""
        with self._lock:
            if self._put is not None:
                self._put(entry)
            elif len(self._entries) < EARLY_ENTRIES:
                self._entries.append(entry)
            else:
                self._too_many += 1

    def _build(self) -> None:
        with _guard:
            _ledger_only()

    def hand_over(self, lane: Lane) -> None:
        """Give everything to the ledger's lane, in order, and everything that comes later."""
        with self._lock:
            while self._entries:
                lane.put(self._entries.popleft())
            lane.turn_away(self._too_many)
            self._too_many, self._put = 0, lane.put


_state = _State()


def configure(
    *,
    service_name: str | None = None,
    endpoint: str | None = None,
    protocol: Literal["http/protobuf", "grpc"] | None = None,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    sample_ratio: float | None = None,
    logs: bool | None = None,
    resource_attributes: Mapping[str, str] | None = None,
    strict: bool = False,
    **more: Any,
) -> Telemetry:
    """Set the SDK up, once for the process; everything can be said by environment variables instead.

    Args:
        service_name: The service this process belongs to.
        endpoint: Where OTLP goes, such as `http://localhost:4318`.
        protocol: `http/protobuf` (default) or `grpc`.
        headers: Sent with each request.
        token: Sent as `Authorization: Bearer …`.
        sample_ratio: Share of traces whose spans are kept, between 0 and 1; the ledger is never sampled.
        logs: Whether records of standard `logging` are exported too.
        resource_attributes: Added to the resource of everything that is sent.
        strict: Raise when a setting is wrong, instead of logging it and using the default.
        more: Every other field of `spanledger.settings.Settings`.

    Returns:
        A handle; a second call gives the same one and changes nothing.

    Raises:
        ConfigurationError: Only with `strict`, with every mistake in it.
    """
    named = {
        "service_name": service_name,
        "endpoint": endpoint,
        "protocol": protocol,
        "headers": headers,
        "token": token,
        "sample_ratio": sample_ratio,
        "logs": logs,
        "resource_attributes": resource_attributes,
    }
    return set_up({key: value for key, value in (named | more).items() if value is not None}, strict=strict)


def set_up(
    arguments: dict[str, Any], *, strict: bool = False, attributes: Mapping[str, str] | None = None
) -> Telemetry:
    """What `configure` does; `attributes` are the distro's own for the resource."""
    with _state.lock:
        if _state.telemetry is not None:
            if arguments and arguments != _state.arguments:
                guard.say_once("configured twice", logging.WARNING, TWICE)
            return _state.telemetry
        held, mistakes = settings.load(arguments)
        targets, wrong = endpoints.targets(held)
        mistakes += wrong
        if strict and mistakes:
            raise ConfigurationError(mistakes)
        with _guard:
            mistakes += _build(held, targets, attributes)
        if mistakes:
            _logger.warning("spanledger found mistakes in its settings: %s", "; ".join(mistakes))
            if strict:
                shutdown(0)
                raise ConfigurationError(mistakes)
        _state.arguments = arguments
        _state.telemetry = Telemetry(held, tuple(mistakes))
        return _state.telemetry


def _build(
    held: settings.Settings, targets: Mapping[endpoints.Signal, endpoints.Target], attributes: Mapping[str, str] | None
) -> list[str]:
    _state.enabled = held.enabled
    if not held.enabled:
        ledger.connect(_ignore)
        return []
    keep_clients_from_sending_baggage()
    from spanledger.pipeline import Pipeline  # OpenTelemetry's SDK: 300 ms to import, so not with `import spanledger`

    early = _state.pipeline
    pipeline = Pipeline(held, targets, os.environ, attributes)
    mistakes = pipeline.install()
    if held.logs or held.logs_console or held.logs_file:
        from spanledger import logs

        mistakes += logs.set_up(held)
    _begin(pipeline)
    if early is not None:  # the ledger had begun without us, perhaps to somewhere else: let it finish on its own
        _state.former.append(early)
        threading.Thread(target=early.stop, args=(held.shutdown_timeout_s,), daemon=True).start()
    return mistakes


def _ledger_only() -> Pipeline:
    """A way out for the ledger alone, from the environment."""
    with _state.lock:
        if _state.pipeline is None:
            from spanledger.pipeline import Pipeline

            held, mistakes = settings.load()
            targets, wrong = endpoints.targets(held)
            if mistakes + wrong:
                _logger.warning("spanledger found mistakes in its settings: %s", "; ".join(mistakes + wrong))
            pipeline = Pipeline(held, targets, os.environ)
            _begin(pipeline, tracer_too=False)
            return pipeline
        return _state.pipeline


def _begin(pipeline: Pipeline, *, tracer_too: bool = True) -> None:
    _state.pipeline = pipeline
    if tracer_too:
        _state.tracer = pipeline.tracer()
    pipeline.worker.start()
    if _state.early is not None:
        _state.early.hand_over(pipeline.ledger)
    ledger.connect(pipeline.ledger.put)
    _hook(pipeline.settings)


def tracer() -> Tracer:
    """The tracer for the SDK's own spans: ours when configured, else the global one; a no-op when disabled."""
    return _state.tracer if _state.enabled or enabled() else NoOpTracer()


def enabled() -> bool:
    """Whether the SDK does anything at all."""
    if _state.enabled is None:
        _state.enabled = settings.load()[0].enabled
    return _state.enabled


def held() -> settings.Settings:
    """The settings that hold: those of `configure`, or the environment's."""
    if _state.telemetry is not None:
        return _state.telemetry.settings
    if _state.environment is None:
        _state.environment = settings.load()[0]
    return _state.environment


def settle_first(settle: Callable[[float], bool], stop: Callable[[float], None]) -> None:
    """Have `settle` called before every flush and `stop` before the shutdown, with the seconds that they may take."""
    _state.settle.append(settle)
    _state.stop.append(stop)


def ledger_way_out() -> Callable[[Entry], None]:
    """Where entries go when nobody called `configure`; does not wait for anything."""
    with _state.lock:
        if not enabled():
            return _ignore
        if _state.pipeline is not None:
            return _state.pipeline.ledger.put
        if _state.early is None:
            _hook(settings.load()[0])
            _state.early = _Early()
            _state.early.thread.start()
        return _state.early.put


def flush(timeout_s: float = 10.0) -> bool:
    """Send what is queued, now.

    Args:
        timeout_s: Seconds to wait at most; the caller's thread waits.

    Returns:
        Whether nothing is left, neither in memory nor in this process's spool files.
    """
    with _guard:
        until = time.monotonic() + timeout_s
        settled = all(settle(timeout_s / 2) for settle in _state.settle)
        _wait_for_start()
        pipeline = _state.pipeline
        return (pipeline is None or pipeline.worker.flush(max(0.0, until - time.monotonic()))) and settled
    return False


def prepare() -> None:
    """Load what the first delivery needs, before a server forks its workers: half a second that they then share."""
    if _state.pipeline is not None:
        _guard.run(_state.pipeline.prepare)


def settle_down() -> None:
    """Send what is queued, and what does not go to disk where it has a spool; all goes on afterwards.

    For what may be the end. It takes `shutdown_timeout_s` seconds at most, and tries each batch once.
    """
    with _guard:
        _walk(held().shutdown_timeout_s, _state.settle, lambda pipeline, left_s: pipeline.worker.settle_down(left_s))


def shutdown(timeout_s: float | None = None) -> None:
    """Deliver what is queued and stop; what cannot be delivered is spooled (ledger) or dropped and counted.

    Args:
        timeout_s: Seconds to wait at most; None: as the setting `shutdown_timeout_s` says.
    """
    with _guard:
        limit_s = held().shutdown_timeout_s if timeout_s is None else timeout_s
        _walk(limit_s, _state.stop, lambda pipeline, left_s: pipeline.stop(left_s))
        _state.former.clear()
        _state.telemetry = None


def _walk(limit_s: float, first: Sequence[Callable[[float], object]], then: Callable[[Pipeline, float], None]) -> None:
    """Call what comes first, then `then` for each pipeline there is, all of it in so many seconds."""
    until = time.monotonic() + limit_s
    for call in first:
        call(limit_s / 2)
    _wait_for_start()
    for pipeline in [*_state.former, *filter(None, (_state.pipeline,))]:
        then(pipeline, max(0.0, until - time.monotonic()))


def stats() -> dict[str, Any]:
    """What became of everything recorded.

    Returns:
        For each of `spans`, `ledger`, `metrics` (data points) and `logs`: `recorded`, `recovered` (found in the spool
        at the start), `sent`, `refused`, `spooled`, `waiting`, and `dropped` by reason, where `recorded + recovered ==
        sent + refused + spooled + waiting + sum(dropped)`. `journal`: its `state` (`on`, `off`, `unused` before the
        first entry), `reason`, `written`, `missed`, `held_bytes`, `max_bytes`. By place: `failures`, mistakes of the
        SDK's own kept from the program, and `withheld`, prompts and answers not taken. By name: `instrumentations`,
        `on`, waiting until their library is imported, or why not.
    """
    found: dict[str, Any] = {}
    if _state.pipeline is not None:
        found = dict(_guard.run(_state.pipeline.stats) or {})
    nothing = {"recorded": 0, "recovered": 0, "sent": 0, "refused": 0, "spooled": 0, "waiting": 0}
    for name in SIGNALS:
        found.setdefault(name, {**nothing, "dropped": {}})
    unused = {"state": "unused", "reason": "", "written": 0, "missed": 0, "held_bytes": 0, "max_bytes": 0}
    found.setdefault("journal", unused)
    return found | {"failures": guard.failures(), "withheld": withheld.counts(), "instrumentations": dict(states)}


@contextmanager
def replaced(tracer: Tracer, put: Callable[[Entry], None]) -> Iterator[None]:
    """Spans of ours by this tracer and entries to `put`, while the block runs (for `spanledger.testing`)."""
    before = (_state.enabled, _state.tracer)
    _state.enabled, _state.tracer = True, tracer
    ledger.connect(put)
    try:
        yield
    finally:
        _state.enabled, _state.tracer = before
        ledger.connect(None)


def _wait_for_start() -> None:
    early = _state.early
    if early is not None and early.thread.is_alive() and early.thread is not threading.current_thread():
        early.thread.join(5.0)


def _ignore(entry: Entry) -> None:
    del entry


def _hook(held: settings.Settings) -> None:
    """Deliver at the end of the program, whichever it is."""
    if _state.hooked:
        return
    _state.hooked = True
    deliver_at_the_end(shutdown, settle_down, handle_sigterm=held.handle_sigterm)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    """In a child: a lock may have been held by a thread that is not here, and so may the one that was building."""
    _state.lock = threading.RLock()
    if _state.early is not None:
        _state.early = None
        ledger.connect(_state.pipeline.ledger.put if _state.pipeline is not None else None)
    deliver_with_servers(settle_down)  # a pre-fork server may have loaded the program before its worker's class
