"""How much of the machine the database may use.

Never: a limit that is written anywhere but here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHECKPOINT_WAL_BYTES: Final = 256 * 1024 * 1024  # the default of 16 MB costs 40 % of the ingest rate


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """How much of the machine the database may use.

    Attributes:
        memory_limit_bytes: Memory for buffers and operators; what does not fit spills to disk.
        threads: Threads of one statement. Ingest groups are small, so more of them help only large reads.
        spill_bytes: Most disk for what does not fit in memory.
        checkpoint_wal_bytes: Size of the write-ahead log at which a commit also checkpoints.
        backup_directory: The one directory beside its own that the database may write to; None: `backups` in its own.
        documented: Whether views and columns get their comments at the start (50 ms); None: only those of a file.
    """

    memory_limit_bytes: int = 1024 * 1024 * 1024
    threads: int = 2
    spill_bytes: int = 4 * 1024 * 1024 * 1024
    checkpoint_wal_bytes: int = CHECKPOINT_WAL_BYTES
    backup_directory: Path | None = None
    documented: bool | None = None
