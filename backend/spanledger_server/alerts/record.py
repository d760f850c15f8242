"""What became of alerts, written in one transaction: the episodes, their history, and what is to be told.

Given episodes as they were and as they are from now on, and the changes between, writes rows and events.

Never: a change that is recorded and not told, or told and not recorded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, get_args
from uuid import UUID

import pyarrow as pa

from spanledger_server.alerts import kept
from spanledger_server.alerts.kept import Kept
from spanledger_server.alerts.state import Change
from spanledger_server.notify import event as told
from spanledger_server.notify import outbox
from spanledger_server.notify.event import Event
from spanledger_server.otlp.columns import uuid_field
from spanledger_server.rules.verdict import Story
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Transaction

SQL = sqlfile.load(__package__)

NOWHERE: Final = Story("", "").path  # of a story that names no page
TOLD: Final = frozenset(get_args(told.Kind))
CHANGES: Final = pa.schema(
    [
        uuid_field("alert_id"),
        pa.field("number", pa.int32()),
        pa.field("at_ns", pa.int64()),
        *(pa.field(name, pa.string()) for name in ("kind", "from_state", "to_state", "why", "actor", "note")),
    ]
)


@dataclass(frozen=True, slots=True)
class Ways:
    """How a rule wants its alerts to be told; see `notify.event.Event`."""

    channels: tuple[str, ...] = ()
    cooldown_ns: int = 15 * 60 * 10**9
    most_per_hour: int | None = 4

    def text(self) -> str:
        """As the store keeps it."""
        return json.dumps([list(self.channels), self.cooldown_ns, self.most_per_hour])

    @classmethod
    @lru_cache(maxsize=1024)  # alerts of one rule have the same
    def of_text(cls, text: str | None) -> Ways:
        """What `text` wrote; None: as usual."""
        if text is None:
            return cls()
        channels, cooldown_ns, most_per_hour = json.loads(text)
        return cls(tuple(channels), cooldown_ns, most_per_hour)


@dataclass(frozen=True, slots=True)
class Moved:
    """An episode that went on.

    Attributes:
        before: As it was; None: it begins.
        after: As it is from now on; None: it is forgotten, since it never fired. Without a new count of changes.
        changes: What happened, in order.
        actor: Who did it, where a person did.
        note: What that person said.
        story: What it says, where the episode does not hold it.
    """

    before: Kept | None
    after: Kept | None
    changes: tuple[Change, ...] = ()
    actor: str | None = None
    note: str | None = None
    story: Callable[[], Story] | None = None


def write(tx: Transaction, moved: Sequence[Moved], now_ns: int) -> int:
    """Write what became of these episodes, each at most once; how many events were new.

    Args:
        tx: The writer's turn, in which what they were was read.
        moved: In the order in which it is to be told.
        now_ns: The time.
    """
    going = [(each, _numbered(each, now_ns)) for each in moved]
    begun = [after for each, after in going if after is not None and each.before is None]
    changed = [after for each, after in going if after is not None and each.before is not None]
    dropped = [each.before.alert_id for each in moved if each.after is None and each.before is not None]
    _write(tx, "insert_alerts", begun)
    _write(tx, "update_alerts", changed)
    if dropped:
        keys = [str(alert_id) for alert_id in dropped]
        tx.execute(SQL["drop_alerts"], alert_ids=keys)
        tx.execute(SQL["drop_changes"], alert_ids=keys)
    _write_changes(tx, [(each, after) for each, after in going if after is not None], now_ns)
    return outbox.record(tx, [event for each, after in going for event in _events(each, after, now_ns)], now_ns)


def _numbered(moved: Moved, now_ns: int) -> Kept | None:
    if moved.after is None:
        return None
    before = 0 if moved.before is None else moved.before.changes
    return replace(moved.after, changes=before + len(moved.changes), updated_ns=now_ns)


def _write(tx: Transaction, statement: str, episodes: Sequence[Kept]) -> None:
    if episodes:
        with tx.scan("moved_alerts", kept.table(episodes)):
            tx.execute(SQL[statement])


def _write_changes(tx: Transaction, going: Sequence[tuple[Moved, Kept]], now_ns: int) -> None:
    rows: list[tuple[Any, ...]] = []
    for moved, after in going:
        for number, change in enumerate(moved.changes, after.changes - len(moved.changes) + 1):
            states = (change.from_state, change.to_state or "inactive")
            told_by = (change.why, moved.actor, moved.note)
            rows.append((after.alert_id.bytes, number, now_ns, change.kind, *states, *told_by))
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        with tx.scan("new_changes", pa.table(columns, schema=CHANGES)):
            tx.execute(SQL["insert_alert_changes"])


def _events(moved: Moved, after: Kept | None, now_ns: int) -> list[Event]:
    """What is told: nothing of what never fired here."""
    if after is None or after.standing.fired_ns is None:
        return []
    first = after.changes - len(moved.changes) + 1
    wanted = [(number, change) for number, change in enumerate(moved.changes, first) if _worth_telling(change)]
    if not wanted:
        return []
    story = moved.story() if moved.story else told_story(after)
    return [_event(moved, after, number, change.kind, story, now_ns) for number, change in wanted]


def _worth_telling(change: Change) -> bool:
    return change.kind in TOLD and (change.from_state is not None or change.kind == "fired")


def told_story(episode: Kept) -> Story:
    """What it says; at least what it is called."""
    return kept.story_of(episode.story) if episode.story else Story(episode.name or "an alert without a name", "")


def _event(moved: Moved, after: Kept, number: int, kind: Any, story: Story, now_ns: int) -> Event:
    standing, ways = after.standing, Ways.of_text(after.ways)
    return Event(
        event_id=event_id(after.alert_id, kind, number),
        alert_id=after.alert_id,
        dedup_key=after.dedup_key,
        kind=kind,
        at_ns=now_ns,
        rule_id=after.rule_id,
        name=after.name or "an alert without a name",
        severity=standing.severity,
        labels=kept.labels_of(after.labels),
        value=standing.value,
        threshold=standing.threshold,
        operator=after.operator,
        unit=after.unit,
        started_ns=standing.fired_ns if standing.fired_ns is not None else standing.pending_ns,
        title=story.title,
        text=story.text,
        facts=story.facts,
        contributors=story.contributors,
        traces=story.traces,
        runbook_url=story.runbook_url,
        path=story.path if story.path != NOWHERE else f"/alerts/{after.alert_id}",
        channels=ways.channels,
        cooldown_ns=ways.cooldown_ns,
        most_per_hour=ways.most_per_hour,
        by=moved.actor,
        annotations=story.annotations,
    )


def event_id(alert_id: UUID, kind: str, number: int) -> UUID:
    """The id of the event that tells of that change."""
    text = alert_id.bytes + f" {number} {kind}".encode()
    return UUID(bytes=hashlib.blake2b(text, digest_size=16, person=b"alert event").digest())
