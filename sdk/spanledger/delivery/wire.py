"""Protobuf bytes by hand, for the one message that is written for every call, and a reader for one small answer.

Given fields, gives bytes that any protobuf parser reads as the message of that shape (the tests compare with
opentelemetry-proto). Written by hand because objects cost three times as much CPU per ledger entry.

Never: a message whose generated class would be fast enough.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

MAX_TEXT = 8_192  # characters of one attribute's text; the rest is cut off
MAX_DEPTH = 8
MIN_INT, MAX_INT = -(1 << 63), (1 << 63) - 1
_ONE_BYTE = tuple(bytes((number,)) for number in range(128))
_AND_MORE = tuple(bytes((number | 128,)) for number in range(128))
_five_bytes = struct.Struct("5B").pack
_fixed64 = struct.Struct("<Q").pack
_double = struct.Struct("<d").pack


def varint(number: int) -> bytes:
    """A base-128 integer; negative ones as 64-bit two's complement."""
    if 0 <= number < 128:
        return _ONE_BYTE[number]
    if 0 < number < 16384:
        return _AND_MORE[number & 127] + _ONE_BYTE[number >> 7]
    if 1 << 28 <= number < 1 << 35:  # in nanoseconds from a quarter of a second to half a minute: most calls
        first, second, third = number & 127 | 128, number >> 7 & 127 | 128, number >> 14 & 127 | 128
        return _five_bytes(first, second, third, number >> 21 & 127 | 128, number >> 28)
    number &= 0xFFFFFFFFFFFFFFFF
    return _AND_MORE[number & 127] + _AND_MORE[number >> 7 & 127] + varint(number >> 14)


def block(field: int, payload: bytes) -> bytes:
    """A length-delimited field: text, bytes or a message."""
    return _ONE_BYTE[field << 3 | 2] + varint(len(payload)) + payload


def fixed64(number: int) -> bytes:
    """A number of 64 bits, without a tag."""
    return _fixed64(number & 0xFFFFFFFFFFFFFFFF)


@lru_cache(maxsize=1024)
def _key(key: str) -> bytes:
    """A KeyValue's key, and the tag of the value that follows."""
    return block(1, key.encode("utf-8", "replace")) + b"\x12"


def text_attribute(key: str, value: str) -> bytes:
    """An attribute of a LogRecord with text."""
    text = (value if len(value) <= MAX_TEXT else value[:MAX_TEXT]).encode("utf-8", "replace")
    return _before_text(key, len(text)) + text


@lru_cache(maxsize=4096)  # tags, lengths and the key are the same for every text as long: a third of the time
def _before_text(key: str, size: int) -> bytes:
    value = b"\x0a" + varint(size)
    pair = _key(key) + varint(len(value) + size) + value
    return b"\x32" + varint(len(pair) + size) + pair


def int_attribute(key: str, value: int) -> bytes:
    """An attribute of a LogRecord with a whole number; one too large for 64 bits is written as text."""
    return _small_attribute(key, value) if 0 <= value < 1024 else _int_attribute(key, value)


@lru_cache(maxsize=8192)
def _small_attribute(key: str, value: int) -> bytes:
    return _int_attribute(key, value)


class Counts(dict[int, bytes]):
    """The attributes of one name, by their numbers: `counts[12]`. Most are nought or small, and those are kept."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key, self.before = key, tuple(_before_int(key, size) for size in range(11))

    def __missing__(self, value: int) -> bytes:
        if not MIN_INT <= value <= MAX_INT:
            return text_attribute(self.key, str(value))
        number = varint(value)
        written = self.before[len(number)] + number
        if 0 <= value < 1024:
            self[value] = written
        return written


class Before(dict[int, bytes]):
    """What stands before texts of one name, by their sizes in bytes: `before[len(text)] + text` is an attribute."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key

    def __missing__(self, size: int) -> bytes:
        written = _before_text(self.key, size)
        if size < 256:
            self[size] = written
        return written


class Blocks(dict[int, bytes]):
    """What stands before messages of one field, by their sizes in bytes; a program's are nearly all alike."""

    def __init__(self, field: int) -> None:
        super().__init__()
        self.field = field

    def __missing__(self, size: int) -> bytes:
        written = _ONE_BYTE[self.field << 3 | 2] + varint(size)
        if size < 4096:
            self[size] = written
        return written


def _int_attribute(key: str, value: int) -> bytes:
    if not MIN_INT <= value <= MAX_INT:
        return text_attribute(key, str(value))
    number = varint(value)
    return _before_int(key, len(number)) + number


@lru_cache(maxsize=1024)
def _before_int(key: str, size: int) -> bytes:
    """What stands before a number of so many bytes."""
    pair = _key(key) + _ONE_BYTE[size + 1] + b"\x18"
    return b"\x32" + varint(len(pair) + size) + pair


@lru_cache(maxsize=1024)
def _before_float(key: str) -> bytes:
    pair = _key(key) + b"\x09\x21"
    return b"\x32" + varint(len(pair) + 8) + pair


def attribute(key: str, value: Any) -> bytes:
    """An attribute of a LogRecord, whatever it is; what OTLP has no type for is written as text."""
    if isinstance(value, str):
        return text_attribute(key, value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int_attribute(key, value)
    if type(value) is float:
        return _before_float(key) + _double(value)
    return block(6, key_value(key, value))


def key_value(key: str, value: Any, depth: int = 0) -> bytes:
    """A KeyValue."""
    inner = any_value(value, depth)
    return _key(key) + varint(len(inner)) + inner


def any_value(value: Any, depth: int = 0) -> bytes:
    """An AnyValue."""
    match value:
        case None:
            return b""
        case bool():
            return b"\x10\x01" if value else b"\x10\x00"
        case str():
            return block(1, value[:MAX_TEXT].encode("utf-8", "replace"))
        case int() if MIN_INT <= value <= MAX_INT:
            return b"\x18" + varint(value)
        case float() | Decimal():
            return b"\x21" + _double(value)
        case bytes():
            return block(7, value[:MAX_TEXT])
        case Mapping() if depth < MAX_DEPTH:
            return block(6, b"".join(block(1, key_value(str(k), v, depth + 1)) for k, v in value.items()))
        case Sequence() if depth < MAX_DEPTH:
            return block(5, b"".join(block(1, any_value(item, depth + 1)) for item in value))
        case _:
            return block(1, str(value)[:MAX_TEXT].encode("utf-8", "replace"))


def read_fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message, by number; stops where the bytes stop making sense."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _read_varint(message, at)
            yield number, value
        elif kind == 2:
            length, at = _read_varint(message, at)
            yield number, message[at : at + length]
            at += length
        else:
            at += {1: 8, 5: 4}.get(kind, len(message))


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            break
    return value, at
