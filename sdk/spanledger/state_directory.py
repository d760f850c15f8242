"""Where the SDK keeps what it could not deliver yet.

Given settings, gives a directory, or None where nothing is to be written.

Never: the user's state directory in a run of pytest, where a program is tried out and nobody comes back for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from spanledger.settings import Settings

PYTEST = ("PYTEST_VERSION", "PYTEST_CURRENT_TEST")  # pytest says it in the environment while it runs


def spool_directory(settings: Settings, environ: Mapping[str, str] | None = None) -> Path | None:
    """The directory for undelivered ledger entries, or None where there is to be none."""
    environ = os.environ if environ is None else environ
    if not settings.spool_dir:
        return None
    if settings.spool_dir != "auto":
        return Path(settings.spool_dir).expanduser()
    if any(name in environ for name in PYTEST):
        return None
    if sys.platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "spanledger" / "spool"
