"""The books add up whatever receivers answer, in whatever order things are put in, sent, spilled and given up."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spanledger.delivery.lane import Lane
from spanledger.delivery.outcome import Lost, Sent, TooLarge, TryAgain
from spanledger.delivery.spool import Spool
from tests.sdk.making import adds_up, entry, ledger_lane

OUTCOMES = st.one_of(
    st.builds(Sent, refused=st.integers(0, 12)),
    st.just(TryAgain("http_503", 0.0)),
    st.just(TryAgain("away", unreachable=True)),
    st.just(TooLarge()),
    st.builds(Lost, st.sampled_from(["http_400", "http_401"])),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(st.integers(0, 100), max_size=12)),
        st.tuples(st.just("send"), OUTCOMES),
        st.tuples(st.just("spill"), st.none()),
        st.tuples(st.just("recover"), st.none()),
        st.tuples(st.just("close"), st.none()),
        st.tuples(st.just("abandon"), st.none()),
        st.tuples(st.just("start a request and abandon"), OUTCOMES),
    ),
    max_size=40,
)


class Encoder:
    """Numbers divisible by seven cannot be encoded."""

    def encode(self, items, breathe):
        breathe()
        good = [item for item in items if item % 7]
        return bytes(good), good


class NoTransport:
    def send(self, payload, timeout_s):
        raise AssertionError

    forks_wait = False

    def prepare(self):
        pass

    def close(self):
        pass

    def after_fork(self):
        pass


def play(steps, spool, weigh, newest_first=False):
    more = {"weigh": weigh, "spool": spool, "newest_first": newest_first}
    lane = Lane("ledger", Encoder(), NoTransport(), limit=10, batch_size=4, **more)
    offered = 0
    for what, with_what in steps:
        match what:
            case "put":
                for item in with_what:
                    lane.put(item)
                    offered += 1 if weigh is None else weigh(item)
            case "send":
                batch = lane.next_batch(lambda: None)
                if batch is not None:
                    assert adds_up(lane.books()), "while a request is under way too"
                    lane.settle(batch, with_what, 0.0, 0.5, 1.0)
            case "start a request and abandon":
                batch = lane.next_batch(lambda: None)
                lane.abandon("shutdown")
                if batch is not None:
                    lane.settle(batch, with_what, 0.0, 0.5, 1.0)
            case "spill":
                lane.spill(lambda: None)
            case "recover":
                lane.recover()
            case "close":
                lane.close("shutdown")
            case "abandon":
                lane.abandon("shutdown")
                assert lane.books().waiting == 0
        books = lane.books()
        assert adds_up(books), (what, books)
        assert books.recorded == offered
        assert min(books.sent, books.refused, books.spooled, books.waiting, *books.dropped.values(), 0) == 0
    return lane


@given(STEPS, st.booleans())
@settings(max_examples=300, deadline=None)
def test_recorded_is_always_sent_refused_dropped_or_waiting(steps, newest_first):
    play(steps, None, None, newest_first)


@given(STEPS, st.booleans())
@example([("put", [0, 0, 0, 0, 1]), ("abandon", None)], False)  # a batch that cannot be encoded, and one item behind it
@settings(max_examples=150, deadline=None)
def test_items_that_count_more_than_one_add_up_too(steps, newest_first):
    play(steps, None, lambda item: item % 5, newest_first)


@given(STEPS, st.sampled_from([0, 3, 1_000]))
@settings(max_examples=100, deadline=None)
def test_with_a_spool_nothing_is_lost_between_memory_and_disk(steps, max_bytes):
    with TemporaryDirectory() as directory:
        lane = play(steps, Spool(Path(directory), "http://x", max_bytes), None)
        on_disk = sum(path.stat().st_size for path in Path(directory).rglob("*.otlp"))
        assert on_disk == lane.books().spooled, "one byte an item in this test's encoding"
        assert on_disk <= max_bytes


@pytest.mark.parametrize(("limit", "enough"), [(100, 8), (6, 3)], ids=("a whole batch", "half of a small queue"))
def test_what_lingers_waits_for_more_unless_there_is_enough_or_somebody_is_in_a_hurry(limit, enough):
    lane = ledger_lane("http://127.0.0.1:1", limit=limit, batch_size=8, linger_s=1.0)

    def sent(outcome, now_s):
        lane.settle(lane.next_batch(lambda: None), outcome, now_s, 0.0, 15.0)

    lane.put(entry(1))
    assert lane.is_due(100.0, hurry=False)  # the first one goes at once
    sent(Sent(), 100.0)
    for number in range(enough - 1):
        lane.put(entry(number))
    assert not lane.is_due(100.9, hurry=False)
    assert lane.is_due(100.9, hurry=True)
    assert lane.is_due(101.0, hurry=False)
    lane.put(entry(9))
    assert lane.is_due(100.1, hurry=False)
    sent(TryAgain("busy", 5.0), 100.1)
    assert not lane.is_due(100.2, hurry=True)  # who asked us to wait is not pressed
