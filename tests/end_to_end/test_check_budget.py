"""`check_budget` against a real backend: from slices in memory, never too much, never in the way."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import spanledger
from spanledger import budgets, guard, leases
from spanledger.settings import Settings
from spanledger_server.budgets import reserve
from tests.sdk.making import program
from tests.support.inside import Inside
from tests.support.waiting import until


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The SDK's settings, changed before the first check; what is left is given back."""
    given: dict[str, Any] = {"service_name": "shop"}
    monkeypatch.setattr(budgets, "held", lambda: Settings(**given))
    monkeypatch.setattr(budgets, "enabled", lambda: given.get("enabled", True))
    monkeypatch.setattr(leases, "RENEW_S", 0.2)
    monkeypatch.setattr(reserve, "USED_COUNTS_NS", 600 * 10**9)  # no lines come for what is only asked about
    guard.forget()
    yield given
    budgets.close(5)
    budgets._state.usual = Decimal(0)


@pytest.fixture
def backend(server: Inside, said: dict[str, Any]) -> Inside:
    said |= {"url": server.url, "token": server.token}
    return server


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which everything hangs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def made(server: Inside, limit: str, name: str = "b", **scope: str) -> str:
    with server.client() as client:
        client.delete("/api/v1/budgets/default")
        body = {"name": name, "period": "monthly", "limit_amount": limit, **scope}
        answer = client.post("/api/v1/budgets", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def reserved(server: Inside, budget_id: str) -> Decimal:
    return Decimal(server.get(f"/api/v1/budgets/{budget_id}/status")["reserved"])


def spend(amount: str, allowed: list[Decimal], least: str) -> None:
    """Call again and again, until `least` has been spent by all who do so and nothing more is allowed for a while."""
    began = last = time.monotonic()
    while time.monotonic() - last < 0.5 or (sum(allowed) < Decimal(least) and time.monotonic() - began < 60):
        if spanledger.check_budget(amount):
            allowed.append(Decimal(amount))
            last = time.monotonic()
        else:
            threading.Event().wait(0.02)


def test_calls_are_let_through_up_to_the_limit_and_to_the_last_cent(backend: Inside):
    made(backend, "1", service="shop")
    assert spanledger.check_budget("1000", service="another").outcome == "unlimited"
    allowed: list[Decimal] = []
    callers = [threading.Thread(target=spend, args=("0.01", allowed, "0.9")) for _ in range(8)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert Decimal("0.9") <= sum(allowed) <= 1
    refused = spanledger.check_budget("0.01")
    assert (refused.allowed, refused.outcome, refused.budget) == (False, "refused", "b")
    assert "'b'" in refused.reason
    with pytest.raises(spanledger.BudgetExceeded) as raised:
        refused.raise_for_budget()
    assert raised.value.budget == "b"


def test_whom_a_call_is_for_is_taken_from_the_context_and_what_is_given_wins(backend: Inside):
    made(backend, "0.05", user_id="u", feature="search")
    with spanledger.context(user_id="u", feature="search"):
        assert spanledger.check_budget("0.01", wait_s=30).outcome == "granted"
        assert spanledger.check_budget("0.01", user_id="v", wait_s=30).outcome == "unlimited"
        assert not spanledger.check_budget("0.06")
    assert spanledger.check_budget("1", user_id="u", wait_s=30).outcome == "unlimited", "the feature is not known"


def test_it_decides_in_memory_also_while_the_backend_is_away(backend: Inside, monkeypatch: pytest.MonkeyPatch):
    made(backend, "1000")
    monkeypatch.setattr(leases, "TTL_S", 600.0)  # however slow the machine
    assert spanledger.check_budget("0.01", wait_s=30).outcome == "granted"
    backend.stop()
    times = []
    for _ in range(2000):
        began = time.thread_time()
        assert spanledger.check_budget("0.0001").outcome == "granted"
        times.append(time.thread_time() - began)
    assert sorted(times)[len(times) * 99 // 100] < 0.005
    monkeypatch.setattr(leases, "TTL_S", 0.0)  # as if so much time had passed
    monkeypatch.setattr(budgets._state.leases, "_clock", lambda: time.monotonic() + 60)
    opened, closed = spanledger.check_budget("0.01"), spanledger.check_budget("0.01", fail="closed", wait_s=0.3)
    assert (opened.outcome, opened.allowed) == ("unknown", True)
    assert (closed.outcome, closed.allowed) == ("unknown", False)
    assert "no backend answers" in closed.reason


@pytest.mark.parametrize(("fail", "allowed"), [("open", True), ("closed", False)])
def test_without_a_backend_it_says_what_was_asked_for_and_does_not_wait_for_one(
    said: dict[str, Any], nobody: str, fail: Any, allowed: bool
):
    said |= {"url": nobody, "budget_fail": fail}
    check = spanledger.check_budget("0.01", wait_s=0.2)
    assert check.allowed is allowed
    assert fail in check.reason
    with spanledger.check_budget("0.01", wait_s=0.2) as inside:
        assert bool(inside) is allowed


def test_a_backend_that_did_not_answer_a_moment_ago_is_not_waited_for_again(said: dict[str, Any], nobody: str):
    said |= {"url": nobody, "budget_fail": "closed"}
    assert "has not said" not in spanledger.check_budget("0.01", wait_s=30).reason, "it has given up"

    async def awaited() -> bool:
        return bool(await spanledger.check_budget("0.01", wait_s=30))

    began = time.monotonic()
    for _ in range(20):
        assert not spanledger.check_budget("0.01", wait_s=30)
        assert not asyncio.run(awaited())
    assert time.monotonic() - began < 25, "one wait, not forty of two seconds"


def test_an_event_loop_never_waits_but_where_it_is_awaited(said: dict[str, Any], nobody: str):
    said["url"] = nobody

    async def work() -> tuple[float, bool, bool]:
        began = time.thread_time()
        plain = spanledger.check_budget("0.01", wait_s=30)
        at_once = bool(plain)
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.01)

        beside = asyncio.create_task(others())
        took = time.thread_time() - began
        awaited = await spanledger.check_budget("0.01", wait_s=0.3)
        beside.cancel()
        assert turns > 3
        return took, at_once, awaited.allowed

    took, at_once, awaited = asyncio.run(work())
    assert took < 1
    assert (at_once, awaited) == (True, True)


def test_a_coroutine_asks_and_gets_its_answer(backend: Inside):
    made(backend, "0.05")

    async def work() -> list[str]:
        async with spanledger.check_budget("0.02", fail="closed") as first:
            outcomes = [first.outcome]
        outcomes.append((await spanledger.check_budget("0.02")).outcome)
        outcomes.append((await spanledger.check_budget("0.02")).outcome)
        return outcomes

    assert asyncio.run(work()) == ["granted", "granted", "refused"]


def test_what_a_call_came_to_takes_the_place_of_the_estimate(backend: Inside):
    made(backend, "1")
    with spanledger.check_budget("0.9") as check:
        assert check
        assert not spanledger.check_budget("0.2"), "it is under way"
        check.settle("0.1")
        check.settle("0.7")  # the first time counts
    until(lambda: spanledger.check_budget("0.8"), called="the rest is free again")
    assert not spanledger.check_budget("0.2")


def test_what_is_not_an_amount_is_told_and_raises_nothing(backend: Inside):
    made(backend, "1")
    for wrong in ("much", -1, float("nan"), True, 10**12, object()):
        assert spanledger.check_budget(wrong).allowed  # type: ignore[arg-type]
        closed = spanledger.check_budget(wrong, fail="closed")  # type: ignore[arg-type]
        assert (closed.outcome, closed.allowed) == ("unknown", False)
        assert "no amount" in closed.reason
    with spanledger.check_budget("0.1") as check:
        check.settle("nothing")
    assert guard.failures()["check_budget: ValueError"] + guard.failures()["check_budget: InvalidOperation"] == 13


def test_switched_off_it_lets_everything_through(said: dict[str, Any]):
    said["enabled"] = False
    with spanledger.check_budget(10**6) as check:
        assert (check.outcome, check.allowed) == ("unlimited", True)
    assert budgets._state.leases is None


def test_slices_are_given_back_at_the_end(backend: Inside):
    budget_id = made(backend, "10")
    assert spanledger.check_budget("1", fail="closed")
    until(lambda: reserved(backend, budget_id) >= 1)
    budgets.close(5)
    until(lambda: reserved(backend, budget_id) == 1, called="what was used counts until its line is there")


PROGRAM = """
import os, threading, time, warnings
from decimal import Decimal
warnings.simplefilter("ignore", DeprecationWarning)
import spanledger
spanledger.configure(service_name="shop")

def calls(name):
    file = os.path.join(os.environ["RESULTS"], name)
    return os.path.getsize(file) if os.path.exists(file) else 0

def spend(mine, theirs):
    began = last = time.monotonic()
    while time.monotonic() - began < 60 and (time.monotonic() - last < 1 or calls(mine) + calls(theirs) < 40):
        if calls(mine) > 9 and not calls(theirs):  # each is to have its part
            time.sleep(0.02)
            continue
        with spanledger.check_budget("0.05") as check:
            if check:
                spanledger.track_cost("openai", "chat", "0.03")
                last = time.monotonic()
                with open(os.path.join(os.environ["RESULTS"], mine), "a") as file:
                    file.write(".")
        if not check:
            time.sleep(0.02)

assert spanledger.check_budget("0.01", fail="closed")  # a thread is there when it forks
child = os.fork()
spend(*(("child", "parent") if child == 0 else ("parent", "child")))
assert spanledger.flush(20)
spanledger.shutdown()
assert not spanledger.stats()["failures"], spanledger.stats()["failures"]
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
else:
    os._exit(0)
"""


def test_parent_and_child_share_a_budget_and_settle_with_what_was_billed(server: Inside, tmp_path: Path):
    made(server, "2", service="shop")
    done = program(
        PROGRAM,
        env={
            "SPANLEDGER_URL": server.url,
            "SPANLEDGER_TOKEN": server.token,
            "SPANLEDGER_ENDPOINT": f"http://127.0.0.1:{server.otlp_port}",
            "RESULTS": str(tmp_path),
        },
    )
    assert done.returncode == 0, done.stderr
    spent = [Decimal("0.03") * (tmp_path / name).stat().st_size for name in ("parent", "child")]
    assert sum(spent) <= 2
    assert sum(spent) > 1, "the estimates were too high, and that was given back"
    assert all(each > 0 for each in spent)
    assert server.get("/admin/statistics/costs")["total_cost"] == sum(spent)
