"""What spans tell of billable calls, beside what the ledger knows of all of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from spanledger_server.statistics.self_check import Check, SelfCheck
from spanledger_server.store.database import Database
from tests.backend.rows import MINUTE, NOON, add_spans, insert, line, span
from tests.support.stores import new_store

AT = NOON - 10 * MINUTE


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


def checked(database: Database) -> dict[str, Check]:
    check = SelfCheck(database)
    check.tick(NOON)
    return {each.service: each for each in check.checks}


def calls(database: Database, kept: dict[int, float | None], lines: int = 400, **values: Any) -> None:
    """`lines` billable calls, one a trace; of those in `kept` there is a span with this weight."""
    rng = random.Random(1)
    costs = [f"{rng.lognormvariate(-5, 1):.12f}" for _ in range(lines)]
    insert(database, "ledger", [line(number, AT, cost_usd=cost, **values) for number, cost in enumerate(costs, 1)])
    add_spans(database, [span(number, number, AT, 1, adjusted_count=weight) for number, weight in kept.items()])


@pytest.mark.parametrize("ratio", [1.0, 0.25])
def test_spans_that_were_sampled_as_they_say_agree_with_the_ledger(database: Database, ratio: float) -> None:
    rng = random.Random(5)
    calls(database, {number: 1 / ratio for number in range(1, 401) if rng.random() < ratio})
    found = checked(database)["shop"]
    assert found.state == "ok"
    assert found.calls is not None
    assert found.cost is not None
    assert found.calls.known == 400
    assert found.calls.ratio is not None
    assert found.calls.ratio.low <= 1 <= found.calls.ratio.high


def test_it_raises_no_alarm_by_chance(database: Database) -> None:
    states = []
    for seed in range(30):
        rng = random.Random(seed)
        calls(database, {number: 10.0 for number in range(1, 401) if rng.random() < 0.1})
        states.append(checked(database)["shop"].state)
        with database.transaction() as tx:
            tx.execute("DELETE FROM spans; DELETE FROM ledger; DELETE FROM trace_index")
    assert states.count("outside") <= 1
    assert states.count("ok") > 26


def test_lost_spans_are_noticed(database: Database) -> None:
    calls(database, dict.fromkeys(range(1, 360), 1.0))
    check = SelfCheck(database)
    check.tick(NOON)
    assert check.checks[0].state == "outside"
    (condition,) = check.conditions()
    assert (condition["kind"], condition["level"], condition["service"]) == ("sampling_estimate", "warning", "shop")
    assert "0.89" in condition["text"]


def test_weights_that_are_too_large_are_noticed(database: Database) -> None:
    calls(database, dict.fromkeys(range(1, 200), 4.0))
    assert checked(database)["shop"].state == "outside"


def test_spans_that_do_not_say_how_they_were_sampled_give_no_verdict(database: Database) -> None:
    calls(database, dict.fromkeys(range(1, 200), None))
    found = checked(database)["shop"]
    assert (found.state, found.calls) == ("unknown", None)
    assert "do not say how they were sampled" in found.reason


def test_a_service_without_spans_gives_no_verdict(database: Database) -> None:
    calls(database, {})
    found = checked(database)["shop"]
    assert found.state == "unknown"
    assert "no span of its 400" in found.reason


def test_a_handful_of_sampled_traces_gives_no_verdict(database: Database) -> None:
    calls(database, dict.fromkeys(range(1, 6), 2.0))
    assert checked(database)["shop"].state == "unknown"


def test_lines_made_from_spans_tell_nothing_of_what_was_dropped(database: Database) -> None:
    calls(database, dict.fromkeys(range(1, 100), 2.0), source="span")
    assert checked(database) == {}


def test_an_event_without_a_span_of_its_own_is_seen_with_the_call_below_which_it_was_made(database: Database) -> None:
    calls(database, dict.fromkeys(range(1, 401), 1.0))
    retries = [line(number, AT) | {"span_id": 10_000 + number, "parent_span_id": number} for number in range(1, 401)]
    insert(database, "ledger", retries)
    found = checked(database)["shop"]
    assert found.state == "ok"
    assert found.calls is not None
    assert found.calls.estimated.value == 800


def test_calls_without_a_price_or_without_any_cost_do_not_matter(database: Database) -> None:
    calls(database, dict.fromkeys(range(1, 401), 1.0))
    insert(database, "ledger", [line(900, AT, service="free", cost_usd="0", state="free")])
    insert(database, "ledger", [line(901, AT, service="free", cost_usd=None, state="unpriced")])
    add_spans(database, [span(n, n, AT, 1, adjusted_count=1.0, service="free") for n in (900, 901)])
    found = checked(database)["free"]
    assert found.state == "ok"
    assert found.cost is not None
    assert found.cost.ratio is None
