"""How much of the machine the database may use.

Never: a limit that is written anywhere but here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CHECKPOINT_WAL_BYTES: Final = 256 * 1024 * 1024  # the default of 16 MB costs 40 % of the ingest rate


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """How much of the machine the database may use.

    Attributes:
        memory_limit_bytes: Memory for buffers and operators; what does not fit spills to disk.
        threads: Threads of one statement. Ingest groups are small, so more of them help only large reads.
        checkpoint_wal_bytes: Size of the write-ahead log at which a commit also checkpoints.
        documented: Whether views and columns get their comments at the start (50 ms); None: only those of a file.
    """

    memory_limit_bytes: int = 1024 * 1024 * 1024
    threads: int = 2
    checkpoint_wal_bytes: int = CHECKPOINT_WAL_BYTES
    documented: bool | None = None
