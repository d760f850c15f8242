"""All care of the store in one hand: backups, its size, and the outside watcher.

Never: a part that is stopped after the database.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

from spanledger_server.care.backup import Backups
from spanledger_server.care.heartbeat import Heartbeat
from spanledger_server.care.storage import StorageWatch
from spanledger_server.clock import Clock
from spanledger_server.errors import SpanledgerError
from spanledger_server.loops import Task
from spanledger_server.settings import Settings
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database

SQL = sqlfile.load(__package__)

MINUTE_NS: Final = 60 * 10**9
LEAST_FREE_BYTES: Final = 256 * 1024 * 1024  # below this commits are close to being refused


class Caretaker:
    """Made with the database, stopped before it."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self.backups = Backups(database, clock)
        self.storage = StorageWatch(database, settings.max_disk)
        self.heartbeat: Heartbeat | None = None
        self._settings = settings
        self._database = database

    def start(self, failing: Callable[[], list[str]]) -> list[Task]:
        """Begin; gives what the tick has to do.

        Args:
            failing: The reasons that data are not taken, or that work is left undone.
        """
        tasks = [Task("storage", self.storage.tick, MINUTE_NS)]
        if self._settings.heartbeat_url is not None:
            every_ns = self._settings.heartbeat_every // dt.timedelta(microseconds=1) * 1000
            self.heartbeat = Heartbeat(self._settings.heartbeat_url, every_ns, lambda: [*failing(), *self._store()])
            self.heartbeat.start()
            tasks.append(Task("heartbeat", self.heartbeat.tick))
        return tasks

    def stop(self) -> None:
        """Give up what is under way."""
        self.backups.stop()
        if self.heartbeat is not None:
            self.heartbeat.stop()

    def conditions(self) -> list[dict[str, str]]:
        """What somebody should look at."""
        told = None if self.heartbeat is None else self.heartbeat.condition()
        return [] if told is None else [{"level": "warning", "service": "spanledger", "text": told}]

    def _store(self) -> list[str]:
        """What is wrong with the store, asked of it."""
        try:
            with self._database.reader() as reader:
                reader.value(SQL["alive"])
            free = self._database.free_bytes()
        except (SpanledgerError, OSError) as error:
            return [f"the store does not answer: {error}"]
        return [] if free is None or free >= LEAST_FREE_BYTES else [f"only {free} bytes are free for the store"]
