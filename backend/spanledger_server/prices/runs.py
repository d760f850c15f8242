"""Runs that price lines anew, as they stand in the database: what was asked, how far it is, what it changed.

Given a transaction, writes; given a reader, reads `Run`s. Totals are kept by provider and model and added up chunk by
chunk, exact.

Never: a total that is not of the lines before the run's position.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

from spanledger_server.errors import NotFound
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

State = Literal["running", "done", "cancelled", "failed", "interrupted"]
COUNTS: Final = ("lines", "changed", "newly_priced", "newly_unpriced", "unpriced")
AMOUNTS: Final = ("was_cost_usd", "cost_usd")
Key = tuple[str | None, str | None]


@dataclass(slots=True)
class Totals:
    """What a run did, by provider and model: counts, and costs before and after."""

    by_model: dict[Key, dict[str, Any]] = field(default_factory=dict)

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add what one chunk did."""
        for row in rows:
            mine = self.by_model.setdefault((row["provider"], row["model"]), _nothing())
            for name in COUNTS:
                mine[name] += row[name]
            for name in AMOUNTS:
                if row[name] is not None:
                    mine[name] = row[name] + (mine[name] or Decimal(0))

    def together(self) -> dict[str, Any]:
        """All of it as one."""
        whole = Totals()
        whole.add({"provider": None, "model": None, **mine} for mine in self.by_model.values())
        return whole.by_model.get((None, None)) or _nothing()

    def listed(self) -> list[dict[str, Any]]:
        """One row for each model, what changed most first."""
        rows = [{"provider": key[0], "model": key[1], **mine} for key, mine in self.by_model.items()]
        return sorted(
            rows, key=lambda row: (-abs(_change(row)), -row["changed"], row["provider"] or "", str(row["model"]))
        )

    def text(self) -> str:
        """As it is stored."""
        return json.dumps(self.listed(), default=str)

    @classmethod
    def read(cls, text: str) -> Totals:
        """What was stored."""
        found = cls()
        for row in json.loads(text):
            amounts = {name: None if row[name] is None else Decimal(row[name]) for name in AMOUNTS}
            found.add([row | amounts])
        return found


def _nothing() -> dict[str, Any]:
    return dict.fromkeys(COUNTS, 0) | dict.fromkeys(AMOUNTS)


def _change(row: Mapping[str, Any]) -> Decimal:
    return (row["cost_usd"] or Decimal(0)) - (row["was_cost_usd"] or Decimal(0))


@dataclass(slots=True)
class Run:
    """One run.

    Attributes:
        run_id: Its id.
        state: Where it stands.
        reason: Why it failed or was interrupted.
        from_ns: The first moment of the lines it looks at.
        to_ns: The moment after the last.
        filters: Which of them, as asked.
        applies: Whether it corrects lines, or only tells what it would do.
        prices: The version of the price book.
        started_ns: When it began.
        started_by: Who asked for it.
        ended_ns: When it ended; None before.
        position_ns: All lines before are done.
        lines: How many there were to look at.
        done: How many were looked at.
        totals: What changed.
    """

    run_id: str
    state: State
    reason: str | None
    from_ns: int
    to_ns: int
    filters: list[str]
    applies: bool
    prices: str
    started_ns: int
    started_by: str
    ended_ns: int | None
    position_ns: int
    lines: int
    done: int
    totals: Totals


def begin(
    tx: Transaction,
    bounds: tuple[int, int],
    filters: list[str],
    *,
    applies: bool,
    prices: str,
    lines: int,
    by: str,
    now_ns: int,
) -> Run:
    """Write a run down that is about to begin."""
    run_id = f"reprice_{secrets.token_hex(6)}"
    tx.execute(
        SQL["add_run"],
        run_id=run_id,
        from_ns=bounds[0],
        to_ns=bounds[1],
        filters=json.dumps(filters),
        applies=applies,
        prices=prices,
        started_ns=now_ns,
        started_by=by,
        lines=lines,
    )
    return one(tx, run_id)


def advance(tx: Transaction, run: Run) -> None:
    """Write down how far the run is."""
    tx.execute(
        SQL["advance_run"], run_id=run.run_id, position_ns=run.position_ns, done=run.done, totals=run.totals.text()
    )


def end(tx: Transaction, run: Run) -> None:
    """Write down how the run ended."""
    tx.execute(SQL["end_run"], run_id=run.run_id, state=run.state, reason=run.reason, ended_ns=run.ended_ns)


def one(reader: Reader, run_id: str) -> Run:
    """A run by its id.

    Raises:
        NotFound: There is none.
    """
    found = page(reader, None, 1, run_id=run_id)
    if not found:
        raise NotFound(f"there is no run {run_id!r}")
    return found[0]


def running(reader: Reader) -> list[Run]:
    """The runs that have not ended."""
    return page(reader, None, 100, unended=True)


def page(
    reader: Reader, behind: tuple[int, str] | None, most: int, *, run_id: str | None = None, unended: bool = False
) -> list[Run]:
    """Runs, the newest first."""
    before_ns, before_run = behind or (None, None)
    rows = reader.rows(
        SQL["runs"], run_id=run_id, running=unended, before_ns=before_ns, before_run=before_run, most=most
    )
    return [Run(**{**row, "filters": json.loads(row["filters"]), "totals": Totals.read(row["totals"])}) for row in rows]


def corrections(
    reader: Reader,
    behind: tuple[int, int] | None,
    most: int,
    *,
    run_id: str | None = None,
    call: tuple[str, int | None] | None = None,
) -> list[dict[str, Any]]:
    """Corrections of a run, or of a trace or one call of it (trace id, span id), the newest first."""
    trace_id, span_id = call or (None, None)
    before_ns, before_place = behind or (None, None)
    return reader.rows(
        SQL["corrections"],
        run_id=run_id,
        trace_id=trace_id,
        span_id=span_id,
        before_ns=before_ns,
        before_place=before_place,
        most=most,
    )
