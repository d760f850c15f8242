"""All telling in one hand: the planner, the workers, what somebody should look at, and messages that only try.

Never: a part that is stopped after the database.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from spanledger_server.clock import Clock
from spanledger_server.errors import Conflict, NotFound
from spanledger_server.loops import Task
from spanledger_server.notify import failing, history, kept, queue
from spanledger_server.notify.deliver import LONGEST_WAIT_S, Delivery
from spanledger_server.notify.message import Message
from spanledger_server.notify.opening import Registered
from spanledger_server.notify.policy import Planned
from spanledger_server.notify.terms import EVERY, Known
from spanledger_server.settings import Settings
from spanledger_server.silences.held import holding
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader, Transaction
from spanledger_server.timegrid import HOUR_NS, MINUTE_NS, SECOND_NS

SQL = sqlfile.load(__package__)

TEST_PATIENCE_S: Final = 18.0
LATE_NS: Final = 5 * MINUTE_NS


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for one channel: how many messages, and since when the oldest does, ns since 1970."""

    channel: str
    messages: int
    oldest_ns: int


class Notifications:
    """Made with the database, stopped before it."""

    def __init__(self, settings: Settings, database: Database, clock: Clock, port: int) -> None:
        """Nothing is read yet.

        Args:
            settings: Where people reach the pages, and how long things are kept.
            database: The store.
            clock: The time.
            port: The one that was taken.
        """
        self.opening = Registered(clock.now_ns, settings.pages(port))
        self.delivery = Delivery(database, clock.now_ns, self.opening, holding)
        self._database = database
        self._clock = clock
        self._keep_ns = settings.retention_days // dt.timedelta(microseconds=1) * 1000

    def start(self) -> Task:
        """Begin; gives what the tick has to do."""
        self.delivery.start()
        return Task("notify", self._tick)

    def stop(self) -> None:
        """End; what was not sent is sent after the next start."""
        self.delivery.stop()

    def _tick(self, now_ns: int) -> None:
        self.delivery.keep(now_ns, self._keep_ns)
        self.delivery.wake()

    def retry(self, tx: Transaction, notification_id: UUID, now_ns: int) -> dict[str, Any]:
        """Send a message once more; it, as it was.

        Raises:
            NotFound: There is no such message.
            Conflict: It was delivered, or is being sent.
        """
        before = queue.retry(tx, notification_id, now_ns)
        channel_id = str(before["channel_id"])
        tx.after_commit(lambda: self.delivery.hurry(channel_id))
        return before

    def test(self, tx: Transaction, names: Sequence[str], actor: str, now_ns: int) -> list[UUID]:
        """Put a test message to each of these channels into the queue; their ids.

        Args:
            tx: The writer's turn.
            names: Ids, names or kinds of channels; empty: every channel that is enabled.
            actor: Who asked.
            now_ns: The time.

        Raises:
            NotFound: One of them is nothing.
            Conflict: One of them is not enabled.
        """
        known = self.opening.known(tx)
        wanted = list(dict.fromkeys(each for name in names or (EVERY,) for each in _meant(known.values(), name)))
        off = [each.name for each in wanted if not each.enabled]
        if off:
            raise Conflict(f"the channel {off[0]!r} is not enabled")
        planned = [
            Planned(_test_message(each, actor, now_ns), each.channel_id, (), frozenset(), now_ns) for each in wanted
        ]
        kept.add_messages(tx, planned, now_ns)
        for each in wanted:
            tx.after_commit(lambda channel_id=each.channel_id: self.delivery.hurry(channel_id))  # type: ignore[misc]
        return [each.message.notification_id for each in planned]

    def await_all(self, ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """These messages once they are all done, or some seconds later."""
        pause = threading.Event()
        for _ in range(round(TEST_PATIENCE_S / 0.05)):
            with self._database.reader() as reader:
                found = history.some(reader, ids)
            if all(each["state"] in ("delivered", "parked", "dropped") for each in found):
                break
            pause.wait(0.05)
        return found

    def waiting(self) -> list[Waiting]:
        """What waits, by channel."""
        with self._database.reader() as reader:
            names = {key: each.name for key, each in self.opening.known(reader).items()}
            rows = reader.tuples(SQL["queue_length"])
        return [Waiting(names.get(key, key), messages, oldest_ns) for key, messages, oldest_ns in rows]

    def waits(self, reader: Reader, now_ns: int) -> dict[str, float]:
        """How long the oldest message to each channel has waited, seconds; not of those that have an alert already.

        Under an empty name, how long nobody has looked at what there is to tell.

        Args:
            reader: A snapshot.
            now_ns: The time.
        """
        looked_ns = self.delivery.planner.counters.turned_ns
        idle_s = 0.0 if looked_ns is None else max(0.0, (now_ns - looked_ns) / SECOND_NS - LONGEST_WAIT_S)
        found = {"": idle_s} if looked_ns is not None else {}
        waiting = reader.tuples(SQL["queue_length"])
        if waiting:
            failing_now = {each.channel_id for each in failing.listed(reader)}
            names = {key: each.name for key, each in self.opening.known(reader).items()}
            for key, _, oldest_ns in waiting:
                if key not in failing_now:
                    found[names.get(key, key)] = max(0.0, (now_ns - oldest_ns) / SECOND_NS)
        return found

    def names(self) -> dict[str, str]:
        """What each channel is called."""
        with self._database.reader() as reader:
            return {key: each.name for key, each in self.opening.known(reader).items()}

    def conditions(self) -> list[dict[str, str]]:
        """What somebody should look at."""
        now_ns = self._clock.now_ns()
        with self._database.reader() as reader:
            broken = [each.event.text for each in failing.listed(reader)]
            parked = reader.tuples(SQL["parked"], after_ns=now_ns - 24 * HOUR_NS)
        names = self.names()
        told = broken + [f"{names.get(key, key)}: {count} messages could not be delivered" for key, count in parked]
        for each in self.waiting():
            if now_ns - each.oldest_ns >= LATE_NS:
                waited = (now_ns - each.oldest_ns) // MINUTE_NS
                what = "1 message waits" if each.messages == 1 else f"{each.messages} messages wait, the oldest"
                told.append(f"{each.channel}: {what} for {waited} min")
        if self.delivery.trouble is not None:
            told.append(f"nobody is told of alerts: {self.delivery.trouble}")
        hanging = [
            f"{names.get(key, key)} has said nothing for {(now_ns - since_ns) // SECOND_NS} s"
            for key, since_ns in self.delivery.busy().items()
            if now_ns - since_ns >= MINUTE_NS
        ]
        return [{"level": "warning", "service": "spanledger", "text": text} for text in (*told, *hanging)]


def _meant(known: Any, name: str) -> list[Known]:
    found = [each for each in known if name in (each.channel_id, each.name, each.kind)]
    if name == EVERY:
        found = [each for each in known if each.enabled]
    if not found and name != EVERY:
        raise NotFound(f"there is no channel {name!r}; GET /api/v1/channels lists all")
    return found


def _test_message(channel: Known, actor: str, now_ns: int) -> Message:
    key = uuid4()
    return Message(
        notification_id=key,
        incident_id=f"test-{key.hex}",
        status="test",
        severity="info",
        at_ns=now_ns,
        started_ns=now_ns,
        title=f"A test of {channel.name}",
        text=f"{actor} tries whether messages arrive here. Nothing is wrong, and nothing has to be done.",
    )
