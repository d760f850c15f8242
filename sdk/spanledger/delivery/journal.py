"""The shadow on disk of what waits in memory: each ledger entry is written into a mapped file before it is queued.

Given an entry on the caller's thread, writes one record into this process's own file, which the kernel keeps when the
process is killed; told what has left the queue, frees its place. What a process leaves behind, `journal_left` finds.

The file is a ring of one size. `HEAD` and `TAIL` count bytes since the beginning: a record lies at its number modulo
the capacity, and may run over the end into the `MAX_FRAME` bytes behind it, so that none is in two pieces. First the
record is written, then `HEAD` moves over it: of a call that was cut off by the kill nothing is seen. A record is its
length, a CRC-32 begun with its place, so that no other lap's record passes for it, and what `journal_record` wrote.

Never: a wait for a disk that is full or far away, or an entry kept from the queue because it could not be written here.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import logging
import mmap
import os
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spanledger.delivery import mounts
from spanledger.delivery.file_lock import lock
from spanledger.delivery.journal_record import FIELDS, MAX_RECORD, dump
from spanledger.guard import guard, say_once
from spanledger.usage import USAGE_FIELDS

SUFFIX: Final = ".journal"
MAGIC: Final = int.from_bytes(b"SLEDGER1", "little")
MAGIC_AT, DATA_AT, CAPACITY, HEAD, WRITTEN, TAIL, DONE, SAID = range(8)  # the words that a file begins with
WORDS: Final = struct.Struct("=8Q")
FRAME: Final = struct.Struct("<II")
MAX_FRAME: Final = MAX_RECORD + FRAME.size
LOW: Final = 0xFFFFFFFF
NO_SPACE: Final = "hardly any space is left"
_PAGE = 4096
_LOOK_EVERY_S = 1.0
_guard = guard("delivery.journal")

Kept = tuple[Any, int, int]  # an entry, and the bytes where it lies: from, to; both the same where it lies nowhere


@dataclass(frozen=True, slots=True)
class JournalBooks:
    """What the journal does, for `stats()`.

    Attributes:
        state: `on`, `off`, or `unused` before the first entry.
        reason: Why it is off.
        written: Entries that were written before they were queued.
        missed: Entries that were only queued.
        held_bytes: Bytes of entries that wait.
        max_bytes: How many may.
    """

    state: str = "off"
    reason: str = ""
    written: int = 0
    missed: int = 0
    held_bytes: int = 0
    max_bytes: int = 0


class Journal:
    """This process's file; made with the first entry, gone when everything in it has left the queue at the end.

    Args:
        directory: Where it lies, beside what is spooled for the same receiver.
        max_bytes: How many bytes of entries may wait in it; 0: none, and no file.
        resource: Gives the resource field of a request, for whoever delivers what is left behind.
        sync_s: Seconds between two times that the disk is asked to keep it, which a power cut needs; 0: never.
    """

    def __init__(self, directory: Path, max_bytes: int, resource: Callable[[], bytes], sync_s: float = 0.0) -> None:
        self.directory, self.max_bytes = directory, max_bytes
        self._resource, self._sync_s = resource, sync_s
        self._fresh()

    def _fresh(self) -> None:
        self._opening = threading.RLock()
        self._words: memoryview[int] | None = None
        self._map: mmap.mmap | None = None
        self._data_at = self._head = self._tail = self._written = self._done = 0
        self._descriptor = -1
        self._path: Path | None = None
        self._off = "setting" if self.max_bytes <= 0 else ""
        self._missed = 0
        self._out_of_turn: dict[int, int] = {}  # records that are done behind one that is not: from, to
        self._hole = -1
        self._trusted = self._reserves = True
        self._next_look = self._next_sync = 0.0

    # --- for everybody ------------------------------------------------------------------------------------------------

    def keep(self, entry: Any) -> Kept:
        """Write an entry down; gives what is to be queued."""
        kept = _guard.run(self._append, entry)
        if kept is not None:
            return kept
        self._missed += 1
        return entry, 0, 0

    def _append(self, entry: Any) -> Kept | None:
        words = self._words or self._opened()
        if words is None or not self._trusted:
            return None
        record = dump(entry)
        size = FRAME.size + len(record)
        while record:
            head = self._head
            end = head + size
            if end - self._tail > self.max_bytes:
                say_once("journal full", logging.WARNING, "spanledger's journal is full: a kill may now lose calls")
                return None
            frame = FRAME.pack(len(record), zlib.crc32(record, head & LOW)) + record
            at = self._data_at + head % self.max_bytes
            place, ring, written = slice(at, at + size), self._map, self._written + 1
            # No call from here to the end: between two calls the interpreter neither changes the thread nor runs a
            # signal's handler or a finalizer, each of which may bring an entry of its own.
            if self._head == head and ring is not None:
                ring[place] = frame
                words[HEAD] = self._head = end
                words[WRITTEN] = self._written = written
                return entry, head, end
        return None

    def books(self) -> JournalBooks:
        """What it does at this moment."""
        words, state = self._words, "off" if self._off else "unused"
        if words is None:
            return JournalBooks(state, self._off, missed=self._missed, max_bytes=self.max_bytes)
        state, reason = ("on", "") if self._trusted else ("off", NO_SPACE)
        return JournalBooks(state, reason, self._written, self._missed, self._head - self._tail, self.max_bytes)

    # --- for the worker -----------------------------------------------------------------------------------------------

    def done(self, kept: Sequence[Kept]) -> None:
        """These have left the queue for good."""
        words = self._words
        if words is None:
            return
        tail, waiting = self._tail, self._out_of_turn
        waiting.update((start, end) for _, start, end in kept if tail <= start < end)
        if waiting and tail == self._hole:  # last time too: its thread was interrupted before it could queue it
            tail = min(waiting)
        while (end := waiting.pop(tail, 0)) > 0:
            tail = end
            self._done += 1
        self._hole = tail if waiting else -1
        words[DONE] = self._done
        words[TAIL] = self._tail = tail
        lap = -(-tail // self.max_bytes) * self.max_bytes
        if self._head == tail:  # empty: begin again in front, where the pages are at hand; no call from here on either
            words[HEAD] = self._head = lap
            words[TAIL] = self._tail = lap

    def look_after(self, now_s: float) -> None:
        """Ask the disk to keep what is written, where that was asked for; stand aside while there is hardly space."""
        words = self._words
        if words is None:
            return
        if self._sync_s and now_s >= self._next_sync:
            self._next_sync = now_s + self._sync_s
            os.fsync(self._descriptor)
        if not self._reserves and now_s >= self._next_look:
            self._next_look = now_s + _LOOK_EVERY_S
            self._trusted = mounts.has_enough(self.directory)

    def close(self) -> None:
        """Let go of the file; it stays where something in it has not left the queue."""
        words, path, descriptor = self._words, self._path, self._descriptor
        self._words = self._map = None  # freed by the last thread that still writes
        self._off = self._off or "shutdown"
        if words is None or path is None:
            return
        empty = self._head == self._tail
        os.close(descriptor)
        del words
        if empty:
            with contextlib.suppress(OSError):
                path.unlink()

    def after_fork(self) -> None:
        """In a child: the file is the parent's, and so is its lock as soon as the child has let go."""
        words, ring, descriptor = self._words, self._map, self._descriptor
        self._fresh()
        with contextlib.suppress(OSError, BufferError):
            if words is not None and ring is not None:
                words.release()
                os.close(descriptor)
                ring.close()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _opened(self) -> memoryview[int] | None:
        with self._opening:
            if self._words is None and not self._off:
                self._off = "opening"  # should a signal's handler come here meanwhile
                self._off = self._open()
            return self._words

    def _open(self) -> str:
        """Why it cannot be used; empty where it can."""
        kind = mounts.kind_of(self.directory)
        if kind in mounts.COPYING | mounts.REMOTE:
            return self._told(f"file system {kind}")
        if not getattr(sys, "_is_gil_enabled", lambda: True)():
            return self._told("this Python runs threads at the same time")
        self._reserves = kind in mounts.RESERVING
        try:
            if not self._reserves and not mounts.has_enough(self._made_directory()):
                return self._told(NO_SPACE)
            self._make(self._made_directory() / f"{time.time_ns():020d}_{os.getpid()}{SUFFIX}")
        except (OSError, ValueError) as error:
            return self._told(f"{type(error).__name__}: {error}")
        return ""

    def _made_directory(self) -> Path:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.directory

    def _told(self, reason: str) -> str:
        said = "spanledger keeps no journal in %s (%s): what is queued when the process is killed is lost"
        say_once("journal", logging.WARNING, said, self.directory, reason)
        return reason

    def _make(self, path: Path) -> None:
        said = self._said()
        data_at = -(-(WORDS.size + len(said)) // _PAGE) * _PAGE
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            if not lock(descriptor):
                raise OSError("the new file is locked by somebody else")
            reserve(descriptor, data_at + self.max_bytes + MAX_FRAME)
            ring = mmap.mmap(descriptor, data_at + self.max_bytes + MAX_FRAME)
        except BaseException:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        words = memoryview(ring)[: WORDS.size].cast("Q")
        ring[WORDS.size : WORDS.size + len(said)] = said
        words[DATA_AT], words[CAPACITY] = data_at, self.max_bytes
        words[SAID] = len(said) << 32 | zlib.crc32(said)
        words[MAGIC_AT] = MAGIC  # from here on the file means something
        self._data_at, self._descriptor, self._path, self._map = data_at, descriptor, path, ring
        self._words = words

    def _said(self) -> bytes:
        """What a reader has to know, who may be another version of the SDK."""
        resource = base64.b64encode(self._resource()).decode()
        return json.dumps({"fields": FIELDS, "usage": USAGE_FIELDS, "resource": resource}).encode()


def reserve(descriptor: int, size: int) -> None:
    """Have the disk set so many bytes aside, so that none of them can be missing later.

    Raises:
        OSError: It has no room.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise
    nothing = bytes(1 << 20)
    while size > 0:
        size -= os.write(descriptor, nothing[:size])
