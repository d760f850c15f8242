"""An OpenTelemetry Collector: it says that it is well, and its own counters say that it loses nothing.

Given the address of its health_check extension and, if it is told, of its own metrics in Prometheus' format.

Never: "healthy" while it drops what it was given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from spanledger_server.health import target
from spanledger_server.health.answer import Answer, BrokenError, visible
from spanledger_server.health.kinds import http
from spanledger_server.health.options import Option, number, trust
from spanledger_server.health.question import Kind, Question

LOST: Final = re.compile(
    r"otelcol_(?:exporter_(?:send|enqueue)_failed|receiver_(?:refused|failed)|processor_(?:refused|dropped))_\w+"
)
QUEUE: Final = re.compile(r"otelcol_exporter_queue_(size|capacity)")
SAMPLE: Final = re.compile(r"([a-zA-Z_:][\w:]*)(\{[^\n]*\})?\s+([0-9.eE+-]+)(?:\s+-?\d+)?\s*", re.ASCII)
MOST_BYTES: Final = 4 * 1024 * 1024


def ask(question: Question) -> Answer:
    """Ask whether it is well, then what it lost and how full its queues are."""
    status, said = http.fetched(question, question.at, 64 * 1024)
    if status != 200:
        return Answer("down", f"answered {status}: {visible(said, 100)}", question.deadline.taken_ns())
    address = question.options["metrics"]
    if address is None:
        return question.answered("says that it is well")
    return _counted(question, address)


def _counted(question: Question, address: str) -> Answer:
    status, text = http.fetched(question, target.place(address, http.SCHEMES), MOST_BYTES)
    if status != 200:
        raise BrokenError(f"its own metrics: answered {status}")
    lost, fullest = _figures(text)
    before = question.before.get("lost")
    told: dict[str, Any] = {"lost": lost, "queue": fullest}
    since = 0.0 if before is None else lost - before if lost >= before else lost
    reasons = []
    if since > 0:
        reasons.append(f"lost {since:.0f} items since the last look")
    if fullest is not None and fullest * 100 > question.options["queue_percent"]:
        reasons.append(f"a queue is {fullest:.0%} full")
    if reasons:
        return question.answered("; ".join(reasons), None, "degraded", **told)
    return question.answered("says that it is well, and loses nothing", **told)


def _figures(text: str) -> tuple[float, float | None]:
    """How much was lost since it began, and how full its fullest queue is."""
    lost = 0.0
    queues: dict[str, dict[str, float]] = {}
    for name, labels, value in _samples(text):
        if LOST.fullmatch(name):
            lost += value
        match = QUEUE.fullmatch(name)
        if match is not None:
            queues.setdefault(labels, {})[match[1]] = value
    shares = [each["size"] / each["capacity"] for each in queues.values() if each.get("capacity") and "size" in each]
    return lost, max(shares, default=None)


def _samples(text: str) -> Iterator[tuple[str, str, float]]:
    for line in text.splitlines():
        match = SAMPLE.fullmatch(line)
        if match is None:
            continue
        try:
            yield match[1], match[2] or "", float(match[3])
        except ValueError:
            continue


def _address(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("an address such as http://host:8888/metrics, or null")
    found = target.place(value, http.SCHEMES)
    if found.user is not None or target.shown(value) != value:
        raise ValueError("an address without a password or token")
    return value


KIND: Final = Kind(
    name="collector",
    meaning="an OpenTelemetry Collector is well and loses nothing",
    target="its health_check extension: http://host:13133/",
    schemes=http.SCHEMES,
    options={
        "metrics": Option(None, _address, "its own metrics: http://host:8888/metrics; null: not asked"),
        "queue_percent": Option(80, number(1, 100), "degraded when a queue is fuller, percent"),
        **trust(),
    },
    ask=ask,
)
