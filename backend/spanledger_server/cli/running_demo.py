"""Where the demo runs and its token, for the same user's command line: `demo-token`, mode 0600, while the demo runs.

It stands beside the profiles, since the demo's own directory has another name each time.

Never: another server's token replaced, or a demo that does not start since this cannot be written.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from spanledger_server.auth.left import Left, write_private

FILE = "demo-token"


def path() -> Path:
    """Where it is told."""
    return Path(click.get_app_dir("spanledger")) / FILE


@contextmanager
def told(url: str, secret: str) -> Iterator[bool]:
    """Tell it while inside; gives whether the command line finds it."""
    file = path()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(file, f"{secret}\n{url}\n{os.getpid()}\n")
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        if _written(file)[2:] == [str(os.getpid())]:  # else another demo has begun since
            with suppress(OSError):
                file.unlink()


def found() -> Left | None:
    """The demo that runs; None when none does, or when others could have written where it is told."""
    lines = _written(path())
    if len(lines) != 3 or not _runs(lines[2]):
        return None
    return Left(url=lines[1], secret=lines[0])


def _written(file: Path) -> list[str]:
    try:
        with file.open(encoding="utf-8") as opened:
            if os.name == "posix" and stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
                return []
            return opened.read().split()
    except (OSError, UnicodeDecodeError):
        return []


def _runs(process: str) -> bool:
    """Whether whoever wrote it is still there: one that was killed could not take it back."""
    if os.name != "posix":
        return True
    try:
        os.kill(int(process), 0)
    except (ValueError, OverflowError, OSError):
        return False
    return True
