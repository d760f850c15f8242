"""The typical trace beside another one: of the same first operation, of the median duration.

Given a trace and a window, gives the trace in the middle of all others that begin with the same span in the same
service, each counted as often as it stands for others.

Never: the trace itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from spanledger_server.errors import NotFound
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range
from spanledger_server.traces import search

SQL = sqlfile.load(__package__)

AROUND_NS: Final = 12 * 3600 * 10**9


@dataclass(frozen=True, slots=True)
class Typical:
    """A trace among `traces` with the same first operation in `window`. `duration_ns` is of its first span."""

    trace_id: UUID
    duration_ns: int
    name: str
    service: str | None
    traces: int
    window: Range


def find(reader: Reader, trace_id: UUID, window: Range | None) -> Typical:
    """The typical one beside `trace_id`.

    Args:
        reader: One snapshot.
        trace_id: The trace that is looked at.
        window: Where to look; None for half a day on both sides of it.

    Raises:
        NotFound: The trace has no first span, or no other begins as it does.
    """
    within = search.bounds(reader, [trace_id])
    root = None
    if within is not None:
        root = reader.row(SQL["root"], trace_id=trace_id, from_ns=within[0], to_ns=within[1])
    if root is None:
        raise NotFound(f"no first span of trace {trace_id.hex} is stored")
    window = window or Range(max(0, root["start_ns"] - AROUND_NS), min(2**63 - 1, root["start_ns"] + AROUND_NS))
    asked = {"name": root["name"], "service": root["service"]}
    row = reader.row(SQL["typical"], trace_id=trace_id, from_ns=window.from_ns, to_ns=window.to_ns, **asked)
    if row is None:
        raise NotFound(f"no other trace begins with {root['name']} in this time")
    return Typical(row["trace_id"], row["duration_ns"], root["name"], root["service"], row["traces"], window)
