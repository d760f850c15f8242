"""Spans as rows: what makes one valid, what is promoted, what may be a billable call; the same for both encodings.

A decoder hands over each span's fields; `decoded` gives the columns.

Never: a span half taken. It is a row, or it is counted among the refusals.
"""

from __future__ import annotations

from typing import Any

import orjson

from spanledger import semconv
from spanledger.usage import USAGE_FIELDS
from spanledger_server.otlp.attributes import Attributes
from spanledger_server.otlp.columns import SPAN_SCHEMA, Candidate, Decoded, Refusals
from spanledger_server.otlp.limits import DecodeLimits, shortened
from spanledger_server.otlp.promotion import SPAN_COLUMNS, SPAN_PROMOTION
from spanledger_server.otlp.resources import Resource
from spanledger_server.otlp.tables import batch
from spanledger_server.otlp.tracestate import UNKNOWN, sampling

NO_TRACE_ID = bytes(16)
NO_SPAN_ID = bytes(8)
LAST_KIND = 5
STATUS_ERROR = 2  # the last one
INPUT_TOKENS = SPAN_COLUMNS.index("input_tokens")
USAGE_KEYS = frozenset(name for field in USAGE_FIELDS for name in semconv.DIALECTS[field])
START_COLUMN, END_COLUMN = 3, 4
# trace id, span id, parent span id, start, end, name, kind, status code, status message, trace state, flags
SpanFields = tuple[bytes, bytes, bytes, int, int, str, int, int, str, str, int]


class SpanRows:
    """Collects the spans of one request."""

    def __init__(self, now_ns: int, limits: DecodeLimits) -> None:
        self.refusals = Refusals()
        self.resources: dict[int, str] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._candidates: list[Candidate] = []
        self._limits = limits
        self._name_length = limits.name_length
        self._latest_ns = limits.latest_ns(now_ns)
        self._earliest_ns = now_ns - limits.late_ns
        self._service: str | None = None
        self._scope: str | None = None
        self._resource_id = 0

    def enter(self, resource: Resource, scope: str | None) -> None:
        """The spans that follow come from this resource and scope."""
        self.resources[resource.resource_id] = resource.attributes
        self._service, self._resource_id, self._scope = resource.service, resource.resource_id, scope

    def taken(self, offered: int) -> int:
        """How many of `offered` records are within the limit; the others are refused."""
        room = self._limits.records - len(self._rows) - self.refusals.total
        if offered <= room:
            return offered
        room = max(room, 0)
        surplus = offered - room
        self.refusals.add(self._service or "", "too_many_records", f"{surplus} spans: too_many_records", surplus)
        return room

    def add(self, fields: SpanFields, attributes: Attributes, events: bytes | None, links: bytes | None) -> None:
        """Take one span, its fields as they came; `events` and `links` are JSON lists."""
        trace_id, span_id, parent_id, start_ns, end_ns, name, kind, code, message, trace_state, flags = fields
        if (
            len(trace_id) != 16
            or trace_id == NO_TRACE_ID
            or len(span_id) != 8
            or span_id == NO_SPAN_ID
            or not 0 < start_ns <= end_ns
            or not self._earliest_ns <= end_ns <= self._latest_ns
            or (parent_id and len(parent_id) != 8)
        ):
            self._refuse(trace_id, span_id, parent_id, start_ns, end_ns)
            return
        number = int.from_bytes(span_id, "big")
        parent = int.from_bytes(parent_id, "big") or None  # all zeros: a root
        promoted, rest = SPAN_PROMOTION.split(attributes)
        service, scope = self._service, self._scope
        weight = sampling(trace_state) if trace_state else UNKNOWN
        if len(name) > self._name_length or message or trace_state:
            name, message, trace_state = self._shortened(name, message, trace_state)
        self._rows.append(
            (
                trace_id,
                number,
                parent,
                start_ns,
                end_ns,
                service,
                name,
                kind if 0 <= kind <= LAST_KIND else 0,
                code if 0 <= code <= STATUS_ERROR else 0,
                message or None,
                scope,
                trace_state or None,
                *weight,
                *promoted,
                orjson.dumps(rest) if rest else None,
                *(events, links, self._resource_id, flags),
            )
        )
        if promoted[INPUT_TOKENS] is not None or not USAGE_KEYS.isdisjoint(attributes):
            error = code == STATUS_ERROR
            call = Candidate("span", trace_id, number, parent, start_ns, end_ns, service, scope, error, attributes)
            self._candidates.append(call)

    def _shortened(self, *texts: str) -> list[str]:
        return [shortened(text, self._name_length) for text in texts]

    def _refuse(self, trace_id: bytes, span_id: bytes, parent_span_id: bytes, start_ns: int, end_ns: int) -> None:
        if len(trace_id) != 16 or trace_id == NO_TRACE_ID:
            reason = "trace_id_invalid"
        elif len(span_id) != 8 or span_id == NO_SPAN_ID:
            reason = "span_id_invalid"
        elif parent_span_id and len(parent_span_id) != 8:
            reason = "parent_span_id_invalid"
        elif start_ns <= 0:
            reason = "start_invalid"
        elif end_ns < start_ns:
            reason = "end_before_start"
        else:
            reason = "too_far_in_future" if end_ns > self._latest_ns else "too_late"
        example = f"span {span_id[:8].hex() or 'without id'} of trace {trace_id[:16].hex() or 'without id'}: {reason}"
        self.refusals.add(self._service or "", reason, example)

    def decoded(self) -> Decoded:
        """All that was taken, as columns."""
        columns = list(zip(*self._rows, strict=True))
        return Decoded(
            signal="traces",
            table=batch(columns, SPAN_SCHEMA),
            rows=len(self._rows),
            series=None,
            resources=self.resources,
            candidates=self._candidates,
            refusals=self.refusals,
            min_ns=min(columns[START_COLUMN]) if columns else None,
            max_ns=max(columns[END_COLUMN]) if columns else None,
        )


def event_of(name: str, at_ns: int, attributes: Attributes) -> Attributes:
    """An event as it stands in the column `events`."""
    return {"name": name, "at_ns": at_ns, "attributes": attributes}


def link_of(trace_id: bytes, span_id: bytes, attributes: Attributes) -> Attributes:
    """A link as it stands in the column `links`; the ids are hex, cut to an id's length."""
    return {"trace_id": trace_id[:16].hex(), "span_id": span_id[:8].hex(), "attributes": attributes}


def list_json(items: list[Attributes]) -> bytes | None:
    """The JSON list of events or links, None when there is none."""
    return orjson.dumps(items) if items else None


def noted(attributes: Attributes, dropped_events: int, dropped_links: int) -> None:
    """Write into `attributes` how many events and links are missing."""
    if dropped_events:
        attributes[semconv.DROPPED_EVENTS] = dropped_events
    if dropped_links:
        attributes[semconv.DROPPED_LINKS] = dropped_links
