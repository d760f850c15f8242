"""The rules of `redaction` on everything that leaves, whoever made it: us, other instrumentations, or the program.

Given what OpenTelemetry's encoders made of spans and log records, takes out in place what must not leave; given ledger
entries and resources, gives them without it. It all happens on the delivery worker.

Never: a span, record or entry that could not be looked through: it is not sent, and counted as `encode_error`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan

from spanledger.alike import MAX_KEPT, Alike, alike_of
from spanledger.guard import guard
from spanledger.redaction import REDACTED, Redaction
from spanledger.withheld import count, said_in_trace, without

if TYPE_CHECKING:
    from spanledger.call import Entry
    from spanledger.delivery.encode import Breathe, Encoder

OURS: Final = "spanledger"
SLICE: Final = 32
_TEXTS: Final = (
    "operation",
    "provider",
    "request_model",
    "response_model",
    "response_id",
    "service_tier",
    "error_type",
)
_guard = guard("redacting")
_TRACE: Final = "exception.stacktrace"
_NUMBERS: Final = frozenset({"bool_value", "int_value", "double_value"})


class CleanSpans:
    """Encodes spans, and takes out what must not leave.

    Most spans hold nothing of the kind. Looking at their attributes as they are takes a quarter of the time of looking
    at what was encoded, so the latter is done only where something was found.

    Args:
        rules: What is taken out.
        own: The same for what the SDK itself says, where content is there only because somebody asked for it.
    """

    def __init__(self, rules: Redaction, own: Redaction) -> None:
        self._rules, self._own = rules, own
        self._resource: tuple[Resource | None, bool] = (
            None,
            False,
        )  # the last one seen, and whether it is to be cleaned

    def __call__(self, spans: Sequence[ReadableSpan]) -> Any:
        """An `ExportTraceServiceRequest`."""
        request = encode_spans(spans)
        if any(self._found_in(span) for span in spans):
            for group in request.resource_spans:
                _clean_pairs(group.resource.attributes, self._rules)
                for scope in group.scope_spans:
                    for span in scope.spans:
                        if not self._rules.content:
                            _withhold(span)
                        _clean_span(span, self._of(scope.scope))
        return request

    def _of(self, scope: Any) -> Redaction:
        return self._own if scope is not None and scope.name == OURS else self._rules

    def _found_in(self, span: ReadableSpan) -> bool:
        rules = self._of(span.instrumentation_scope)
        if self._resource[0] is not span.resource:
            self._resource = (span.resource, _found(span.resource.attributes, self._rules))
        return (
            self._resource[1]
            or _found(getattr(span, "_attributes", None), rules)
            or rules.finds("", span.name)
            or rules.finds("", span.status.description)
            or any(rules.finds("", event.name) or _found(event.attributes, rules) for event in span.events)
            or (not self._rules.content and any(map(_echoes, span.events)))
            or any(_found(link.attributes, rules) for link in span.links)
        )


class CleanLogs:
    """Encodes log records, and takes out what must not leave; its arguments are those of `CleanSpans`."""

    def __init__(self, rules: Redaction, own: Redaction) -> None:
        self._rules, self._own = rules, own

    def __call__(self, records: Sequence[Any]) -> Any:
        """An `ExportLogsServiceRequest`."""
        request = encode_logs(records)
        for group in request.resource_logs:
            _clean_pairs(group.resource.attributes, self._rules)
            for scope in group.scope_logs:
                rules = self._own if scope.scope.name == OURS else self._rules
                for record in scope.log_records:
                    _clean_value("", record.body, rules)
                    _clean_pairs(record.attributes, rules)
        return request


class CleanEntries:
    """An encoder of ledger entries that hold nothing that the rules take out."""

    def __init__(self, encoder: Encoder, rules: Redaction) -> None:
        self._encoder, self._rules = encoder, rules
        self._known: dict[Alike, bool] = {}  # whether what entries have in common is clean

    def encode(self, items: Sequence[Any], breathe: Breathe) -> tuple[bytes, list[Any]]:
        """The request's bytes, and the items that are in it."""
        cleaned = list[Any]()
        given = dict[int, Any]()  # by what came of it, what went in and had to be cleaned
        for at in range(0, len(items), SLICE):
            left = iter(items[at : at + SLICE])
            while not _guard.run(self._clean, left, cleaned, given):
                pass  # the one that failed is passed over
            breathe()
        payload, good = self._encoder.encode(cleaned, breathe)
        return payload, [given.get(id(entry), entry) for entry in good] if given else good

    def _clean(self, entries: Iterator[Entry], cleaned: list[Entry], given: dict[int, Entry]) -> bool:
        for entry in entries:
            if self._is_clean(entry):
                cleaned.append(entry)
            else:
                cleaned.append(clean_entry(entry, self._rules))
                given[id(cleaned[-1])] = entry
        return True

    def _is_clean(self, entry: Entry) -> bool:
        if entry.attributes:
            return False
        alike = entry.alike or alike_of(entry)
        known = self._known.get(alike)
        if known is None:
            if len(self._known) >= MAX_KEPT:
                self._known.clear()
            names = [text for text in alike.values if text is not None and type(text) is not bool]
            known = self._known[alike] = all(map(self._keeps, names))
        return known and (not entry.context or all(map(self._keeps, entry.context.values())))

    def _keeps(self, text: object) -> bool:
        return type(text) is str and self._rules.text(text) == text


def clean_entry(entry: Entry, rules: Redaction) -> Entry:
    """The entry without what must not leave."""
    texts: dict[str, Any] = {name: getattr(entry, name) for name in _TEXTS}
    cleaned: dict[str, Any] = {name: rules.text(str(text)) for name, text in texts.items() if text is not None}
    return replace(
        entry,
        **cleaned,
        context={key: rules.text(str(text)) for key, text in entry.context.items()},
        attributes=None if entry.attributes is None else rules.value("", entry.attributes),
    )


def clean_resource(resource: Resource, rules: Redaction) -> Resource:
    """The resource, itself where nothing had to be taken out."""
    cleaned = rules.value("", resource.attributes)
    same = all(
        cleaned[key] == (list(old) if isinstance(old, tuple) else old) for key, old in resource.attributes.items()
    )
    return resource if same else Resource(cleaned, resource.schema_url)


def _found(attributes: Any, rules: Redaction) -> bool:
    if not attributes:
        return False
    plain = getattr(attributes, "_dict", attributes)  # OpenTelemetry's mapping takes a lock for every key
    return any(rules.finds(name, value) for name, value in plain.items())


def _echoes(event: Any) -> bool:
    """Whether an event tells of an exception of a provider, which may repeat a prompt."""
    trace = (event.attributes or {}).get(_TRACE)
    return isinstance(trace, str) and bool(said_in_trace(trace))


def _withhold(span: Any) -> None:
    """Take what providers' exceptions say out of a span's events and its status."""
    held: dict[str, str] = {}
    for event in span.events:
        for pair in event.attributes:
            if pair.key == _TRACE:
                held |= said_in_trace(pair.value.string_value)
    if not held:
        return
    count("spans.exception", "what a provider's exception says", "SPANLEDGER_SPANS_CONTENT")
    span.status.message = without(span.status.message, held)
    for event in span.events:
        for pair in event.attributes:
            if pair.value.string_value:
                pair.value.string_value = without(pair.value.string_value, held)


def _clean_span(span: Any, rules: Redaction) -> None:
    span.name = rules.text(span.name)
    _clean_pairs(span.attributes, rules)
    if span.status.message:
        span.status.message = rules.text(span.status.message)
    for event in span.events:
        event.name = rules.text(event.name)
        _clean_pairs(event.attributes, rules)
    for link in span.links:
        _clean_pairs(link.attributes, rules)


def _clean_pairs(pairs: Iterable[KeyValue], rules: Redaction) -> None:
    for pair in pairs:
        _clean_value(pair.key, pair.value, rules)


def _clean_value(name: str, value: AnyValue, rules: Redaction) -> None:
    kind = value.WhichOneof("value")
    if kind is None:
        return
    if rules.hides(name, kind in _NUMBERS):
        value.string_value = REDACTED
    elif kind == "string_value":
        text = value.string_value
        if (cleaned := rules.text(text)) is not text:
            value.string_value = cleaned
    elif kind == "bytes_value":
        text = value.bytes_value.decode("utf-8", "replace")
        if (cleaned := rules.text(text)) != text:
            value.bytes_value = cleaned.encode()
    elif kind == "array_value":
        for inner in value.array_value.values:
            _clean_value("", inner, rules)
    elif kind == "kvlist_value":
        _clean_pairs(value.kvlist_value.values, rules)
