"""The closed loop: what arrives decides how much senders are asked to keep.

Once a tick it reads the rates of all operations and the budget, divides the budget among them, and holds the answer
for those who ask. Two things correct it: what was really stored (senders keep failed traces on top, and estimates err),
slowly, and refusals of this server (it is busy), at once: the rates halve with each tick in which somebody was turned
away and come back by a quarter with each in which nobody was.

Never: a rate from a tag, a rate above one, or a question to the store for each that asks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from spanledger_server.sampling import allocation, budget, rates
from spanledger_server.sampling.budget import Budget
from spanledger_server.sampling.rates import Seen
from spanledger_server.store.database import Database

FOR_NEW: Final = 0.1  # of the budget, for operations that nobody knows yet
MOST_CHARACTERS: Final = 500_000  # of an answer: senders read no more than a megabyte
PER_OPERATION: Final = 80  # characters beside its name
LEAST_PRESSURE: Final = 1 / 64
SHRINK: Final = 0.5
RECOVER: Final = 1.25
CORRECT_EVERY_NS: Final = 60 * 10**9
CORRECTION_POWER: Final = 0.3  # of the error that is corrected in a minute: senders follow within one
CORRECTION_RANGE: Final = (0.25, 1.5)
LEFT_ALONE: Final = 0.05  # what is stored may differ from the budget by this much
MOVED: Final = 0.2  # when what is wanted changes by more, what was stored is of before
LEAST_LEFT: Final = 0.1  # of the budget, for those who sample as they are told, whatever others send


@dataclass(frozen=True, slots=True)
class Strategy:
    """What a service is asked to keep.

    Attributes:
        default: Probability for operations that are not named.
        operations: Operation -> probability.
    """

    default: float = 1.0
    operations: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """What the last tick found.

    Attributes:
        budget: What may be kept.
        seen: What arrived; None before the first tick.
        probabilities: By service and operation; those that are missing get `default`.
        default: For operations that nobody knows.
        pressure: 1 when this server takes everything; the share that senders are asked to reduce to when it does not.
        correction: By what the budget is multiplied, so that what is stored becomes the budget.
    """

    budget: Budget
    seen: Seen | None = None
    probabilities: dict[tuple[str, str], float] = field(default_factory=dict)
    default: float = 1.0
    pressure: float = 1.0
    correction: float = 1.0


class ClosedLoop:
    """Holds what senders are asked to keep; `tick` brings it up to date."""

    def __init__(self, database: Database, setting: float | None, refusals: Callable[[], int]) -> None:
        """Nothing is known yet: everything is kept.

        Args:
            database: The store.
            setting: The budget, spans a second, unless an administrator sets another; None for none.
            refusals: How many requests this server has told to come back later, since it started.
        """
        with database.reader() as reader:
            self.state = State(budget.current(reader, setting))
        self._database = database
        self._setting = setting
        self._refusals = refusals
        self._one_tick = threading.Lock()
        self._refused = refusals()
        self._pressure = 1.0
        self._correction = 1.0
        self._corrected_ns: int | None = None
        self._wanted: float | None = None

    def tick(self, now_ns: int) -> None:
        """Read what arrived, and decide anew."""
        with self._one_tick:
            self._feel()
            with self._database.reader() as reader:
                held = budget.current(reader, self._setting)
                seen = rates.seen(reader, now_ns)
            self._correct(held, seen, now_ns)
            self.state = _decided(held, seen, self._pressure, self._correction)

    def rebudget(self, now_ns: int) -> None:
        """As `tick`, at once after another budget was set: whether the server is busy is not judged by it."""
        with self._one_tick:
            with self._database.reader() as reader:
                held = budget.current(reader, self._setting)
                seen = rates.seen(reader, now_ns)
            self._correction = 1.0
            self.state = _decided(held, seen, self._pressure, self._correction)

    def strategy(self, service: str) -> Strategy:
        """What this service should keep."""
        state = self.state
        mine = {
            operation: probability
            for (owner, operation), probability in state.probabilities.items()
            if owner == service
        }
        return Strategy(state.default, _shortened(mine))

    def _feel(self) -> None:
        refused = self._refusals()
        pressed, self._refused = refused > self._refused, refused
        self._pressure = max(LEAST_PRESSURE, self._pressure * SHRINK) if pressed else min(1.0, self._pressure * RECOVER)

    def _correct(self, held: Budget, seen: Seen, now_ns: int) -> None:
        """Follow what is stored, while sampling is what bounds it."""
        wanted = _left(held, seen)
        sampled = any(probability < 1 for probability in self.state.probabilities.values())
        if wanted is None or not sampled or self._pressure < 1 or not seen.counted_per_s:
            self._corrected_ns = None
            self._correction = 1.0 if wanted is None or not sampled else self._correction
            return
        if self._corrected_ns is None or self._wanted is None or abs(wanted / self._wanted - 1) > MOVED:
            self._corrected_ns, self._wanted = now_ns + CORRECT_EVERY_NS, wanted
        if now_ns - self._corrected_ns < CORRECT_EVERY_NS:
            return
        self._corrected_ns = now_ns
        error = wanted / seen.counted_per_s
        if abs(error - 1) > LEFT_ALONE:
            low, high = CORRECTION_RANGE
            self._correction = min(high, max(low, self._correction * error**CORRECTION_POWER))


def _shortened(operations: dict[str, float]) -> dict[str, float]:
    """As many as an answer may hold; those that are reduced most come first, the others get the default."""
    if sum(map(len, operations)) + PER_OPERATION * len(operations) <= MOST_CHARACTERS:
        return operations
    left, taken = MOST_CHARACTERS, {}
    for operation, probability in sorted(operations.items(), key=lambda item: item[1]):
        left -= len(operation) + PER_OPERATION
        if left < 0:
            break
        taken[operation] = probability
    return taken


def _left(held: Budget, seen: Seen) -> float | None:
    """What of the budget the uncounted spans leave, whose senders nobody can tell anything; None without a budget."""
    if held.spans_per_second is None:
        return None
    uncounted_per_s = seen.spans_per_s - seen.counted_per_s
    return max(held.spans_per_second - uncounted_per_s, LEAST_LEFT * held.spans_per_second)


def _decided(held: Budget, seen: Seen, pressure: float, correction: float) -> State:
    left = _left(held, seen)
    if left is None:
        reduced = dict.fromkeys(seen.operations, pressure) if pressure < 1 else {}
        return State(held, seen, reduced, pressure, pressure, 1.0)
    spans_per_s = left * pressure * correction
    shared = {
        key: min(pressure, probability)
        for key, probability in allocation.probabilities(seen.operations, spans_per_s).items()
    }
    usual = sum(each.spans_per_trace for each in seen.operations.values()) / max(1, len(seen.operations)) or 1.0
    unknown = seen.new_per_s * usual
    default = min(pressure, FOR_NEW * spans_per_s / unknown if unknown else 1.0)
    return State(held, seen, shared, max(allocation.LEAST_PROBABILITY, default), pressure, correction)
