"""Profiles: several servers by name, kept in the user's own configuration directory as TOML.

A profile has an address and perhaps a token: written there, in a file of its own, or in a variable. A file that holds
a token must be its owner's alone.

Never: a token read from a file that others can read, shown, or sent to another address than its profile's.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import click

from spanledger_server.auth.left import write_private
from spanledger_server.errors import SpanledgerError

FILE: Final = "profiles.toml"
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", re.ASCII)
ALLOWED_NAME: Final = "letters, digits, - and _, at most 63"


class ProfileError(SpanledgerError):
    """A profile cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One server. Of the three places for a token at most one is used."""

    url: str
    token: str | None = None
    token_file: str | None = None
    token_env: str | None = None
    ca_file: str | None = None

    def secret(self) -> str | None:
        """The token, wherever it is; None when the profile has none.

        Raises:
            ProfileError: It is not there, or others can read it.
        """
        if self.token_env is not None:
            found = os.environ.get(self.token_env)
            if not found:
                raise ProfileError(f"the profile takes its token from the variable {self.token_env}, which is not set")
            return found
        if self.token_file is None:
            return self.token
        path = Path(self.token_file).expanduser()
        check_private(path)
        return _content(path).strip()

    @property
    def token_from(self) -> str:
        """Where the token is, for people."""
        if self.token_env is not None:
            return f"variable {self.token_env}"
        return f"file {self.token_file}" if self.token_file is not None else "kept here" if self.token else "none"


@dataclass(frozen=True, slots=True)
class Profiles:
    """All of them, and the one that is used when none is named."""

    by_name: dict[str, Profile]
    chosen: str | None = None

    def named(self, name: str) -> Profile:
        """One of them.

        Raises:
            ProfileError: There is none of this name.
        """
        found = self.by_name.get(name)
        if found is None:
            known = f"there are {', '.join(sorted(self.by_name))}" if self.by_name else "there is none yet"
            raise ProfileError(f"there is no profile {name!r}: {known}; `spanledger profile add` makes one")
        return found

    def default(self) -> Profile | None:
        """The one to use when neither a profile nor an address is named."""
        return None if self.chosen is None else self.by_name.get(self.chosen)


def path() -> Path:
    """Where they are kept."""
    return Path(click.get_app_dir("spanledger")) / FILE


def read() -> Profiles:
    """All profiles; none when there is no file.

    Raises:
        ProfileError: The file is not as it should be, or holds a token and others can read it.
    """
    file = path()
    try:
        written = tomllib.loads(_content(file)) if file.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{file} is not TOML: {error}") from error
    tables = written.get("profiles", {})
    if not isinstance(tables, dict):
        raise ProfileError(f"profiles in {file} is no table: write [profiles.NAME]")
    found = {name: _profile(name, table, file) for name, table in tables.items()}
    if any(profile.token for profile in found.values()):
        check_private(file)
    chosen = written.get("default")
    return Profiles(found, chosen if isinstance(chosen, str) else None)


def _profile(name: str, table: Any, file: Path) -> Profile:
    known = {field.name for field in fields(Profile)}
    if not isinstance(table, dict) or not isinstance(table.get("url"), str):
        raise ProfileError(f"the profile {name!r} in {file} has no url")
    strange = sorted(table.keys() - known) + sorted(key for key in table if not isinstance(table[key], str))
    if strange:
        raise ProfileError(f"{strange[0]} of the profile {name!r} in {file} is not one of {', '.join(sorted(known))}")
    return Profile(**table)


def write(profiles: Profiles) -> Path:
    """Keep them, for their owner only; where.

    Raises:
        ProfileError: They cannot be written.
    """
    file = path()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = file.with_name(f"{FILE}.new")
        write_private(beside, "\n".join(_lines(profiles)) + "\n")
        beside.replace(file)
    except OSError as error:
        raise ProfileError(f"{file} cannot be written: {error.strerror}") from error
    return file


def _lines(profiles: Profiles) -> Iterable[str]:
    if profiles.chosen in profiles.by_name:
        yield f"default = {_text(str(profiles.chosen))}"
    for name, profile in sorted(profiles.by_name.items()):
        yield f"\n[profiles.{name}]"
        yield from (f"{key} = {_text(value)}" for key, value in asdict(profile).items() if value is not None)


def _text(value: str) -> str:
    """A basic string of TOML: as JSON's, but that DEL is escaped too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def check_private(file: Path) -> None:
    """Refuse a file with a secret that others can read.

    Raises:
        ProfileError: They can, or it is not there.
    """
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise ProfileError(f"{file} cannot be read: {error.strerror}") from error
    if os.name == "posix" and mode & 0o077:
        raise ProfileError(f"{file} holds a token and others can read it (mode {mode:04o}): chmod 600 {file}")


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{file} cannot be read: {error}") from error
