"""Dialogues: how many, whose, how long, and how content their users were, of a period to date.

Given a snapshot, a period, a dimension and filters, counts what `track_dialogue` told, kept as long as the ledger. A
figure that only some dialogues told is the average over those, and `coverage` says how many they were.

Never: a dialogue without a rating taken for one with a bad one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any, Final

from spanledger_server.statistics import periods, remembered, shares, talks
from spanledger_server.statistics.periods import Period
from spanledger_server.statistics.talks import Talks
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS
from spanledger_server.traces.filters import Subject

SQL = sqlfile.load(__package__)

DIMENSIONS: Final = ("book", "user", "model", "type")
DIALOGUES: Final = Subject(
    ("book", "user", "model", "type", "session_id", "service", "feature", "tenant", "user_tier"),
)
MOST_CATEGORIES: Final = 200  # of a breakdown; the rest is one line
OTHER: Final = "other"
MOST_HELD: Final = 10_000  # of what was counted, in rows of two kilobytes


def dialogues(reader: Reader, period: Period, dimension: str, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """The statistics of `period` by `dimension`, as `GET /admin/statistics/dialogues` answers them.

    Args:
        reader: One snapshot.
        period: Which stretch of time, and its parts.
        dimension: One of `DIMENSIONS`.
        conditions: The bound filters of `DIALOGUES`.
    """
    found = _talks(reader, period, dimension, conditions)
    rows = talks.rows(found, MOST_CATEGORIES)
    whole = rows[0]
    return {
        "period": period.name,
        "group_by": dimension,
        "from_ns": period.from_ns,
        "to_ns": period.to_ns,
        "timezone": period.zone.key,
        "total_dialogues": whole["dialogues"],
        "unique_users": whole["users"],
        "average_messages": _mean(whole["messages"], whole["messages_told"]),
        "average_duration": _mean(whole["seconds"], whole["seconds_told"]),
        "breakdown": [_category(row, whole["dialogues"]) for row in rows[1:]],
        "satisfaction": {
            "average_rating": _mean(whole["ratings"], whole["ratings_told"]),
            "rating_count": whole["ratings_told"],
            "feedback_count": whole["feedbacks"],
            "coverage": shares.ratio(whole["ratings_told"], whole["dialogues"]),
        },
        "coverage": {
            "users": shares.ratio(whole["users_told"], whole["dialogues"]),
            "messages": shares.ratio(whole["messages_told"], whole["dialogues"]),
            "duration": shares.ratio(whole["seconds_told"], whole["dialogues"]),
            "ratings": shares.ratio(whole["ratings_told"], whole["dialogues"]),
        },
        "trend": [_bar(part.name, part.to_ns <= period.to_ns, found.parts.get(part.number)) for part in period.parts],
        "previous": _previous(reader, period, whole["dialogues"], conditions),
    }


def _talks(reader: Reader, period: Period, dimension: str, conditions: Mapping[str, Any]) -> Talks:
    """The dialogues of a period; of those that are long gone what was counted before, while none came late."""
    parted, read = remembered.parted(period), partial(_counted, reader, dimension, conditions)
    if parted is None:
        return _open(reader, (dimension, conditions), period)
    found = _once(reader, ("gone", dimension, conditions), parted.gone, partial(read, parted.gone))
    for each in parted.others:
        found = talks.together(found, _open(reader, (dimension, conditions), each))
    return found


def _open(reader: Reader, asked: tuple[str, Mapping[str, Any]], period: Period) -> Talks:
    """The dialogues of a period that goes on: those up to the last whole hour were added up before."""
    hour_ns = period.to_ns // HOUR_NS * HOUR_NS
    if hour_ns <= period.from_ns:
        return _counted(reader, *asked, period)
    before, after = replace(period, to_ns=hour_ns), replace(period, from_ns=hour_ns)
    settled = _once(reader, ("open", *asked), before, lambda: _sums(reader, *asked, before))
    return replace(talks.together(settled, _sums(reader, *asked, after)), parts=_parts(reader, *asked, period))


def _once(
    reader: Reader, asked: tuple[str, str, Mapping[str, Any]], period: Period, read: Callable[[], Talks]
) -> Talks:
    """What `read` gives of a period, or gave, when it had as many dialogues: they are never changed."""
    if reader.memory is None:
        return read()
    kind, dimension, conditions = asked
    number, kept = reader.tuples(SQL["dialogues_kept"], from_ns=period.from_ns, to_ns=period.to_ns)[0]
    question = (kind, dimension, repr(sorted(conditions.items())), period.from_ns, period.to_ns, repr(period.bound()))
    memory: Memory = reader.memory.setdefault("statistics.dialogues", Memory(OrderedDict(), threading.Lock()))
    found = memory.get(question, number) if kept else None
    if found is None:
        found = read()
        if kept:
            memory.keep(question, number, found)
    return found


@dataclass(frozen=True, slots=True)
class Memory:
    """What was counted of one database, the least lately asked first; each with how many dialogues that were."""

    each: OrderedDict[Hashable, tuple[int, Talks]]
    lock: threading.Lock

    def get(self, question: Hashable, number: int) -> Talks | None:
        """What was counted, if there are as many now."""
        with self.lock:
            known = self.each.get(question)
            if known is None or known[0] != number:
                return None
            self.each.move_to_end(question)
            return known[1]

    def keep(self, question: Hashable, number: int, found: Talks) -> None:
        """This one in place of what was there; of too many the least lately asked go."""
        with self.lock:
            self.each[question] = number, found
            self.each.move_to_end(question)
            while sum(len(each) for _, each in self.each.values()) > MOST_HELD:
                self.each.popitem(last=False)


def _counted(reader: Reader, dimension: str, conditions: Mapping[str, Any], period: Period) -> Talks:
    parts = _parts(reader, dimension, conditions, period)
    return replace(_sums(reader, dimension, conditions, period), parts=parts)


def _parts(
    reader: Reader, _dimension: str, conditions: Mapping[str, Any], period: Period
) -> dict[int, tuple[int, int]]:
    """Number of a part -> dialogues and users."""
    bound = {"from_ns": period.from_ns, "to_ns": period.to_ns, "p": period.bound(), **conditions}
    sql, parameters = sqlfile.lean(SQL["dialogue_parts"], bound)
    return {part: (dialogues, users) for part, dialogues, users in reader.tuples(sql, **parameters)}


def _sums(reader: Reader, dimension: str, conditions: Mapping[str, Any], period: Period) -> Talks:
    """The dialogues, but for the parts of the period."""
    bound = {"dimension": dimension, "from_ns": period.from_ns, "to_ns": period.to_ns, **conditions}
    sql, parameters = sqlfile.lean(SQL["dialogue_sums"], bound)
    return talks.of(reader.arrow(sql, **parameters), {})


def _category(row: Mapping[str, Any], all_dialogues: int) -> dict[str, Any]:
    folded = None if row["rank"] is not None else row["categories"] - MOST_CATEGORIES
    return {
        "category": OTHER if row["rank"] is None else row["category"],
        "count": row["dialogues"],
        "percentage": shares.percentage(Decimal(row["dialogues"]), Decimal(all_dialogues)),
        "unique_users": row["users"],
        "average_messages": _mean(row["messages"], row["messages_told"]),
        "average_duration": _mean(row["seconds"], row["seconds_told"]),
        "average_rating": _mean(row["ratings"], row["ratings_told"]),
        "rating_count": row["ratings_told"],
        "folded": folded,
    }


def _bar(name: str, complete: bool, found: tuple[int, int] | None) -> dict[str, Any]:
    dialogues, users = found or (0, 0)
    return {"date": name, "count": dialogues, "unique_users": users, "complete": complete}


def _previous(reader: Reader, period: Period, now: int, conditions: Mapping[str, Any]) -> dict[str, Any] | None:
    """The same stretch of the period before; None when no dialogue is known from so long ago."""
    before, first_ns = periods.before(period), reader.value(SQL["first_dialogue"])
    if before is None or first_ns is None or first_ns >= before.to_ns:
        return None
    bound = {"from_ns": before.from_ns, "to_ns": before.to_ns, **conditions}
    sql, parameters = sqlfile.lean(SQL["dialogues_within"], bound)
    earlier = reader.value(sql, **parameters)
    bounds = {"from_ns": before.from_ns, "to_ns": before.to_ns, "complete": first_ns <= before.from_ns}
    return bounds | {"total_dialogues": earlier, **shares.change(Decimal(now), Decimal(earlier))}


def _mean(total: float | None, told: int) -> float | None:
    return None if total is None or not told else float(total) / told
