"""The command line beside a demo: it finds the demo by itself, and the demo says what to type.

Never: a token on the screen, or in the history of a shell.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spanledger_server.cli import profiles, running_demo
from spanledger_server.cli.client import connected

PROGRAM = "spanledger"


@contextmanager
def beside(url: str, token: str, question: str) -> Iterator[str]:
    """Tell the command line of this user where the demo is, while inside; gives what to type to ask `question`."""
    with running_demo.told(url, token) as found:
        if found:
            elsewhere = "" if _is_asked(url) else f" --url {url}"
            yield f"{_program()} {question}{elsewhere}"
        else:
            yield f"{_program()} {question} --url {url} --token, and the token of the link"


def _is_asked(url: str) -> bool:
    """Whether the demo is asked where no server is named."""
    if os.environ.get("SPANLEDGER_URL") or os.environ.get("SPANLEDGER_PROFILE"):
        return False
    try:
        return profiles.read().default() is None and connected(None, None).url == url
    except profiles.ProfileError:
        return False


def _program() -> str:
    """The command as this terminal finds it: an environment that is not activated has it, but not on the PATH."""
    own = Path(sys.executable).with_name(PROGRAM)
    if shutil.which(PROGRAM) or not own.is_file():
        return PROGRAM
    here = Path.cwd()
    return str(own.relative_to(here) if own.is_relative_to(here) else own)
