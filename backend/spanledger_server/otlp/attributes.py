"""Attribute lists as Python dicts, from protobuf; and the bounds that both encodings share.

Given OTLP's key-value messages, gives ``{key: str | int | float | bool | None | list | dict}``: the first of
duplicate keys wins, an empty value is None, bytes are base64 text, NaN and infinities are texts, lists and maps stay
nested. Values of one request may be shared between records: never change them.

Never: an attribute lost without being counted in the record.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from spanledger import semconv
from spanledger_server.otlp.limits import CUT, DecodeLimits, shortened
from spanledger_server.otlp.wire import ShallowKeyValue, ShallowValue

Attributes = dict[str, Any]
# one text for each key that records share, instead of one a record: less memory to walk through
KNOWN_KEYS = {value: value for value in vars(semconv).values() if isinstance(value, str)} | {
    name: name for names in semconv.DIALECTS.values() for name in names
}
V = TypeVar("V")


class Oversize(Exception):
    """A nested value is too deep or too long."""


def finite(number: float) -> float | str:
    """`number`, or the text that stands for it where JSON has none."""
    if math.isfinite(number):
        return number
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def base64_text(data: bytes) -> str:
    """Bytes as base64 text."""
    return base64.b64encode(data).decode("ascii")


def fitting(nested: Any, limits: DecodeLimits) -> Any:
    """A list or map, as it is.

    Raises:
        Oversize: Its JSON is longer than a value may be.
    """
    if len(orjson.dumps(nested)) > limits.value_length:
        raise Oversize
    return nested


def bounded(
    pairs: Iterable[tuple[str, V]], convert: Callable[[V], Any], dropped: int, limits: DecodeLimits
) -> Attributes:
    """A dict of `pairs`, each value converted, cut where it is too long.

    Args:
        pairs: Keys and raw values; no more than `limits.attributes`.
        convert: Raw value -> Python value; may raise `Oversize`.
        dropped: How many attributes are missing from `pairs`.
        limits: The bounds.
    """
    found: Attributes = {}
    cut = 0
    for full_key, raw in pairs:
        key = shortened(full_key, limits.value_length)
        if key in found:
            continue
        try:
            value = convert(raw)
        except Oversize:
            value, cut = CUT, cut + 1
        if type(value) is str and len(value) > limits.value_length:
            value, cut = shortened(value, limits.value_length), cut + 1
        found[key] = value
        cut += key is not full_key
    if dropped:
        found[semconv.DROPPED_ATTRIBUTES] = dropped
    if cut:
        found[semconv.TRUNCATED_VALUES] = cut
    return found


class ProtobufValues:
    """Reads attribute lists and values of protobuf messages, within limits."""

    __slots__ = ("_limits", "_narrow_bytes")

    def __init__(self, limits: DecodeLimits) -> None:
        self._limits = limits
        self._narrow_bytes = (
            limits.value_length // 2
        )  # no text can be too long in so small a record, not even as base64

    def attributes(self, pairs: Any, size: int, dropped: int) -> Attributes:
        """The dict of a repeated KeyValue.

        Args:
            pairs: The repeated field.
            size: Bytes of the record it stands in: a small one need not be checked value by value.
            dropped: How many its sender dropped.
        """
        count = len(pairs)
        if size > self._narrow_bytes or dropped or count > self._limits.attributes:
            return self._bounded(pairs, dropped)
        found: Attributes = {}
        other, same = self._other, KNOWN_KEYS.get
        try:
            for pair in pairs:
                key, value = pair.key, pair.value
                # the two commonest kinds first: asking for a kind costs less than asking which kind it is
                found[same(key, key)] = value.string_value or value.int_value or other(value)
        except Oversize:
            return self._bounded(pairs, dropped)
        return found if len(found) == count else self._bounded(pairs, dropped)

    def _bounded(self, pairs: Any, dropped: int) -> Attributes:
        most = self._limits.attributes
        surplus = max(len(pairs) - most, 0)
        return bounded(((pair.key, pair.value) for pair in pairs[:most]), self.value, dropped + surplus, self._limits)

    def shallow_attributes(self, raw_pairs: Sequence[bytes], dropped: int) -> Attributes:
        """The dict of KeyValues that are still bytes: nothing beyond the limits is parsed.

        Raises:
            DecodeError: One of them is not a KeyValue.
        """
        most = self._limits.attributes
        surplus = max(len(raw_pairs) - most, 0)
        pairs = (self._shallow_pair(raw) for raw in raw_pairs[:most])
        return bounded(pairs, self.shallow_value, dropped + surplus, self._limits)

    def _shallow_pair(self, raw: bytes) -> tuple[str, Any]:
        pair = KeyValue.FromString(raw) if len(raw) <= self._limits.wide_bytes else ShallowKeyValue.FromString(raw)
        return pair.key, pair.value

    def shallow_value(self, value: Any) -> Any:
        """The value of an AnyValue or of its shallow twin.

        Raises:
            Oversize: It is nested too deep or too long.
        """
        if isinstance(value, ShallowValue) and value.WhichOneof("value") in ("array_value", "kvlist_value"):
            raise Oversize
        return self.value(value)

    def value(self, value: Any) -> Any:
        """The value of an AnyValue.

        Raises:
            Oversize: It is nested too deep or too long.
        """
        return value.string_value or value.int_value or self._other(value)

    def _other(self, value: Any) -> Any:
        kind = value.WhichOneof("value")
        if kind == "double_value":
            return finite(value.double_value)
        if kind == "bool_value":
            return value.bool_value
        if kind == "array_value" or kind == "kvlist_value":
            return fitting(_nested(value, kind, self._limits.depth), self._limits)
        return _scalar(value, kind)


def _scalar(value: Any, kind: str | None) -> Any:
    if kind == "bytes_value":
        return base64_text(value.bytes_value)
    if kind == "string_value" or kind == "int_value":
        return getattr(value, kind)
    if kind == "double_value":
        return finite(value.double_value)
    return value.bool_value if kind == "bool_value" else None  # nothing set, or what only profiles have


def _nested(value: AnyValue, kind: str | None, depth: int) -> Any:
    if kind == "array_value":
        if not depth:
            raise Oversize
        return [_nested(item, item.WhichOneof("value"), depth - 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        if not depth:
            raise Oversize
        found: Attributes = {}
        for pair in value.kvlist_value.values:
            if pair.key not in found:
                found[pair.key] = _nested(pair.value, pair.value.WhichOneof("value"), depth - 1)
        return found
    return _scalar(value, kind)
