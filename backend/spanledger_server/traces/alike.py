"""How long one span took among its like: those of the same name in the same service, half a day to both sides.

Never: a place among a handful, or of a span that did not end.
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
from spanledger_server.traces.typical import AROUND_NS

SQL = sqlfile.load(__package__)

FEWEST: Final = 20  # others, from which on a place says something


@dataclass(frozen=True, slots=True)
class Alike:
    """A span among its like.

    Attributes:
        name: Of the span.
        service: Of the span; None when nobody said.
        spans: How many others are stored.
        faster: The share of what they stand for that took less, 0 to 1; None with fewer than `FEWEST`.
        median_ns: Half of the others took no longer; None without any.
        p95_ns: 95 of 100 of the others took no longer.
        window: Where they were looked for.
    """

    name: str
    service: str | None
    spans: int
    faster: float | None
    median_ns: int | None
    p95_ns: int | None
    window: Range


def find(reader: Reader, trace_id: UUID, span_id: int) -> Alike:
    """Where the span stands.

    Raises:
        NotFound: It is not stored.
    """
    within = search.bounds(reader, [trace_id])
    mine = {"trace_id": trace_id, "span_id": span_id}
    row = None if within is None else reader.row(SQL["span_of"], **mine, from_ns=within[0], to_ns=within[1])
    if row is None:
        raise NotFound(f"no span {span_id:016x} of trace {trace_id.hex} is stored")
    took_ns = row.pop("duration_ns")
    at_ns = row.pop("start_ns")
    window = Range(max(0, at_ns - AROUND_NS), min(2**63 - 1, at_ns + AROUND_NS))
    bounds = {"from_ns": window.from_ns, "to_ns": window.to_ns}
    found = reader.row(SQL["alike"], duration_ns=took_ns, **mine, **row, **bounds) or {}
    known = took_ns is not None and found["spans"] >= FEWEST
    faster = float(found["faster"]) if known else None
    return Alike(row["name"], row["service"], found["spans"], faster, found["median_ns"], found["p95_ns"], window)
