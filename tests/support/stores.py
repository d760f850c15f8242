"""Stores for tests: their tables are made once in a process and copied, which is far faster than making them."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from functools import cache
from pathlib import Path

from spanledger_server.store.database import Database, StoreOptions

MEMORY = Path("/dev/shm")  # where a file is as quick as memory
ROOM_BYTES = 2**30


@cache
def empty_store() -> bytes:
    """The file of a store that was opened and closed."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "spanledger.duckdb"
        Database.open(file).close()
        return file.read_bytes()


def new_store() -> Database:
    """An open store without a row, whose file goes when it does."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    directory = tempfile.TemporaryDirectory(dir=MEMORY if roomy else None)
    file = Path(directory.name) / "spanledger.duckdb"
    file.write_bytes(empty_store())
    opened = Database(file, StoreOptions(), read_only=False)  # `open` would look at it, and bring it up to date, first
    weakref.finalize(opened, directory.cleanup)
    return opened
