"""Ask before you spend: whether the backend's budgets leave room for a call.

Given what a call may cost and who it is for, `check_budget` decides from slices of the budgets that this process holds
(`leases`), in microseconds. The first time that a budget is asked about there is nothing to decide from, and it waits,
at most `wait_s`; in an event loop only where it is awaited. When the backend is away, the call is allowed or not, as
`fail` says; it waits for that only with `closed`.

Never: raises unless asked, waits on an event loop's thread, or lets more calls through because somebody else is slow.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from contextvars import Token
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal

from spanledger import checked, semconv
from spanledger.configure import enabled, held, settle_first
from spanledger.context import current
from spanledger.errors import BudgetExceeded
from spanledger.estimate import Estimate
from spanledger.guard import guard
from spanledger.leases import NOTHING, Leases, Outcome, Verdict

if TYPE_CHECKING:
    from spanledger.call import Entry

WAIT_S: Final = 1.0
Money = Decimal | int | float | str
Fail = Literal["open", "closed"]
_guard = guard("check_budget")
_CONTEXT: Final = {
    semconv.USER_ID: "user_id",
    semconv.USER_TIER: "user_tier",
    semconv.SESSION_ID: "session_id",
    semconv.FEATURE: "feature",
    semconv.TENANT: "tenant",
}


class _State:
    """What there is one of in a process."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.leases: Leases | None = None
        self.usual = NOTHING  # what a call has cost of late
        self.estimate = Estimate()
        self.closes = False


_state = _State()


class BudgetCheck:
    """Whether a call may be made. True where it may.

    As a context manager, also an asynchronous one, it holds what was granted until the call has ended, and settles it
    with what the calls inside were billed, as far as their prices are known, else with the estimate.

    Attributes:
        estimated_cost: USD that were asked for.
    """

    def __init__(self, scope: Mapping[str, str], estimated_cost: Decimal, fail: Fail, wait_s: float) -> None:
        self.estimated_cost = estimated_cost
        self._scope, self._fail, self._wait_s = scope, fail, wait_s
        self._leases: Leases | None = None
        self._verdict: Verdict | None = None
        self._settled = self._held = False
        self._seen = 0
        self._entries: list[Entry] = []
        self._token: Token[checked.Check | None] | None = None

    # --- what it says

    @property
    def outcome(self) -> Outcome:
        """`granted`, `refused`, `unlimited` (no budget covers the call) or `unknown` (nobody can say)."""
        return self._decided().outcome

    @property
    def allowed(self) -> bool:
        """Whether the call may be made."""
        outcome = self.outcome
        return outcome in ("granted", "unlimited") or (outcome == "unknown" and self._fail == "open")

    @property
    def budget(self) -> str | None:
        """The name of the budget that decided."""
        return self._decided().name

    @property
    def reason(self) -> str:
        """Why, in words."""
        verdict = self._decided()
        if verdict.outcome == "granted":
            return f"within the budget {verdict.name!r}"
        if verdict.outcome == "refused":
            left = verdict.left or NOTHING
            return f"the budget {verdict.name!r} leaves this process {left.normalize():f} USD"
        if verdict.outcome == "unlimited":
            return "no budget covers this call"
        if self._leases is None:
            why = "what the call may cost is no amount of USD"
        else:
            why = self._leases.problem or "the backend has not said yet what is left"
        return f"{why}; {'allowed' if self._fail == 'open' else 'refused'}, as fail={self._fail!r} says"

    def __bool__(self) -> bool:
        return self.allowed

    def __repr__(self) -> str:
        return f"<BudgetCheck {'allowed' if self.allowed else 'refused'}: {self.reason}>"

    def raise_for_budget(self) -> BudgetCheck:
        """Itself where the call may be made.

        Raises:
            BudgetExceeded: It may not.
        """
        if not self.allowed:
            raise BudgetExceeded(self.reason, self.budget)
        return self

    def settle(self, actual_cost: Money) -> None:
        """Say what the call came to, once: USD; 0 when it was not made."""
        with _guard:
            self._settle(money(actual_cost))

    # --- how it is decided

    def decide(self) -> bool:
        """Decide now if there is anything to decide from; whether it is decided."""
        leases = self._leases = _leases()
        self._seen = leases.answers
        verdict = leases.decide(self._scope, self.estimated_cost)
        if verdict.outcome != "unknown":
            self._verdict = verdict
        return self._verdict is not None

    def wait(self) -> None:
        """Wait for the backend's answer, on this thread; not where it did not answer a moment ago, nor for a yes."""
        leases = self._leases or _leases()
        if leases.problem is not None and (self._fail == "open" or leases.just_failed):
            return
        for _ in range(3):  # one answer may be under way, one says which budgets there are, one lends of them
            if leases.wait(self._seen, self._wait_s) == self._seen or leases.problem is not None or self.decide():
                return

    def allow(self, outcome: Outcome) -> None:
        """Say so without asking."""
        self._verdict = Verdict(outcome)

    def _decided(self) -> Verdict:
        if self._verdict is None:
            with _guard:
                self.decide()
            if self._verdict is None:
                self._verdict = self._by_default()
        return self._verdict

    def _by_default(self) -> Verdict:
        """Nobody can say; what is let through all the same is told when somebody can be told."""
        verdict = Verdict("unknown")
        if self._leases is not None and self._fail == "open":
            covering = self._leases.covering(self._scope)
            self._leases.take(covering, self.estimated_cost)
            verdict = Verdict("unknown", covering)
        return verdict

    def __await__(self) -> Generator[Any, None, BudgetCheck]:
        return self._waited().__await__()

    async def _waited(self) -> BudgetCheck:
        if self._verdict is None and not _guard.run(self.decide):
            import asyncio

            with _guard:
                await asyncio.to_thread(self.wait)
        return self

    # --- while the call is under way

    def __enter__(self) -> BudgetCheck:
        with _guard:
            if self._decided().outcome == "granted" and self._leases is not None:
                self._leases.hold(self._decided().budgets, self.estimated_cost)
                self._held = True
            self._token = checked.inside.set(self)
            checked.enter(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _guard:
            checked.enter(-1)
            if self._token is not None:
                checked.inside.reset(self._token)
            self._release()
            if self._entries and not self._settled and self._leases is not None:
                self._leases.later(self._settle_as_billed)  # prices may have to be loaded first

    async def __aenter__(self) -> BudgetCheck:
        await self
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def bill(self, entry: Entry) -> None:
        """A call inside was billed."""
        self._entries.append(entry)

    def _settle_as_billed(self) -> None:
        self._settle(_billed(self._entries))

    def _settle(self, actual: Decimal | None) -> None:
        self._release()
        if self._settled or actual is None:
            return
        self._settled = True
        _state.usual = actual if not _state.usual else (7 * _state.usual + actual) / 8
        if self._leases is not None and self._decided().budgets:
            self._leases.take(self._decided().budgets, actual - self.estimated_cost)

    def _release(self) -> None:
        if self._held and self._leases is not None:
            self._held = False
            self._leases.hold(self._decided().budgets, -self.estimated_cost)


def check_budget(
    estimated_cost: Money | None = None,
    *,
    provider: str | None = None,
    model: str | None = None,
    service: str | None = None,
    feature: str | None = None,
    user_id: str | None = None,
    user_tier: str | None = None,
    session_id: str | None = None,
    tenant: str | None = None,
    fail: Fail | None = None,
    wait_s: float = WAIT_S,
) -> BudgetCheck:
    """Ask whether a call may be made, before it is.

    Args:
        estimated_cost: USD that it may cost; None for what calls have cost of late.
        provider: Whom it goes to. A budget counts a call only where all that it is limited to is known and equal.
        model: Its name as the ledger has it.
        service: Who calls; else this process's service.
        feature: The part of the product; this and the four below else as `spanledger.context` says.
        user_id: Who it is done for.
        user_tier: The user's plan.
        session_id: The conversation.
        tenant: The customer.
        fail: `open`: allowed when nobody can say, `closed`: refused; else as the setting `budget_fail` says.
        wait_s: Seconds to wait at most the first time that a budget is asked about.

    Returns:
        A decision, true where the call may be made. In a coroutine await it, or use `async with`.
    """
    chosen: Fail = fail if fail in ("open", "closed") else held().budget_fail
    check = BudgetCheck({}, NOTHING, chosen, wait_s)
    check.allow("unknown")  # unless it is asked rightly
    with _guard:
        asked = _state.usual if estimated_cost is None else money(estimated_cost)
        told = {"provider": provider, "model": model, "service": service, "feature": feature, "user_id": user_id}
        told |= {"user_tier": user_tier, "session_id": session_id, "tenant": tenant}
        check = BudgetCheck(_scope(told), asked, chosen, wait_s)
        if not enabled():
            check.allow("unlimited")
        elif not check.decide() and not _in_event_loop():
            check.wait()
    return check


def money(value: Money) -> Decimal:
    """USD, exact as it is written.

    Raises:
        ValueError: It is no amount from 0 to below 1e12.
    """
    amount = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount < 10**12:
        raise ValueError(f"{value!r} is no amount of USD from 0 to below 1e12")
    return amount


def _billed(entries: Sequence[Entry]) -> Decimal | None:
    """What the calls come to; None where a price is not known. Not on a caller's thread: it may load the price book."""
    estimate = _state.estimate
    costs = [entry.cost_usd if entry.cost_usd is not None else estimate(entry) for entry in entries]
    known = [cost for cost in costs if cost is not None]
    return sum(known, NOTHING) if len(known) == len(costs) else None


def _scope(told: Mapping[str, str | None]) -> dict[str, str]:
    around = {name: value for key, value in current().items() if (name := _CONTEXT.get(key)) is not None}
    given = {name: str(value) for name, value in told.items() if value is not None}
    service = held().service_name or os.environ.get("OTEL_SERVICE_NAME")
    return ({"service": service} if service else {}) | around | given


def _in_event_loop() -> bool:
    if "asyncio" not in sys.modules:
        return False
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _leases() -> Leases:
    with _state.lock:
        if _state.leases is None:
            from spanledger.backend import DEFAULT_URL, Backend

            said = held()
            backend = Backend(said.url or DEFAULT_URL, said.token, timeout_s=2.0, certificate=said.certificate)
            _state.leases = Leases(backend)
            if not _state.closes:
                _state.closes = True
                settle_first(lambda _: True, close)
                atexit.register(close, 1.0)
        return _state.leases


def close(timeout_s: float) -> None:
    """Give everything back, and ask anew if there is another check."""
    with _state.lock:
        leases, _state.leases = _state.leases, None
    if leases is not None:
        leases.close(timeout_s)


def _after_fork() -> None:
    """In a child: its parent's slices are its parent's."""
    global _state
    closes, _state = _state.closes, _State()
    _state.closes = closes


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
