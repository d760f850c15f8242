"""Whether a memory-mapped file in a directory can be trusted not to end or to stop the program.

Given a directory, gives the kind of its file system, and whether pages of a file there keep the space that was reserved
for them. A page that finds no space when it is written to ends the process (SIGBUS), and one that comes over a network
makes it wait.

Never: looks at the directory itself, which may not answer.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

RESERVING: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "tmpfs"})
COPYING: Final = frozenset({"bcachefs", "btrfs", "zfs"})
REMOTE: Final = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse", "glusterfs", "lustre", "nfs", "nfs4", "smb3", "smbfs", "virtiofs"}
)
ENOUGH_BYTES: Final = 256 << 20  # free space with which a file system that promises nothing is trusted


def kind_of(directory: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The file system of a directory, such as `ext4`; empty where the system does not tell."""
    wanted = os.path.normpath(Path.cwd() / directory) + os.sep
    found, longest = "", 0
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        place, _, kind = line.partition(" - ")
        words, kinds = place.split(), kind.split()
        if len(words) < 5 or not kinds:
            continue
        at = words[4].replace("\\040", " ").rstrip(os.sep) + os.sep
        if wanted.startswith(at) and len(at) >= longest:  # of two on the same place the later one is on top
            found, longest = kinds[0].partition(".")[0], len(at)
    return found


def has_enough(directory: Path) -> bool:
    """Whether so much is free that a page will find its space."""
    try:
        return shutil.disk_usage(directory).free >= ENOUGH_BYTES
    except OSError:
        return False
