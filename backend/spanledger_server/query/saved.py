"""SQL that is kept under a name, with a value for each parameter that need not be given.

Never: kept without having been checked; the caller does that before it opens the transaction.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.errors import Conflict, Invalid, NotFound
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
MOST_SAVED: Final = 1000


@dataclass(frozen=True, slots=True)
class Saved:
    """A query that is kept. Times are nanoseconds since 1970."""

    name: str
    sql: str
    params: Mapping[str, Any]
    description: str | None
    created_ns: int
    updated_ns: int
    updated_by: str


def named(name: str) -> str:
    """`name`, if a query may be called so.

    Raises:
        Invalid: It may not.
    """
    if not NAME.fullmatch(name):
        raise Invalid("name", name, "1 to 63 lower-case letters, digits, _ and -, a letter or digit first")
    return name


def listed(reader: Reader) -> list[Saved]:
    """All of them, by name."""
    return [_saved(row) for row in reader.rows(SQL["saved_page"])]


def found(reader: Reader, name: str) -> Saved:
    """The one of this name.

    Raises:
        NotFound: There is none.
    """
    row = reader.row(SQL["saved_one"], name=name)
    if row is None:
        raise NotFound(f"there is no saved query {name!r}")
    return _saved(row)


def add(tx: Transaction, saved: Saved) -> None:
    """Keep a new one.

    Raises:
        Conflict: The name is taken, or there are too many.
    """
    names = {each.name for each in listed(tx)}
    if saved.name in names:
        raise Conflict(f"there is a saved query {saved.name!r} already: PUT changes it")
    if len(names) >= MOST_SAVED:
        raise Conflict(f"{MOST_SAVED} queries are saved already: delete some")
    tx.execute(SQL["add_saved"], name=saved.name, now_ns=saved.created_ns, **_content(saved))


def change(tx: Transaction, saved: Saved) -> None:
    """Keep this one in place of the one of the same name."""
    tx.execute(SQL["change_saved"], name=saved.name, now_ns=saved.updated_ns, **_content(saved))


def remove(tx: Transaction, name: str) -> None:
    """Forget it."""
    tx.execute(SQL["remove_saved"], name=name)


def _content(saved: Saved) -> dict[str, Any]:
    params = json.dumps(dict(saved.params))
    return {
        "statement": saved.sql,
        "params": params,
        "description": saved.description,
        "actor": saved.updated_by,
    }


def _saved(row: Mapping[str, Any]) -> Saved:
    return Saved(**{**row, "params": json.loads(row["params"])})
