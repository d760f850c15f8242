"""What a server leaves for its own user's command line: its address and a token, in a file that nobody else can read.

Never: anything that loads the database; every command of the command line begins here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FILE = "admin-token"


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)


@dataclass(frozen=True, slots=True)
class Left:
    """What the command line needs for a server of the same user: its address and a token for it."""

    url: str
    secret: str


def leave_for_the_command_line(directory: Path, secret: str | None, url: str) -> None:
    """Put address and secret where the same user's command line finds them: `admin-token`, mode 0600.

    Without a secret, the one left by an earlier start is kept and only the address is brought up to date.
    """
    if secret is None:
        earlier = left_for_the_command_line(directory)
        if earlier is None or earlier.url == url:
            return
        secret = earlier.secret
    write_private(directory / FILE, f"{secret}\n{url}\n")


def left_for_the_command_line(directory: Path) -> Left | None:
    """What a server left there; None when there is nothing that this user can read."""
    try:
        lines = (directory / FILE).read_text(encoding="utf-8").split()
    except OSError:
        return None
    return Left(url=lines[1], secret=lines[0]) if len(lines) == 2 else None
