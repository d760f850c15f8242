"""What rules say of what is stored, beside a plain computation of the same."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest

from spanledger_server.rules import measured, metrics, reads
from spanledger_server.rules.evaluate import Evaluator
from spanledger_server.rules.reads import Question
from spanledger_server.rules.rule import OPERATORS, Filter, Rule, holds
from spanledger_server.rules.verdict import Verdict
from spanledger_server.statistics import named
from spanledger_server.statistics.periods import FAR_NS, UTC_ZONE, Part, Period
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range
from tests.backend.rows import HOUR, MINUTE, NOON, SECOND, insert, line, span
from tests.backend.rules import rolled
from tests.backend.rules.conftest import Add

NOW = NOON + 25 * SECOND


def verdicts(database: Database, rule: Rule, now_ns: int = NOW) -> dict[str, Verdict]:
    """What a rule says, by the values of its labels."""
    with database.reader() as reader:
        found = Evaluator(database).one(reader, rule, now_ns)
    return {" ".join(each.labels.values()): each for each in found}


def one(database: Database, rule: Rule, now_ns: int = NOW) -> Verdict:
    (found,) = verdicts(database, rule, now_ns).values()
    return found


def some_lines(seed: int, number: int = 400) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [
        line(
            n,
            NOW - chance.randrange(30 * MINUTE),
            model=chance.choice(("a", "b", None)),
            service=chance.choice(("shop", "chat")),
            error_type=chance.choice((None, None, None, "timeout")),
            cost_usd=str(Decimal(chance.randrange(1, 1000)) / 1000),
            duration_ns=chance.randrange(10**6, 5 * 10**9),
        )
        for n in range(1, number + 1)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_values_by_group_are_those_of_a_plain_computation(database: Database, add: Add, seed: int) -> None:
    lines = some_lines(seed)
    rolled.calls(database, lines, NOW)
    limits = {"threshold": 0, "operator": ">=", "group_by": ["model"], "window": "5m", "filters": {"service": "shop"}}
    found = {
        name: verdicts(database, add(metric=name, **limits)) for name in ("error_rate", "cost", "requests", "latency")
    }
    share = [each for each in lines if each["at_ns"] >= NOON - 5 * MINUTE and each["service"] == "shop"]
    exact = [each for each in share if each["at_ns"] >= NOON - 4 * MINUTE]  # a sum never holds more than five minutes
    for model in ("a", "b", None):
        group = " ".join(filter(None, ("shop", model)))
        mine, sums = ([each for each in lines_of if each["model"] == model] for lines_of in (share, exact))
        failed = sum(each["error_type"] is not None for each in mine)
        assert found["error_rate"][group].value == pytest.approx(failed / len(mine))
        assert found["error_rate"][group].events == len(mine)
        assert found["latency"][group].value == pytest.approx(
            sum(each["duration_ns"] for each in mine) / len(mine) / 1e6
        )
        assert found["requests"][group].value == len(sums)
        assert found["cost"][group].value == sum((Decimal(each["cost_usd"]) for each in sums), Decimal(0))


def test_a_name_means_here_what_it_means_in_statistics(database: Database) -> None:
    rolled.calls(database, some_lines(7, 100), NOW)
    spans = [span(n, n, NOON - n * 7 * SECOND, n * 10**7, http_status=200 if n % 4 else 500) for n in range(1, 40)]
    insert(database, "spans", spans)
    rolled.refreshed(database, "span", (each["end_ns"] for each in spans), NOW)
    asked = Range(NOON - 10 * MINUTE, NOON)
    part = Part(0, "", asked.from_ns, asked.to_ns)
    period = Period("window", UTC_ZONE, asked.from_ns, asked.to_ns, FAR_NS, ((asked.from_ns, 0),), (part,))
    with database.reader() as reader:
        reading = named.Reading(reader, period)
        for name in sorted(metrics.METRICS.keys() & named.METRICS.keys()):
            of = metrics.METRICS[name]
            answer = reads.read(reader, [Question(of.source, asked)])[Question(of.source, asked)]
            assert not isinstance(answer, (reads.Crowd, reads.Failed))
            mine, events = measured.value_of(of, answer.get(()), asked)
            (point,) = reading.points(name)
            expected = getattr(point.value, "value", point.value)  # an estimate's
            mine = getattr(mine, "value", mine)
            assert mine == (pytest.approx(expected) if isinstance(expected, float) else expected), name
            assert events == point.events, name


def test_questions_that_share_a_statement_get_the_answers_that_they_get_alone(database: Database) -> None:
    rolled.calls(database, some_lines(3), NOW)
    filters = (
        (),
        (("service", Filter(("shop",))),),
        (("service", Filter(("chat",))),),
        (("model", Filter(("a",))), ("service", Filter(("chat",)))),
        (("model", Filter(("a", ""))),),
        (("model", Filter(None, ("a",))),),
    )
    windows = (Range(NOON - 5 * MINUTE, NOW), Range(NOON - 20 * MINUTE, NOW))
    asked = [Question("calls", window, by, each) for window in windows for by in ((), ("model",)) for each in filters]
    with database.reader() as reader:
        together = reads.read(reader, asked)
        for question in asked:
            assert reads.read(reader, [question])[question] == together[question]
    assert sum(len(found) for found in together.values() if not isinstance(found, (reads.Crowd, reads.Failed))) > 20


@pytest.mark.parametrize("sign", OPERATORS)
def test_thresholds_compare_as_people_mean_it(sign: Any) -> None:
    expected = {">": False, ">=": True, "<": False, "<=": True, "==": True, "!=": False}[sign]
    assert holds(sign, 1 / 20, Decimal("0.05")) is expected
    assert holds(sign, Decimal("0.050"), Decimal("0.05")) is expected
    if sign in ("==", "!="):
        assert holds(sign, 0.1 + 0.2, Decimal("0.3")) is expected


def test_a_clear_threshold_holds_a_firing_alert_between(database: Database, add: Add) -> None:
    rolled.even(database, 1, 10, NOON - 2 * MINUTE, NOON, NOW, duration_ns=450 * 10**6)
    found = one(database, add(condition="latency > 500", clear_threshold=400))
    assert (found.outcome, found.clear) == ("false", False)
    assert one(database, add(condition="latency > 500", clear_threshold=450)).clear


def test_few_events_and_none_say_nothing(database: Database, add: Add) -> None:
    rule = add(condition="error_rate > 5%", min_events=5)
    assert (one(database, rule).outcome, one(database, rule).reason) == ("no_data", "nothing in 5 minutes")
    rolled.even(database, 1, 4, NOON - MINUTE, NOON, NOW, error_type="x")
    found = one(database, rule)
    assert (found.outcome, found.value, found.reason) == ("no_data", 1.0, "only 4 of the 5 events that it asks for")
    rolled.even(database, 5, 1, NOON - MINUTE, NOON, NOW, error_type="x")
    assert one(database, rule).outcome == "true"
    assert one(database, add(condition="requests < 1"), NOW + HOUR).outcome == "true"  # a count of nothing is 0


def test_a_ratio_by_nothing_is_no_data(database: Database, add: Add) -> None:
    rule = add(kind="ratio", metric="cost", divided_by="requests", operator=">", threshold="0.005", window="5m")
    assert one(database, rule).reason == "divided by zero: requests is 0"
    rolled.even(database, 1, 4, NOON - MINUTE, NOON, NOW)
    found = one(database, rule)
    assert (found.outcome, found.value, found.events) == ("true", 0.01, 4)


def test_a_group_that_falls_silent_is_still_told_of_for_an_hour(database: Database, add: Add) -> None:
    rolled.even(database, 1, 4, NOON - 2 * MINUTE, NOON, NOW, model="a")
    share = add(metric="error_rate", operator=">", threshold=0.5, group_by=["model"])
    count = add(metric="requests", operator=">", threshold=2, group_by=["model"])
    assert verdicts(database, count)["a"].outcome == "true"
    later = NOW + 30 * MINUTE
    assert verdicts(database, share, later)["a"].outcome == "no_data"
    assert (verdicts(database, count, later)["a"].outcome, verdicts(database, count, later)["a"].value) == ("false", 0)
    assert verdicts(database, count, NOW + 2 * HOUR) == {}


def test_more_groups_than_may_be_are_an_error_that_counts_them(database: Database, add: Add) -> None:
    bucket = NOON // MINUTE
    with database.transaction() as tx:
        tx.execute(
            "INSERT INTO metric_series (series_id, name, kind, service, attributes) "
            "SELECT i, 'depth', 'gauge', 'shop', '{\"queue\":\"q' || i || '\"}' FROM range(100000) AS t(i)"
        )
        tx.execute(
            "INSERT INTO metric_1m (bucket, series_id, points, sum, min, max, last) "
            "SELECT $bucket, i, 1, i, i, i, i FROM range(100000) AS t(i)",
            bucket=bucket,
        )
    wide = add(metric="depth", operator=">", threshold=1, group_by=["queue"], labels={"team": "a"})
    found = one(database, wide)
    assert (found.outcome, found.labels) == ("error", {"team": "a"})
    assert found.reason is not None
    assert "100000 groups, and 50 is its limit" in found.reason
    narrow = add(metric="depth", operator=">", threshold=1, group_by=["queue"], filters={"queue": ["q1", "q2"]})
    assert {name: each.value for name, each in verdicts(database, narrow).items()} == {"q1": 1, "q2": 2}
    with database.reader() as reader:  # the others' trouble is not theirs
        found_of = {rule.name: each for rule, each in Evaluator(database).verdicts(reader, NOW)}
    assert [each.outcome for each in found_of[wide.name]] == ["error"]
    assert len(found_of[narrow.name]) == 2


def test_metrics_that_were_sent_are_read_by_their_kind(database: Database, add: Add) -> None:
    rolled.gauge(
        database,
        "processing_time",
        {
            1: {"attributes": json.dumps({"region": "eu"}), "points": {NOON: 700.0, NOON + SECOND: 900.0}},
            2: {"attributes": json.dumps({"region": "us"}), "points": {NOON: 100.0}},
        },
        NOW,
    )
    assert one(database, add(condition="processing_time > 500")).value == pytest.approx(1700 / 3)
    by = verdicts(database, add(condition="processing_time > 500", group_by=["region"], stat="max"))
    assert {name: (each.outcome, each.value) for name, each in by.items()} == {
        "eu": ("true", 900),
        "us": ("false", 100),
    }
    assert one(database, add(condition="processing_time > 500", stat="p99")).value == pytest.approx(900, rel=0.011)


def test_spans_and_requests_are_counted_by_what_they_stand_for(database: Database, add: Add) -> None:
    spans = [
        span(n, n, NOON - n * SECOND, SECOND // 2, status_code=2 if n == 1 else 0, http_status=500 if n == 1 else 200)
        | {"adjusted_count": 2.0}
        for n in range(1, 11)
    ]
    insert(database, "spans", spans)
    rolled.refreshed(database, "span", (each["end_ns"] for each in spans), NOW)
    assert one(database, add(condition="span_error_rate > 5%")).value == pytest.approx(0.1)
    assert one(database, add(condition="span_count > 5")).value == 20
    assert one(database, add(condition="server_error_rate > 5%")).value == pytest.approx(0.1)
    by = verdicts(database, add(metric="p95_response_time", operator=">", threshold=100, group_by=["route"]))
    assert {name: each.outcome for name, each in by.items()} == {"GET /": "true"}


def test_one_rule_that_the_store_cannot_answer_keeps_no_other_from_being_judged(
    database: Database, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolled.even(database, 1, 4, NOON - MINUTE, NOON, NOW)
    insert(database, "spans", [span(1, 1, NOON)])
    rolled.refreshed(database, "span", [NOON], NOW)
    broken, fine = add(condition="span_count > 5"), add(condition="requests > 1")
    monkeypatch.setattr(reads, "SQL", {**reads.SQL, "span_cells_1m": "SELECT * FROM no_such_table"})
    with database.reader() as reader:
        found = {rule.name: each for rule, each in Evaluator(database).verdicts(reader, NOW)}
    assert found[broken.name][0].outcome == "error"
    assert "it cannot be read" in (found[broken.name][0].reason or "")
    assert found[fine.name][0].outcome == "true"
