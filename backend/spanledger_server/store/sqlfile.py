"""Read the statements of a feature from its `queries.sql`.

Given a package, gives a mapping from statement name to SQL text. A statement begins at ``-- name:
counts_in_window``; the comment lines below it say its purpose and are left out of the text. A line ``-- include:
ledger_conditions`` stands for the piece of that name in the store's `fragments.sql`.

Never: puts a value into a statement. Values are bound as named parameters (``$name``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from textwrap import indent

FILE_NAME = "queries.sql"
FRAGMENTS = "fragments.sql"
_HEAD = re.compile(r"^--\s*name:\s*(?P<name>\w+)\s*$")
_INCLUDE = re.compile(r"^(?P<indent>[ ]*)--\s*include:\s*(?P<name>\w+)[ ]*$", re.MULTILINE)


class Statements(Mapping[str, str]):
    """The statements of one file by name."""

    __slots__ = ("_by_name", "source")

    def __init__(self, by_name: Mapping[str, str], source: str) -> None:
        self._by_name = dict(by_name)
        self.source = source

    def __getitem__(self, name: str) -> str:
        try:
            return self._by_name[name]
        except KeyError:
            raise KeyError(
                f"{self.source} has no statement named {name!r}; it has {', '.join(sorted(self._by_name))}"
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


def load(package: str) -> Statements:
    """The statements of the `queries.sql` beside the modules of `package`: ``SQL = sqlfile.load(__package__)``.

    Raises:
        FileNotFoundError: The package has no `queries.sql`.
        ValueError: The file is not a list of named statements.
        KeyError: It includes a fragment that there is not.
    """
    text = files(package).joinpath(FILE_NAME).read_text(encoding="utf-8")
    return parse(_whole(text), f"{package}/{FILE_NAME}")


@lru_cache(maxsize=1)
def _fragments() -> Statements:
    text = files(__package__).joinpath(FRAGMENTS).read_text(encoding="utf-8")
    return parse(text, f"{__package__}/{FRAGMENTS}")


def _whole(text: str) -> str:
    """The text with every fragment in its place."""
    return _INCLUDE.sub(lambda found: indent(_fragments()[found["name"]], found["indent"]), text)


def parse(text: str, source: str) -> Statements:
    """Cut `text` into its named statements.

    Args:
        text: The content of the file.
        source: What messages call the file.

    Raises:
        ValueError: A name occurs twice, a statement is empty, or SQL stands before the first name.
    """
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.splitlines():
        head = _HEAD.match(line)
        if head:
            if head["name"] in found:
                raise ValueError(f"{source}: two statements are named {head['name']!r}")
            current = found.setdefault(head["name"], [])
        elif current is not None:
            if current or not (line.startswith("--") or not line.strip()):
                current.append(line)
        elif line.strip() and not line.startswith("--"):
            raise ValueError(f"{source}: a statement before the first '-- name:' line: {line!r}")
    statements = {name: "\n".join(lines).strip().rstrip(";").rstrip() for name, lines in found.items()}
    for name, statement in statements.items():
        if not statement:
            raise ValueError(f"{source}: the statement {name!r} is empty")
    return Statements(statements, source)
