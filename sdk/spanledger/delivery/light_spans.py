"""Light spans to the bytes of an OTLP export request, without a span of OpenTelemetry's SDK in between.

Given spans that have ended, writes those that are light and plain by hand, which takes a tenth of the time of the SDK's
way, and leaves to the encoder of all others what is anything else: real spans, light ones that became real (events, a
status), and those in which a limit applies or the rules of redaction find something.

Never: a span that is written otherwise than OpenTelemetry's encoder would.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from opentelemetry.sdk.resources import Resource

from spanledger import semconv
from spanledger.delivery.encode import SLICE, Breathe, Encoder, encode_resource
from spanledger.delivery.wire import MAX_TEXT, Blocks, attribute, block
from spanledger.guard import guard
from spanledger.light import Common, LightSpan, LightTracer
from spanledger.spans import known

_ATTRIBUTE = b"\x4a"  # the tag of a Span's attribute; that of a LogRecord's, which `attribute` writes, is one byte too
_KINDS = tuple(b"\x30" + bytes((number,)) for number in range(1, 6))
_LOCAL, _REMOTE = b"\x85\x01\x00\x01\x00\x00", b"\x85\x01\x00\x03\x00\x00"  # flags: whether the parent is elsewhere
_UNSET = b"\x7a\x00"
_PARENT_ID = b"\x22\x08"
_IDS = struct.Struct(">2sQQ2sQ").pack
_LOW = (1 << 64) - 1
_BEFORE_SPAN = Blocks(2)
_double = struct.Struct("<d").pack
_TIMES = struct.Struct("<BQBQ").pack
_PLAIN = (str, int, float, bool)
_KEPT = 4_096  # attributes that are kept as they were written: most come again and again
_LONGEST_KEPT = 160  # bytes
_NEVER_AGAIN = frozenset({semconv.REQUEST_ID, semconv.GEN_AI_RESPONSE_ID, semconv.PROCESS_TIME_S})
_NONE_SHARED: tuple[bytes | None, int] = (b"", 0)
_guard = guard("delivery.light_spans")


class SpanEncoder:
    """Encodes spans of all makes.

    Args:
        others: Encodes what is not written by hand.
        finds: Whether an attribute, by name and value, holds what must not leave.
    """

    def __init__(self, others: Encoder, finds: Callable[[str, Any], bool]) -> None:
        self._others, self._finds, self._write = others, finds, SpanWriter(finds)
        self._resource: tuple[Resource | None, bytes | None] = (None, None)
        self._maker: LightTracer | None = None

    def written(self, span: LightSpan) -> bytes | None:
        """A span as `encode` takes it as well, on the thread that it ends on; None where it takes the SDK's way."""
        maker = span.maker
        if maker is not self._maker or self._resource[0] is not maker.resource:
            self._maker = self._maker or maker
            self._head(maker)
        if maker is not self._maker or self._resource[1] is None:
            return None
        found = _guard.run_one(self._write, span)
        return None if found is None else _BEFORE_SPAN[len(found)] + found

    def encode(self, items: Sequence[Any], breathe: Breathe) -> tuple[bytes, list[Any]]:
        """The request's bytes, and the items that are in it."""
        maker = self._maker or next((span.maker for span in items if type(span) is LightSpan), None)
        head = None if maker is None else self._head(maker)
        if maker is None or head is None:
            return self._others.encode([span for span in items if type(span) is not bytes], breathe)
        written, good, left = list[bytes](), list[Any](), list[Any]()
        for at in range(0, len(items), SLICE):
            for span in items[at : at + SLICE]:
                kind = type(span)
                if kind is bytes:
                    found = span
                elif kind is LightSpan and span.maker is maker and (plain := self._written(span)) is not None:
                    found = _BEFORE_SPAN[len(plain)] + plain
                else:
                    left.append(span)
                    continue
                written.append(found)
                good.append(span)
            breathe()
        payload = block(1, head + block(2, _scope(maker) + b"".join(written))) if written else b""
        if left:
            more, others = self._others.encode(left, breathe)  # requests written one after the other are one
            return payload + more, good + others
        return payload, good

    def _head(self, maker: Any) -> bytes | None:
        """The resource; None where not all of it may leave, or where a limit may apply."""
        limits, resource = maker.limits, maker.resource
        if limits.max_span_attribute_length is not None or limits.max_attribute_length is not None:
            return None
        if self._resource[0] is not resource:
            hidden = any(self._finds(key, value) for key, value in resource.attributes.items())
            self._resource = (resource, None if hidden else block(1, encode_resource(resource)))
        return self._resource[1]

    def _written(self, span: Any) -> bytes | None:
        return _guard.run(self._write, span)


class SpanWriter:
    """Writes light spans.

    Args:
        finds: Whether an attribute, by name and value, holds what must not leave.
    """

    def __init__(self, finds: Callable[[str, Any], bool]) -> None:
        self._finds = finds
        self._known: dict[type, dict[tuple[str, Any], bytes]] = {str: {}, int: {}}
        self._before_floats: dict[str, bytes] = {}  # by the names of numbers that may leave, what stands before one
        self._before_text = lru_cache(_KEPT)(self._before)
        self._named = lru_cache(_KEPT)(self._name)
        self._shared = lru_cache(_KEPT)(self._common)
        self._state: tuple[Any, bytes] = (None, b"")

    def __call__(self, span: Any) -> bytes | None:
        """The span as the bytes of a Span message, or None where that takes the SDK's way."""
        if span._real is not None:
            return None
        name, attributes = span.name, span.given
        if span.told is not None:
            shown, better, status = known(*span.told)
            if status is not None:
                return None
            name, attributes = better or name, {**attributes, **shown}
        named = self._named(name, span.kind_.value)
        shared, count = _NONE_SHARED if span.common is None else self._shared(span.common)
        count += len(attributes)
        if named is None or shared is None or count > (span.maker.limits.max_span_attributes or count):
            return None
        parts = [self._ids(span), named, _TIMES(0x39, span.start_ns, 0x41, span.end_ns), shared]
        for key, value in attributes.items():
            kind = type(value)
            if kind is float and key in self._before_floats:
                parts += (self._before_floats[key], _double(value))
                continue
            kept = self._known.get(kind)
            part = (kept and kept.get((key, value))) or self._attribute(key, value)
            if part is None:
                return None
            parts.append(part)
        parts.append(_UNSET)
        parts.append(_REMOTE if span.around is not None and span.around.get_span_context().is_remote else _LOCAL)
        return b"".join(parts)

    def _attribute(self, key: str, value: Any) -> bytes | None:
        kind = type(value)
        if self._finds(key, value):
            return None
        if kind is str and key in _NEVER_AGAIN and value.isascii() and 0 < len(value) <= _LONGEST_KEPT:
            text: str = value
            return self._before_text(key, len(text)) + text.encode()
        if kind not in _PLAIN and not _is_list(value):
            return None
        if kind is str and len(value) > MAX_TEXT:
            return None
        written = _ATTRIBUTE + attribute(key, value)[1:]
        if kind is float and len(self._before_floats) < _KEPT:
            self._before_floats[key] = written[:-8]
        kept = self._known.get(kind)
        if kept is not None and key not in _NEVER_AGAIN and len(written) <= _LONGEST_KEPT:
            if len(kept) >= _KEPT:
                kept.clear()
            kept[key, value] = written
        return written

    def _before(self, key: str, size: int) -> bytes:
        """What stands before a text of so many bytes."""
        return _ATTRIBUTE + attribute(key, "x" * size)[1:-size]

    def _common(self, common: Common) -> tuple[bytes | None, int]:
        written = [self._attribute(key, value) for key, value in common.attributes.items()]
        parts = [part for part in written if part is not None]
        return (b"".join(parts) if len(parts) == len(written) else None), len(written)

    def _name(self, name: str, kind: int) -> bytes | None:
        return None if self._finds("", name) else block(5, name.encode("utf-8", "replace")) + _KINDS[kind]

    def _ids(self, span: LightSpan) -> bytes:
        trace_id = span.trace_id
        head = _IDS(b"\x0a\x10", trace_id >> 64, trace_id & _LOW, b"\x12\x08", span.span_id)
        if span.state:
            if self._state[0] is not span.state:
                text = ",".join([f"{key}={value}" for key, value in span.state.items()])
                self._state = (span.state, block(3, text.encode()))
            head += self._state[1]
        if span.parent_span_id:
            return head + _PARENT_ID + span.parent_span_id.to_bytes(8, "big")
        return head


def _is_list(value: Any) -> bool:
    """Whether OpenTelemetry takes it as it is: a list of texts."""
    return type(value) in (tuple, list) and all(type(item) is str and len(item) <= MAX_TEXT for item in value)


def _scope(maker: Any) -> bytes:
    scope = maker.scope
    return block(1, block(1, scope.name.encode()) + block(2, (scope.version or "").encode()))
