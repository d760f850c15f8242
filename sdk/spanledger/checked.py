"""Under which check of a budget a call is made: what `budgets` and `ledger` know of each other.

Given every line as it is recorded while any check is under way, hands it to the check around it.

Never: an import, or more than a look at a number where nobody checks.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from spanledger.call import Entry


class Check(Protocol):
    """A check that a call is made under."""

    def bill(self, entry: Entry) -> None:
        """A call inside was billed."""
        ...


inside: ContextVar[Check | None] = ContextVar("spanledger_budget_check", default=None)
entered = 0  # how many are under way in this process


def enter(by: int) -> None:
    """One more, or one less, is under way."""
    global entered
    entered += by


def bill(entry: Entry) -> None:
    """A line goes to the ledger."""
    check = inside.get()
    if check is not None:
        check.bill(entry)
