"""A lock on an open file that ends with its process, however that ends; other containers on the same disk see it too.

Given a file's descriptor, says whether the lock is ours now. A forked child that closes its copy leaves it to the
parent.

Never: waits, or a lock that outlives the processes that have the file open.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import msvcrt
    import os

    _FAR = 1 << 40  # the byte that is locked there cannot be read by others: one that no file has

    def lock(descriptor: int) -> bool:
        """Whether the file is ours now."""
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def lock(descriptor: int) -> bool:
        """Whether the file is ours now."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
