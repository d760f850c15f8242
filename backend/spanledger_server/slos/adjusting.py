"""Adjustments of objectives in the store: added, changed and taken away, each change with its row in the audit trail.

They hold for the past as well: a downtime that was forgotten can be told afterwards, and who told it is in the trail.

Never: an adjustment without a reason, or one that was not checked.
"""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.auth import audit
from spanledger_server.errors import Invalid, NotFound
from spanledger_server.slos import adjustments
from spanledger_server.slos.adjustments import Adjustments, Correction, Downtime, Recurring
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

MOST: Final = 100  # of one objective


@dataclass(frozen=True, slots=True)
class Adjustment:
    """An adjustment as it is kept.

    Attributes:
        adjustment_id: Its id.
        given: As it was given.
        means: The same, checked.
        created_ns: Since when it is there.
        updated_ns: Since when it is what it is.
        updated_by: Who made it so.
    """

    adjustment_id: str
    given: dict[str, Any]
    means: Downtime | Recurring | Correction
    created_ns: int
    updated_ns: int
    updated_by: str


def listed(reader: Reader, slo_id: str) -> list[Adjustment]:
    """All of an objective, oldest first."""
    return [_kept(row) for row in reader.rows(SQL["adjustments"], slo_id=slo_id)]


def of_all(reader: Reader) -> dict[str, Adjustments]:
    """Those of all objectives that have any, by the objective's id."""
    found: defaultdict[str, list[Downtime | Recurring | Correction]] = defaultdict(list)
    for row in reader.rows(SQL["adjustments"], slo_id=None):
        found[row["slo_id"]].append(_kept(row).means)
    return {slo_id: adjustments.of(each) for slo_id, each in found.items()}


def one(reader: Reader, slo_id: str, adjustment_id: str) -> Adjustment:
    """The adjustment with this id.

    Raises:
        NotFound: The objective has none such.
    """
    for each in listed(reader, slo_id):
        if each.adjustment_id == adjustment_id:
            return each
    raise NotFound(
        f"this objective has no adjustment {adjustment_id!r}; GET /api/v1/slos/{slo_id}/adjustments lists all"
    )


def add(tx: Transaction, slo_id: str, given: Mapping[str, Any], now_ns: int, actor: str) -> Adjustment:
    """A new adjustment.

    Raises:
        Mistakes: It is wrong.
        Invalid: The objective has too many.
    """
    adjustments.parse(given)
    if len(listed(tx, slo_id)) >= MOST:
        raise Invalid("adjustments", MOST, f"at most {MOST} of one objective; what recurs needs only one")
    adjustment_id = secrets.token_hex(8)
    _write(tx, adjustment_id, slo_id, given, now_ns, now_ns, actor)
    detail = {"adjustment": adjustment_id, "after": dict(given)}
    audit.record(tx, now_ns, actor, "slo.adjustment.created", slo_id, detail)
    return one(tx, slo_id, adjustment_id)


def change(
    tx: Transaction, slo_id: str, adjustment_id: str, given: Mapping[str, Any], now_ns: int, actor: str
) -> Adjustment:
    """Something else in place of an adjustment.

    Raises:
        NotFound: There is no such adjustment.
        Mistakes: It is wrong.
    """
    before = one(tx, slo_id, adjustment_id)
    adjustments.parse(given)
    tx.execute(SQL["delete_adjustment"], adjustment_id=adjustment_id, now_ns=now_ns)
    _write(tx, adjustment_id, slo_id, given, before.created_ns, now_ns, actor)
    detail = {"adjustment": adjustment_id, "before": before.given, "after": dict(given)}
    audit.record(tx, now_ns, actor, "slo.adjustment.changed", slo_id, detail)
    return one(tx, slo_id, adjustment_id)


def delete(tx: Transaction, slo_id: str, adjustment_id: str, now_ns: int, actor: str) -> None:
    """Count again what it excluded.

    Raises:
        NotFound: There is no such adjustment.
    """
    before = one(tx, slo_id, adjustment_id)
    tx.execute(SQL["delete_adjustment"], adjustment_id=adjustment_id, now_ns=now_ns)
    detail = {"adjustment": adjustment_id, "before": before.given}
    audit.record(tx, now_ns, actor, "slo.adjustment.deleted", slo_id, detail)


def _write(
    tx: Transaction,
    adjustment_id: str,
    slo_id: str,
    given: Mapping[str, Any],
    created_ns: int,
    now_ns: int,
    actor: str,
) -> None:
    tx.execute(
        SQL["add_adjustment"],
        adjustment_id=adjustment_id,
        slo_id=slo_id,
        given=json.dumps(dict(given)),
        created_ns=created_ns,
        now_ns=now_ns,
        actor=actor,
    )


def _kept(row: Mapping[str, Any]) -> Adjustment:
    given = json.loads(row["given"])
    return Adjustment(
        adjustment_id=row["adjustment_id"],
        given=given,
        means=adjustments.parse(given),
        created_ns=row["created_ns"],
        updated_ns=row["updated_ns"],
        updated_by=row["updated_by"],
    )
