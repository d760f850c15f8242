"""Hold a bill against the ledger, and keep what was found.

Given a file and what the user says of it, reads it, compares it with the lines of its days, and stores the result
with its history.

Never: a change of the ledger, or a result of a bill that could not be read to its end.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any, BinaryIO, Final

from spanledger_server.bills import compared, documents, opening, tables
from spanledger_server.bills.bill import Bill
from spanledger_server.bills.compared import Comparison, Row, Slice
from spanledger_server.bills.tables import Asked
from spanledger_server.errors import Invalid, NotFound
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader, Transaction

SQL = sqlfile.load(__package__)

PROJECTS: Final = ("service", "feature", "tenant", "user_tier", "user_id", "session_id")
MOST_DAYS: Final = 400
MOST_CELLS: Final = 5_000  # of a result that is kept: those that differ most
TOLERANCE: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked beside the bill.

    Attributes:
        asked: How the bill is to be read.
        project: The column of the ledger that is the bill's project; None when projects are not compared.
        tolerance: How much may differ, as a share of the bill.
        file: The bill's name.
    """

    asked: Asked
    project: str | None = None
    tolerance: Decimal = TOLERANCE
    file: str | None = None


def read(file: BinaryIO, asked: Asked) -> Bill:
    """A bill from a file.

    Raises:
        Invalid: It is not a bill that is known, or a part of it cannot be read.
        Malformed: It cannot be unpacked or decoded.
        TooLarge: It is too large.
    """
    found = opening.opened(file)
    with localcontext(compared.EXACT):
        bill = tables.read(found, asked) if isinstance(found, opening.Table) else documents.read(found, asked)
    if not bill.cells:
        what = ", ".join(f"{rows} of {name}" for name, (rows, _) in bill.left_out.items()) or "credits alone"
        raise Invalid("file", what, "a bill with rows about calls to models")
    first, last = bill.days
    if (last - first).days >= MOST_DAYS:
        raise Invalid("file", f"{first} to {last}", f"a bill of at most {MOST_DAYS} days: cut it up")
    return bill


def hold_against(reader: Reader, bill: Bill, project: str | None) -> Comparison:
    """The bill beside the ledger."""
    first, last = bill.days
    rows = reader.tuples(
        SQL["ledger_slices"],
        from_ns=_midnight_ns(bill, first - timedelta(days=1)),
        to_ns=_midnight_ns(bill, last + timedelta(days=2)),
        providers=list(bill.providers),
        project=project,
    )
    told = project is not None and any(key.project for key in bill.cells)
    return compared.compare(bill, [Slice(*row) for row in rows], projects=told)


def _midnight_ns(bill: Bill, day: date) -> int:
    return int(datetime.combine(day, time(), bill.zone).timestamp()) * 10**9


def result(bill: Bill, found: Comparison, question: Question) -> dict[str, Any]:
    """What is told of a bill: sums, explanations, and the cells that differ most."""
    theirs, ours = found.totals
    off = found.off
    first, last = bill.days
    agrees = None if off is None else off <= question.tolerance
    rows = sorted(found.rows, key=lambda row: -abs(found.values(row)[0] - found.values(row)[1]))[:MOST_CELLS]
    unpriced = sum(row.ours.unpriced for row in found.rows)
    return {
        "format": bill.format,
        "file": question.file,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "timezone": bill.zone.key,
        "providers": list(bill.providers),
        "compared": found.by,
        "state": "unknown" if agrees is None else "agrees" if agrees else "differs",
        "tolerance": question.tolerance,
        "bill": theirs,
        "ledger": ours,
        "difference": theirs - ours,
        "seen": found.seen,
        "off": off,
        "sentence": _sentence(found, bill),
        "unpriced_calls": unpriced,
        "explained": [{"why": why, "difference": amount} for why, amount in _explained(found)],
        "suggested_timezone_shift_hours": found.shift_hours,
        "credits": [{"what": what, "amount": amount} for what, amount in bill.credits.items()],
        "left_out": [
            {"what": what, "rows": count, "amount": amount} for what, (count, amount) in bill.left_out.items()
        ],
        "notes": [*bill.notes, *_converted(bill)],
        "rows": bill.rows,
        "cells": [_cell(found, row) for row in sorted(rows, key=lambda row: (row.day, row.model or ""))],
        "more_cells": len(found.rows) - len(rows),
    }


def _explained(found: Comparison) -> list[tuple[str, Decimal]]:
    listed = [(str(why), amount) for why, amount in found.explained.items() if why != "none"]
    return sorted(listed, key=lambda each: -abs(each[1]))


def _converted(bill: Bill) -> list[str]:
    return [f"{rows} amounts in {name} at {bill.rates[name]} USD" for name, rows in bill.converted.items()]


def _sentence(found: Comparison, bill: Bill) -> str:
    seen = found.seen
    what = "bill" if found.by == "cost" else "bill's tokens"
    if seen is None:
        return "the bill is of nothing"
    text = f"we saw {_percent(seen)} % of the {what}"
    if found.shift_hours is not None:
        text += _shift(found.shift_hours, bill)
    return text


def _percent(share: Decimal) -> str:
    """A share to a tenth of a percent; where that would be 100 and is not, to its last digit."""
    tenths = (share * 100).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return f"{(share * 100).normalize():f}" if tenths == 100 and share < 1 else str(tenths)


def _shift(hours: Decimal, bill: Bill) -> str:
    """Where days begin, and the zone to name for it."""
    text = f"; days begin {abs(hours):g} h {'later' if hours > 0 else 'earlier'} there"
    if bill.zone.key != "UTC" or hours != int(hours):
        return text
    return f"{text}: tz=Etc/GMT{int(hours):+d}"


def _cell(found: Comparison, row: Row) -> dict[str, Any]:
    theirs, ours = found.values(row)
    return {
        "day": row.day.isoformat(),
        "model": row.model,
        "project": row.project,
        "bill": theirs if row.bill.rows else None,
        "ledger": ours if row.ours.calls else None,
        "difference": theirs - ours,
        "bill_tokens": row.bill.tokens,
        "ledger_tokens": row.tokens,
        "bill_requests": row.bill.requests,
        "ledger_calls": row.ours.calls,
        "unpriced_calls": row.ours.unpriced,
        "why": None if row.why == "none" else row.why,
        "text": row.text or None,
    }


def reconcile(database: Database, file: BinaryIO, question: Question) -> dict[str, Any]:
    """The result for a file; nothing is stored."""
    bill = read(file, question.asked)
    with database.reader() as reader:
        return result(bill, hold_against(reader, bill, question.project), question)


def keep(tx: Transaction, found: Mapping[str, Any], by: str, now_ns: int) -> str:
    """Store a result; its id."""
    reconciliation_id = f"bill_{secrets.token_hex(6)}"
    tx.execute(
        SQL["add_reconciliation"],
        reconciliation_id=reconciliation_id,
        at_ns=now_ns,
        made_by=by,
        file=found["file"],
        format=found["format"],
        summary=json.dumps({key: value for key, value in found.items() if key != "cells"}, default=str),
        cells=json.dumps(found["cells"], default=str),
    )
    return reconciliation_id


def page(reader: Reader, behind: tuple[int, str] | None, most: int) -> list[dict[str, Any]]:
    """Results without their cells, the newest first."""
    before_ns, before_id = behind or (None, None)
    rows = reader.rows(SQL["reconciliations"], before_ns=before_ns, before_id=before_id, most=most)
    return [row | {"summary": _numbers(json.loads(row["summary"]))} for row in rows]


def one(reader: Reader, reconciliation_id: str) -> dict[str, Any]:
    """A result with its cells.

    Raises:
        NotFound: There is none of this id.
    """
    row = reader.row(SQL["reconciliation"], reconciliation_id=reconciliation_id)
    if row is None:
        raise NotFound(f"there is no reconciliation {reconciliation_id!r}")
    cells = [_numbers(cell) for cell in json.loads(row["cells"])]
    return row | {"summary": _numbers(json.loads(row["summary"])) | {"cells": cells}}


AMOUNTS: Final = frozenset(
    ("tolerance", "bill", "ledger", "difference", "seen", "off", "amount", "suggested_timezone_shift_hours")
)


def _numbers(found: dict[str, Any]) -> dict[str, Any]:
    """Amounts as they were before they were stored as text."""
    made: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            made[name] = [_numbers(each) for each in value]
        else:
            made[name] = Decimal(value) if name in AMOUNTS and isinstance(value, str) else value
    return made
