"""The audit trail: a row for every change an administrator makes, written in the transaction of the change.

Never: a change without its row, a row without its change, or a secret in either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Transaction

SQL = sqlfile.load(__package__)


def record(
    tx: Transaction,
    at_ns: int,
    actor: str,
    action: str,
    subject: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Note that `actor` did `action` to `subject`; `detail` is kept as JSON and must hold nothing secret."""
    text = None if detail is None else json.dumps(detail, sort_keys=True, default=str)
    tx.execute(SQL["add_audit"], at_ns=at_ns, actor=actor, action=action, subject=subject, detail=text)


def record_each(
    tx: Transaction, at_ns: int, actor: str, action: str, each: Sequence[tuple[str, Mapping[str, Any]]]
) -> None:
    """Note that `actor` did `action` to several subjects, each with its detail, as `record` notes one."""
    tx.execute(
        SQL["add_audits"],
        at_ns=at_ns,
        actor=actor,
        action=action,
        subject=[subject for subject, _ in each],
        detail=[json.dumps(detail, sort_keys=True, default=str) for _, detail in each],
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows; None stands for any. An action is named whole, or by its first words (``token``)."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    from_ns: int = 0
    to_ns: int = 2**63 - 1


def page(
    database: Database, behind: tuple[int, int] | None, most: int, wanted: Wanted | None = None
) -> list[dict[str, Any]]:
    """Up to `most` rows, newest first; from behind the row with this `at_ns` and `place` on, when there is one."""
    before_ns, before_place = behind or (None, None)
    wanted = wanted or Wanted()
    with database.reader() as reader:
        return reader.rows(
            SQL["audit_page"], before_ns=before_ns, before_place=before_place, most=most, **asdict(wanted)
        )
