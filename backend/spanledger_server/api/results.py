"""Rows of a query as JSON, CSV and Arrow.

Given a `Result`, gives bytes, batch by batch. Times without a zone are UTC, as they are in the views. A value of type
JSON stands as it is; a blob is base64; an interval is ISO 8601; what is not finite, and a time outside of the years 1
to 9999, is null.

Never: money through a float, or a row that is made before it is sent.
"""

from __future__ import annotations

import base64
import datetime as dt
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

import orjson
import pyarrow as pa

from spanledger_server.api import answers
from spanledger_server.query.statement import Result

TYPES: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
}
UNIT_NS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
QUOTED: Final = ('"', ",", "\n", "\r")
EPOCH_DAY: Final = dt.date(1970, 1, 1).toordinal()
MOST_DAY: Final = dt.date.max.toordinal()
EARLIEST_NS: Final = (1 - EPOCH_DAY) * 86_400 * 10**9
LATEST_NS: Final = (MOST_DAY + 1 - EPOCH_DAY) * 86_400 * 10**9


def as_json(result: Result) -> Iterator[bytes]:
    """``{"columns", "rows", "truncated", "elapsed_ms"}``."""
    columns = [{"name": name, "type": type_} for name, type_ in result.columns]
    yield b'{"columns":' + answers.rendered(columns) + b',"rows":['
    comma = b""
    for batch in result.batches:
        rows = _rows(batch, [_embedded if type_ == "JSON" else None for _, type_ in result.columns])
        yield comma + answers.rendered(rows)[1:-1]
        comma = b","
    tail = {"truncated": result.truncated, "elapsed_ms": result.elapsed_ms}
    yield b"]," + answers.rendered(tail)[1:]


def as_csv(result: Result, *, safe: bool) -> Iterator[bytes]:
    """RFC 4180 in UTF-8 with a heading; null is an empty cell, empty text is ``""``.

    Args:
        result: The rows.
        safe: Put an apostrophe before text that a spreadsheet would take for a formula.
    """
    yield _line([name for name, _ in result.columns], safe=safe)
    for batch in result.batches:
        yield b"".join(_line(row, safe=safe) for row in _rows(batch, [None] * batch.num_columns))


def as_arrow(result: Result) -> Iterator[bytes]:
    """An Arrow IPC stream; its schema's metadata tell whether there are more rows."""
    schema = result.schema.with_metadata({"truncated": str(result.truncated).lower()})
    target = io.BytesIO()
    with pa.ipc.new_stream(target, schema) as stream:
        yield _drained(target)
        for batch in result.batches:
            stream.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            yield _drained(target)
    yield _drained(target)


def _drained(target: io.BytesIO) -> bytes:
    written = target.getvalue()
    target.seek(0)
    target.truncate()
    return written


def _rows(batch: pa.RecordBatch, also: list[Callable[[Any], Any] | None]) -> list[tuple[Any, ...]]:
    columns = [plain(column) for column in batch.columns]
    changed = (values if f is None else map(f, values) for values, f in zip(columns, also, strict=True))
    return list(zip(*changed, strict=True))


def _embedded(text: str | None) -> Any:
    """JSON as it is, where it is what the standard calls JSON; else as text."""
    if text is None:
        return None
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return orjson.Fragment(text)


def plain(array: Any) -> list[Any]:
    """The values of `array` as `answers.rendered` takes them."""
    kind = array.type
    for applies, convert in _CONVERSIONS:
        if applies(kind):
            return convert(array)
    values: list[Any] = array.to_pylist()
    return values


def _dates(array: Any) -> list[str | None]:
    return [_date(days) for days in array.view(pa.int32()).to_pylist()]


def _date(days: int | None) -> str | None:
    if days is None or not 1 <= days + EPOCH_DAY <= MOST_DAY:
        return None
    return dt.date.fromordinal(days + EPOCH_DAY).isoformat()


def _instants(array: Any) -> list[str | None]:
    unit_ns = UNIT_NS[array.type.unit]
    return [_instant(units, unit_ns) for units in array.view(pa.int64()).to_pylist()]


def _instant(units: int | None, unit_ns: int) -> str | None:
    if units is None or not EARLIEST_NS <= units * unit_ns < LATEST_NS:
        return None
    return answers.when(units * unit_ns)


def _times_of_day(array: Any) -> list[str | None]:
    unit_ns = UNIT_NS[array.type.unit]
    return [None if units is None else _time(units * unit_ns) for units in array.view(pa.int64()).to_pylist()]


def _time(at_ns: int) -> str:
    seconds, rest = divmod(at_ns, 10**9)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{fraction}"


def _intervals(array: Any) -> list[str | None]:
    return [None if value is None else _interval(*value) for value in array.to_pylist()]


def _interval(months: int, days: int, nanoseconds: int) -> str:
    seconds = f"{Decimal(nanoseconds).scaleb(-9).normalize():f}"
    date = "".join(f"{count}{unit}" for count, unit in ((months, "M"), (days, "D")) if count)
    return f"P{date}" + (f"T{seconds}S" if nanoseconds or not date else "")


def _blobs(array: Any) -> list[str | None]:
    return [None if value is None else base64.b64encode(value).decode() for value in array.to_pylist()]


def _lists(array: Any) -> list[list[Any] | None]:
    values, ends = plain(array.values), array.offsets.to_pylist()
    known = array.is_valid().to_pylist()
    return [values[ends[i] : ends[i + 1]] if known[i] else None for i in range(len(array))]


def _arrays(array: Any) -> list[list[Any] | None]:
    return _lists(array.cast(pa.list_(array.type.value_type)))


def _maps(array: Any) -> list[Any]:
    keys, items, ends = plain(array.keys), plain(array.items), array.offsets.to_pylist()
    by_name, known = pa.types.is_string(array.type.key_type), array.is_valid().to_pylist()
    found: list[Any] = []
    for i, valid in enumerate(known):
        pairs = list(zip(keys[ends[i] : ends[i + 1]], items[ends[i] : ends[i + 1]], strict=True)) if valid else None
        if pairs is None or by_name:
            found.append(pairs if pairs is None else dict(pairs))
        else:
            found.append([{"key": key, "value": value} for key, value in pairs])
    return found


def _structs(array: Any) -> list[dict[str, Any] | None]:
    names = [field.name for field in array.type]
    fields, known = [plain(field) for field in array.flatten()], array.is_valid().to_pylist()
    return [{n: v[i] for n, v in zip(names, fields, strict=True)} if known[i] else None for i in range(len(array))]


_CONVERSIONS: Final[tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], list[Any]]], ...]] = (
    (pa.types.is_dictionary, lambda array: plain(array.dictionary_decode())),
    (pa.types.is_date32, _dates),
    (pa.types.is_timestamp, _instants),
    (pa.types.is_time64, _times_of_day),
    (pa.types.is_interval, _intervals),
    (lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind), _blobs),
    (pa.types.is_map, _maps),
    (pa.types.is_list, _lists),
    (pa.types.is_fixed_size_list, _arrays),
    (pa.types.is_struct, _structs),
)


def _line(values: Any, *, safe: bool) -> bytes:
    return (",".join(_cell(value, safe=safe) for value in values) + "\r\n").encode()


def _cell(value: Any, *, safe: bool) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        text = answers.rendered(value).decode()
        return "" if text == "null" else _quoted(text)
    if not value:
        return '""'
    return _quoted(f"'{value}" if safe and value.startswith(FORMULA) else value)


def _quoted(text: str) -> str:
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if any(mark in text for mark in QUOTED) else text
