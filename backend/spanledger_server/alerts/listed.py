"""Alerts as lists, whoever judged them: pages of all, those that fire now, one with what became of it.

Never: an alert twice on two pages because others came in between.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from spanledger_server.alerts import kept, mirrored, record
from spanledger_server.alerts.fingerprint import fingerprint
from spanledger_server.alerts.kept import Kept, Source
from spanledger_server.errors import NotFound
from spanledger_server.notify.event import Severity
from spanledger_server.rules.verdict import Story
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

STATES: Final = {
    "any": None,
    "active": ("pending", "firing", "recovering"),
    "pending": ("pending",),
    "firing": ("firing", "recovering"),
    "acknowledged": ("firing", "recovering"),
    "resolved": ("resolved",),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts; None stands for any.

    Attributes:
        state: A name of `STATES`.
        severity: As it is now.
        source: Who judged.
        rule_id: Of which rule.
        name: Of the rule.
        from_ns: Those that had not ended before.
        to_ns: Those that had begun by then.
    """

    state: str = "any"
    severity: Severity | None = None
    source: Source | None = None
    rule_id: UUID | None = None
    name: str | None = None
    from_ns: int | None = None
    to_ns: int | None = None

    def bound(self) -> dict[str, Any]:
        """As parameters of the statements."""
        states = STATES[self.state]
        return {
            "states": None if states is None else list(states),
            "acked": True if self.state == "acknowledged" else None,
            "severity": self.severity,
            "source": self.source,
            "rule_id": None if self.rule_id is None else str(self.rule_id),
            "name": self.name,
            "from_ns": self.from_ns,
            "to_ns": self.to_ns,
        }


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended."""

    starts_ns: int
    alert_id: UUID


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as it is shown.

    Attributes:
        episode: The episode.
        severity: None where its sender said none that we know.
        labels: What it is of.
        annotations: What its sender, or its rule, says beside it.
        generator_url: Where it was made.
        expires_ns: Until when it is taken to fire if its sender says no more; None where nobody has to.
        said_ns: When its sender said something last.
    """

    episode: Kept
    severity: Severity | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str | None
    expires_ns: int | None
    said_ns: int | None

    @property
    def starts_ns(self) -> int:
        """Since when it fires; for one that does not yet, since when its condition holds."""
        standing = self.episode.standing
        return standing.pending_ns if standing.fired_ns is None else standing.fired_ns

    @property
    def updated_ns(self) -> int:
        """When something was heard of it last."""
        return max(self.episode.updated_ns, self.said_ns or 0)

    @property
    def fingerprint(self) -> int:
        """As Alertmanager computes it."""
        return fingerprint(self.labels)

    def story(self) -> Story:
        """What it says."""
        if self.episode.source == "prometheus":
            return mirrored.story(self.episode.name or None, self.annotations, self.episode.labels)
        return record.told_story(self.episode)


def page(reader: Reader, wanted: Wanted, after: Position | None, most: int) -> list[Alert]:
    """Up to `most` alerts, those that began last first, from behind a position on."""
    before = {"before_ns": after and after.starts_ns, "before_id": after and str(after.alert_id)}
    return [_alert(row) for row in reader.rows(SQL["alert_page"], **wanted.bound(), **before, most=most)]


def count(reader: Reader, wanted: Wanted) -> int:
    """How many there are."""
    return int(reader.value(SQL["alert_count"], **wanted.bound()))


def firing(reader: Reader) -> list[Alert]:
    """All that fire, in order of their labels."""
    return [_alert(row) for row in reader.rows(SQL["firing_alerts"])]


def open_counts(reader: Reader) -> dict[str, int]:
    """How many are open, pending, unevaluated, acknowledged, unattended, and severe among the unattended."""
    return dict(reader.rows(SQL["open_counts"])[0])


def worst(reader: Reader, most: int) -> list[Alert]:
    """Up to `most` of those that are open, what needs somebody most first."""
    return [_alert(row) for row in reader.rows(SQL["worst_alerts"], most=most)]


def one(reader: Reader, alert_id: UUID) -> tuple[Alert, list[dict[str, Any]]]:
    """An alert and what became of it, the oldest first.

    Raises:
        NotFound: There is none.
    """
    row = reader.row(SQL["one_alert"], alert_id=str(alert_id))
    if row is None:
        raise NotFound(f"there is no alert {alert_id}")
    return _alert(row), reader.rows(SQL["changes_of_alert"], alert_id=str(alert_id))


def _alert(row: Mapping[str, Any]) -> Alert:
    episode = kept.of_row(row)
    ours = episode.source == "rule"
    annotations = record.told_story(episode).annotations if ours else json.loads(row["annotations"] or "{}")
    return Alert(
        episode=episode,
        severity=episode.standing.severity if ours else row["told_severity"],
        labels=kept.labels_of(episode.labels),
        annotations=annotations,
        generator_url=row["generator_url"],
        expires_ns=row["expires_ns"] if episode.standing.open else None,
        said_ns=row["said_ns"],
    )
