"""Alerts as lists: pages of all, those that fire now, one with what became of it.

Never: an alert twice on two pages because others came in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from spanledger_server.alerts.episodes import Episode, Severity, State
from spanledger_server.errors import NotFound
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts; None stands for any."""

    state: State | None = None
    severity: Severity | None = None

    def bound(self) -> dict[str, Any]:
        """As parameters of the statements."""
        firing = None if self.state is None else self.state == "firing"
        return {"firing": firing, "severity": self.severity}


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended."""

    starts_ns: int
    alert_id: UUID


def page(reader: Reader, wanted: Wanted, after: Position | None, most: int) -> list[Episode]:
    """Up to `most` alerts, those that began last first, from behind a position on."""
    before = {"before_ns": after and after.starts_ns, "before_id": after and str(after.alert_id)}
    return [Episode(**row) for row in reader.rows(SQL["alert_page"], **wanted.bound(), **before, most=most)]


def count(reader: Reader, wanted: Wanted) -> int:
    """How many there are."""
    return int(reader.value(SQL["alert_count"], **wanted.bound()))


def firing(reader: Reader) -> list[Episode]:
    """All that fire, in order of their fingerprints."""
    return [Episode(**row) for row in reader.rows(SQL["firing_alerts"])]


def one(reader: Reader, alert_id: UUID) -> tuple[Episode, list[dict[str, Any]]]:
    """An alert and what became of it, the oldest first.

    Raises:
        NotFound: There is none.
    """
    row = reader.row(SQL["one_alert"], alert_id=str(alert_id))
    if row is None:
        raise NotFound(f"there is no alert {alert_id}")
    return Episode(**row), reader.rows(SQL["changes_of_alert"], alert_id=str(alert_id))
