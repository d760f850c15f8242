"""A file that somebody sent, opened: unpacked, decoded, and cut into rows or JSON values, never all at once.

Given a binary file, gives a `Table` (a header and rows with their line numbers) or JSON documents one after another.

Never: more memory than a line, or a JSON document, may have.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, islice
from typing import Any, BinaryIO, Final, TextIO, cast

import simplejson

from spanledger_server.errors import Invalid, Malformed, TooLarge

MOST_SENT: Final = 2**30
MOST_PLAIN: Final = 2 * 2**30
MOST_JSON: Final = 64 * 2**20
MOST_LINE: Final = 2**20
MOST_LINES: Final = 10_000_000  # two minutes of reading
MOST_COLUMNS: Final = 2_000
SAMPLE: Final = 2**18
HEADER_WITHIN: Final = 20  # lines: some exports tell about themselves first
OTHERS: Final = {b"PAR1": "Parquet", b"PK\x03\x04": "a ZIP archive or a spreadsheet", b"%PDF": "a PDF"}
ACCEPTED: Final = "CSV or JSON, also gzip, in UTF-8 or UTF-16"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a header.

    Attributes:
        candidates: The first lines, one of which is the header: (line number, cells).
        rows: Every row behind them: (line number, cells).
        notes: What a reader should know of how it was read.
    """

    candidates: list[tuple[int, list[str]]]
    rows: Iterator[tuple[int, list[str]]]
    notes: tuple[str, ...]


class _Counted(io.RawIOBase):
    """A stream that ends with an error when more was read than may be."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._left = stream, MOST_PLAIN

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            raise Malformed(f"the file cannot be unpacked: {error}") from error
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge(f"the bill is larger than {MOST_PLAIN} bytes unpacked: cut it up by month")
        buffer[: len(data)] = data
        return len(data)


def opened(file: BinaryIO) -> Table | Iterator[Any]:
    """The file as rows, or as JSON documents.

    Raises:
        Invalid: It is empty, or neither CSV nor JSON.
        Malformed: It cannot be unpacked or decoded.
    """
    head = file.read(4)
    file.seek(0)
    for magic, called in OTHERS.items():
        if head.startswith(magic):
            raise Invalid("file", called, ACCEPTED)
    plain: BinaryIO = cast("BinaryIO", gzip.GzipFile(fileobj=file, mode="rb")) if head[:2] == b"\x1f\x8b" else file
    buffered = io.BufferedReader(_Counted(plain), SAMPLE)
    encoding, notes = _encoding(buffered.peek(SAMPLE)[:SAMPLE])
    text = io.TextIOWrapper(buffered, encoding, newline="")
    lines = _lines(text)
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise Invalid("file", "empty", ACCEPTED)
    if first.lstrip()[0] in "{[":
        return _documents(first, lines, text)
    return _table(first, lines, notes)


def _encoding(sample: bytes) -> tuple[str, tuple[str, ...]]:
    if sample and not sample.strip(b"\0"):
        raise Invalid("file", "nothing but zero bytes", ACCEPTED)
    if not sample.strip(b"\xef\xbb\xbf\xff\xfe\x00 \r\n\t"):
        raise Invalid("file", "empty", ACCEPTED)
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", ("the file is UTF-16",)
    if sample[1:2] == b"\0" or sample[:1] == b"\0":
        return ("utf-16-le" if sample[1:2] == b"\0" else "utf-16-be"), ("the file is UTF-16",)
    if b"\0" in sample:
        raise Invalid("file", "binary", ACCEPTED)
    try:
        sample.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4:
            return "cp1252", ("the file is not UTF-8 and was read as Windows-1252",)
    return "utf-8-sig", ()


def _lines(text: TextIO) -> Iterator[str]:
    number = 0
    while line := _decoded(lambda: text.readline(MOST_LINE)):
        number += 1
        if number > MOST_LINES:
            raise TooLarge(f"the bill has more than {MOST_LINES:,} lines: cut it up by month")
        if len(line) == MOST_LINE and not line.endswith("\n"):
            yield line
            raise TooLarge(f"a line of the file is longer than {MOST_LINE} characters")
        yield line


def _decoded(read: Callable[[], str]) -> str:
    try:
        return read()
    except UnicodeError as error:
        raise Malformed(f"the file is not the text that it begins as: {error}") from error


def _documents(first: str, lines: Iterator[str], text: TextIO) -> Iterator[Any]:
    """JSON documents: one a line, or one after another in a file that is not too long."""
    cut = len(first) == MOST_LINE and not first.endswith("\n")  # the rest of a longer line is still to be read
    ended = not cut and first.rstrip().endswith(("}", "]"))
    second = next((line for line in lines if line.strip()), None) if ended else None
    try:
        alone = simplejson.loads(first, use_decimal=True)
    except (ValueError, RecursionError):
        alone = None
    if alone is not None:
        yield alone
        for number, line in enumerate(chain([second] if second else [], lines), 2):
            if line.strip():
                yield _loaded(line, f"line {number}")
        return
    rest = _decoded(lambda: text.read(MOST_JSON + 1))
    whole = first + (second or "") + rest
    if len(whole) > MOST_JSON:
        raise TooLarge(f"a JSON document may have {MOST_JSON} characters: give one document a line, or CSV")
    yield from _one_after_another(whole)


def _one_after_another(text: str) -> Iterator[Any]:
    decoder = simplejson.JSONDecoder(parse_float=Decimal)
    at, end = 0, len(text.rstrip())
    while at < end:
        try:
            found, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise Malformed(f"the file is not JSON, or ends too early: {error}") from error
        yield found


def _loaded(text: str, where: str) -> Any:
    try:
        return simplejson.loads(text, use_decimal=True)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{where} is not JSON, or ends too early: {error}") from error


def _table(first: str, lines: Iterator[str], notes: tuple[str, ...]) -> Table:
    following = list(islice(lines, HEADER_WITHIN))
    mark = _delimiter([first, *following])
    reader = csv.reader(chain([first], following, lines), delimiter=mark, strict=True)
    rows = _numbered(reader)
    candidates = list(islice(rows, HEADER_WITHIN))
    more = (f"cells are parted by {mark!r}",) if mark != "," else ()
    return Table(candidates, rows, (*notes, *more))


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise Malformed(f"line {reader.line_num} is not CSV: {error}") from error
        if cells is None:
            return
        if len(cells) > MOST_COLUMNS:
            raise TooLarge(f"line {reader.line_num} has more than {MOST_COLUMNS} columns")
        if any(cell.strip() for cell in cells):
            yield reader.line_num, cells


def _delimiter(sample: list[str]) -> str:
    """What parts the cells: what parts the first lines into the most, evenly."""

    def parts(mark: str) -> int:
        counts = [len(cells) for cells in csv.reader(sample[:5], delimiter=mark)]
        return min(counts[1:], default=counts[0]) + counts[0] if counts else 0

    try:
        return max((",", ";", "\t", "|"), key=parts)
    except csv.Error as error:
        raise Malformed(f"the file is not CSV: {error}") from error
