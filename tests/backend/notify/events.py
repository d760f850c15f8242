"""Events for tests."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any
from uuid import UUID

from spanledger_server.notify.event import Event

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
NOON = 1_763_726_400 * SECOND  # 2025-11-21T12:00:00Z
RULE = UUID(int=1)


def identity(*parts: object) -> UUID:
    """The same id for the same parts."""
    return UUID(bytes=hashlib.blake2b(repr(parts).encode(), digest_size=16).digest())


def event(kind: str = "fired", alert: str = "a", at_ns: int = NOON, number: int = 0, **more: Any) -> Event:
    """An event of the alert named `alert`; what is not said is of no consequence."""
    made = Event(
        event_id=identity("event", alert, kind, number),
        alert_id=identity("alert", alert),
        dedup_key=f"key-{alert}",
        kind=kind,  # type: ignore[arg-type]
        at_ns=at_ns,
        rule_id=RULE,
        name="Slow answers",
        severity="warning",
        labels={"alert": alert, "service": "chat"},
        value=912.0,
        threshold=500,
        operator=">",
        unit="ms",
        started_ns=at_ns,
        title=f"Slow answers: {alert}",
        text="p95 latency is 912 ms.",
    )
    return replace(made, **more)
