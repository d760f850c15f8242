"""A directory of ledger entries that could not be delivered: encoded requests, one compressed file each.

Given a batch's bytes and count, writes a file; gives the oldest back to be sent again. A file's name says when it was
written, by which process, and how many entries it holds, so that a later process takes over what a dead one left.
Files are this user's only (0600) and lie in a directory of their own for each receiver, so that nothing is sent where
it was not meant to go.

Never: more bytes than allowed, anything but ledger entries, or a failure that reaches the caller.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sys
import time
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from spanledger.guard import say_once

SUFFIX = ".otlp"
ZLIB = b"\x78"  # no request begins with it
MAX_UNPACKED = 256 << 20


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """One file.

    Attributes:
        path: Where it lies.
        count: Entries in it.
        size: Bytes of it.
        owner: The process that wrote it or took it over.
    """

    path: Path
    count: int
    size: int
    owner: str


class Spool:
    """The files of one receiver; used by one thread at a time.

    Attributes:
        directory: Where they lie.
    """

    def __init__(self, directory: Path, address: str, max_bytes: int) -> None:
        self.directory = directory / hashlib.sha256(address.encode()).hexdigest()[:12]
        self._max_bytes = max_bytes
        self._own: list[SpoolFile] = []
        self._sequence = 0
        self._broken = max_bytes <= 0

    def take_over(self) -> int:
        """Make the files of dead processes ours; gives the number of entries in them."""
        me, taken = process_name(), []
        alive = cache(is_alive)
        for found in self._files():
            if found.owner == me or alive(found.owner):
                continue
            ours = found.path.with_name(_file_name(found.path.name.split("_")[0], me, self._next(), found.count))
            with contextlib.suppress(OSError):  # another process was quicker
                found.path.rename(ours)
                taken.append(SpoolFile(ours, found.count, found.size, me))
        self._own = sorted(self._own + taken, key=lambda file: file.path.name)
        return sum(file.count for file in taken)

    def write(self, payload: bytes, count: int) -> bool:
        """Keep a batch; False where there is no room, or the disk says no."""
        if self._broken:
            return False
        packed = zlib.compress(payload, 1)  # a seventh of it
        if len(packed) < len(payload):
            payload = packed
        if self._used() + len(payload) > self._max_bytes:
            return False
        me = process_name()
        path = self.directory / _file_name(f"{time.time_ns():020d}", me, self._next(), count)
        part = path.with_suffix(".part")
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(payload)
            part.rename(path)
        except OSError as error:
            self._broken = True
            with contextlib.suppress(OSError):
                part.unlink()
            say_once("spool", logging.WARNING, "spanledger cannot keep ledger entries in %s: %s", self.directory, error)
            return False
        self._own.append(SpoolFile(path, count, len(payload), me))
        return True

    def oldest(self) -> SpoolFile | None:
        """The file to send next, if there is one."""
        return self._own[0] if self._own else None

    def read(self, file: SpoolFile) -> bytes | None:
        """A file's batch; None where it is gone, or damaged."""
        try:
            found = file.path.read_bytes()
            return _unpacked(found) if found.startswith(ZLIB) else found
        except (OSError, zlib.error):
            return None

    def remove(self, file: SpoolFile) -> None:
        """Forget a file that was delivered, or that nobody will ever take."""
        if file in self._own:
            self._own.remove(file)
        with contextlib.suppress(OSError):
            file.path.unlink()

    def after_fork(self) -> None:
        """The files are the parent's."""
        self._own = []

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _used(self) -> int:
        """Bytes of all files of this receiver, whoever wrote them."""
        used = 0
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.directory):
                used += entry.stat().st_size if entry.name.endswith(SUFFIX) else 0
        return used

    def _files(self) -> list[SpoolFile]:
        """All files of this receiver, oldest first; other names are left alone."""
        found = []
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.directory):
                parts = entry.name.removesuffix(SUFFIX).split("_")
                if entry.name.endswith(SUFFIX) and len(parts) == 4 and parts[3].isdecimal():
                    found.append(SpoolFile(Path(entry.path), int(parts[3]), entry.stat().st_size, parts[1]))
        return sorted(found, key=lambda file: file.path.name)


def _unpacked(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    found = unpacking.decompress(packed, MAX_UNPACKED)
    if not unpacking.eof:
        raise zlib.error("cut off, or too large")
    return found


def _file_name(written: str, owner: str, sequence: int, count: int) -> str:
    return f"{written}_{owner}_{sequence}_{count}{SUFFIX}"


def process_name(pid: int | None = None) -> str:
    """A process, told apart from a later one with the same number by when it began (where the system says so)."""
    pid = os.getpid() if pid is None else pid
    try:
        began = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        began = "0"
    return f"{pid}-{began}"


def is_alive(owner: str) -> bool:
    """Whether the process of that name still runs; what cannot be told counts as alive."""
    number, _, began = owner.partition("-")
    if not number.isdecimal():
        return False
    return _runs(int(number)) and (began == "0" or process_name(int(number)) == owner)


if sys.platform == "win32":
    import ctypes

    def _runs(pid: int) -> bool:
        """Asks without a signal: on Windows signal 0 is a Ctrl+C."""
        kernel = ctypes.windll.kernel32
        found = kernel.OpenProcess(0x1000, False, pid)  # to ask for little
        if not found:
            return bool(kernel.GetLastError() == 5)  # it is there, but not for us
        code = ctypes.c_ulong()
        known = kernel.GetExitCodeProcess(found, ctypes.byref(code))
        kernel.CloseHandle(found)
        return not known or code.value == 259  # which means that it still runs

else:

    def _runs(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
        except OSError:
            return True
        return True
