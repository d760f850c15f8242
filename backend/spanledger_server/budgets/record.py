"""Budgets in the store: made, changed and put away, each time as a new version with its row in the audit trail.

Given values that were checked, writes; given an id, reads the version that holds, or all of them.

Never: a version that is changed or deleted, or two budgets in use with one name.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from spanledger_server.auth import audit
from spanledger_server.budgets.budget import Budget
from spanledger_server.errors import Conflict, Invalid, NotFound
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

MOST_BUDGETS: Final = 1000  # in use


def listed(reader: Reader, *, archived: bool = False) -> list[Budget]:
    """All budgets by name; `archived` ones behind the others, where they are wanted."""
    found = (Budget(**row) for row in reader.rows(SQL["budgets"]))
    return [budget for budget in found if archived or budget.archived_ns is None]


def read(reader: Reader, budget_id: str) -> Budget:
    """The budget as it holds now, archived or not.

    Raises:
        NotFound: There is none of that id.
    """
    row = reader.row(SQL["budget"], budget_id=budget_id)
    if row is None:
        raise NotFound(f"there is no budget {budget_id!r}")
    return Budget(**row)


def versions(reader: Reader, budget_id: str) -> list[Budget]:
    """Every version, newest first.

    Raises:
        NotFound: There is none of that id.
    """
    found = [Budget(**row) for row in reader.rows(SQL["budget_versions"], budget_id=budget_id)]
    if not found:
        raise NotFound(f"there is no budget {budget_id!r}")
    return found


def create(tx: Transaction, values: Mapping[str, Any], now_ns: int, actor: str) -> Budget:
    """A new budget.

    Args:
        tx: The transaction it is written in.
        values: All that a client says of a budget, by the names of `Budget`.
        now_ns: The time.
        actor: Who makes it.

    Raises:
        Conflict: Its name is taken.
        Invalid: There are too many.
    """
    known = listed(tx)
    _check_name(known, values["name"], None)
    if len(known) >= MOST_BUDGETS:
        raise Invalid("name", values["name"], f"at most {MOST_BUDGETS} budgets in use; archive some")
    marks = {"version": 1, "created_ns": now_ns, "changed_ns": now_ns, "changed_by": actor, "archived_ns": None}
    made = Budget(**{**values, **marks, "budget_id": secrets.token_hex(8)})
    _write(tx, made, None, "budget.created")
    return made


def change(
    tx: Transaction, budget_id: str, values: Mapping[str, Any], now_ns: int, actor: str, *, seen: int | None = None
) -> Budget:
    """A new version of a budget; none where nothing is different.

    Args:
        tx: The transaction it is written in.
        budget_id: Which.
        values: All that a client says of a budget.
        now_ns: The time.
        actor: Who changes it.
        seen: The version that the client knows; None does not mind.

    Raises:
        NotFound: There is none of that id, or it is archived.
        Conflict: Its name is taken, or somebody else has changed it since.
    """
    before = _in_use(tx, budget_id)
    if seen is not None and seen != before.version:
        raise Conflict(f"version {seen} of this budget was changed since: version {before.version} holds")
    _check_name(listed(tx), values["name"], budget_id)
    same = replace(before, **values)
    if same == before:
        return before
    after = replace(same, version=before.version + 1, changed_ns=now_ns, changed_by=actor)
    _write(tx, after, before, "budget.changed")
    return after


def archive(tx: Transaction, budget_id: str, now_ns: int, actor: str) -> Budget:
    """Put a budget away: it is watched no more, and its history stays.

    Raises:
        NotFound: There is none of that id, or it is archived already.
    """
    before = _in_use(tx, budget_id)
    after = replace(before, version=before.version + 1, changed_ns=now_ns, changed_by=actor, archived_ns=now_ns)
    _write(tx, after, before, "budget.archived")
    return after


def _in_use(tx: Transaction, budget_id: str) -> Budget:
    found = read(tx, budget_id)
    if found.archived_ns is not None:
        raise NotFound(f"the budget {found.name!r} is archived: make a new one")
    return found


def _check_name(known: list[Budget], name: str, mine: str | None) -> None:
    if any(budget.name == name and budget.budget_id != mine for budget in known):
        raise Conflict(f"another budget in use is called {name!r}")


def _write(tx: Transaction, after: Budget, before: Budget | None, action: str) -> None:
    tx.execute(SQL["add_version"], **after.told())
    detail = {"before": None if before is None else before.told(), "after": after.told()}
    audit.record(tx, after.changed_ns, after.changed_by, action, after.budget_id, detail)
