"""Delivery: plans when something happened, and sends, each channel on a thread of its own.

Given the store, what opens a channel, and the time, keeps a planner that is woken by the commit of an event, and a
worker for each channel that has something to send, woken by the commit of a message. A channel that hangs holds up
nobody else: after a minute its worker is left behind, and another one tries again.

Never: a send inside a transaction, or an outcome that is not written.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Final

from spanledger_server.errors import SpanledgerError
from spanledger_server.notify import failing, keeping, outbox, queue
from spanledger_server.notify.opening import Opening
from spanledger_server.notify.planner import Holding, Planner
from spanledger_server.notify.policy import Plan
from spanledger_server.notify.terms import Known
from spanledger_server.notify.worker import Tally, Worker
from spanledger_server.store.database import Database
from spanledger_server.timegrid import SECOND_NS

log = logging.getLogger(__name__)

LONGEST_WAIT_S: Final = 5.0  # what silences end, and what other clocks say, is looked at so often
AFTER_FAILURE_S: Final = 1.0
STOP_PATIENCE_S: Final = 5.0
MOST_LEFT_BEHIND: Final = 3  # workers of one channel


class Delivery:
    """Of one store. `start`, then `stop`; or `tick` by hand, which plans, and sends nothing until started."""

    def __init__(self, database: Database, now: Callable[[], int], opening: Opening, holding: Holding) -> None:
        """Nothing is read yet.

        Args:
            database: The store.
            now: The time in ns since 1970.
            opening: Knows the channels and opens them.
            holding: What silences, maintenance and inhibitions hold back.
        """
        self.planner = Planner(database, opening.known, holding)
        self.tally = Tally()
        self.trouble: str | None = None  # why nothing could be planned, the last time
        self._database = database
        self._now = now
        self._opening = opening
        self._workers: dict[str, Worker] = {}
        self._by_hand: dict[str, Worker] = {}
        self._left: dict[str, list[Worker]] = {}
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._one = threading.Lock()
        self._kept_ns: int | None = None
        self._thread = threading.Thread(target=self._work, name="spanledger-notify", daemon=True)

    def start(self) -> None:
        """Take up what was left, and begin."""
        with self._database.transaction() as tx:
            queue.resume(tx, self._now())
        self._database.listeners.setdefault(outbox.TOPIC, []).append(self.wake)
        self._thread.start()

    def stop(self) -> None:
        """End; what is being sent may end as well, for a while. Safe to call twice."""
        self._stopping.set()
        self._wake.set()
        listeners = self._database.listeners.get(outbox.TOPIC, [])
        if self.wake in listeners:
            listeners.remove(self.wake)
        if self._thread.is_alive():
            self._thread.join(STOP_PATIENCE_S)
        with self._one:
            workers = list(self._workers.values())
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join(STOP_PATIENCE_S)

    def wake(self) -> None:
        """Something happened, or was changed: plan now. Returns at once."""
        self._wake.set()

    def hurry(self, channel_id: str) -> None:
        """Send what waits for a channel without waiting for the end of a pause."""
        with self._one:
            worker = self._workers.get(channel_id)
        if worker is not None:
            worker.hurry()
        self._wake.set()

    def tick(self, now_ns: int) -> Plan:
        """Plan now, see that whoever has something to send does, and once a while look after what is kept."""
        plan = self.planner.turn(now_ns)
        self._put_to_work(now_ns)
        return plan

    def keep(self, now_ns: int, keep_ns: int) -> None:
        """Settle what no channel or no alert is there for any more; once an hour forget what ended `keep_ns` ago."""
        with self._database.reader() as reader:
            known = self._opening.known(reader)
            gone = [key for key in queue.channels(reader) if key not in known]
            used = {each.channel_id for each in known.values() if each.enabled}
            over = [each for each in failing.listed(reader) if each.channel_id not in used]
            ended = keeping.ended(reader, now_ns)
        self._dismiss(known)
        if gone or over or ended:
            with self._database.transaction() as tx:
                outbox.record(tx, ended, now_ns)
                for channel_id in gone:
                    queue.drop(tx, channel_id, "the channel is gone", now_ns)
                for each in over:
                    failing.end(tx, each, "The channel is not used any more.", now_ns)
        if self._kept_ns is None or not 0 <= now_ns - self._kept_ns < keeping.EVERY_NS:
            self._kept_ns = now_ns
            keeping.forget(self._database, now_ns, keep_ns)

    def _dismiss(self, known: Mapping[str, Known]) -> None:
        """Workers of channels that are gone."""
        with self._one:
            for channel_id in self._workers.keys() - known.keys():
                self._workers.pop(channel_id).stop()

    def send(self, channel_id: str, now_ns: int) -> int | None:
        """Send the next message of a channel, on the caller's thread; when there will be one, None: nothing waits."""
        with self._one:
            worker = self._by_hand.get(channel_id)
            if worker is None:
                worker = Worker(self._database, self._now, self._opening, self.tally, channel_id)
                self._by_hand[channel_id] = worker
        return worker.once(now_ns)

    def busy(self) -> dict[str, int]:
        """Since when each channel is being told something; ns since 1970."""
        with self._one:
            return {key: at_ns for key, worker in self._workers.items() if (at_ns := worker.sending_ns) is not None}

    def _work(self) -> None:
        wait_s = 0.0
        while not self._stopping.is_set():
            self._wake.wait(wait_s)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                now_ns = self._now()
                next_ns = self.tick(now_ns).next_ns
                wait_s = max(0.0, min(LONGEST_WAIT_S, (next_ns - now_ns) / SECOND_NS))
                self.trouble = None
            except SpanledgerError as error:
                log.warning("a plan could not be committed", extra={"reason": str(error)})
                self.trouble, wait_s = str(error), AFTER_FAILURE_S
            except Exception as error:  # the boundary: what went wrong once may go well the next time
                log.exception("planning failed")
                self.trouble, wait_s = f"{type(error).__name__}: {error}", LONGEST_WAIT_S

    def _put_to_work(self, now_ns: int) -> None:
        if not self._thread.is_alive():
            return
        with self._database.reader() as reader:
            wanted = queue.channels(reader)
        with self._one:
            for channel_id in wanted:
                worker = self._workers.get(channel_id)
                if worker is not None and worker.hangs(now_ns):
                    worker = self._leave_behind(channel_id, worker, now_ns)
                elif worker is None:
                    worker = self._new(channel_id)
                worker.wake()

    def _new(self, channel_id: str) -> Worker:
        worker = Worker(self._database, self._now, self._opening, self.tally, channel_id)
        self._workers[channel_id] = worker
        worker.start()
        return worker

    def _leave_behind(self, channel_id: str, worker: Worker, now_ns: int) -> Worker:
        """Another worker in place of one that hangs, unless too many do."""
        left = self._left[channel_id] = [each for each in self._left.get(channel_id, []) if each.alive]
        if len(left) >= MOST_LEFT_BEHIND:
            return worker
        worker.leave_behind(now_ns)
        left.append(worker)
        log.warning("a channel hangs", extra={"channel": channel_id})
        return self._new(channel_id)
