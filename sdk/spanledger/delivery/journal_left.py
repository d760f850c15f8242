"""What processes that were killed have left in their journals.

Given a directory, finds the journals whose processes have ended, takes each for this process alone by its lock, and
gives the entries that were still waiting. Told that these lie elsewhere, notes it in the file, so that whoever comes
next goes on from there; an empty file is removed. One that does not make sense is set aside as `.unreadable`.

Never: an entry of a living process, or one that was not written just so.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import logging
import os
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from spanledger.call import Entry
from spanledger.delivery.file_lock import lock
from spanledger.delivery.journal import (
    CAPACITY,
    DATA_AT,
    DONE,
    FRAME,
    HEAD,
    LOW,
    MAGIC,
    MAGIC_AT,
    MAX_FRAME,
    SAID,
    SUFFIX,
    TAIL,
    WORDS,
    WRITTEN,
)
from spanledger.delivery.journal_record import MAX_RECORD, load
from spanledger.guard import say_once

MAX_SAID = 1 << 20
BEING_MADE_S = 60.0  # a file that says nothing yet may be one that somebody makes right now
_WORD = WORDS.size // 8


class Unreadable(ValueError):
    """This is no journal, or no whole one."""


class Left:
    """One journal of a process that has ended; ours while it is open.

    Attributes:
        resource: The resource field of a request with these entries.
        finished: To be set when everything that can be read has been moved: nobody needs to come back.

    Raises:
        Unreadable: The file is no journal.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.finished = False
        words: tuple[int, ...] = WORDS.unpack(self._at(0, WORDS.size))
        size = os.fstat(file.fileno()).st_size
        self._data_at, self._capacity, self._head, self._tail = (
            words[which] for which in (DATA_AT, CAPACITY, HEAD, TAIL)
        )
        waiting = self._head - self._tail
        sound = WORDS.size <= self._data_at and 0 < self._capacity <= size - self._data_at - MAX_FRAME
        if words[MAGIC_AT] != MAGIC or not sound or not 0 <= waiting <= self._capacity:
            raise Unreadable("it does not begin like a journal")
        self._names, self._usage_names, self.resource = self._said(words[SAID] >> 32, words[SAID] & LOW)
        self._written, self._done = words[WRITTEN], words[DONE]

    def _said(self, length: int, check: int) -> tuple[list[str], list[str], bytes]:
        said = self._at(WORDS.size, length) if length <= min(MAX_SAID, self._data_at) else b""
        try:
            if zlib.crc32(said) != check:
                raise ValueError("checksum")
            known = json.loads(said)
            return list(known["fields"]), list(known["usage"]), base64.b64decode(known["resource"])
        except (ValueError, TypeError, KeyError, RecursionError, binascii.Error) as error:
            raise Unreadable(f"what it says of itself is not readable: {error}") from None

    def read(self, limit: int) -> list[Entry | None]:
        """The next entries, at most `limit`; None for one that is whole and makes no sense, nothing at the end."""
        found: list[Entry | None] = []
        while len(found) < limit and (record := self._next()) is not None:
            try:
                found.append(load(record, self._names, self._usage_names))
            except ValueError:
                found.append(None)
        self._done += len(found)
        return found

    def unreadable(self) -> int:
        """How many entries are still in it: when `read` gives no more, those that are damaged."""
        return min(max(self._written - self._done, 0), (self._head - self._tail) // FRAME.size)

    def _next(self) -> bytes | None:
        """The next record; None where there is none, or where one is not as it was written."""
        at, waiting = self._data_at + self._tail % self._capacity, self._head - self._tail
        if waiting < FRAME.size:
            return None
        length, check = FRAME.unpack(self._at(at, FRAME.size))
        if not 0 < length <= min(MAX_RECORD, waiting - FRAME.size):
            return None
        record = self._at(at + FRAME.size, length)
        if zlib.crc32(record, self._tail & LOW) != check:
            return None
        self._tail += FRAME.size + length
        return record

    def moved(self) -> None:
        """What was read lies elsewhere now."""
        for which, value in ((DONE, self._done), (TAIL, self._tail)):
            self._file.seek(which * _WORD)
            self._file.write(struct.pack("=Q", value))
        self._file.flush()

    def _at(self, place: int, size: int) -> bytes:
        self._file.seek(place)
        found = self._file.read(size)
        if len(found) != size:
            raise Unreadable("it is cut off")
        return found


def journals_left(directory: Path) -> Iterator[Left]:
    """The journals of ended processes, oldest first, each ours until the next one is asked for."""
    for path in sorted(directory.glob("*" + SUFFIX)):
        rest: Callable[[], None] | None = None
        with contextlib.suppress(OSError), path.open("r+b", buffering=0) as file:
            if not lock(file.fileno()) or os.fstat(file.fileno()).st_nlink == 0:
                continue  # somebody lives there, or was quicker
            try:
                left = Left(file)
            except Unreadable as error:
                rest = _rest_of_what_is_no_journal(path, file, str(error))
            else:
                yield left
                if left.finished:
                    rest = partial(_rest_of, path, left.unreadable())
        if rest is not None:  # not every system lets go of a file that is open
            rest()


def _rest_of_what_is_no_journal(path: Path, file: BinaryIO, why: str) -> Callable[[], None] | None:
    file.seek(0)
    if any(file.read(WORDS.size)):
        return partial(_set_aside, path, why)
    made = os.fstat(file.fileno()).st_mtime
    return partial(_remove, path) if time.time() - made > BEING_MADE_S else None


def _rest_of(path: Path, unreadable: int) -> None:
    if unreadable:
        _set_aside(path, f"{unreadable} entries are damaged")
    else:
        _remove(path)


def _set_aside(path: Path, why: str) -> None:
    """Keep a file that nobody can read out of the way, for whoever wants to look at it."""
    aside = path.with_suffix(".unreadable")
    say_once(f"journal {path.name}", logging.WARNING, "spanledger cannot read all of %s (%s)", aside, why)
    with contextlib.suppress(OSError):
        path.rename(aside)


def _remove(path: Path) -> None:
    """Be rid of a file."""
    with contextlib.suppress(OSError):
        path.unlink()
