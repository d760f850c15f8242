"""What a database holds, in one figure a table: to tell whether two of them hold the same.

Given a snapshot, gives for every table its rows and a sum over all their values.

Never: a table left out; reading all of them is also what finds a damaged block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spanledger_server.store import sizes, sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)


@dataclass(frozen=True, slots=True)
class Sum:
    """One table: its rows, and a sum over their values in which their order makes no difference."""

    rows: int
    digest: str


Told = Callable[[int, int], None]  # rows so far, rows in all


def sums(reader: Reader, told: Told = lambda _done, _whole: None) -> dict[str, Sum]:
    """Every table.

    Args:
        reader: One snapshot.
        told: How far it is, after each table.

    Raises:
        SpanledgerError: One of them cannot be read.
    """
    rows = sizes.rows(reader)
    done, found = 0, {}
    for (name,) in reader.tuples(SQL["tables"]):
        found[name] = Sum(*reader.tuples(SQL["sum_of_table"], name=name)[0])
        done += rows.get(name, 0)
        told(done, max(1, sum(rows.values())))
    return found


def different(one: dict[str, Sum], other: dict[str, Sum]) -> list[str]:
    """The tables that differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
