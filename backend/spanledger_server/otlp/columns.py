"""What a decoder gives: columns, what it refused, and which of the records may be billable calls.

The seam between bytes and the store. A decoder turns one request's bytes into a `Decoded`; the store takes a list of
them in one transaction. `table` may be any object with `__arrow_c_stream__` and the schema below: another decoder can
take the reference's place.

Never: SQL, a clock, or a price.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

Signal = Literal["traces", "logs", "metrics"]

UUID = pa.binary(16)


def uuid_field(name: str, *, nullable: bool = False) -> pa.Field[Any]:
    """A 16-byte column that DuckDB reads as UUID without a cast."""
    return pa.field(name, UUID, nullable, {"ARROW:extension:name": "arrow.uuid", "ARROW:extension:metadata": ""})


def _schema(fields: list[pa.Field[Any]]) -> pa.Schema:
    return pa.schema(fields)


SPAN_SCHEMA = _schema(
    [
        uuid_field("trace_id"),
        pa.field("span_id", pa.uint64(), nullable=False),
        pa.field("parent_span_id", pa.uint64()),  # null for a root
        pa.field("start_ns", pa.int64(), nullable=False),
        pa.field("end_ns", pa.int64(), nullable=False),
        pa.field("service", pa.string()),  # resource service.name; null when it was not said
        pa.field("name", pa.string(), nullable=False),
        pa.field("kind", pa.int8(), nullable=False),  # OTLP number, 0..5
        pa.field("status_code", pa.int8(), nullable=False),  # 0 unset, 1 ok, 2 error
        pa.field("status_message", pa.string()),
        pa.field("scope", pa.string()),
        pa.field("trace_state", pa.string()),
        pa.field(
            "sampling_threshold", pa.uint64()
        ),  # 56-bit, from ot=th:…; null when there was none or it was malformed
        pa.field("adjusted_count", pa.float64()),  # 2^56 / (2^56 - threshold); null when the threshold is
        # promoted attributes: first present name of semconv.DIALECTS whose value fits the type
        pa.field("operation", pa.string()),
        pa.field("provider", pa.string()),
        pa.field("model", pa.string()),  # response model, else request model
        pa.field("input_tokens", pa.int64()),
        pa.field("output_tokens", pa.int64()),
        pa.field("user_id", pa.string()),
        pa.field("session_id", pa.string()),
        pa.field("feature", pa.string()),
        pa.field("tenant", pa.string()),
        pa.field("user_tier", pa.string()),
        pa.field("route", pa.string()),
        pa.field("http_status", pa.int32()),
        pa.field("error_type", pa.string()),
        pa.field("attributes", pa.string()),  # JSON object of what was not promoted; null when empty
        pa.field("events", pa.string()),  # JSON list of {name, at_ns, attributes}; null when empty
        pa.field("links", pa.string()),  # JSON list of {trace_id, span_id, attributes}; null when empty
        pa.field("resource_id", pa.uint64()),  # hash of the resource's JSON
        pa.field("flags", pa.uint32()),  # OTLP span flags: W3C trace flags (8 bits), then "parent is remote" (2 bits)
    ]
)

LOG_SCHEMA = _schema(
    [
        uuid_field("trace_id", nullable=True),
        pa.field("span_id", pa.uint64()),
        pa.field("at_ns", pa.int64(), nullable=False),  # time, else observed time
        pa.field("service", pa.string()),
        pa.field("severity", pa.int8()),  # OTLP severity number
        pa.field("severity_text", pa.string()),
        pa.field("event_name", pa.string()),
        pa.field("body", pa.string()),  # text as it is, anything else as JSON
        pa.field("user_id", pa.string()),
        pa.field("session_id", pa.string()),
        pa.field("attributes", pa.string()),
        pa.field("scope", pa.string()),
        pa.field("resource_id", pa.uint64()),
        pa.field("record_id", pa.uint64(), nullable=False),  # hash of the whole record: a replayed record has the same
    ]
)

SERIES_SCHEMA = _schema(
    [
        pa.field("series_id", pa.uint64(), nullable=False),  # hash of all that follows
        pa.field("name", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # gauge | sum | histogram | exponential_histogram | summary
        pa.field("unit", pa.string()),
        pa.field("temporality", pa.string()),  # delta | cumulative | null for gauges and summaries
        pa.field("monotonic", pa.bool_()),
        pa.field("service", pa.string()),
        pa.field("scope", pa.string()),
        pa.field("attributes", pa.string()),
        pa.field("resource_id", pa.uint64()),
    ]
)

POINT_SCHEMA = _schema(
    [
        pa.field("series_id", pa.uint64(), nullable=False),
        pa.field("at_ns", pa.int64(), nullable=False),
        pa.field("start_ns", pa.int64()),
        pa.field("value", pa.float64()),  # gauge and sum: the value; histograms: the sum; null for "no recorded value"
        pa.field("count", pa.int64()),  # histograms and summaries
        pa.field("min", pa.float64()),
        pa.field("max", pa.float64()),
        pa.field("scale", pa.int32()),  # exponential histograms
        pa.field("zero_count", pa.int64()),
        pa.field("bounds", pa.list_(pa.float64())),  # explicit histograms: upper bounds; summaries: quantiles
        pa.field(
            "bucket_index", pa.list_(pa.int32())
        ),  # exponential: sparse indexes, positive side; negative side counted in zero_count
        pa.field("bucket_count", pa.list_(pa.int64())),  # parallel to bucket_index, or len(bounds) + 1; summaries: null
        pa.field("quantile_values", pa.list_(pa.float64())),
    ]
)


@dataclass(slots=True)
class Refusals:
    """Records that were not taken, by reason, with the first few spelled out."""

    by_reason: dict[tuple[str, str], int] = field(default_factory=dict)  # (service, reason) -> records
    entries: dict[tuple[str, str], int] = field(default_factory=dict)  # those of them that are ledger events
    examples: list[str] = field(default_factory=list)

    MOST_EXAMPLES = 5

    def add(self, service: str, reason: str, example: str, count: int = 1, *, is_entry: bool = False) -> None:
        """Count `count` records refused for `reason` (a stable word such as ``trace_id_invalid``)."""
        for counts in (self.by_reason, self.entries) if is_entry else (self.by_reason,):
            counts[service, reason] = counts.get((service, reason), 0) + count
        if len(self.examples) < self.MOST_EXAMPLES:
            self.examples.append(example)

    @property
    def total(self) -> int:
        """How many records were refused."""
        return sum(self.by_reason.values())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span, or a ledger event, that may be a billable call: its key, its time and its attributes as they came."""

    source: Literal["event", "span"]
    trace_id: bytes
    span_id: int
    parent_span_id: int | None
    start_ns: int | None
    at_ns: int  # end of the call
    service: str | None
    scope: str | None
    error: bool
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decoded:
    """One request, decoded.

    Attributes:
        signal: Which of the three it was.
        table: Spans, logs or metric points; anything with ``__arrow_c_stream__`` and the schema of the signal.
        rows: How many rows `table` has.
        series: Metrics only: the distinct series of the points.
        resources: Resource id -> its attributes as JSON.
        candidates: What may belong in the ledger, in arrival order. Ledger events stand only here, not among the logs.
        refusals: What was not taken.
        min_ns: Earliest time of a row or candidate (spans: start), None when there is none.
        max_ns: Latest time of a row or candidate (spans: end).
    """

    signal: Signal
    table: Any
    rows: int
    series: Any | None
    resources: dict[int, str]
    candidates: list[Candidate]
    refusals: Refusals
    min_ns: int | None
    max_ns: int | None
