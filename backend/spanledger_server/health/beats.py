"""A day of each service in even parts, from both sides: what it reported, and what the checks of it found.

Given a snapshot, gives for each part the worst that either side knows; None where neither says anything.

Never: a good word for a part in which nothing was reported and nothing was checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spanledger_server.health import standing, uptime
from spanledger_server.health.answer import State
from spanledger_server.health.register import Kept
from spanledger_server.live.health import CRITICAL_RATIO, FEWEST_CALLS, WARNING_RATIO
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import MINUTE_NS, Range

SQL = sqlfile.load(__package__)

WORST = ("down", "degraded", "healthy")


def of_services(reader: Reader, kept: Sequence[Kept], window: Range, count: int) -> dict[str, list[State | None]]:
    """The beats of every service that reported within a window of whole minutes, or that has checks.

    Args:
        reader: A snapshot.
        kept: Every check.
        window: The time; its length is a multiple of `count` minutes.
        count: How many parts.
    """
    minutes = (window.to_ns - window.from_ns) // MINUTE_NS // count
    found: dict[str, list[State | None]] = {}
    bounds = {"from_minute": window.from_ns // MINUTE_NS, "to_minute": window.to_ns // MINUTE_NS, "minutes": minutes}
    for row in reader.rows(SQL["reported"], **bounds):
        found.setdefault(row["service"], [None] * count)[row["part"]] = _told(row)
    mine = [each for each in kept if each.check.service is not None and each.check.enabled]
    changes = standing.changes(reader, [each.check_id for each in mine], window)
    for each in mine:
        line = found.setdefault(each.check.service or "", [None] * count)
        for number, beat in enumerate(uptime.beats(changes.get(each.check_id, []), window, count)):
            line[number] = _worst(line[number], beat.state)
    return found


def _told(row: Mapping[str, int]) -> State:
    if row["calls"] < FEWEST_CALLS:
        return "healthy"
    ratio = row["errors"] / row["calls"]
    return "down" if ratio >= CRITICAL_RATIO else "degraded" if ratio >= WARNING_RATIO else "healthy"


def _worst(one: State | None, other: State | None) -> State | None:
    return next((state for state in WORST if state in (one, other)), one if one is not None else other)
