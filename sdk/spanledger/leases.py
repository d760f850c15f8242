"""Slices of budgets that this process may spend by itself, renewed in the background.

Given a backend, a thread asks it every few seconds which budgets there are, tells what was used, and is lent anew.
`decide` looks only at what is in memory. A slice that was not renewed in time counts for nothing, here and there.

Never: a question to the backend on the caller's thread, a lock held while one is asked, or a thread that keeps a
program from ending.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from spanledger.errors import BackendError
from spanledger.guard import guard

if TYPE_CHECKING:
    from spanledger.backend import Backend

TTL_S: Final = 15.0  # how long a slice counts without renewal
RENEW_S: Final = 4.0
SOONEST_S: Final = 0.05  # between two questions
IDLE_S: Final = 60.0  # without a decision, after which everything is given back
PATIENT_S: Final = 1.0  # so long after a failure nobody waits for the next answer
MARGIN_S: Final = 1.0  # for the way there and back
MOST_ASKED: Final = 100  # budgets in one question
NOTHING: Final = Decimal(0)
_PATH: Final = "/api/v1/budgets/leases"
_guard = guard("budgets")

Outcome = Literal["granted", "refused", "unlimited", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is in memory says.

    Attributes:
        outcome: `unknown` where there is no slice of a budget that covers the call.
        budgets: The ids of those that cover it.
        name: Of the budget that decided.
        left: USD of this process's slice of it, after this call.
    """

    outcome: Outcome
    budgets: tuple[str, ...] = ()
    name: str | None = None
    left: Decimal | None = None


@dataclass(slots=True)
class _Slice:
    """Of one budget."""

    granted: Decimal = NOTHING
    used: Decimal = NOTHING  # since it was told
    under_way: Decimal = NOTHING  # of calls that have not ended
    until_s: float = 0.0
    largest: Decimal = NOTHING
    last_used: Decimal = NOTHING
    wanted_s: float = 0.0
    remaining: Decimal = NOTHING

    @property
    def left(self) -> Decimal:
        return self.granted - self.used - self.under_way

    def want(self) -> Decimal:
        """Enough for calls like those of late until long after the next renewal."""
        return self.under_way + max(4 * self.largest, 10 * self.last_used)


@dataclass(slots=True)
class _Known:
    budget_id: str
    name: str
    scope: Mapping[str, str]


@dataclass(slots=True)
class _Answers:
    known: Sequence[_Known] | None = None
    at_s: float = 0.0
    count: int = 0
    problem: str | None = None
    problem_s: float = 0.0
    slices: dict[str, _Slice] = field(default_factory=dict)


class Leases:
    """Those of one process.

    Args:
        backend: Whom to ask.
        clock: Seconds, never going back.
    """

    def __init__(self, backend: Backend, clock: Callable[[], float] = time.monotonic) -> None:
        self._backend, self._clock = backend, clock
        self._holder = secrets.token_hex(8)
        self._changed = threading.Condition(threading.RLock())
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._decided_s = clock()
        self._stopped = False
        self._told = _Answers()
        self._later: deque[Callable[[], None]] = deque()

    @property
    def problem(self) -> str | None:
        """Why the backend did not answer the last time; None when it did."""
        return self._told.problem

    @property
    def just_failed(self) -> bool:
        """Whether the backend failed to answer a moment ago."""
        return self._told.problem is not None and self._clock() - self._told.problem_s < PATIENT_S

    @property
    def answers(self) -> int:
        """How often the backend has answered or failed to."""
        return self._told.count

    def decide(self, scope: Mapping[str, str], amount: Decimal) -> Verdict:
        """Whether a call with these values may cost `amount`; what is granted is taken at once."""
        now = self._clock()
        with self._changed:
            self._decided_s = now
            self._begin()
            told = self._told
            if told.known is None or now - told.at_s > TTL_S:
                self._wake.set()
                return Verdict("unknown")
            covering = [each for each in told.known if each.scope.items() <= scope.items()]
            if not covering:
                return Verdict("unlimited")
            verdict = self._looked_at(covering, amount, now)
            if verdict.outcome == "granted":
                for each in covering:
                    told.slices[each.budget_id].used += amount
            return verdict

    def _looked_at(self, covering: Sequence[_Known], amount: Decimal, now: float) -> Verdict:
        ids = tuple(each.budget_id for each in covering)
        verdict = Verdict("granted", ids)
        for each in covering:
            mine = self._told.slices.setdefault(each.budget_id, _Slice())
            mine.wanted_s, mine.largest = now, max(mine.largest, amount)
            if mine.until_s < now:
                self._wake.set()
                if verdict.outcome == "granted":
                    verdict = Verdict("unknown", ids, each.name)
                continue
            left = mine.left - amount
            if left < mine.granted / 2 and mine.remaining > 0:
                self._wake.set()
            if left < 0 or mine.left <= 0:
                return Verdict("refused", ids, each.name, max(NOTHING, mine.left))
            if verdict.outcome == "granted" and (verdict.left is None or left < verdict.left):
                verdict = Verdict("granted", ids, each.name, left)
        return verdict

    def covering(self, scope: Mapping[str, str]) -> tuple[str, ...]:
        """The ids of the budgets that cover a call with these values, as far as they are known."""
        return tuple(each.budget_id for each in self._told.known or () if each.scope.items() <= scope.items())

    def later(self, work: Callable[[], None]) -> None:
        """Have something done on the thread of this, before it asks again."""
        self._later.append(work)
        with self._changed:
            self._begin()

    def take(self, budgets: Sequence[str], amount: Decimal) -> None:
        """Count what was, or was not, spent beyond what was taken when it was decided."""
        with self._changed:
            for budget_id in budgets:
                self._told.slices.setdefault(budget_id, _Slice()).used += amount

    def hold(self, budgets: Sequence[str], amount: Decimal) -> None:
        """Count what was taken as under way from now on; below zero: as used."""
        with self._changed:
            for budget_id in budgets:
                mine = self._told.slices.setdefault(budget_id, _Slice())
                mine.used -= amount
                mine.under_way += amount

    def wait(self, seen: int, timeout_s: float) -> int:
        """Until the backend has answered more than `seen` times, or so many seconds; how often it has."""
        with self._changed:
            self._changed.wait_for(lambda: self._told.count > seen, timeout_s)
            return self._told.count

    def close(self, timeout_s: float) -> None:
        """Give everything back."""
        with self._changed:
            self._stopped = True
            thread, self._thread = self._thread, None
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)

    # --- the thread

    def _begin(self) -> None:
        if self._stopped or (self._thread is not None and self._thread.is_alive()):
            return
        self._wake.clear()
        self._thread = threading.Thread(target=self._work, name="spanledger-budgets", daemon=True)
        with _guard:  # at the end of a program no more threads can be started
            self._thread.start()

    def _work(self) -> None:
        while True:
            self._do_what_waits()
            with _guard:
                self._ask(giving_back=False)
            self._wake.wait(RENEW_S)
            with self._changed:
                idle = self._clock() - self._decided_s > IDLE_S
                ending = self._stopped or idle
                if ending:
                    self._thread = None
            if ending:
                self._do_what_waits()
                with _guard:
                    self._ask(giving_back=True)
                return
            time.sleep(SOONEST_S)
            self._wake.clear()

    def _do_what_waits(self) -> None:
        while self._later:
            _guard.run(self._later.popleft())

    def _ask(self, *, giving_back: bool) -> None:
        now = self._clock()
        with self._changed:
            if giving_back and not self._told.slices:
                return
            used = {budget_id: mine.used for budget_id, mine in self._told.slices.items()}
            body = {"holder": self._holder, "ttl_s": TTL_S, "leases": self._questions(used, now, giving_back)}
        try:
            answer = self._backend.ask("POST", _PATH, "leases of budgets", body=body)
            known = [_Known(str(each["id"]), str(each["name"]), dict(each["scope"])) for each in answer["budgets"]]
            leases = {str(each["budget_id"]): each for each in answer["leases"]}
        except (BackendError, KeyError, TypeError, ValueError) as error:
            with self._changed:
                self._told.count += 1
                self._told.problem, self._told.problem_s = str(error), self._clock()
                self._changed.notify_all()
            return
        with self._changed:
            if giving_back:
                self._told.slices.clear()
                self._told.known = None
                return
            self._lent(known, leases, used, now)

    def _questions(self, used: Mapping[str, Decimal], now: float, giving_back: bool) -> list[dict[str, Any]]:
        recent = sorted(self._told.slices.items(), key=lambda item: -item[1].wanted_s)[:MOST_ASKED]
        return [
            {
                "budget_id": budget_id,
                "used": f"{max(NOTHING, used[budget_id]):f}",
                "want": None if giving_back or now - mine.wanted_s > IDLE_S else f"{mine.want():f}",
            }
            for budget_id, mine in recent
        ]

    def _lent(
        self, known: Sequence[_Known], leases: Mapping[str, Any], used: Mapping[str, Decimal], now: float
    ) -> None:
        told = self._told
        for budget_id, each in leases.items():
            mine = told.slices.setdefault(budget_id, _Slice())
            mine.granted, mine.remaining = Decimal(str(each["granted"])), Decimal(str(each["remaining"]))
            mine.used -= used.get(budget_id, NOTHING)
            mine.last_used = used.get(budget_id, NOTHING)
            mine.until_s = now + TTL_S - MARGIN_S
        ids = {each.budget_id for each in known}
        for budget_id in [one for one, mine in told.slices.items() if one not in ids or now - mine.wanted_s > IDLE_S]:
            del told.slices[budget_id]
        told.known, told.at_s, told.problem = known, now, None
        told.count += 1
        self._changed.notify_all()
