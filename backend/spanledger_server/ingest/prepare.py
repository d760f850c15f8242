"""Make one decoded request ready for the writer, on the thread that received it.

Given a `Decoded`, gives a `Prepared`: Arrow tables in the tables' own columns, priced ledger lines, what was
refused. What costs time and needs no transaction happens here, so that the one writer has less to do.

Never: reads or writes the database.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from spanledger.pricing import PriceBook
from spanledger_server.ingest.limits import SeriesLimits
from spanledger_server.ledger import entries
from spanledger_server.otlp.columns import (
    LOG_SCHEMA,
    POINT_SCHEMA,
    SERIES_SCHEMA,
    SPAN_SCHEMA,
    Decoded,
    Refusals,
    Signal,
)

CARDINALITY_REASON = "cardinality_limit"
SCHEMAS: dict[Signal, pa.Schema] = {"traces": SPAN_SCHEMA, "logs": LOG_SCHEMA, "metrics": POINT_SCHEMA}


@dataclass(frozen=True, slots=True)
class Prepared:
    """One request, ready to be written.

    Attributes:
        signal: Which of the three it is.
        rows: Spans, logs or points, None when there are none. Spans have `trace_hash` as a further column.
        series: The series of the points, overflow series included.
        resources: Resource id -> attributes as JSON.
        ledger: Lines for the ledger, None when there are none.
        loss: What was refused, or folded into an overflow series: (signal, or ledger, service, reason, records).
        refused: Records the sender is told were refused.
        message: The first reasons, for the sender; None when nothing was refused.
        size: Rows and lines together.
    """

    signal: Signal
    rows: pa.Table | None
    series: pa.Table | None
    resources: dict[int, str]
    ledger: pa.Table | None
    loss: list[tuple[str, str, str, int]]
    refused: int
    message: str | None

    @property
    def size(self) -> int:
        """Rows and lines together."""
        return sum(table.num_rows for table in (self.rows, self.ledger) if table is not None)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write, not even that something was refused."""
        return not (self.size or self.loss)


def prepare(decoded: Decoded, prices: PriceBook, limits: SeriesLimits) -> Prepared:
    """Price the billable calls, apply the limits and bring the columns into shape."""
    rows = _shaped(decoded.table, SCHEMAS[decoded.signal]) if decoded.rows else None
    series = _shaped(decoded.series, SERIES_SCHEMA) if decoded.series is not None and rows is not None else None
    refused = decoded.refusals
    refusals = Refusals(dict(refused.by_reason), dict(refused.entries), list(refused.examples))
    ledger = _lines(decoded, prices, refusals)
    folded: dict[str, int] = {}
    if rows is not None and series is not None:
        rows, series, folded = limits.fold(rows, series)
    if rows is not None and decoded.signal == "traces":
        rows = rows.append_column("trace_hash", trace_hashes(rows.column("trace_id")))
    loss = _loss(decoded.signal, refusals)
    loss += [(decoded.signal, service, CARDINALITY_REASON, count) for service, count in folded.items()]
    return Prepared(
        signal=decoded.signal,
        rows=rows,
        series=series,
        resources=decoded.resources,
        ledger=ledger,
        loss=loss,
        refused=refusals.total,
        message="; ".join(refusals.examples) or None if refusals.total else None,
    )


def _lines(decoded: Decoded, prices: PriceBook, refusals: Refusals) -> pa.Table | None:
    if not decoded.candidates:
        return None
    batch, refused = entries.lines(decoded.candidates, prices)
    for counts in (refusals.by_reason, refusals.entries):
        for key, count in refused.by_reason.items():
            counts[key] = counts.get(key, 0) + count
    refusals.examples.extend(refused.examples[: Refusals.MOST_EXAMPLES - len(refusals.examples)])
    return pa.Table.from_batches([batch]) if batch.num_rows else None


def _loss(signal: Signal, refusals: Refusals) -> list[tuple[str, str, str, int]]:
    """What was refused, the ledger's apart from what it came among."""
    found: list[tuple[str, str, str, int]] = []
    for (service, reason), count in refusals.by_reason.items():
        entries_of_it = refusals.entries.get((service, reason), 0)
        found += [("ledger", service, reason, entries_of_it)] if entries_of_it else []
        found += [(signal, service, reason, count - entries_of_it)] if count > entries_of_it else []
    return found


def _shaped(columns: Any, schema: pa.Schema) -> pa.Table:
    """The columns as a table of exactly this schema; dictionaries are decoded."""
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    if table.schema.equals(schema, check_metadata=True):
        return table
    return table.select(schema.names).cast(schema)


def trace_hashes(trace_ids: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """The low 64 bits of each trace id, as `trace_index` has them: the last 16 of its 32 hex digits as a number."""
    hashes: list[int] = []
    for chunk in trace_ids.chunks:
        hashes += struct.unpack_from(f">{2 * len(chunk)}Q", chunk.buffers()[1], chunk.offset * 16)[1::2]  # type: ignore[arg-type]  # the column has values
    return pa.array(hashes, pa.uint64())
