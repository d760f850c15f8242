"""Decides, again and again, what to tell whom, and writes it down.

Given the store and the time, reads the newest events and the terms, plans, and commits the messages together with what
is known once they are sent. What stands is kept in memory between turns, and read anew when a turn has failed.

Never: two turns at once, or a message that is planned twice.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from spanledger_server.notify import kept, policy
from spanledger_server.notify.agreed import terms
from spanledger_server.notify.event import Event, Severity
from spanledger_server.notify.policy import Plan
from spanledger_server.notify.present import with_present
from spanledger_server.notify.standing import WAITING, Standing, happened
from spanledger_server.notify.terms import RANKS, Known, Terms
from spanledger_server.notify.written import event_of
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader

log = logging.getLogger(__name__)

SQL = sqlfile.load(__package__)
NOTHING: Final = Standing()  # fires, is held back, or counts


class Held(Protocol):
    """What silences, maintenance and inhibitions hold back."""

    def why(self, labels: Mapping[str, str], severity: Severity) -> str | None:
        """Why an alert with these labels is not told now; None: it is."""
        ...


Holding = Callable[[Reader, int], Held]
Channels = Callable[[Reader], Mapping[str, Known]]


@dataclass(slots=True)
class Counters:
    """What was decided since the server started; read by `/metrics`."""

    planned: int = 0
    suppressed: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    turned_ns: int | None = None


class Planner:
    """Plans for one store."""

    def __init__(self, database: Database, channels: Channels, holding: Holding) -> None:
        """Nothing is read yet.

        Args:
            database: The store.
            channels: The channels that there are.
            holding: What holds alerts back now.
        """
        self.counters = Counters()
        self._database = database
        self._channels = channels
        self._holding = holding
        self._standing: Standing | None = None
        self._terms: Terms | None = None
        self._one = threading.Lock()

    def turn(self, now_ns: int) -> Plan:
        """Plan what is to be told now, and commit it.

        Raises:
            Busy: It could not be committed; nothing is lost.
        """
        with self._one:
            before, self._standing = self._standing, None  # only what is committed comes back
            with self._database.reader() as reader:
                before = before or kept.read(reader, now_ns)
                rows = reader.tuples(SQL["new_events"], most=kept.MOST_EVENTS)
                if not rows and before == NOTHING:
                    self._standing, self.counters.turned_ns = before, now_ns
                    self.counters.waiting = Counter()
                    return Plan((), (), (), (), policy.LONGEST_NS)
                agreed = self._terms = self._read_terms(reader)
                held = self._holding(reader, now_ns)
            before = with_events(before, _readable(rows))
            plan = policy.plan(before, agreed, held.why, now_ns)
            if plan.messages:
                with self._database.reader() as reader:
                    plan = with_present(reader, plan)
            after, done = kept.after(before, plan, now_ns)
            if rows or kept.changes(before, after, plan):
                with self._database.transaction() as tx:
                    if rows:
                        tx.execute(SQL["note_planned"], place=rows[-1][0])
                    kept.write(tx, before, after, plan, done, now_ns)
            self._count(before, after, plan, now_ns)
            self._standing = after
            more = len(rows) == kept.MOST_EVENTS
            return replace(plan, next_ns=now_ns) if more else plan

    def _read_terms(self, reader: Reader) -> Terms:
        """The terms; the ones of before, with what they remember, where nothing was changed."""
        found = terms(reader, self._channels(reader))
        return self._terms if self._terms == found and self._terms is not None else found

    def _count(self, before: Standing, after: Standing, plan: Plan, now_ns: int) -> None:
        self.counters.planned, self.counters.turned_ns = self.counters.planned + len(plan.messages), now_ns
        new = kept.begun(before.holds, after.holds)
        self.counters.suppressed.update(each.reason for each in new if each.reason not in WAITING)
        self.counters.waiting = Counter(each.reason for each in after.holds.values())


def _readable(rows: list[tuple[Any, ...]]) -> list[Event]:
    """The events in these rows, but for those that cannot be read: one of them is no reason to tell nothing more."""
    found = []
    for place, body in rows:
        try:
            event = event_of(body)
            RANKS[event.severity]
        except (ValueError, TypeError, KeyError, AttributeError):
            log.exception("an event cannot be read", extra={"place": place})
        else:
            found.append(event)
    return found


def with_events(before: Standing, events: list[Event]) -> Standing:
    """What stands once these events have happened."""
    alerts = dict(before.alerts)
    for event in events:
        alerts[event.alert_id] = happened(alerts.get(event.alert_id), event)
    return replace(before, alerts=alerts, fresh=frozenset(event.alert_id for event in events))
