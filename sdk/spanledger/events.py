"""Events and counts that a program tells of itself, by OpenTelemetry's own ways.

Given an event's name and attributes, emits a log record at this moment, in the current span (`tell`); given a value,
records it with an instrument (`measure`). In tests, `diverted` takes the events instead.

Never: an event by the ledger's way: a busy cache must not crowd out money. Log records are not sampled either, have a
bounded queue of their own whose losses `stats()` counts, and go wherever the program's logs go.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from opentelemetry._logs import SeverityNumber, get_logger_provider
from opentelemetry.context import get_current
from opentelemetry.metrics import get_meter

from spanledger import semconv
from spanledger.context import current
from spanledger.guard import say_once
from spanledger.version import __version__

COUNTERS: Final = {
    semconv.METRIC_CACHE_EVENTS: ("{event}", "What a cache of answers was asked for"),
    semconv.METRIC_DIALOGUES: ("{dialogue}", "Dialogues that have ended"),
    semconv.METRIC_RATE_LIMIT_DECISIONS: ("{decision}", "What a rate limiter decided"),
}
HISTOGRAMS: Final = {
    semconv.METRIC_REQUEST_DURATION: ("s", "Duration of HTTP server requests", semconv.REQUEST_BUCKETS_S),
}


@dataclass(frozen=True, slots=True)
class Event:
    """What was told of.

    Attributes:
        name: The event's name, such as `spanledger.cache`.
        attributes: What it says, context included.
    """

    name: str
    attributes: Mapping[str, Any]


_take: Callable[[Event], None] | None = None


def tell(event: str, attributes: Mapping[str, Any]) -> None:
    """Emit a log record of this name."""
    (_take or _emit)(Event(event, attributes))


@contextmanager
def diverted(take: Callable[[Event], None]) -> Iterator[None]:
    """Events go to `take` while the block runs (for `spanledger.testing`)."""
    global _take
    before, _take = _take, take
    try:
        yield
    finally:
        _take = before


def _emit(event: Event) -> None:
    provider = get_logger_provider()
    if type(provider).__name__ == "ProxyLoggerProvider":
        said = "%s has no way out: call spanledger.configure(), or set a LoggerProvider"
        say_once("events without a way out", logging.WARNING, said, event.name)
        return
    now_ns = time.time_ns()
    provider.get_logger("spanledger", __version__).emit(
        timestamp=now_ns,
        observed_timestamp=now_ns,
        context=get_current(),
        severity_number=SeverityNumber.INFO,
        event_name=event.name,
        attributes=event.attributes,
    )


def measure(name: str, value: float, labels: Mapping[str, str | float | None]) -> None:
    """Add to a metric; of who and what for, only what has few values tells series apart."""
    context = current()
    few = {key: context[key] for key in semconv.LOW_CARDINALITY_CONTEXT_KEYS if key in context}
    _instrument(name)(value, few | {key: label for key, label in labels.items() if label is not None})


@cache
def _instrument(name: str) -> Callable[[float, Mapping[str, str | float]], None]:
    meter = get_meter("spanledger", __version__)
    if name in COUNTERS:
        return meter.create_counter(name, *COUNTERS[name]).add
    unit, description, bounds = HISTOGRAMS[name]
    return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=list(bounds)).record
