"""What looks found, in the store: where each check stands, what changed, and answers by the minute and the hour.

Given what was collected, writes it in one transaction; once an hour, makes hours of minutes and forgets what is old.

Never: a row of a check that was deleted meanwhile, but for its changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from spanledger_server.health.answer import STATES, Answer
from spanledger_server.health.check import Check
from spanledger_server.health.machine import Change, Standing
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Transaction

SQL = sqlfile.load(__package__)

MINUTE_NS: Final = 60 * 10**9
HOUR_NS: Final = 60 * MINUTE_NS
LATE_NS: Final = 5 * MINUTE_NS  # by which an answer may be written later than it came
TEXT: Final[pa.DataType] = pa.string()
NUMBER: Final[pa.DataType] = pa.int64()
STANDING: Final = pa.schema(
    {
        **dict.fromkeys(("check_id", "state", "reason"), TEXT),
        **dict.fromkeys(("since_ns", "seen_ns", "latency_ns", "changes"), NUMBER),
        **dict.fromkeys(("answer_state", "answer_reason", "told", "recent"), TEXT),
    }
)
CHANGES: Final = pa.schema(
    {
        **dict.fromkeys(("check_id", "name", "service", "state", "reason"), TEXT),
        **dict.fromkeys(("number", "at_ns"), NUMBER),
    }
)
MINUTES: Final = pa.schema(
    {
        "check_id": TEXT,
        **dict.fromkeys(("bucket", *STATES, "timed", "latency_sum_ns", "latency_min_ns", "latency_max_ns"), NUMBER),
    }
)


@dataclass(slots=True)
class Answers:
    """Answers of a minute."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    latencies_ns: list[int] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """One more."""
        self.counts[answer.state] += 1
        if answer.latency_ns is not None and answer.state in ("healthy", "degraded"):
            self.latencies_ns.append(answer.latency_ns)


@dataclass(slots=True)
class Collected:
    """What was found and is not written yet."""

    standing: dict[str, Standing] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)
    minutes: dict[tuple[str, int], Answers] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.standing or self.changes)

    def before(self, later: Collected) -> Collected:
        """This, which could not be written, and what was found after it."""
        for key, answers in later.minutes.items():
            mine = self.minutes.setdefault(key, Answers())
            mine.latencies_ns += answers.latencies_ns
            for state, count in answers.counts.items():
                mine.counts[state] += count
        return Collected(self.standing | later.standing, self.changes + later.changes, self.minutes)


@dataclass(frozen=True, slots=True)
class Keep:
    """How long what is kept, nanoseconds."""

    minutes_ns: int
    hours_ns: int


def noted(check_id: str, check: Check, number: int, change: Change) -> dict[str, Any]:
    """A change as it is stored."""
    return {
        "check_id": check_id,
        "number": number,
        "at_ns": change.at_ns,
        "name": check.name,
        "service": check.service,
        "state": change.state,
        "reason": change.reason,
    }


def write(tx: Transaction, found: Collected, now_ns: int) -> None:
    """All that was collected."""
    if found.standing and tx.value(SQL["any_changes_ahead"], now_ns=now_ns):
        tx.execute(SQL["move_changes"], check_ids=list(found.standing), now_ns=now_ns)
    write_standing(tx, found.standing)
    write_changes(tx, found.changes)
    rows = [_minute(check_id, bucket, answers) for (check_id, bucket), answers in found.minutes.items()]
    if rows:
        with tx.scan("new_minutes", pa.Table.from_pylist(rows, MINUTES)):
            tx.execute(SQL["add_minutes"])


def write_standing(tx: Transaction, standing: Mapping[str, Standing]) -> None:
    """Where these stand, in place of where they stood."""
    if not standing:
        return
    tx.execute(SQL["delete_standing"], check_ids=list(standing))
    rows = [_standing(check_id, each) for check_id, each in standing.items()]
    with tx.scan("new_standing", pa.Table.from_pylist(rows, STANDING)):
        tx.execute(SQL["add_standing"])


def write_changes(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Changes of state."""
    if rows:
        with tx.scan("new_changes", pa.Table.from_pylist(list(rows), CHANGES)):
            tx.execute(SQL["add_changes"])


def sweep(tx: Transaction, keep: Keep, now_ns: int) -> None:
    """Make hours of the minutes whose hour is over, and forget what is old; also what lies more than an hour ahead."""
    this_hour, ahead = (now_ns - LATE_NS) // HOUR_NS, now_ns // HOUR_NS + 1
    tx.execute(SQL["delete_hours"], before=(now_ns - keep.hours_ns) // HOUR_NS, after=ahead)
    done, first = tx.value(SQL["last_hour"]), tx.value(SQL["first_minute"])
    begin = done if done is not None else None if first is None else first // 60
    if begin is not None and begin < this_hour:
        tx.execute(SQL["add_hours"], from_minute=begin * 60, to_minute=this_hour * 60)
    oldest = max((now_ns - keep.minutes_ns) // MINUTE_NS, 0)
    tx.execute(SQL["delete_minutes"], before=oldest, after=ahead * 60 + 60)
    tx.execute(SQL["delete_changes"], before_ns=now_ns - keep.hours_ns)


def _standing(check_id: str, standing: Standing) -> dict[str, Any]:
    answer = standing.answer
    return {
        "check_id": check_id,
        "state": standing.state,
        "reason": standing.reason,
        "since_ns": standing.since_ns,
        "seen_ns": standing.seen_ns,
        "latency_ns": None if answer is None else answer.latency_ns,
        "answer_state": None if answer is None else answer.state,
        "answer_reason": None if answer is None else answer.reason,
        "told": None if answer is None else json.dumps(dict(answer.told)),
        "recent": json.dumps(standing.recent),
        "changes": standing.changes,
    }


def _minute(check_id: str, bucket: int, answers: Answers) -> dict[str, Any]:
    return {
        "check_id": check_id,
        "bucket": bucket,
        **answers.counts,
        "timed": len(answers.latencies_ns),
        "latency_sum_ns": sum(answers.latencies_ns),
        "latency_min_ns": min(answers.latencies_ns, default=None),
        "latency_max_ns": max(answers.latencies_ns, default=None),
    }
