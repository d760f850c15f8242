"""Who may still spend: reservations for one call, and leases, which are slices of a budget for a process.

A reservation is granted within the writer's turn, when what was spent, what is promised and it are within the limit;
so many callers at once cannot all be let through. It counts until it is settled or expires. What was settled counts
until the ledger has the line. A lease lets a process decide by itself; each renewal tells what it has used.

Never: a promise beyond the limit, one that is settled twice, or one that is forgotten in a restart.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from spanledger_server.budgets import record, status
from spanledger_server.budgets.budget import Budget
from spanledger_server.errors import NotFound
from spanledger_server.forecast.outlook import EXACT
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader, Transaction

SQL = sqlfile.load(__package__)

NS: Final = 10**9
SETTLED_COUNTS_NS: Final = 600 * NS  # how long a settled call may take to show in the ledger
USED_COUNTS_NS: Final = 10 * NS  # how long calls under a lease may
KEPT_NS: Final = 3600 * NS  # so long after they ceased to count, reservations can still be settled
LEASE_SHARE: Final = 16  # a lease is a sixteenth of what is free, or what was asked for
_STEP: Final = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Granted:
    """The answer to who wants to spend.

    Attributes:
        granted: Whether it may.
        reservation_id: To settle it with; None when it was not granted, or nothing needs to be settled.
        remaining: USD that are free after this; None for a budget that is not watched.
        expires_ns: Until when it counts.
        reason: In words.
    """

    granted: bool
    reservation_id: str | None
    remaining: Decimal | None
    expires_ns: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What a reservation came to.

    Attributes:
        reservation_id: Which.
        amount: USD; of the first time it was settled.
        first: Whether this was the first time.
    """

    reservation_id: str
    amount: Decimal
    first: bool


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a process asks of one budget.

    Attributes:
        budget_id: Which.
        used: USD since the last renewal.
        want: USD that it would like to hold; None ends the lease.
    """

    budget_id: str
    used: Decimal
    want: Decimal | None


@dataclass(frozen=True, slots=True)
class Lease:
    """What a process may spend by itself.

    Attributes:
        budget: Of which budget.
        granted: USD, until the next renewal.
        remaining: USD that are free beside it.
    """

    budget: Budget
    granted: Decimal
    remaining: Decimal


def reserve(tx: Transaction, budget: Budget, amount: Decimal, ttl_ns: int, now_ns: int, default_zone: str) -> Granted:
    """Ask to spend `amount` of a budget.

    Args:
        tx: The writer's turn.
        budget: Of which, as it was read within this turn.
        amount: USD, as good as the caller knows.
        ttl_ns: How long it counts if it is not settled.
        now_ns: The time.
        default_zone: The IANA zone of budgets that name none.

    Raises:
        NotFound: The budget is archived.
    """
    if budget.archived_ns is not None:
        raise NotFound(f"the budget {budget.name!r} is archived")
    if not budget.enabled:
        return Granted(True, None, None, None, f"the budget {budget.name!r} is not enabled")
    free = _free(tx, budget, now_ns, default_zone) - status.promised(tx, budget, now_ns)
    if amount > free or free <= 0:
        return Granted(False, None, max(Decimal(0), free), None, f"the budget {budget.name!r} has {_usd(free)} left")
    reservation_id = secrets.token_hex(12)
    _add(tx, reservation_id, budget.budget_id, amount, now_ns, now_ns + ttl_ns)
    return Granted(True, reservation_id, free - amount, now_ns + ttl_ns, "within the budget")


def settle(
    tx: Transaction,
    budget_id: str,
    reservation_id: str,
    amount: Decimal,
    now_ns: int,
    call: tuple[str, int] | None = None,
) -> Settled:
    """Say what a reserved call came to; the second time changes nothing.

    Args:
        tx: The writer's turn.
        budget_id: Of which budget.
        reservation_id: As it was given.
        amount: USD; 0 for a call that was not made.
        now_ns: The time.
        call: The trace id, as hexadecimal text, and the span id of the call's line, when they are known.

    Raises:
        NotFound: There is no such reservation, or it ceased to count an hour ago.
    """
    row = tx.row(SQL["reservation"], reservation_id=reservation_id, budget_id=budget_id)
    if row is None or row["holder"] is not None:
        raise NotFound(f"there is no reservation {reservation_id!r} of this budget")
    if row["settled_ns"] is not None:
        return Settled(reservation_id, row["amount"], False)
    trace_id, span_id = call or (None, None)
    tx.execute(
        SQL["settle_reservation"],
        reservation_id=reservation_id,
        amount=amount,
        settled_ns=now_ns,
        counts_until_ns=now_ns + SETTLED_COUNTS_NS,
        trace_id=trace_id,
        span_id=span_id,
    )
    return Settled(reservation_id, amount, True)


def renew(
    database: Database, holder: str, asked: Sequence[Renewal], ttl_ns: int, now_ns: int, default_zone: str
) -> list[Lease]:
    """Tell what a process has used, and lend it anew.

    What was spent is read before the writer's turn, which is short then: what was used counts for ten seconds more, so
    a line that came in between is not missed.

    Args:
        database: The store.
        holder: The process.
        asked: Its leases; those of budgets that are not in use any more are left out of the answer.
        ttl_ns: How long they count without another renewal.
        now_ns: The time.
        default_zone: The IANA zone of budgets that name none.
    """
    with database.reader() as reader:
        in_use = {budget.budget_id: budget for budget in record.listed(reader) if budget.watched}
        known = [each for each in asked if each.budget_id in in_use]
        free = {each.budget_id: _free(reader, in_use[each.budget_id], now_ns, default_zone) for each in known}
    with database.transaction() as tx:
        return [
            _renewed(tx, holder, each, in_use[each.budget_id], free[each.budget_id], ttl_ns, now_ns) for each in known
        ]


def forget(database: Database, now_ns: int) -> int:
    """Delete the reservations that have long ceased to count; how many. A tick calls this."""
    with database.reader() as reader:
        if not reader.value(SQL["forgotten"], before_ns=now_ns - KEPT_NS):
            return 0
    with database.transaction() as tx:
        return tx.execute(SQL["forget_reservations"], before_ns=now_ns - KEPT_NS)


def _renewed(
    tx: Transaction, holder: str, asked: Renewal, budget: Budget, free: Decimal, ttl_ns: int, now_ns: int
) -> Lease:
    tx.execute(SQL["end_lease"], budget_id=budget.budget_id, holder=holder)
    if asked.used > 0:
        _add(tx, secrets.token_hex(12), budget.budget_id, asked.used, now_ns, now_ns + USED_COUNTS_NS, holder, now_ns)
    left = max(Decimal(0), free - status.promised(tx, budget, now_ns))
    if asked.want is None:
        return Lease(budget, Decimal(0), left)
    granted = min(left, max(asked.want, left / LEASE_SHARE)).quantize(_STEP, ROUND_DOWN)
    if granted > 0:
        _add(tx, secrets.token_hex(12), budget.budget_id, granted, now_ns, now_ns + ttl_ns, holder)
    return Lease(budget, granted, left - granted)


def _add(
    tx: Transaction,
    reservation_id: str,
    budget_id: str,
    amount: Decimal,
    now_ns: int,
    counts_until_ns: int,
    holder: str | None = None,
    settled_ns: int | None = None,
) -> None:
    values: dict[str, Any] = {"reservation_id": reservation_id, "budget_id": budget_id, "amount": amount}
    values |= {"made_ns": now_ns, "counts_until_ns": counts_until_ns, "holder": holder, "settled_ns": settled_ns}
    tx.execute(SQL["add_reservation"], **values)


def _free(reader: Reader, budget: Budget, now_ns: int, default_zone: str) -> Decimal:
    """What the ledger leaves of the limit; calls without a price count nothing: a degraded budget lets them through."""
    found = status.spent(reader, budget, budget.window(now_ns, default_zone), now_ns)
    limit = budget.limit_usd + status.carried_over(reader, budget, now_ns, default_zone)
    return EXACT.subtract(limit, found.cost or Decimal(0))


def _usd(amount: Decimal) -> str:
    return f"{max(Decimal(0), amount).normalize():f} USD"
