"""A delivery with channels that only count, on a clock that only a test moves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spanledger_server.notify import outbox, queue
from spanledger_server.notify.deliver import Delivery
from spanledger_server.notify.event import Event
from spanledger_server.notify.message import Delivered, Failed, Message
from spanledger_server.notify.terms import Known
from spanledger_server.store.database import Database
from tests.backend.notify.events import NOON

Answer = Callable[[Message], Delivered | Failed]


def taken(_message: Message) -> Delivered:
    return Delivered("taken")


@dataclass
class Recording:
    """A channel that keeps what it was told, and answers as a test wants."""

    answer: Answer = taken
    messages: list[Message] = field(default_factory=list)  # every attempt
    arrived: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> Delivered | Failed:
        self.messages.append(message)
        outcome = self.answer(message)
        if isinstance(outcome, Delivered):
            self.arrived.append(message)
        return outcome

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(message.status, message.title) for message in self.arrived]


class Channels:
    """Channels of a test, in place of the register."""

    def __init__(self, *names: str) -> None:
        self.each = {name: Recording() for name in names}
        self.listed = {name: Known(name, name, "webhook") for name in names}

    def __getitem__(self, name: str) -> Recording:
        return self.each[name]

    def known(self, _reader: object) -> Mapping[str, Known]:
        return dict(self.listed)

    def version(self, _reader: object, channel_id: str) -> int:
        return 1 if channel_id in self.listed else -1

    def opened(self, _reader: object, channel_id: str) -> Recording:
        return self.each[channel_id]

    def note(self, _tx: object, channel_id: str, outcome: Delivered | Failed, at_ns: int) -> None:
        pass


class Quietly:
    """Silences of a test: label `alert` -> why."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}

    def why(self, labels: Mapping[str, str], _severity: str) -> str | None:
        return self.held.get(labels.get("alert", ""))


class House:
    """The store, the delivery and the time."""

    def __init__(self, *names: str, path: Path | None = None) -> None:
        self.path = path
        self.now_ns = NOON
        self.channels = Channels(*(names or ("ops",)))
        self.silences = Quietly()
        self.database = Database.open(path)
        self.delivery = self._delivery()

    def _delivery(self) -> Delivery:
        with self.database.transaction() as tx:
            queue.resume(tx, self.now_ns)
        return Delivery(self.database, lambda: self.now_ns, self.channels, lambda _reader, _now_ns: self.silences)

    def restart(self) -> None:
        self.delivery.stop()
        if self.path is not None:
            self.database.close()
            self.database = Database.open(self.path)
        self.delivery = self._delivery()

    def close(self) -> None:
        self.delivery.stop()
        self.database.close()

    def record(self, *events: Event) -> None:
        with self.database.transaction() as tx:
            outbox.record(tx, events, self.now_ns)

    def tick(self, after_ns: int = 0) -> None:
        """Plan, and send all that can be sent, on this thread."""
        self.now_ns += after_ns
        self.delivery.tick(self.now_ns)
        with self.database.reader() as reader:
            waiting = queue.channels(reader)
        for name in waiting:
            while (next_ns := self.delivery.send(name, self.now_ns)) is not None and next_ns <= self.now_ns:
                pass

    def wait(self, length_ns: int, step_ns: int = 10 * 10**9) -> None:
        """Tick until then."""
        until_ns = self.now_ns + length_ns
        while self.now_ns < until_ns:
            self.tick(min(step_ns, until_ns - self.now_ns))

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with self.database.reader() as reader:
            return reader.tuples(sql)

    def states(self) -> list[tuple[object, ...]]:
        return self.rows("SELECT status, state, attempts FROM notifications ORDER BY place")


class Stuck:
    """An answer that comes when a test says so."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.entered = threading.Event()

    def __call__(self, _message: Message) -> Delivered:
        self.entered.set()
        self.release.wait(30)
        return Delivered("at last")
