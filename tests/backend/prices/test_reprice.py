"""Lines priced anew: what is corrected, what stays, and that each call is counted once whatever happens meanwhile."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_server.errors import Busy, Conflict, Invalid, NotFound
from spanledger_server.ingest.retention import Keep, Retention
from spanledger_server.prices import chunk, runs
from spanledger_server.prices.overrides import Override
from spanledger_server.prices.runs import Run
from spanledger_server.store.database import Reader
from tests.backend.ingest.requests import DAY, HOUR, MINUTE, NOON, SECOND, candidate, events, request
from tests.backend.prices.pricing import EVERYTHING, Pricing, costs, pricing
from tests.support.waiting import until

DEAR = {"input_mtok": "1000000", "output_mtok": "10000000"}  # a dollar a token, ten a token made
UNKNOWN = {"attributes": {"gen_ai.response.model": "nobody-knows-it"}}


def calls(first: int, count: int, **values: Any) -> Any:
    return events(*(candidate("event", n, n, NOON + n * SECOND, **values) for n in range(first, first + count)))


def test_a_dry_run_tells_what_would_change_by_model_and_changes_nothing():
    with pricing() as room:
        room.ingest.accept(calls(1, 20), 1)
        room.ingest.accept(calls(21, 3, **UNKNOWN), 1)
        before = room.lines()
        room.set(DEAR)
        room.set({"input_mtok": "1", "output_mtok": "1"}, model="nobody-knows-it")
        run = room.run(applies=False)
        assert (run.state, run.lines, run.done) == ("done", 23, 23)
        known, unknown = (run.totals.by_model["openai", model] for model in ("gpt-4o-mini", "nobody-knows-it"))
        assert (known["changed"], known["was_cost_usd"], known["cost_usd"]) == (20, Decimal("0.00009"), 1200)
        assert (unknown["newly_priced"], unknown["was_cost_usd"]) == (3, None)
        assert unknown["cost_usd"] == Decimal("0.000045")
        assert room.lines() == before
        assert room.value("SELECT count(*) FROM ledger_corrections") == 0


def test_lines_are_corrected_only_by_the_prices_that_the_dry_run_told_of():
    with pricing() as room:
        room.ingest.accept(calls(1, 3), 1)
        first = room.set(DEAR)
        dry = room.run(applies=False)
        room.set(DEAR, model="another")
        with pytest.raises(Conflict, match="prices are others than the dry run's"):
            room.run(prices=dry.prices)
        again = room.run(applies=False)
        room.end(first)
        with pytest.raises(Conflict):
            room.run(prices=again.prices)
        assert room.value("SELECT count(*) FROM reprice_runs") == 2
        now = room.run(applies=False)
        assert room.run(prices=now.prices).state == "done"


def test_a_run_that_applies_corrects_lines_and_keeps_what_they_said_before():
    with pricing() as room:
        room.ingest.accept(calls(1, 20), 1)
        override = room.set(DEAR, from_ns=NOON + 11 * SECOND)
        assert costs(room.lines("cost_usd"))[-1] == "0.0000045"
        run = room.run()
        assert run.totals.together()["changed"] == 10
        assert costs(room.lines("cost_usd")) == ["0.0000045"] * 10 + ["60"] * 10
        said = set(room.tuples("SELECT price_source, price_version FROM ledger WHERE cost_usd = 60"))
        assert said == {("override:server", override.version)}
        with room.database.reader() as reader:
            (last, *others) = runs.corrections(reader, None, 100, run_id=run.run_id)
            assert len(others) == 9
            of_call = runs.corrections(reader, None, 100, call=(last["trace_id"].hex, last["span_id"]))
        assert of_call == [last]
        assert (last["was_cost_usd"], last["cost_usd"]) == (Decimal("0.0000045"), 60)
        assert (last["was_price_source"], last["price_source"]) == ("genai-prices", "override:server")


def test_running_it_again_changes_nothing_more():
    with pricing() as room:
        room.ingest.accept(calls(1, 20), 1)
        room.set(DEAR)
        assert room.run().totals.together()["changed"] == 20
        assert room.run().totals.together()["changed"] == 0
        assert room.value("SELECT count(*) FROM ledger_corrections") == 20


def test_explicit_costs_refusals_and_usage_that_could_not_be_read_keep_what_they_have():
    refused = {"http.response.status_code": 429, "error.type": "429"}
    nothing = {"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}
    with pricing() as room:
        room.ingest.accept(calls(1, 1, attributes={"spanledger.cost.usd": "3.5"}), 1)
        room.ingest.accept(calls(2, 1, attributes={**nothing, **refused}), 1)
        room.ingest.accept(calls(3, 1, attributes={"gen_ai.usage.input_tokens": "many"}), 1)
        before = room.lines()
        assert [row[0] for row in room.lines("state")] == ["priced", "free", "unpriced"]
        room.set(DEAR)
        run = room.run()
        assert run.lines == 0
        assert room.lines() == before


def test_a_line_that_comes_again_after_its_correction_changes_nothing():
    with pricing() as room:
        sent = calls(1, 20)
        room.ingest.accept(sent, 1)
        override = room.set(DEAR)
        room.run()
        corrected = room.lines()
        room.ingest.accept(sent, 1)
        assert room.lines() == corrected
        room.end(override)
        room.ingest.accept(sent, 1)
        assert room.lines() == corrected


def test_a_span_that_gives_way_to_its_event_after_its_correction_is_counted_once():
    with pricing() as room:
        room.ingest.accept(request("traces", candidates=[candidate("span", 1, 1)]), 1)
        room.set(DEAR)
        room.run()
        assert costs(room.lines("cost_usd")) == ["60"]
        room.ingest.accept(events(candidate("event", 1, 1, input_tokens=20)), 1)
        assert room.lines("source, input_tokens, cost_usd") == [("event", 20, Decimal(70))]
        assert room.run().totals.together()["changed"] == 0
        room.ingest.accept(request("traces", candidates=[candidate("span", 1, 1)]), 1)
        assert room.lines("source, cost_usd") == [("event", Decimal(70))]


def test_lines_that_arrive_late_have_the_prices_that_were_set():
    with pricing() as room:
        room.set(DEAR)
        room.ingest.accept(calls(1, 3), 1)
        assert costs(room.lines("cost_usd")) == ["60"] * 3


def test_rollups_follow_a_correction():
    with pricing() as room:
        room.ingest.accept(calls(1, 90), 1)
        room.rollups.refresh(NOON + HOUR)
        override = room.set(DEAR)
        room.run()
        for total in (Decimal(5400), Decimal("0.000405")):
            room.rollups.refresh(NOON + 48 * HOUR)
            for table in ("cost_1m", "cost_1h", "cost_1d", "user_1d", "user_1y"):
                assert room.tuples(f"SELECT sum(cost_usd), sum(calls) FROM {table}") == [(total, 90)]
            if total > 1:
                room.end(override)
                room.run()


def test_minutes_whose_rollups_are_no_longer_kept_are_recomputed_in_the_coarser_ones():
    with pricing() as room:
        room.ingest.accept(calls(1, 90), 1)
        room.rollups.refresh(NOON + 48 * HOUR)
        with room.database.transaction() as tx:
            tx.execute("INSERT INTO kept_from VALUES ('cost_1m', $ns)", ns=NOON + HOUR)
            tx.execute("DELETE FROM cost_1m")
        room.set(DEAR)
        room.run()
        room.rollups.refresh(NOON + 48 * HOUR)
        assert room.value("SELECT count(*) FROM cost_1m") == 0
        for level in ("1h", "1d"):
            assert room.value(f"SELECT sum(cost_usd) FROM cost_{level}") == 5400


def test_only_lines_that_were_asked_for_are_looked_at():
    with pricing() as room:
        room.ingest.accept(calls(1, 5, service="shop"), 1)
        room.ingest.accept(calls(6, 5, service="desk"), 1)
        room.set(DEAR)
        run = room.run("service:desk", bounds=(NOON + 8 * SECOND, NOON + 10 * SECOND))
        assert (run.lines, run.totals.together()["changed"]) == (2, 2)
        assert room.lines("cost_usd").count((Decimal(60),)) == 2
        with pytest.raises(Invalid):
            room.run("colour:red")


def test_lines_of_one_moment_are_never_parted():
    with pricing(chunk_lines=3) as room:
        many = [candidate("event", n, n, NOON) for n in range(1, 21)]
        room.ingest.accept(events(*many, *(candidate("event", n, n, NOON + 1) for n in range(21, 26))), 1)
        room.set(DEAR)
        run = room.run()
        assert (run.done, run.totals.together()["changed"]) == (25, 25)


def test_prices_cannot_change_while_lines_are_corrected_and_one_run_goes_at_a_time(monkeypatch: pytest.MonkeyPatch):
    with pricing() as room:
        room.ingest.accept(calls(1, 20), 1)
        room.set(DEAR)
        seen: list[type[BaseException]] = []
        following = chunk.following

        def during(reader: Reader, run: Run, *rest: Any) -> Any:
            for attempt in (
                lambda: room.set(DEAR, model="another"),
                lambda: room.repricer.begin(EVERYTHING, [], applies=False, by="test", now_ns=NOON),
            ):
                with pytest.raises(Conflict) as caught:
                    attempt()
                seen.append(caught.type)
            return following(reader, run, *rest)

        monkeypatch.setattr(chunk, "following", during)
        assert room.run().state == "done"
        assert len(seen) >= 6
        monkeypatch.setattr(chunk, "following", following)
        room.set(DEAR, model="another")


def test_a_run_can_be_cancelled_and_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch):
    with pricing() as room:
        room.ingest.accept(calls(1, 20), 1)
        room.set(DEAR)
        following = chunk.following

        def cancelling(reader: Reader, run: Run, *rest: Any) -> Any:
            work = room.repricer._work
            assert work is not None
            work.cancelled = run.done > 0
            return following(reader, run, *rest)

        monkeypatch.setattr(chunk, "following", cancelling)
        run = room.run()
        assert run.state == "cancelled"
        assert 0 < run.done < 20
        assert room.lines("cost_usd").count((Decimal(60),)) == run.done
        with pytest.raises(Conflict):
            room.repricer.cancel(run.run_id)
        with pytest.raises(NotFound):
            room.repricer.get("reprice_nobody")


def half_done(room: Pricing, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose server is stopped after its first chunk."""
    following = chunk.following

    def stopping(reader: Reader, run: Run, *rest: Any) -> Any:
        if run.done:
            room.repricer._stopping = True
        return following(reader, run, *rest)

    monkeypatch.setattr(chunk, "following", stopping)
    run = room.repricer.begin(EVERYTHING, [], applies=True, by="test", now_ns=NOON)
    thread = room.repricer._thread
    assert thread is not None
    thread.join(30)
    monkeypatch.setattr(chunk, "following", following)
    return run


def test_a_run_that_was_killed_goes_on_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pricing(tmp_path / "store.duckdb") as room:
        room.ingest.accept(calls(1, 30), 1)
        room.set(DEAR)
        begun = half_done(room, monkeypatch)
        done = room.lines("cost_usd").count((Decimal(60),))
        assert 0 < done < 30
    with pricing(tmp_path / "store.duckdb") as room:
        run = room.repricer.wait(begun.run_id, 30)
        assert (run.state, run.done, run.totals.together()["changed"]) == ("done", 30, 30)
        assert room.lines("cost_usd").count((Decimal(60),)) == 30
        assert room.value("SELECT count(*) FROM ledger_corrections") == 30


def test_a_run_that_was_killed_begins_anew_when_the_prices_are_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pricing(tmp_path / "store.duckdb") as room:
        room.ingest.accept(calls(1, 30), 1)
        room.set(DEAR)
        begun = half_done(room, monkeypatch)
        with room.database.transaction() as tx:
            tx.execute("UPDATE reprice_runs SET prices = 'of yesterday'")
    with pricing(tmp_path / "store.duckdb") as room:
        old = room.repricer.get(begun.run_id)
        assert old.state == "interrupted"
        with room.database.reader() as reader:
            newest = runs.page(reader, None, 1)[0]
        run = room.repricer.wait(newest.run_id, 30)
        assert (run.state, run.lines) == ("done", 30)
        assert room.lines("cost_usd").count((Decimal(60),)) == 30


def test_a_run_that_breaks_says_so_and_others_can_begin(monkeypatch: pytest.MonkeyPatch):
    with pricing() as room:
        room.ingest.accept(calls(1, 20), 1)
        room.set(DEAR)
        monkeypatch.setattr(chunk, "compare", lambda *_: (_ for _ in ()).throw(ValueError("broken")))
        run = room.run()
        assert run.state == "failed"
        assert "ValueError" in (run.reason or "")
        monkeypatch.undo()
        assert room.run().totals.together()["changed"] == 20


def test_a_chunk_that_cannot_be_written_now_is_tried_again(monkeypatch: pytest.MonkeyPatch):
    with pricing() as room:
        room.ingest.accept(calls(1, 20), 1)
        room.set(DEAR)
        compare, refusals = chunk.compare, [Busy("no memory", retry_after_s=0)] * 3

        def refusing(*arguments: Any) -> Any:
            if refusals:
                raise refusals.pop()
            return compare(*arguments)

        monkeypatch.setattr(chunk, "compare", refusing)
        run = room.run()
        assert (run.state, run.done, run.totals.together()["changed"]) == ("done", 20, 20)


def test_an_end_that_could_not_be_written_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch):
    with pricing() as room:
        room.ingest.accept(calls(1, 20), 1)
        room.set(DEAR)
        monkeypatch.setattr(runs, "end", lambda *_: (_ for _ in ()).throw(Busy("no space")))
        assert room.run().state == "done"
        monkeypatch.undo()
        assert room.run(applies=False).totals.together()["changed"] == 0


LINE = st.fixed_dictionaries(
    {
        "input_tokens": st.integers(0, 10**7),
        "output_tokens": st.integers(0, 10**6),
        "attributes": st.fixed_dictionaries(
            {
                "gen_ai.response.model": st.sampled_from(["gpt-4o-mini", "gpt-5", "o3", "nobody-knows-it", "mini-x"]),
                "gen_ai.request.model": st.sampled_from(["gpt-4o-mini", "gpt-5"]),
                "gen_ai.usage.cache_read.input_tokens": st.one_of(st.none(), st.integers(0, 10**7)),
                "spanledger.usage.state": st.sampled_from(["reported", "estimated"]),
                "spanledger.batch": st.booleans(),
                "spanledger.service_tier": st.sampled_from([None, "default", "flex", "priority"]),
            }
        ),
    }
)
RATE = st.decimals(0, 1000, places=9).map(str)
OVERRIDE = st.fixed_dictionaries(
    {
        "stated": st.one_of(
            st.fixed_dictionaries({"model": st.sampled_from(["gpt-4o-mini", "gpt-5", "nobody-knows-it"])}),
            st.fixed_dictionaries({"model_prefix": st.sampled_from(["gpt-", "mini", ""])}),
        ),
        "rates": st.fixed_dictionaries({"input_mtok": RATE, "output_mtok": RATE}),
        "from_s": st.one_of(st.none(), st.integers(0, 40)),
        "estimated": st.booleans(),
    }
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LINE, min_size=1, max_size=30), st.lists(OVERRIDE, min_size=1, max_size=3))
def test_a_month_priced_anew_and_back_is_the_same_to_the_last_digit(lines: list[Any], overrides: list[Any]):
    with pricing() as room:
        room.ingest.accept(
            events(*(candidate("event", n, n, NOON + n * MINUTE, **line) for n, line in enumerate(lines, 1))), 1
        )
        before = room.lines()
        put: list[Override] = []
        for each in overrides:
            from_ns = None if each["from_s"] is None else NOON + each["from_s"] * MINUTE
            stated = {"model": None, **each["stated"], "estimated": each["estimated"]}
            try:
                put.append(room.set(each["rates"], from_ns, **stated))
            except Conflict:
                continue
        there = room.run()
        dry = room.run(applies=False)
        assert dry.totals.together()["changed"] == 0
        for override in put:
            room.end(override)
        back = room.run()
        assert room.lines() == before
        assert back.totals.together()["changed"] == there.totals.together()["changed"]
        assert back.totals.together()["cost_usd"] == there.totals.together()["was_cost_usd"]


def test_lines_go_on_arriving_while_others_are_corrected_and_all_have_the_same_prices():
    with pricing(chunk_lines=20) as room:
        room.ingest.accept(calls(1, 300), 1)
        room.set(DEAR)
        ended = threading.Event()
        sent: list[int] = []

        def sender() -> None:
            while not ended.is_set():
                number = 1000 + len(sent)
                late = candidate("event", number, number, NOON + (number % 300) * SECOND)
                again = candidate("event", number % 300 + 1, number % 300 + 1, NOON + (number % 300 + 1) * SECOND)
                room.ingest.accept(events(late, again), 1)
                sent.append(number)

        sending = threading.Thread(target=sender)
        sending.start()
        until(lambda: len(sent) > 5, called="lines arrive")
        run = room.run()
        ended.set()
        sending.join(30)
        assert run.state == "done"
        assert len(sent) > 10
        assert room.lines("cost_usd") == [(Decimal(60),)] * (300 + len(sent))
        room.rollups.refresh(NOON + 48 * HOUR)
        assert room.tuples("SELECT sum(cost_usd), sum(calls) FROM cost_1d") == [
            (Decimal(60) * (300 + len(sent)), 300 + len(sent))
        ]


def test_a_run_waits_for_lines_that_were_priced_before_but_are_not_committed_yet():
    with pricing() as room:
        caught_up = threading.Event()
        waiting = threading.Thread(target=lambda: (room.ingest.caught_up(), caught_up.set()))
        sending = threading.Thread(target=lambda: room.ingest.accept(calls(1, 1), 1))
        with room.database.transaction():
            sending.start()
            until(lambda: room.ingest._group or room.ingest.queued(), called="the line waits for the writer")
            waiting.start()
            assert not caught_up.wait(0.2)
        assert caught_up.wait(10)
        sending.join(10)
        waiting.join(10)
        assert room.lines("count(*) OVER ()") == [(1,)]


def test_corrections_go_when_their_lines_go():
    with pricing() as room:
        room.ingest.accept(calls(1, 3), 1)
        room.set(DEAR)
        room.run()
        retention = Retention(room.database, room.rollups, room.ingest.stored, room.ingest.limits, Keep(days_ns=DAY))
        retention.sweep(NOON + HOUR)
        assert room.value("SELECT count(*) FROM ledger_corrections") == 3
        retention.sweep(NOON + 3 * DAY)
        assert room.value("SELECT count(*) FROM ledger_corrections") == 0
        assert room.value("SELECT count(*) FROM ledger") == 0
