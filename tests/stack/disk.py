"""A file system of a few KiB that only one program sees, to be filled up and given room again."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def can_be_small() -> bool:
    """Whether this machine lets us mount something that only one process sees."""
    return (
        bool(shutil.which("unshare"))
        and subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0
    )


def on_a_disk_of(kib: int, directory: Path) -> list[str]:
    """What to put before a command so that `directory` is a file system of so many KiB for it."""
    directory.mkdir(exist_ok=True)
    return ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size={kib}k tmpfs "$0" && exec "$@"', str(directory)]


def give_room(kib: int, directory: Path, pid: int) -> None:
    """That file system is larger from now on."""
    inside = ["nsenter", "-t", str(pid), "-U", "-m", "--preserve-credentials"]
    subprocess.run([*inside, "mount", "-o", f"remount,size={kib}k", str(directory)], check=True)
