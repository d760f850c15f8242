"""One signal's queue and its books: each item ends as sent, refused, dropped for a reason, spooled, or still waits.

Given items from any thread, gives batches to the one worker, and is told what became of each. The books add up at
every moment: `recorded + recovered == sent + refused + dropped + spooled + waiting` (`recovered` is what an earlier
process had left in the spool).

Never: blocks whoever puts something in, or grows beyond its limit.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spanledger.delivery.encode import Encoder
from spanledger.delivery.journal import Journal, Kept
from spanledger.delivery.outcome import Lost, Outcome, Sent, TooLarge, Transport, TryAgain
from spanledger.delivery.spool import Spool, SpoolFile
from spanledger.guard import guard

FIRST_PAUSE_S = 0.5
OBSERVED_AT_ONCE = 32  # without letting other threads run
_observe_guard = guard("delivery.observe")
_encode_guard = guard("delivery.encode")


@dataclass(slots=True)
class Batch:
    """Items on their way.

    Attributes:
        items: The items, unless they come from the spool.
        payload: Their bytes.
        weight: How much they count.
        file: Where they lie, if they come from the spool.
        kept: What of the journal is free when they have left.
    """

    items: Sequence[Any]
    payload: bytes
    weight: int
    file: SpoolFile | None = None
    kept: Sequence[Kept] = ()


@dataclass(frozen=True, slots=True)
class Books:
    """What became of everything that was recorded, at one moment."""

    recorded: int = 0
    recovered: int = 0
    sent: int = 0
    refused: int = 0
    spooled: int = 0
    waiting: int = 0
    dropped: dict[str, int] = field(default_factory=dict)


class Lane:
    """A bounded queue with its way out. `put` is for everybody; the rest is for the worker.

    Args:
        signal: The name in `stats()` and in the SDK's own metric.
        encoder: Items to bytes.
        transport: Bytes to the receiver.
        limit: Items that may wait, those on their way included.
        batch_size: Items in one request.
        observe: Called once for each item, by the worker, before it is encoded.
        weigh: How much an item counts; None: one.
        spool: Where undelivered batches may go.
        journal: Where each item is written before it is queued; only with a spool, and where items weigh one.
        encoder_under: Gives an encoder for what was left in another process's journal, given its resource field.
        newest_first: Whether a full queue drops what has waited longest, and not what comes.
        linger_s: Seconds between two requests as long as less than a whole batch waits: small ones cost as much.
    """

    def __init__(
        self,
        signal: str,
        encoder: Encoder,
        transport: Transport,
        *,
        limit: int,
        batch_size: int,
        observe: Callable[[Any], None] | None = None,
        weigh: Callable[[Any], int] | None = None,
        spool: Spool | None = None,
        journal: Journal | None = None,
        encoder_under: Callable[[bytes], Encoder] | None = None,
        newest_first: bool = False,
        linger_s: float = 0.0,
    ) -> None:
        self.signal, self.encoder, self.transport, self.spool = signal, encoder, transport, spool
        self.journal, self.encoder_under, self._newest_first = journal, encoder_under, newest_first
        self.limit, self.batch_size = limit, batch_size
        self.observe, self._weigh, self._linger_s = observe, weigh, linger_s
        self._queue: deque[Any] = deque()
        self._fresh()

    def _fresh(self) -> None:
        self._books = threading.RLock()  # re-entrant: a signal handler may ask for stats in the middle of a count
        self._queue.clear()
        self._again: deque[Batch] = deque()
        self._sending: Batch | None = None
        self._room = self.limit
        self._taken = self._in_hand = self._in_hand_items = 0
        self._turned_away: dict[str, int] = {}  # never were in the queue
        self._dropped: dict[str, int] = {}
        self._sent = self._refused = self._spooled = self._recovered = 0
        self._closed: str | None = None
        self.not_before = 0.0
        self.attempt = 0

    # --- for everybody ------------------------------------------------------------------------------------------------

    def put(self, item: Any) -> None:
        """Queue an item, or drop it and count that."""
        if len(self._queue) >= self._room:
            self._no_room(item)
        else:
            self._queue.append(item if self.journal is None else self.journal.keep(item))

    def _no_room(self, item: Any) -> None:
        with self._books:
            if self._newest_first and self._queue and self._closed is None:
                self._queue.append(item)
                item = self._queue.popleft()
            self.turn_away(self._weight(item))

    def turn_away(self, weight: int) -> None:
        """Count what there was no room for."""
        if weight:
            with self._books:
                reason = self._closed or "queue_full"
                self._turned_away[reason] = self._turned_away.get(reason, 0) + weight

    def books(self) -> Books:
        """What became of everything so far."""
        with self._books:
            queued = self._queued()
            dropped = dict(self._turned_away)
            for reason, count in self._dropped.items():
                dropped[reason] = dropped.get(reason, 0) + count
            return Books(
                recorded=self._taken + queued + sum(self._turned_away.values()),
                recovered=self._recovered,
                sent=self._sent,
                refused=self._refused,
                spooled=self._spooled,
                waiting=self._in_hand + queued,
                dropped=dropped,
            )

    def is_empty(self) -> bool:
        """Whether nothing waits, in memory or in this process's spool files."""
        with self._books:
            return not (self._queue or self._in_hand or self._spooled)

    def is_crowded(self) -> bool:
        """Whether more than half of the room is taken."""
        return len(self._queue) + self._in_hand_items > self.limit // 2

    def is_due(self, now_s: float, *, hurry: bool) -> bool:
        """Whether it is time for a request; in a hurry what was sent is no reason to wait, only what was refused is."""
        if now_s >= self.not_before:
            return True
        return not self.attempt and (hurry or len(self._queue) >= min(self.batch_size, self.limit // 2))

    def has_work(self) -> bool:
        """Whether there is something that could be sent now."""
        return bool(self._queue or self._again or (self.spool and self.spool.oldest()))

    # --- for the worker -----------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Take over what dead processes left in the spool."""
        if self.spool is not None:
            self.recovered(self.spool.take_over())

    def recovered(self, spooled: int, lost: Mapping[str, int] | None = None) -> None:
        """Count what dead processes left: it lies in our spool now, or is lost for these reasons."""
        with self._books:
            self._spooled += spooled
            self._recovered += spooled
            for reason, count in (lost or {}).items():
                if count:
                    self._recovered += count
                    self._dropped[reason] = self._dropped.get(reason, 0) + count

    def next_batch(self, breathe: Callable[[], None]) -> Batch | None:
        """The batch to send next: from the spool, one to be tried again, or a fresh one."""
        if self.spool is not None:
            while (file := self.spool.oldest()) is not None:
                payload = self.spool.read(file)
                if payload is not None:
                    self._sending = Batch((), payload, file.count, file)
                    return self._sending
                self._forget(file, "spool_lost")
        self._sending = self._again.popleft() if self._again else self._take(breathe)
        return self._sending

    def settle(self, batch: Batch, outcome: Outcome, now_s: float, spread: float, max_pause_s: float) -> None:
        """Write down what became of a batch; `spread` in [0, 1) is the jitter."""
        with self._books:
            if batch is not self._sending:
                return  # it was abandoned while its request was still under way
            self._sending = None
            match outcome:
                case Sent(refused=refused):
                    self._close_batch(batch, refused=min(refused, batch.weight))
                    if self._linger_s:
                        self.not_before = now_s + self._linger_s
                case Lost(reason=reason):
                    self._close_batch(batch, lost=reason)
                case TooLarge():
                    self._split(batch)
                case TryAgain(after_s=after_s):
                    self.attempt += 1
                    pause = min(FIRST_PAUSE_S * 2 ** min(self.attempt - 1, 10), max_pause_s)
                    # Half of the pause is chance, so that a fleet does not come back as one; a receiver's own wish is
                    # the least.
                    self.not_before = now_s + max(after_s or 0.0, pause / 2) + spread * pause / 2
                    if batch.file is None:
                        self._again.appendleft(batch)

    def spill(self, breathe: Callable[[], None]) -> bool:
        """Move one batch to the spool; False where there is none, or no room."""
        if self.spool is None:
            return False
        batch = self._again.popleft() if self._again else self._take(breathe)
        if batch is None:
            return False
        if not self.spool.write(batch.payload, batch.weight):
            self._again.appendleft(batch)
            return False
        with self._books:
            self._release(batch)
            self._spooled += batch.weight
        return True

    def spill_all(self) -> None:
        """Move to the spool what waits, and what is under way: nobody may be there to learn whether it arrived."""
        if self.spool is not None:
            self._take_back()
            while self.spill(lambda: None):
                pass

    def _take_back(self) -> None:
        with self._books:
            if self._sending is not None and self._sending.file is None:
                self._again.appendleft(self._sending)
                self._sending = None

    def close(self, reason: str) -> None:
        """Take nothing more; what is put in from now on is dropped for `reason`."""
        with self._books:
            self._closed = reason
            self._room = 0

    def abandon(self, reason: str) -> None:
        """Give up on everything that waits: into the spool if there is one, else dropped for `reason`."""
        self._take_back()
        while self.spill(lambda: None):
            pass
        while (batch := self._again.popleft() if self._again else self._take(lambda: None)) is not None:
            with self._books:
                self._close_batch(batch, lost=reason)
        if self.journal is not None:
            self.journal.close()

    def after_fork(self) -> None:
        """In a child: nothing was recorded here yet, and what waits is the parent's."""
        self._fresh()
        self.transport.after_fork()
        if self.spool is not None:
            self.spool.after_fork()
        if self.journal is not None:
            self.journal.after_fork()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _weight(self, item: Any) -> int:
        return 1 if self._weigh is None else self._weigh(item)

    def _weight_of(self, items: Sequence[Any]) -> int:
        return len(items) if self._weigh is None else sum(map(self._weigh, items))

    def _queued(self) -> int:
        return len(self._queue) if self._weigh is None else self._weight_of(list(self._queue))

    def _take(self, breathe: Callable[[], None]) -> Batch | None:
        """The next fresh batch; items that cannot be encoded are passed over, so that None means an empty queue."""
        while fetched := self._fetched():
            items = fetched if self.journal is None else [item for item, _, _ in fetched]
            if self.observe is not None:
                for at in range(0, len(items), OBSERVED_AT_ONCE):
                    left = iter(items[at : at + OBSERVED_AT_ONCE])
                    while not _observe_guard.run(self._observe_all, left):
                        pass  # the one that failed is passed over
                    breathe()
            batch = self._encoded(items, self._weight_of(items), breathe)
            kept = () if self.journal is None else fetched
            if batch is not None:
                batch.kept = kept
                return batch
            self._free(kept)
        return None

    def _observe_all(self, items: Iterator[Any]) -> bool:
        if (observe := self.observe) is not None:
            for item in items:
                observe(item)
        return True

    def _fetched(self) -> list[Any]:
        with self._books:
            items = [self._queue.popleft() for _ in range(min(self.batch_size, len(self._queue)))]
            weight = self._weight_of(items)
            self._taken += weight
            self._hold(len(items), weight)
        return items

    def _free(self, kept: Sequence[Kept]) -> None:
        if self.journal is not None and kept:
            self.journal.done(kept)

    def _encoded(self, items: Sequence[Any], weight: int, breathe: Callable[[], None]) -> Batch | None:
        payload, good = b"", list[Any]()
        with _encode_guard:
            payload, good = self.encoder.encode(items, breathe)
        kept = self._weight_of(good)
        if kept < weight:
            with self._books:
                self._hold(len(good) - len(items), kept - weight)
                self._dropped["encode_error"] = self._dropped.get("encode_error", 0) + weight - kept
        return Batch(good, payload, kept) if good else None

    def _split(self, batch: Batch) -> None:
        if len(batch.items) < 2:
            self._close_batch(batch, lost="too_large")
            return
        half, kept = len(batch.items) // 2, batch.kept
        for items in (batch.items[half:], batch.items[:half]):
            part = self._encoded(items, self._weight_of(items), lambda: None)
            if part is not None:
                part.kept, kept = kept, ()  # all of it to the part that goes last
                self._again.appendleft(part)
        self._free(kept)

    def _close_batch(self, batch: Batch, *, refused: int = 0, lost: str | None = None) -> None:
        self._release(batch)
        if lost is None:
            self.attempt, self.not_before = 0, 0.0
            self._sent += batch.weight - refused
            self._refused += refused
        else:
            self._dropped[lost] = self._dropped.get(lost, 0) + batch.weight

    def _release(self, batch: Batch) -> None:
        self._free(batch.kept)
        if batch.file is None:
            self._hold(-len(batch.items), -batch.weight)
        elif self.spool is not None:
            self.spool.remove(batch.file)
            self._spooled -= batch.weight

    def _forget(self, file: SpoolFile, reason: str) -> None:
        with self._books:
            self._close_batch(Batch((), b"", file.count, file), lost=reason)

    def _hold(self, items: int, weight: int) -> None:
        self._in_hand_items += items
        self._in_hand += weight
        if self._closed is None:
            self._room = self.limit - self._in_hand_items
