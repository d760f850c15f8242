"""One chunk of a run: some lines read, priced by the book, compared with what they say, and corrected.

Given a reader, lines come as columns; given a transaction, what differs is written: a correction line each, the
ledger's own lines, and the marks of the rollups, all in that one transaction.

Never: a line that has an explicit cost, that a provider refused, or whose usage could not be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from spanledger.pricing import PriceBook
from spanledger_server.ledger.entries import priced_call
from spanledger_server.prices.runs import Run
from spanledger_server.rollups.dirty import DirtyBuckets, Level
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

KEY: Final = ("trace_id", "span_id", "at_ns", "source")
USAGE: Final = (
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "audio_cached_input_tokens",
    "audio_seconds",
    "characters",
    "requests",
    "web_searches",
)
PRICE: Final[tuple[tuple[str, pa.DataType], ...]] = (
    ("state", pa.string()),
    ("cost_usd", pa.decimal128(24, 12)),
    ("price_source", pa.string()),
    ("price_version", pa.string()),
    ("rate", pa.string()),
    ("state_reason", pa.string()),
)
MOST: Final = 2**31
WIDTH_MINUTES: Final[dict[Level, int]] = {"1m": 1, "1h": 60, "1d": 1440}
MINUTE_NS: Final = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines in the order of their times, and the moment up to which they are all there."""

    table: pa.Table
    until_ns: int


def count(reader: Reader, bounds: tuple[int, int], conditions: Mapping[str, Any]) -> int:
    """How many lines a run looks at, from the first of these moments to before the second."""
    return int(reader.value(SQL["count_lines"], from_ns=bounds[0], to_ns=bounds[1], **conditions))


def following(reader: Reader, run: Run, conditions: Mapping[str, Any], most: int) -> Lines:
    """The lines from the run's position on, about `most` of them: those of one moment are never parted."""
    bounds = {"from_ns": run.position_ns, "to_ns": run.to_ns}
    found = reader.arrow(SQL["lines_to_price"], **bounds, most=most, **conditions)
    if found.num_rows < most:
        return Lines(found, run.to_ns)
    last_ns = found.column("at_ns")[-1].as_py()
    if found.column("at_ns")[0].as_py() == last_ns:
        bounds = {"from_ns": last_ns, "to_ns": last_ns + 1}
        return Lines(reader.arrow(SQL["lines_to_price"], **bounds, most=MOST, **conditions), last_ns + 1)
    return Lines(found.filter(pc.less(found.column("at_ns"), last_ns)), last_ns)


def priced(lines: pa.Table, prices: PriceBook) -> pa.Table:
    """The lines' keys, and what they cost by this book."""
    usage = zip(*(lines.column(name).to_pylist() for name in USAGE), strict=True)
    called = zip(*(lines.column(name).to_pylist() for name in ("provider", "model", "request_model")), strict=True)
    told = zip(
        *(lines.column(name).to_pylist() for name in ("at_ns", "service_tier", "batch", "usage_state")), strict=True
    )
    found = [
        priced_call(counts, names, (at_ns, tier, bool(batch)), state, prices)
        for counts, names, (at_ns, tier, batch, state) in zip(usage, called, told, strict=True)
    ]
    columns = list(zip(*found, strict=True)) or [()] * len(PRICE)
    table = lines.select(list(KEY))
    for (name, kind), column in zip(PRICE, columns, strict=True):
        table = table.append_column(name, pa.array(column, kind))
    return table


def compare(tx: Transaction, repriced: pa.Table) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Hold prices against what the lines say; what differs in sum, and the first and last time."""
    times = pc.min_max(repriced.column("at_ns"))
    bounds = {"first_ns": times["min"].as_py(), "last_ns": times["max"].as_py()}
    with tx.scan("repriced", repriced):
        tx.execute(SQL["compare"], **bounds)
    return tx.rows(SQL["compared_totals"]), bounds


def correct(tx: Transaction, run: Run, bounds: Mapping[str, int], dirty: DirtyBuckets, now_ns: int) -> None:
    """Write what was found to differ."""
    tx.execute(SQL["add_corrections"], run_id=run.run_id, corrected_ns=now_ns)
    tx.execute(SQL["correct_lines"], **bounds)
    minutes = [minute for (minute,) in tx.tuples(SQL["corrected_minutes"])]
    rolled: dict[str, int] = dict(tx.tuples(SQL["rolled_until"]))
    marks: dict[Level, set[int]] = {"1m": set(), "1h": set(), "1d": set()}
    for minute in minutes:
        at_ns = minute * MINUTE_NS
        level: Level = (
            "1m" if at_ns >= rolled.get("cost_1m", 0) else "1h" if at_ns >= rolled.get("cost_1h", 0) else "1d"
        )
        marks[level].add(minute // WIDTH_MINUTES[level])
    for level, buckets in marks.items():
        dirty.mark(tx, "cost", buckets, level)
