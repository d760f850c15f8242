"""Take messages into the store, end what nobody speaks of any more, and forget what ended long ago.

Given messages, writes what they change in one transaction. Senders say again and again that an alert fires on: that
moves its end by seconds, is remembered, and written once a tick.

Never: more alerts that fire at once than `MOST_FIRING`: those beyond are refused, and counted.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from spanledger_server.alerts import mirrored, record
from spanledger_server.alerts.episodes import Change, Episode, Message, Why, expired, heard
from spanledger_server.alerts.remembered import Remembered
from spanledger_server.otlp.columns import uuid_field
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Transaction

SQL = sqlfile.load(__package__)

MOST_FIRING: Final = 50_000
SWEEP_NS: Final = 3600 * 10**9
OLD: Final = (  # in this order
    *("delete_old_received", "delete_old_changes", "delete_old_feedback", "delete_old_alerts"),
    *("delete_old_deployments", "delete_old_incident_notes"),
)
EXPIRED: Final[Why] = "expired"

EPISODES: Final = pa.schema(
    [
        uuid_field("alert_id"),
        pa.field("fingerprint", pa.uint64()),
        *(pa.field(name, pa.string()) for name in ("labels", "name", "severity", "annotations", "generator_url")),
        *(pa.field(name, pa.int64()) for name in ("starts_ns", "expires_ns", "told_end_ns", "ends_ns")),
        pa.field("ended_by", pa.string()),
        pa.field("updated_ns", pa.int64()),
    ]
)


@dataclass(slots=True)
class Counters:
    """What came since the server started; read by `/metrics`."""

    received: int = 0
    refused: int = 0


class ReceivedAlerts:
    """The alerts of one store."""

    def __init__(self, database: Database, resolve_timeout_ns: int, keep_ns: int, now_ns: int) -> None:
        """What fired when the server stopped fires on, until its senders have had time to speak.

        Args:
            database: The store.
            resolve_timeout_ns: How long an alert fires whose sender does not say until when.
            keep_ns: How long alerts are kept that have ended.
            now_ns: The time.
        """
        self.counters = Counters()
        self.resolve_timeout_ns = resolve_timeout_ns
        self.started_ns = now_ns
        self._database = database
        self._keep_ns = keep_ns
        self._swept_ns = 0
        self._turn = threading.Lock()  # taken before the writer's turn: nobody else writes these rows
        self._remembered = Remembered()
        with database.transaction() as tx:
            tx.execute(SQL["give_time"], until_ns=now_ns + resolve_timeout_ns)

    def take(self, messages: Sequence[Message], sender: str | None, now_ns: int) -> int:
        """Write what these messages change; how many were not taken, because too many alerts fire.

        Messages that only say once more what is known are not written before the next tick: after a crash, alerts that
        fired get time anyway.

        Args:
            messages: In the order in which they were sent.
            sender: Name of the token; None when none was needed.
            now_ns: The time.

        Raises:
            Busy: It could not be committed.
        """
        with self._turn:
            refused = 0 if self._remembered.take(messages, now_ns) else self._write(messages, sender, now_ns)
            self.counters.received += len(messages) - refused
            self.counters.refused += refused
        return refused

    def _write(self, messages: Sequence[Message], sender: str | None, now_ns: int) -> int:
        with self._database.transaction() as tx:
            refused, newest = _take(tx, messages, sender, now_ns, self._remembered)
        self._remembered.keep(newest)
        return refused

    def tick(self, now_ns: int) -> None:
        """End what nobody has spoken of in time; once an hour, forget what ended long ago."""
        with self._turn:
            self._end_expired(now_ns)
        if not 0 <= now_ns - self._swept_ns < SWEEP_NS:
            self._swept_ns = now_ns
            with self._database.transaction() as tx:
                for statement in OLD:
                    tx.execute(SQL[statement], before_ns=now_ns - self._keep_ns)

    def _end_expired(self, now_ns: int) -> None:
        waiting = self._remembered.waiting()
        with self._database.reader() as reader:
            any_expired = reader.value(SQL["any_expired"], now_ns=now_ns)
        if waiting or any_expired:
            with self._database.transaction() as tx:
                _store(tx, "update_episodes", "changed_episodes", waiting)
                silent = [Episode(**row) for row in tx.rows(SQL["expired_episodes"], now_ns=now_ns)]
                if silent:
                    tx.execute(SQL["end_expired"], now_ns=now_ns)
                    ended = [(expired(episode, now_ns), EXPIRED) for episode in silent]
                    record.write(tx, mirrored.moved(tx, ended, None), now_ns)
            self._remembered.written(silent)

    def firing(self) -> dict[str, int]:
        """How many fire, by severity."""
        with self._database.reader() as reader:
            return dict(reader.tuples(SQL["firing_by_severity"]))


def _take(
    tx: Transaction, messages: Sequence[Message], sender: str | None, now_ns: int, remembered: Remembered
) -> tuple[int, dict[str, Episode]]:
    """How many were refused, and the newest episode of each set of labels that was spoken of."""
    fingerprints = list({message.fingerprint for message in messages})
    rows = tx.rows(SQL["newest_episodes"], fingerprints=fingerprints)
    newest = {row["labels"]: remembered.newer(Episode(**row)) for row in rows}
    stored = {episode.alert_id for episode in newest.values()}
    room = MOST_FIRING - int(tx.value(SQL["firing_count"]))
    changed: dict[Any, Episode] = {}
    noted: list[tuple[Episode, Why]] = []
    refused = 0
    for message in messages:
        changes = heard(newest.get(message.labels), message, now_ns)
        more = _more_firing(newest.get(message.labels), changes)
        if more > 0 and more > room:
            refused += 1
            continue
        room -= more
        for change in changes:
            episode = newest[message.labels] = changed[change.episode.alert_id] = change.episode
            if change.why is not None:
                noted.append((episode, change.why))
    _store(tx, "insert_episodes", "begun_episodes", [each for key, each in changed.items() if key not in stored])
    _store(tx, "update_episodes", "changed_episodes", [each for key, each in changed.items() if key in stored])
    if noted:
        record.write(tx, mirrored.moved(tx, noted, sender), now_ns)
    return refused, newest


def _more_firing(before: Episode | None, changes: Sequence[Change]) -> int:
    if not changes:
        return 0
    return (changes[-1].episode.ends_ns is None) - (before is not None and before.ends_ns is None)


def _store(tx: Transaction, statement: str, name: str, episodes: Sequence[Episode]) -> None:
    if episodes:
        columns = [[getattr(episode, column) for episode in episodes] for column in EPISODES.names[1:]]
        keys = [episode.alert_id.bytes for episode in episodes]
        with tx.scan(name, pa.table([keys, *columns], schema=EPISODES)):
            tx.execute(SQL[statement])
