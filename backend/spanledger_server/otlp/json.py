"""OTLP/JSON read field by field: hex ids, integers as numbers or text, enums as integers, unknown fields ignored.

Given a body, gives its objects and the values of their fields with the types that protobuf would give; an absent or
null field has its default. Strict about types, as protobuf's JSON mapping is.

Never: an exception but `Malformed` and `TooLarge`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from spanledger_server.errors import Malformed, TooLarge
from spanledger_server.otlp.attributes import Attributes, Oversize, base64_text, bounded, finite, fitting
from spanledger_server.otlp.limits import MAX_INT64, DecodeLimits

Object = dict[str, Any]

MAX_UINT64 = 2**64 - 1
MAX_INT32 = 2**31 - 1
MAX_UINT32 = 2**32 - 1
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,5})?")
_WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_URL_SAFE = str.maketrans("-_", "+/")
_NOT_AN_ID = b"?"  # of no valid length


def document(body: bytes, limits: DecodeLimits) -> Object:
    """The body's top-level object.

    Raises:
        Malformed: It is not JSON, or not an object.
        TooLarge: It holds more objects and lists than the limits allow.
    """
    if body.count(b"{") + body.count(b"[") > limits.json_containers:
        raise TooLarge(f"the JSON body has more than {limits.json_containers} objects and lists: send smaller requests")
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the body is not JSON: {error}") from error
    if type(found) is not dict:
        raise Malformed("the body is not a JSON object")
    return found


def scope_groups(
    document: Object, resource_key: str, scope_key: str, record_key: str, most_groups: int
) -> Iterator[tuple[Object, Object, list[Object]]]:
    """The scope groups of a request: the resource, the scope, the records.

    Raises:
        Malformed: A field has the wrong type.
        TooLarge: More groups than `most_groups`.
    """
    groups = objects(document, resource_key)
    opened = len(groups)
    for group in groups:
        resource = one(group, "resource")
        scope_groups = objects(group, scope_key)
        opened += len(scope_groups)
        if opened > most_groups:
            raise TooLarge(f"the request has more than {most_groups} resource and scope groups: send smaller ones")
        for inner in scope_groups:
            yield resource, one(inner, "scope"), objects(inner, record_key)


def objects(of: Object, key: str) -> list[Object]:
    """The list of objects in a field."""
    found = _list(of, key)
    for item in found:
        if type(item) is not dict:
            raise Malformed(f"{key} holds something that is not an object")
    return found


def one(of: Object, key: str) -> Object:
    """The object in a field, empty when it is absent."""
    found = of.get(key)
    if found is None:
        return {}
    if type(found) is not dict:
        raise Malformed(f"{key} is not an object")
    return found


def text(of: Object, key: str) -> str:
    """The text in a field, empty when it is absent."""
    found = of.get(key)
    if found is None:
        return ""
    if type(found) is not str:
        raise Malformed(f"{key} is not a text")
    return found


def truth(of: Object, key: str) -> bool:
    """The boolean in a field, False when it is absent."""
    found = of.get(key)
    if found is None:
        return False
    if type(found) is not bool:
        raise Malformed(f"{key} is not true or false")
    return found


def identifier(of: Object, key: str) -> bytes:
    """The id in a field, from hex in either case; something of no valid length when it is not hex."""
    found = text(of, key)
    if not found:
        return b""
    try:
        read = bytes.fromhex(found)
    except ValueError:
        return _NOT_AN_ID
    return read if len(read) * 2 == len(found) else _NOT_AN_ID  # fromhex skips white space


def uint64(of: Object, key: str) -> int:
    """The unsigned 64-bit number in a field, 0 when it is absent."""
    return _whole(of.get(key), key, 0, MAX_UINT64)


def uint32(of: Object, key: str) -> int:
    """The unsigned 32-bit number in a field, 0 when it is absent."""
    return _whole(of.get(key), key, 0, MAX_UINT32)


def int32(of: Object, key: str) -> int:
    """The 32-bit number or enum in a field, 0 when it is absent."""
    return _whole(of.get(key), key, -MAX_INT32 - 1, MAX_INT32)


def int64(of: Object, key: str) -> int:
    """The 64-bit number in a field, 0 when it is absent."""
    return _whole(of.get(key), key, -MAX_INT64 - 1, MAX_INT64)


def uint64s(of: Object, key: str) -> list[int]:
    """The list of unsigned 64-bit numbers in a field."""
    return [_whole(item, key, 0, MAX_UINT64) for item in _list(of, key)]


def double(of: Object, key: str) -> float:
    """The double in a field, 0 when it is absent."""
    found = of.get(key)
    return 0.0 if found is None else _real(found, key)


def doubles(of: Object, key: str) -> list[float]:
    """The list of doubles in a field."""
    return [_real(item, key) for item in _list(of, key)]


def _list(of: Object, key: str) -> list[Any]:
    found = of.get(key)
    if found is None:
        return []
    if type(found) is not list:
        raise Malformed(f"{key} is not a list")
    return found


def _whole(found: Any, key: str, least: int, most: int) -> int:
    if found is None:
        return 0
    kind = type(found)
    if (kind is str and _INTEGER.fullmatch(found)) or (kind is float and found.is_integer()):
        found = int(found)
    elif kind is not int:
        raise Malformed(f"{key} is not an integer")
    if not least <= found <= most:
        raise Malformed(f"{key} is out of range")
    return int(found)


def _real(found: Any, key: str) -> float:
    kind = type(found)
    if kind is float or kind is int:
        return float(found)
    if kind is str:
        if found in _WORDS:
            return _WORDS[found]
        if _NUMBER.fullmatch(found):
            return float(found)
    raise Malformed(f"{key} is not a number")


def _base64(found: str, key: str) -> str:
    standard = found.translate(_URL_SAFE).rstrip("=")
    try:
        return base64_text(base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True))
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"{key} is not base64") from error


class JsonValues:
    """Reads attribute lists and values of JSON objects, within limits."""

    __slots__ = ("_limits",)

    def __init__(self, limits: DecodeLimits) -> None:
        self._limits = limits

    def attributes(self, of: Object) -> Attributes:
        """The dict of the field ``attributes`` of an object, with its ``droppedAttributesCount``.

        Raises:
            Malformed: A field has the wrong type.
        """
        pairs = objects(of, "attributes")
        dropped = uint32(of, "droppedAttributesCount")
        most = self._limits.attributes
        surplus = max(len(pairs) - most, 0)
        read = ((text(pair, "key"), pair.get("value")) for pair in pairs[:most])
        return bounded(read, self.value, dropped + surplus, self._limits)

    def value(self, found: Any) -> Any:
        """The value of an AnyValue.

        Raises:
            Oversize: It is nested too deep or too long.
            Malformed: A field has the wrong type.
        """
        value = _value(found, self._limits.depth)
        return fitting(value, self._limits) if type(value) is list or type(value) is dict else value


def _value(found: Any, depth: int) -> Any:
    if found is None:
        return None
    if type(found) is not dict:
        raise Malformed("an attribute's value is not an object")
    value = None
    for kind, raw in found.items():  # the last one wins, as in protobuf
        read = _READERS.get(kind)
        if read is not None and raw is not None:
            value = read(found, kind, depth)
    return value


def _values(found: Object, kind: str, depth: int) -> list[Any]:
    if not depth:
        raise Oversize
    return [_value(item, depth - 1) for item in _list(one(found, kind), "values")]


def _map(found: Object, kind: str, depth: int) -> Attributes:
    if not depth:
        raise Oversize
    read: Attributes = {}
    for pair in objects(one(found, kind), "values"):
        key = text(pair, "key")
        if key not in read:
            read[key] = _value(pair.get("value"), depth - 1)
    return read


_READERS: dict[str, Callable[[Object, str, int], Any]] = {
    "stringValue": lambda found, kind, _: text(found, kind),
    "boolValue": lambda found, kind, _: truth(found, kind),
    "intValue": lambda found, kind, _: int64(found, kind),
    "doubleValue": lambda found, kind, _: finite(double(found, kind)),
    "bytesValue": lambda found, kind, _: _base64(text(found, kind), kind),
    "arrayValue": _values,
    "kvlistValue": _map,
}
