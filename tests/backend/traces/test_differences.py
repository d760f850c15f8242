"""What is different about some traces: counts as Python counts them, chances as SciPy works them out."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import pytest

from spanledger_server.errors import Invalid
from spanledger_server.store.database import Database
from spanledger_server.traces import differences, filters
from tests.backend.rows import HOUR, MINUTE, NOON, SECOND, add_spans, insert, line, span
from tests.support.stores import new_store

stats = pytest.importorskip("scipy.stats")


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


def made(number: int, rng: random.Random) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """A trace of a shop: slow where the model is m2 and the tier is free, and sampled one in four where it is fast."""
    tier, model = rng.choice(("free", "pro")), rng.choice(("m1", "m2", "m3"))
    slow = model == "m2" and tier == "free" and rng.random() < 0.9
    duration = (4 if slow else 1) * SECOND + rng.randrange(SECOND // 2)
    at = NOON - HOUR + rng.randrange(59 * MINUTE)
    weight = 1.0 if slow else 4.0
    root = span(number, 1, at, duration, user_tier=tier, adjusted_count=weight, user_id=f"u{number % 50}")
    more = {"service": "llm", "model": model, "adjusted_count": weight, "parent_span_id": 1}
    if rng.random() < 0.1:
        more |= {"status_code": 2, "error_type": "Timeout"}
    spans = [root, span(number, 2, at + 5, duration - 10, **more)]
    return spans, line(number, at + duration, model=model, duration_ns=duration) if number % 3 else None


@pytest.fixture(scope="module")
def traces(database: Database) -> dict[int, list[dict[str, Any]]]:
    rng = random.Random(7)
    found = {number: made(number, rng) for number in range(1, 401)}
    add_spans(database, [one for spans, _ in found.values() for one in spans])
    insert(database, "ledger", [one for _, one in found.values() if one is not None])
    return {number: spans for number, (spans, _) in found.items()}


def asked(database: Database, *texts: str, f: tuple[str, ...] = (), most: int = 100, **times: int) -> differences.Found:
    chosen = differences.choice(texts, times.get("from_ns"), times.get("to_ns"))
    with database.reader() as reader:
        return differences.find(reader, NOON - HOUR, NOON, filters.parse(f, filters.TRACES), chosen, most)


def test_counts_and_shares_are_those_of_a_count_by_hand(database: Database, traces: dict[int, Any]) -> None:
    inside = {number for number, spans in traces.items() if spans[0]["end_ns"] - spans[0]["start_ns"] > 3 * SECOND}
    weight = {number: spans[0]["adjusted_count"] for number, spans in traces.items()}
    found = asked(database, "duration>3s")
    assert (found.inside.traces, found.outside.traces) == (len(inside), len(traces) - len(inside))
    assert found.inside.weight == sum(weight[number] for number in inside)
    assert {(one.key, one.value) for one in found.values} >= {("model", "m2"), ("user_tier", "free")}
    assert (found.values[0].key, found.values[0].value) == ("model", "m2")
    for one in found.values:
        having = {n for n, spans in traces.items() if any(each.get(one.key) == one.value for each in spans)}
        if one.key in ("model", "user_tier"):
            assert (one.inside, one.outside) == (len(having & inside), len(having - inside))
            whole = sum(weight[n] for n in inside)
            assert one.inside_share == pytest.approx(sum(weight[n] for n in having & inside) / whole)
    assert sum(traces for _, traces, _ in found.lengths) == len(traces)
    assert sum(chosen for _, _, chosen in found.lengths) == len(inside)


def test_what_is_different_by_chance_is_not_told(database: Database, traces: dict[int, Any]) -> None:
    middle = NOON - HOUR // 2
    assert asked(database, from_ns=middle).values == []  # nothing changed then
    assert {one.key for one in asked(database, "status:error").values} == {"error_type"}
    assert asked(database, "duration>3s", f=("user_id:u1", "user_tier:pro")).values == []


def test_a_rank_chooses_the_longest_and_empty_parts_have_no_values(database: Database, traces: dict[int, Any]) -> None:
    found = asked(database, "duration>p90")
    assert found.inside.traces == 40
    lengths = sorted(spans[0]["end_ns"] - spans[0]["start_ns"] for spans in traces.values())
    assert found.bounds["duration_ns"] == lengths[359]
    for nothing in (asked(database, "duration>1h"), asked(database, "duration>1ns"), asked(database, "cost>100")):
        assert nothing.values == []
    with pytest.raises(Invalid):
        differences.choice((), None, None)


def test_chances_are_those_of_fishers_exact_test() -> None:
    rng = random.Random(1)
    for _ in range(300):
        drawn, rest = rng.randrange(1, 60), rng.randrange(1, 2000)
        inside, outside = rng.randrange(drawn + 1), rng.randrange(rest + 1)
        table = [[inside, outside], [drawn - inside, rest - outside]]
        tails = [stats.fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
        expected = min(1.0, 2 * min(tails))
        found = differences.by_chance(inside, outside, drawn, rest)
        assert math.isclose(found, expected, rel_tol=1e-6, abs_tol=1e-300), table
    assert differences.by_chance(1, 0, 1, 1000) == pytest.approx(2 / 1001)
    assert differences.by_chance(0, 0, 5, 5) == 1
    assert differences.by_chance(100_000, 0, 100_000, 100_000) == 0
