"""Items to the bytes of an OTLP export request.

Given spans, log records, readings of metrics or ledger entries, gives a request's bytes and the items that are in it.
Work is done in slices with a breath between them, because Python lets no other thread run for five milliseconds unless
it is asked to.

Never: a slice that is lost because one item in it cannot be encoded; the others go alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.sdk.resources import Resource

from spanledger.delivery.ledger_record import ledger_record
from spanledger.delivery.wire import Blocks, block, key_value
from spanledger.guard import guard
from spanledger.light import LightSpan
from spanledger.version import __version__

SLICE = 16
_BEFORE_RESOURCE, _BEFORE_SCOPE, _BEFORE_RECORD = Blocks(1), Blocks(2), Blocks(2)
_guard = guard("delivery.encode")
_estimate_guard = guard("delivery.estimate")

Breathe = Callable[[], None]
Encode = Callable[[Sequence[Any]], Any]  # items to the message of a request


class Encoder(Protocol):
    """Items of one signal to bytes."""

    def encode(self, items: Sequence[Any], breathe: Breathe) -> tuple[bytes, list[Any]]:
        """The request's bytes, and the items that are in it."""
        ...


class _Grouped:
    """For requests that group their items by resource and scope: slices are encoded apart, then put together.

    `encode` is OpenTelemetry's encoder; `resources`, `scopes` and `items` name the three levels of its request.
    """

    def __init__(self, encode: Callable[[Sequence[Any]], Any], resources: str, scopes: str, items: str) -> None:
        self._encode, self._resources, self._scopes, self._items = encode, resources, scopes, items

    def encode(self, items: Sequence[Any], breathe: Breathe) -> tuple[bytes, list[Any]]:
        whole, good = None, list[Any]()
        for at in range(0, len(items), SLICE):
            for part, in_it in self._slice(items[at : at + SLICE]):
                good.extend(in_it)
                if whole is None:
                    whole = part
                else:
                    self._merge(whole, part)
            breathe()
        return (whole.SerializeToString() if whole is not None else b""), good

    def _slice(self, items: Sequence[Any]) -> list[tuple[Any, Sequence[Any]]]:
        """The slice as one part, or, if it cannot be encoded, its items as parts of their own without the bad ones."""
        whole = self._try(items)
        if whole is not None:
            return [(whole, items)]
        alone = ((self._try((item,)), (item,)) for item in items)
        return [(part, item) for part, item in alone if part is not None]

    def _try(self, items: Sequence[Any]) -> Any:
        with _guard:
            return self._encode(items)
        return None

    def _merge(self, whole: Any, part: Any) -> None:
        """Adds a part's items to the whole, under the same resource and scope where there is one."""
        for resource in getattr(part, self._resources):
            group = _same(getattr(whole, self._resources), resource, lambda found: found.resource)
            for scope in getattr(resource, self._scopes):
                place = _same(getattr(group, self._scopes), scope, lambda found: found.scope)
                getattr(place, self._items).extend(getattr(scope, self._items))


def _same(groups: Any, wanted: Any, label: Callable[[Any], Any]) -> Any:
    for group in groups:
        if label(group) == label(wanted) and group.schema_url == wanted.schema_url:
            return group
    made = groups.add()
    made.schema_url = wanted.schema_url
    label(made).CopyFrom(label(wanted))
    return made


def span_encoder(encode: Encode = encode_spans) -> Encoder:
    """For spans that have ended."""

    def readable(spans: Sequence[Any]) -> Any:
        return encode([span.readable() if type(span) is LightSpan else span for span in spans])

    return _Grouped(readable, "resource_spans", "scope_spans", "spans")


def log_encoder(encode: Encode = encode_logs) -> Encoder:
    """For log records."""
    return _Grouped(encode, "resource_logs", "scope_logs", "log_records")


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of metrics: a whole request, and the data points in it."""

    payload: bytes
    points: int


class ReadingEncoder:
    """For metrics, which are encoded when they are read: requests written one after the other are one request."""

    def encode(self, items: Sequence[Any], breathe: Breathe) -> tuple[bytes, list[Any]]:
        """Join them."""
        breathe()
        return b"".join(item.payload for item in items), list(items)


class EntryEncoder:
    """For ledger entries.

    Args:
        resource: Gives the resource of now; after a fork it is another one.
        estimate: Gives an entry's estimated cost in 10^-12 USD for viewers that price nothing, or None.
    """

    def __init__(self, resource: Callable[[], Resource], estimate: Callable[[Any], int | None]) -> None:
        self._resource, self._estimate = resource, estimate
        self._head: tuple[Resource | None, bytes] = (None, b"")
        self._scope = block(1, block(1, b"spanledger") + block(2, __version__.encode()))

    def encode(self, items: Sequence[Any], breathe: Breathe) -> tuple[bytes, list[Any]]:
        """Write one log record for each."""
        records, good = list[bytes](), list[Any]()
        for at in range(0, len(items), SLICE):
            part = items[at : at + SLICE]
            left = iter(zip(part, self._estimates(part), strict=True))
            while not _guard.run(_write, left, records, good):
                pass  # the one that failed is passed over
            breathe()
        scope_size, resource = len(self._scope) + sum(map(len, records)), self.resource_field()
        scope = (_BEFORE_SCOPE[scope_size], self._scope)
        size = len(resource) + len(scope[0]) + scope_size
        return b"".join((_BEFORE_RESOURCE[size], resource, *scope, *records)), good

    def under(self, resource_field: bytes) -> EntryEncoder:
        """One for the entries of another process, under the resource that it had."""
        theirs = Resource({})
        made = EntryEncoder(lambda: theirs, self._estimate)
        made._head = (theirs, resource_field)
        return made

    def _estimates(self, entries: Sequence[Any]) -> Sequence[int | None]:
        """What each will have cost; None where there is no estimate to be had."""
        left, found = iter(entries), list[int | None]()
        while not _estimate_guard.run(self._estimate_all, left, found):
            found.append(None)
        return found

    def _estimate_all(self, entries: Iterator[Any], found: list[int | None]) -> bool:
        estimate = self._estimate
        for entry in entries:
            found.append(estimate(entry))  # noqa: PERF401 - what was found stays when one fails
        return True

    def resource_field(self) -> bytes:
        """The resource of now, as the field of a request."""
        resource = self._resource()
        if self._head[0] is not resource:
            self._head = (resource, block(1, encode_resource(resource)))
        return self._head[1]


def _write(entries: Iterator[tuple[Any, int | None]], records: list[bytes], good: list[Any]) -> bool:
    """Write what is left of a slice."""
    for entry, estimate in entries:
        common, own = ledger_record(entry, estimate)
        records += (_BEFORE_RECORD[len(common) + len(own)], common, own)
        good.append(entry)
    return True


def encode_resource(resource: Resource) -> bytes:
    """A resource message."""
    return b"".join(block(1, key_value(key, value)) for key, value in resource.attributes.items())


def resource_message(resource: Resource) -> Any:
    """A resource as the generated class has it."""
    return ResourceMessage.FromString(encode_resource(resource))
