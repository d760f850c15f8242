"""The budget of spans a second: the one an administrator set, else the setting's.

Never: a budget of nothing. None means that no budget is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be kept, and who said so.

    Attributes:
        spans_per_second: Above zero; None for all.
        source: Where it comes from.
    """

    spans_per_second: float | None
    source: Literal["administrator", "setting", "none"]


def current(reader: Reader, setting: float | None) -> Budget:
    """What holds now."""
    row = reader.row(SQL["budget"])
    if row is not None:
        return Budget(row["spans_per_second"], "administrator")
    return Budget(setting, "none" if setting is None else "setting")


def put(tx: Transaction, spans_per_second: float | None, now_ns: int) -> None:
    """Set the budget, in the place of the setting's; None keeps everything."""
    tx.execute(SQL["forget_budget"])
    tx.execute(SQL["put_budget"], spans_per_second=spans_per_second, set_ns=now_ns)


def reset(tx: Transaction) -> None:
    """Let the setting hold again."""
    tx.execute(SQL["forget_budget"])
