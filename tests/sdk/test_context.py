import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import baggage

from spanledger.configure import tracer
from spanledger.context import context, current
from spanledger.testing import capture


def test_inner_values_win_none_leaves_and_an_empty_string_takes_away():
    with context(user_id=7, feature="search", tenant="acme"):
        with context(feature="summary", tenant=None, session_id="s"):
            assert current() == {
                "user.id": "7",
                "session.id": "s",
                "spanledger.feature": "summary",
                "spanledger.tenant": "acme",
            }
            with context(user_id=""):
                assert "user.id" not in current()
        assert current() == {"user.id": "7", "spanledger.feature": "search", "spanledger.tenant": "acme"}
    assert current() == {}


def test_values_are_baggage_under_the_names_of_the_wire_and_foreign_baggage_is_left_alone():
    with context(user_tier="pro"):
        assert baggage.get_baggage("spanledger.user_tier") == "pro"
    arrived = baggage.set_baggage("other", "x", baggage.set_baggage("user.id", "from-upstream"))
    assert current(arrived) == {"user.id": "from-upstream"}


def test_a_long_value_is_cut_so_that_baggage_stays_small():
    with context(user_id="x" * 10_000):
        assert len(current()["user.id"]) == 256


@context(feature="decorated")
def plain(number):
    return number, dict(current())


@context(feature="decorated")
async def coroutine():
    await asyncio.sleep(0)
    return dict(current())


@context(feature="decorated")
def numbers():
    sent = yield dict(current())
    try:
        yield sent, dict(current())
    except ValueError as error:
        yield str(error), dict(current())
    return "end"


@context(feature="decorated")
async def async_numbers():
    sent = yield dict(current())
    try:
        yield sent, dict(current())
    except ValueError as error:
        yield str(error), dict(current())


INSIDE = {"spanledger.feature": "decorated"}


def test_a_decorated_function_runs_inside_and_keeps_its_name():
    assert plain(3) == (3, INSIDE)
    assert plain.__name__ == "plain"
    assert asyncio.run(coroutine()) == INSIDE
    assert asyncio.iscoroutinefunction(coroutine)
    assert current() == {}


def test_a_decorated_generator_is_inside_only_while_it_runs_and_takes_what_is_sent_and_thrown():
    made = numbers()
    assert next(made) == INSIDE
    assert current() == {}
    assert made.send(5) == (5, INSIDE)
    assert made.throw(ValueError("thrown")) == ("thrown", INSIDE)
    with pytest.raises(StopIteration) as end:
        next(made)
    assert end.value.value == "end"


def test_a_decorated_async_generator_may_be_stepped_from_different_tasks():
    async def main():
        made = async_numbers()
        first = await asyncio.create_task(anext(made))
        second = await asyncio.create_task(made.asend(5))
        outside = dict(current())
        third = await made.athrow(ValueError("thrown"))
        rest = [item async for item in made]
        closed = async_numbers()
        await anext(closed)
        await closed.aclose()
        return first, second, outside, third, rest

    assert asyncio.run(main()) == (INSIDE, (5, INSIDE), {}, ("thrown", INSIDE), [])


def test_one_context_object_may_be_entered_by_many_tasks_at_once():
    shared = context(feature="shared")

    async def use(wait_for, then):
        async with shared:
            then.set()
            await wait_for.wait()
            inside = dict(current())
        return inside, dict(current())

    async def main():
        first, second = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(use(first, second), use(second, first))

    assert asyncio.run(main()) == [({"spanledger.feature": "shared"}, {})] * 2


def test_threads_do_not_see_each_others_context():
    barrier = threading.Barrier(4)

    def work(number):
        with context(user_id=number):
            barrier.wait()
            found = current()["user.id"]
            barrier.wait()
            return found

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == ["0", "1", "2", "3"]


def test_an_error_passes_through_and_the_context_is_left():
    with pytest.raises(KeyError), context(user_id=1):
        raise KeyError
    assert current() == {}


def test_every_span_inside_carries_all_five_and_its_own_attributes_win():
    with (
        capture() as captured,
        context(user_id=1, user_tier="pro", session_id="s", feature="f", tenant="t"),
        tracer().start_as_current_span("outer"),
        tracer().start_as_current_span("inner", attributes={"user.id": "explicit"}),
    ):
        pass
    assert dict(captured.span("outer").attributes) == {
        "user.id": "1",
        "spanledger.user_tier": "pro",
        "session.id": "s",
        "spanledger.feature": "f",
        "spanledger.tenant": "t",
    }
    assert captured.span("inner").attributes["user.id"] == "explicit"
