"""Read the statements of a feature from its `queries.sql`.

Given a package, gives a mapping from statement name to SQL text. A statement begins at ``-- name:
counts_in_window``; the comment lines below it say its purpose and are left out of the text. A line ``-- include:
ledger_conditions`` stands for the piece of that name in the store's `fragments.sql`. What ends in ``-- if: model``, or
stands between such a line and its ``-- end``, can be left out by `lean`: planning it takes longer than running it.

Never: puts a value into a statement. Values are bound as named parameters (``$name``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from textwrap import indent
from typing import Any

FILE_NAME = "queries.sql"
FRAGMENTS = "fragments.sql"
_HEAD = re.compile(r"^--\s*name:\s*(?P<name>\w+)\s*$")
_INCLUDE = re.compile(r"^(?P<indent>[ ]*)--\s*include:\s*(?P<name>\w+)[ ]*$", re.MULTILINE)
_IF = re.compile(r"(?P<sql>.*?)[ ]*-- if: (?P<names>[\w ]+)")
_END = "-- end"
_PARAMETER = re.compile(r"\$([a-z]\w*)")


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
    return parse(whole(text), f"{package}/{FILE_NAME}")


@lru_cache(maxsize=1)
def _fragments() -> Statements:
    text = files(__package__).joinpath(FRAGMENTS).read_text(encoding="utf-8")
    return parse(text, f"{__package__}/{FRAGMENTS}")


def whole(text: str) -> str:
    """The text with every fragment in its place.

    Raises:
        KeyError: It includes one that there is not.
    """
    return _INCLUDE.sub(lambda found: indent(whole(_fragments()[found["name"]]), found["indent"]), text)


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


def lean(sql: str, bound: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A statement without what it does not need, and the parameters that are left.

    Args:
        sql: The statement.
        bound: Its parameters, and further names of marks. A line or block is left out when all names of its ``-- if:``
            are None, false or not in here.
    """
    marks = _marks(sql)
    wanted = frozenset(name for name in marks if bound.get(name) is not None and bound[name] is not False)
    text, parameters = _only(sql, wanted)
    return text, {name: bound[name] for name in parameters}


@lru_cache(maxsize=256)
def _marks(sql: str) -> frozenset[str]:
    return frozenset(
        name for line in sql.splitlines() if (mark := _IF.fullmatch(line)) for name in mark["names"].split()
    )


@lru_cache(maxsize=4096)
def _only(sql: str, wanted: frozenset[str]) -> tuple[str, frozenset[str]]:
    kept: list[str] = []
    within = [True]  # of each block that is open, the outermost first
    for line in sql.splitlines():
        mark = _IF.fullmatch(line)
        chosen = within[-1] and (mark is None or not wanted.isdisjoint(mark["names"].split()))
        if line.strip() == _END:
            within.pop()
        elif mark is not None and not mark["sql"].strip():
            within.append(chosen)
        elif chosen:
            kept.append(line if mark is None else mark["sql"])
    text = "\n".join(kept)
    return text, frozenset(_PARAMETER.findall(text))
