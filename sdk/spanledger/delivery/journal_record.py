"""A ledger entry as the bytes of one record of the journal, and back.

Given an entry, gives bytes within a microsecond or two: Python's own `marshal` writes them, in its second version,
which has eight plain kinds and no references. Given such bytes and the names that their values had, gives the entry
again; they are read by hand, because `marshal.loads` trusts what it reads.

Never: an exception from `dump` for what a program may put into an entry, or another one than `ValueError` from `load`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from marshal import dumps
from typing import Any, Final

from spanledger.call import Entry
from spanledger.delivery.wire import MAX_DEPTH, MAX_TEXT
from spanledger.usage import USAGE_FIELDS, Usage

MAX_RECORD: Final = 65_536  # bytes; with every text cut as it is on the wire, an entry rarely has a thousand
FIELDS: Final = (
    "trace_id",
    "span_id",
    "parent_span_id",
    "start_ns",
    "end_ns",
    "sampled",
    "kind",
    "operation",
    "provider",
    "request_model",
    "response_model",
    "response_id",
    "usage_state",
    "service_tier",
    "batch",
    "time_to_first_chunk_s",
    "chunks",
    "stream",
    "error_type",
    "http_status",
)
_VERSION = 2
_int32 = struct.Struct("<i").unpack
_double = struct.Struct("<d").unpack
_Names = Sequence[str]


def dump(entry: Entry) -> bytes:
    """The bytes of an entry; empty where there are too many of them."""
    usage, cost, context = entry.usage, entry.cost_usd, entry.context
    if usage is not None and usage.audio_seconds is not None:
        usage = usage._replace(audio_seconds=str(usage.audio_seconds))  # type: ignore[arg-type]
    values: Any = (
        _values(entry),
        None if usage is None else tuple(usage),
        None if cost is None else str(cost),
        context if type(context) is dict else dict(context),
        entry.attributes,
    )
    try:
        record = dumps(values, _VERSION)
    except ValueError:  # something that is neither text nor number was given as one
        record = dumps(_plain(values), _VERSION)
    if len(record) > MAX_RECORD:
        record = dumps(_plain(values), _VERSION)
    return record if len(record) <= MAX_RECORD else b""


def _values(entry: Entry) -> tuple[Any, ...]:
    """Those of `FIELDS`; written out, because `attrgetter` takes twice as long."""
    return (
        entry.trace_id,
        entry.span_id,
        entry.parent_span_id,
        entry.start_ns,
        entry.end_ns,
        entry.sampled,
        entry.kind,
        entry.operation,
        entry.provider,
        entry.request_model,
        entry.response_model,
        entry.response_id,
        entry.usage_state,
        entry.service_tier,
        entry.batch,
        entry.time_to_first_chunk_s,
        entry.chunks,
        entry.stream,
        entry.error_type,
        entry.http_status,
    )


def _plain(value: Any, depth: int = 0) -> Any:
    """The value in kinds that `marshal` takes, as `wire.any_value` would write it."""
    match value:
        case None | bool():
            return value
        case str():
            return str.__str__(value)[:MAX_TEXT]
        case int():
            return int(value)
        case float() | Decimal():
            return float(value)
        case bytes():
            return bytes(value[:MAX_TEXT])
        case Mapping() if depth <= MAX_DEPTH:
            return {str(key): _plain(inner, depth + 1) for key, inner in value.items()}
        case Sequence() if depth <= MAX_DEPTH:
            return tuple(_plain(inner, depth + 1) for inner in value)
        case _:
            return str(value)[:MAX_TEXT]


def load(record: bytes, names: _Names, usage_names: _Names) -> Entry:
    """The entry that was dumped.

    Args:
        record: What `dump` gave.
        names: `FIELDS` of whoever wrote it, perhaps another version of the SDK.
        usage_names: Its `USAGE_FIELDS`.

    Raises:
        ValueError: It is no such record.
    """
    try:
        values, usage, cost, context, attributes = _Marshalled(record).whole()
        known = dict(zip(names, values, strict=True))
        given: dict[str, Any] = {name: known[name] for name in FIELDS if name in known}
        given["usage"] = None if usage is None else _usage(dict(zip(usage_names, usage, strict=True)))
        given["cost_usd"] = None if cost is None else Decimal(cost)
        entry = Entry(**given, context=dict(context), attributes=attributes)
    except (TypeError, InvalidOperation) as error:
        raise ValueError(f"no record of an entry: {error}") from None
    if not all(isinstance(number, int) for number in (entry.trace_id, entry.span_id, entry.start_ns, entry.end_ns)):
        raise ValueError("no record of an entry: ids and times are whole numbers")
    return entry


def _usage(known: dict[str, Any]) -> Usage:
    if known.get("audio_seconds") is not None:
        known["audio_seconds"] = Decimal(known["audio_seconds"])
    return Usage(**{name: value for name, value in known.items() if name in USAGE_FIELDS})


class _Marshalled:
    """Reads what `marshal.dumps(…, 2)` wrote of plain values."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        self._plain: dict[bytes, Callable[[], Any]] = {
            b"N": lambda: None,
            b"T": lambda: True,
            b"F": lambda: False,
            b"i": self._size,
            b"g": lambda: _double(self._take(8))[0],
            b"s": lambda: self._take(self._size()),
            b"u": lambda: self._take(self._size()).decode("utf-8", "surrogatepass"),
            b"l": self._long,
        }

    def whole(self) -> Any:
        """The value, which is all there is."""
        value = self._value(0)
        if self._at != len(self._data):
            raise ValueError("bytes are left over")
        return value

    def _value(self, depth: int) -> Any:
        kind = self._take(1)
        if kind in self._plain:
            return self._plain[kind]()
        if depth > 2 * MAX_DEPTH:
            raise ValueError("nested too deeply")
        if kind in (b"(", b"["):
            return tuple([self._value(depth + 1) for _ in range(self._counted())])
        if kind == b"{":
            return self._mapping(depth + 1)
        raise ValueError(f"no plain value begins with {kind!r}")

    def _mapping(self, depth: int) -> dict[Any, Any]:
        found = {}
        while self._data[self._at : self._at + 1] != b"0":
            key = self._value(depth)
            found[key] = self._value(depth)
        self._at += 1
        return found

    def _long(self) -> int:
        digits = self._size()
        value = 0
        for place in range(self._room_for(abs(digits), 2)):
            value |= int.from_bytes(self._take(2), "little") << 15 * place
        return -value if digits < 0 else value

    def _counted(self) -> int:
        return self._room_for(self._size(), 1)

    def _room_for(self, count: int, size: int) -> int:
        if not 0 <= count * size <= len(self._data) - self._at:
            raise ValueError("more is announced than there is")
        return count

    def _size(self) -> int:
        number: int = _int32(self._take(4))[0]
        return number

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if count < 0 or len(taken) != count:
            raise ValueError("more is announced than there is")
        self._at += count
        return taken
