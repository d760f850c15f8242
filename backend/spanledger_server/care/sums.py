"""What a database holds, in one figure a table: to tell whether two of them hold the same.

Given a snapshot, gives for every table its rows and a sum over all their values.

Never: a table left out; reading all of them is also what finds a damaged block.
"""

from __future__ import annotations

from dataclasses import dataclass

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)


@dataclass(frozen=True, slots=True)
class Sum:
    """One table: its rows, and a sum over their values in which their order makes no difference."""

    rows: int
    digest: str


def sums(reader: Reader) -> dict[str, Sum]:
    """Every table.

    Raises:
        SpanledgerError: One of them cannot be read.
    """
    tables = [name for (name,) in reader.tuples(SQL["tables"])]
    return {name: Sum(*reader.tuples(SQL["sum_of_table"], name=name)[0]) for name in tables}


def different(one: dict[str, Sum], other: dict[str, Sum]) -> list[str]:
    """The tables that differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
