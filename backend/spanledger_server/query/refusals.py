"""How a statement of a user's fails: it is not allowed or wrong, or it needs more than it may have.

Never: without a text for whoever wrote the statement, and the place in it where one is known.
"""

from __future__ import annotations

from typing import Final

from spanledger_server.errors import SpanledgerError

SHOWN: Final = 56  # characters of the line that is shown
MOST_TOLD: Final = 2000  # characters of what DuckDB says
MARK: Final = "\n\nLINE "
BROKEN: Final = "INTERNAL Error"  # a mistake of DuckDB's; what follows the first line is for its authors


class Refused(SpanledgerError):
    """The statement is not allowed, or wrong (HTTP 400).

    Attributes:
        excerpt: The line in which, and below it a caret where; None when that is not known.
    """

    def __init__(self, message: str, excerpt: str | None = None) -> None:
        super().__init__(message[:MOST_TOLD])
        self.excerpt = excerpt


class OutOfTime(SpanledgerError):
    """The statement ran too long (HTTP 408)."""


def refused_at(message: str, sql: str, at_byte: int | None) -> Refused:
    """A refusal that shows where, when `at_byte` is a place in the UTF-8 of `sql`."""
    before = sql.encode()[:at_byte].decode(errors="ignore") if at_byte is not None else sql
    if at_byte is None or at_byte > len(sql.encode()):
        return Refused(message)
    number, column = before.count("\n") + 1, len(before) - before.rfind("\n") - 1
    line = sql.split("\n")[number - 1]
    first = max(0, column - SHOWN // 2)
    head = f"LINE {number}: {'…' if first else ''}"
    tail = "…" if len(line) > first + SHOWN else ""
    shown = line[first : first + SHOWN].replace("\t", " ")
    return Refused(message, f"{head}{shown}{tail}\n{' ' * (len(head) + column - first)}^")


def as_told(text: str) -> Refused:
    """What DuckDB says of a statement, its excerpt apart."""
    if text.startswith(BROKEN):
        return Refused(f"DuckDB cannot run this: {text.splitlines()[0]}")
    message, found, rest = text.partition(MARK)
    return Refused(" ".join(message.split()), f"{MARK.strip()} {rest.rstrip()}" if found else None)
