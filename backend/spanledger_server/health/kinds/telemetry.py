"""Telemetry: a service goes on reporting. A sender that fell silent is down as far as anybody here can see.

Never: "down" for a silence during which this server itself was away, or for a service that never reported.
"""

from __future__ import annotations

from typing import Final

from spanledger_server.health.answer import Answer
from spanledger_server.health.options import Option, number, texts
from spanledger_server.health.question import Kind, Question
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load("spanledger_server.health")

SIGNALS: Final = ("calls", "spans", "logs", "metrics")
MINUTE_NS: Final = 60 * 10**9
LONGEST_MIN: Final = 7 * 24 * 60


def ask(question: Question) -> Answer:
    """When it reported last, and whether that is long ago."""
    degraded, down = question.options["degraded_minutes"], question.options["down_minutes"]
    longest_ns = round(max(degraded, down) * MINUTE_NS)
    with question.house.database.reader() as reader:
        last_ns = _last_ns(reader, question, longest_ns)
    known = question.before.get("last_ns")
    last_ns = max((each for each in (last_ns, known) if isinstance(each, int)), default=None)
    if last_ns is None:
        return Answer("unknown", "has not reported yet")
    silent_ns, told = max(0, question.now_ns - last_ns), {"last_ns": last_ns}
    said = f"reported {_long(silent_ns)} ago"
    if silent_ns < min(degraded, down) * MINUTE_NS:
        return Answer("healthy", said, None, told)
    here_ns = question.now_ns - question.house.started_ns
    if last_ns < question.house.started_ns and 0 <= here_ns < longest_ns:
        return Answer("unknown", f"{said}; this server has listened for {_long(here_ns)}", None, told)
    if silent_ns >= down * MINUTE_NS:
        return Answer("down", f"silent for {_long(silent_ns)}", None, told)
    return Answer("degraded", f"silent for {_long(silent_ns)}", None, told)


def _last_ns(reader: Reader, question: Question, longest_ns: int) -> int | None:
    """The newest record: exact where it is new, else the end of the newest minute that has any."""
    signals = {name: name in question.options["signals"] for name in SIGNALS}
    since_ns = question.now_ns - longest_ns - MINUTE_NS
    for name, limits in (("last_heard", {"since_ns": since_ns}), ("last_minute_heard", {})):
        found = reader.value(SQL[name], service=question.target, **signals, **limits)
        if found is not None:
            return min(int(found), question.now_ns)
    return None


def _long(ns: int) -> str:
    seconds = ns // 10**9
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


MINUTES: Final = number(0.1, LONGEST_MIN)


def _signals() -> Option:
    named = texts(len(SIGNALS), "|".join(SIGNALS))

    def read(value: object) -> list[str]:
        found = named(value)
        if not found:
            raise ValueError(f"at least one of {', '.join(SIGNALS)}")
        return found

    return Option(list(SIGNALS), read, f"what counts as a report: {', '.join(SIGNALS)}")


KIND: Final = Kind(
    name="telemetry",
    meaning="a service goes on sending telemetry: its SDK, its exporter and the way here work",
    target="a service, or * for any",
    options={
        "degraded_minutes": Option(5, MINUTES, "degraded when nothing came for so many minutes"),
        "down_minutes": Option(15, MINUTES, "down when nothing came for so many minutes"),
        "signals": _signals(),
    },
    ask=ask,
)
