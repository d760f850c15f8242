"""Log records as rows, and ledger events as candidates; the same for both encodings.

A decoder hands over each record's fields; `decoded` gives the columns. A ledger event is no log row: it is refused
for its ids, for a time too far ahead, or for being older than the ledger keeps, never for being late.

Never: a ledger event among the logs.
"""

from __future__ import annotations

from typing import Any

import orjson

from spanledger import semconv
from spanledger_server.otlp.attributes import Attributes
from spanledger_server.otlp.columns import LOG_SCHEMA, Candidate, Decoded, Refusals
from spanledger_server.otlp.limits import DecodeLimits, shortened
from spanledger_server.otlp.promotion import LOG_PROMOTION, integer
from spanledger_server.otlp.resources import Resource, fingerprint
from spanledger_server.otlp.tables import batch

NO_TRACE_ID = bytes(16)
NO_SPAN_ID = bytes(8)
SEVERITIES = range(1, 25)
SEVERITY_ERROR = 17
AT_COLUMN = 2
# trace id, span id, time, observed time, severity number, severity text, event name
LogFields = tuple[bytes, bytes, int, int, int, str, str]


class LogRows:
    """Collects the log records of one request."""

    def __init__(self, now_ns: int, limits: DecodeLimits) -> None:
        self.refusals = Refusals()
        self.resources: dict[int, str] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._candidates: list[Candidate] = []
        self._limits = limits
        self._now_ns = now_ns
        self._latest_ns = limits.latest_ns(now_ns)
        self._resource = Resource(0, None, "{}")
        self._scope: str | None = None

    def enter(self, resource: Resource, scope: str | None) -> None:
        """The records that follow come from this resource and scope."""
        self.resources[resource.resource_id] = resource.attributes
        self._resource, self._scope = resource, scope

    def taken(self, offered: int) -> int:
        """How many of `offered` records are within the limit; the others are refused."""
        room = max(self._limits.records - len(self._rows) - len(self._candidates) - self.refusals.total, 0)
        if offered > room:
            surplus = offered - room
            self._refuse("too_many_records", f"{surplus} log records", surplus)
        return min(offered, room)

    def add(self, fields: LogFields, attributes: Attributes, body: Any) -> None:
        """Take one record, its fields as they came; `body` is the value that an attribute would have."""
        trace_id, span_id, time_ns, observed_ns, *_, event_name = fields
        at_ns = time_ns or observed_ns or self._now_ns
        event_name = event_name or _text(attributes.get(semconv.EVENT_NAME))
        trace_id = b"" if trace_id == NO_TRACE_ID else trace_id
        span_id = b"" if span_id == NO_SPAN_ID else span_id
        is_entry = event_name == semconv.LEDGER_EVENT
        reason = self._reason(trace_id, span_id, at_ns, is_entry=is_entry)
        if reason:
            self._refuse(reason, f"log record of span {span_id[:8].hex() or 'without id'}", is_entry=is_entry)
        elif is_entry:
            self._candidates.append(self._entry(fields, trace_id, span_id, at_ns, attributes))
        else:
            self._rows.append(self._row(fields, trace_id, span_id, at_ns, event_name, attributes, body))

    def _reason(self, trace_id: bytes, span_id: bytes, at_ns: int, *, is_entry: bool) -> str | None:
        if len(trace_id) != 16 and (trace_id or is_entry):
            return "trace_id_invalid"
        if len(span_id) != 8 and (span_id or is_entry):
            return "span_id_invalid"
        if at_ns > self._latest_ns:
            return "too_far_in_future"
        if is_entry:
            return "older_than_the_ledger" if at_ns < self._now_ns - self._limits.ledger_ns else None
        return "too_late" if at_ns < self._now_ns - self._limits.late_ns else None

    def _refuse(self, reason: str, what: str, count: int = 1, *, is_entry: bool = False) -> None:
        self.refusals.add(self._resource.service or "", reason, f"{what}: {reason}", count, is_entry=is_entry)

    def _entry(
        self, fields: LogFields, trace_id: bytes, span_id: bytes, at_ns: int, attributes: Attributes
    ) -> Candidate:
        parent = attributes.get(semconv.PARENT_SPAN_ID)
        duration_ns = integer(attributes.get(semconv.DURATION_NS))
        return Candidate(
            source="event",
            trace_id=trace_id,
            span_id=int.from_bytes(span_id, "big"),
            parent_span_id=_span_number(parent),
            start_ns=at_ns - duration_ns if duration_ns is not None and 0 <= duration_ns <= at_ns else None,
            at_ns=at_ns,
            service=self._resource.service,
            scope=self._scope,
            error=bool(attributes.get(semconv.ERROR_TYPE)) or fields[4] >= SEVERITY_ERROR,
            attributes=attributes,
        )

    def _row(
        self,
        fields: LogFields,
        trace_id: bytes,
        span_id: bytes,
        at_ns: int,
        event_name: str,
        attributes: Attributes,
        body: Any,
    ) -> tuple[Any, ...]:
        most = self._limits.name_length
        severity = fields[4] if fields[4] in SEVERITIES else None
        names = (shortened(fields[5], most) or None, shortened(event_name, most) or None)
        promoted, rest = LOG_PROMOTION.split(attributes)
        what = (severity, *names, _body_text(body), *promoted, orjson.dumps(rest).decode() if rest else None)
        origin = (self._scope, self._resource.resource_id)
        number = int.from_bytes(span_id, "big") if span_id else None
        # the times as they came: a record without any must have the same id when it is sent again
        whole = orjson.dumps((trace_id.hex(), number, fields[2], fields[3], what, origin))
        return (trace_id or None, number, at_ns, self._resource.service, *what, *origin, fingerprint(whole))

    def decoded(self) -> Decoded:
        """All that was taken, as columns."""
        columns = list(zip(*self._rows, strict=True))
        times = list(columns[AT_COLUMN]) if columns else []
        times += [candidate.at_ns for candidate in self._candidates]
        return Decoded(
            signal="logs",
            table=batch(columns, LOG_SCHEMA),
            rows=len(self._rows),
            series=None,
            resources=self.resources,
            candidates=self._candidates,
            refusals=self.refusals,
            min_ns=min(times, default=None),
            max_ns=max(times, default=None),
        )


def _span_number(text: Any) -> int | None:
    """A span id given as 16 hex digits; None when it is none."""
    if type(text) is not str or len(text) != 16 or not all(digit in "0123456789abcdefABCDEF" for digit in text):
        return None
    return int(text, 16) or None


def _text(value: Any) -> str:
    return value if type(value) is str else ""


def _body_text(body: Any) -> str | None:
    """Text as it is, anything else as JSON."""
    if body is None or type(body) is str:
        return body
    return orjson.dumps(body).decode()
