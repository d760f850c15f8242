"""Something that happened to an alert and that somebody may want to know.

Given by those who judge, in the transaction that records the change; taken by the outbox.

Never: an event that can be recorded twice: its id is made of the alert, the kind and the change's number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal
from uuid import UUID

Severity = Literal["info", "warning", "error", "critical"]
Kind = Literal["fired", "worse", "resolved", "acknowledged", "unacknowledged", "flapping", "unflapping"]


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one alert.

    Attributes:
        event_id: Of alert, kind and number of the change; a second one of the same id changes nothing.
        alert_id: The episode: one time that the alert fires.
        dedup_key: The same for every episode of the same rule and labels; at most 255 characters.
        kind: What happened; ``worse``: its severity rose.
        at_ns: When.
        rule_id: None for alerts that others sent.
        name: Of the rule.
        severity: As it is now.
        labels: What the alert is of.
        value: Measured.
        threshold: Against what.
        operator: How it is compared: ``>``, ``>=``, ``<``, ``<=``, ``==``, ``!=``; None where it is not.
        unit: Of value and threshold.
        started_ns: Since when it fires.
        title: One line.
        text: Some sentences.
        facts: Names and values.
        contributors: Dimension, name, share.
        traces: Ids of traces that show it.
        runbook_url: What to do.
        path: The page that shows it, beginning with a slash.
        channels: Ids or names that the rule tells; empty: by the routes.
        cooldown_ns: How long a channel hears nothing more of the same alert.
        most_per_hour: How many messages of the same rule a channel gets within an hour; None for no limit.
        by: Who did it, where a person did.
        annotations: What others wrote beside it.
        present: Measured last, where a message comes later than the event; None where that is no news.
    """

    event_id: UUID
    alert_id: UUID
    dedup_key: str
    kind: Kind
    at_ns: int
    rule_id: UUID | None
    name: str
    severity: Severity
    labels: Mapping[str, str]
    value: float | Decimal | None
    threshold: float | Decimal | None
    operator: str | None
    unit: str | None
    started_ns: int
    title: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()
    contributors: tuple[tuple[str, str, str], ...] = ()
    traces: tuple[str, ...] = ()
    runbook_url: str | None = None
    path: str = "/alerts"
    channels: tuple[str, ...] = ()
    cooldown_ns: int = 15 * 60 * 10**9
    most_per_hour: int | None = 4
    by: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    present: float | Decimal | None = None
