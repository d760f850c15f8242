"""Where each check stands, read from the store: for rules, and for whoever asks over a snapshot.

Never: a state that nobody has looked at lately.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spanledger_server.health import register, uptime
from spanledger_server.health.answer import CODES, State
from spanledger_server.health.machine import Change
from spanledger_server.health.uptime import NO_TIME, Times
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, Range

SQL = sqlfile.load(__package__)


@dataclass(frozen=True, slots=True)
class Standing:
    """A check as rules see it.

    Attributes:
        check_id: Its id.
        check: Its name.
        kind: What kind it is.
        service: The service that it belongs to, if any.
        state: How it stands.
        code: The same as a number: unknown -1, healthy 0, degraded 1, down 2.
        reason: Why.
        since_ns: From when on.
        latency_ms: How long its latest answer took.
        uptime: The share of the known time of the last 24 hours that it was up; None: nothing is known.
    """

    check_id: str
    check: str
    kind: str
    service: str | None
    state: State
    code: int
    reason: str
    since_ns: int
    latency_ms: float | None
    uptime: float | None


def of(reader: Reader, now_ns: int) -> list[Standing]:
    """Every check that is looked at, by name.

    Args:
        reader: A snapshot.
        now_ns: The time: what was looked at too long ago is unknown.
    """
    kept = [each for each in register.listed(reader) if each.check.enabled]
    day = Range(max(0, now_ns - DAY_NS), now_ns)
    spent = times(reader, [each.check_id for each in kept], day)
    found = []
    for each in kept:
        stands = each.standing.at(now_ns, each.check.patience.silent_ns)
        answer = stands.answer
        latency_ns = None if answer is None or stands.state == "unknown" else answer.latency_ns
        found.append(
            Standing(
                check_id=each.check_id,
                check=each.check.name,
                kind=each.check.kind,
                service=each.check.service,
                state=stands.state,
                code=CODES[stands.state],
                reason=stands.said,
                since_ns=stands.since_ns,
                latency_ms=None if latency_ns is None else latency_ns / 1e6,
                uptime=spent.get(each.check_id, NO_TIME).uptime,
            )
        )
    return found


def changes(reader: Reader, check_ids: Sequence[str] | None, window: Range) -> Mapping[str, list[Change]]:
    """The changes of checks within a window, with the last one before it, in order; of all checks when None."""
    found: dict[str, list[Change]] = {}
    bounds = {"from_ns": window.from_ns, "to_ns": window.to_ns}
    for row in reader.rows(SQL["changes_within"], check_ids=None if check_ids is None else list(check_ids), **bounds):
        found.setdefault(row["check_id"], []).append(Change(row["at_ns"], row["state"], row["reason"]))
    return found


def times(reader: Reader, check_ids: Sequence[str], window: Range) -> Mapping[str, Times]:
    """How long each check was in which state within a window."""
    return {key: uptime.times(each, window) for key, each in changes(reader, check_ids, window).items()}
