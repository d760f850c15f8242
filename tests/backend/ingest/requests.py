"""Decoded requests made by hand, and an `Ingest` on a database in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from spanledger.pricing import PriceBook
from spanledger_server.ingest.accept import Ingest
from spanledger_server.otlp.columns import (
    LOG_SCHEMA,
    POINT_SCHEMA,
    SERIES_SCHEMA,
    SPAN_SCHEMA,
    Candidate,
    Decoded,
    Refusals,
    Signal,
)
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.store.database import Database

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOON = 1_795_262_400 * SECOND  # 2026-11-21T12:00:00Z


class SteppedClock:
    """A clock that a test sets."""

    def __init__(self, now_ns: int = NOON) -> None:
        self.time_ns = now_ns

    def now_ns(self) -> int:
        return self.time_ns


@cache
def prices() -> PriceBook:
    return PriceBook.default()


def trace_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def span(number: int, at_ns: int = NOON, *, trace: int | None = None, **values: Any) -> dict[str, Any]:
    """A row of SPAN_SCHEMA: a span of a second's length that ends at `at_ns`."""
    return {
        "trace_id": trace_id(number if trace is None else trace),
        "span_id": number,
        "start_ns": at_ns - SECOND,
        "end_ns": at_ns,
        "service": "shop",
        "name": "work",
        "kind": 3,
        "status_code": 0,
        "resource_id": 7,
        **values,
    }


def log(number: int, at_ns: int = NOON, **values: Any) -> dict[str, Any]:
    return {"at_ns": at_ns, "service": "shop", "body": f"line {number}", "record_id": number, **values}


def series(number: int, name: str = "depth", kind: str = "gauge", **values: Any) -> dict[str, Any]:
    return {
        "series_id": number,
        "name": name,
        "kind": kind,
        "service": "shop",
        "attributes": f'{{"n":{number}}}',
        **values,
    }


def point(number: int, value: float | None, at_ns: int = NOON, **values: Any) -> dict[str, Any]:
    return {"series_id": number, "at_ns": at_ns, "value": value, **values}


def candidate(source: str, trace: int, number: int, at_ns: int = NOON, **values: Any) -> Candidate:
    """A call: `cost` makes it priced by its own word (events only), `response` is the provider's id of the answer."""
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.response.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": values.pop("input_tokens", 10),
        "gen_ai.usage.output_tokens": values.pop("output_tokens", 5),
    }
    if (response := values.pop("response", None)) is not None:
        attributes["gen_ai.response.id"] = response
    attributes.update(values.pop("attributes", {}))
    return Candidate(
        source=source,  # type: ignore[arg-type]
        trace_id=trace_id(trace),
        span_id=number,
        parent_span_id=None,
        start_ns=at_ns - SECOND,
        at_ns=at_ns,
        service=values.pop("service", "shop"),
        scope=None,
        error=False,
        attributes=attributes,
    )


def request(
    signal: Signal,
    rows: Sequence[dict[str, Any]] = (),
    *,
    candidates: Iterable[Candidate] = (),
    of: Sequence[dict[str, Any]] = (),
    refusals: Refusals | None = None,
) -> Decoded:
    """A decoded request; `of` are the series of its points."""
    schema = {"traces": SPAN_SCHEMA, "logs": LOG_SCHEMA, "metrics": POINT_SCHEMA}[signal]
    return Decoded(
        signal=signal,
        table=pa.Table.from_pylist(list(rows), schema),
        rows=len(rows),
        series=pa.Table.from_pylist(list(of), SERIES_SCHEMA) if signal == "metrics" else None,
        resources={7: '{"service.name":"shop"}'},
        candidates=list(candidates),
        refusals=refusals or Refusals(),
        min_ns=None,
        max_ns=None,
    )


def spans(*rows: dict[str, Any]) -> Decoded:
    return request("traces", rows)


def events(*candidates: Candidate) -> Decoded:
    return request("logs", candidates=candidates)


@contextmanager
def ingesting(path: Path | None = None, **options: Any) -> Iterator[tuple[Ingest, Database]]:
    """An `Ingest` that runs on a database of its own."""
    database = Database.open(path)
    ingest = Ingest(database, prices(), SteppedClock(), options.pop("live", None), dirty=DirtyBuckets(), **options)
    ingest.start()
    try:
        yield ingest, database
    finally:
        ingest.stop()
        database.close()


def value(database: Database, sql: str, **parameters: Any) -> Any:
    with database.reader() as reader:
        return reader.value(sql, **parameters)


def tuples(database: Database, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with database.reader() as reader:
        return reader.tuples(sql, **parameters)
