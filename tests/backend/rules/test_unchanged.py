"""Judging for next to nothing where nothing came: verdicts are those of judging everything anew, whatever happens."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.rules.evaluate import Evaluator
from spanledger_server.rules.unchanged import Unchanged
from spanledger_server.store.database import Database, Reader
from tests.backend.rows import HOUR, MINUTE, NOON, SECOND, insert, line, span
from tests.backend.rules import rolled
from tests.backend.rules.conftest import Add

RULES: tuple[dict[str, Any], ...] = (
    {"condition": "requests > 3"},
    {"condition": "error_rate > 0.2 for 1m over 10m", "group_by": ["model"]},
    {"condition": "p95_latency > 500", "service": "shop"},
    {"condition": "cost > 0.02"},
    {"condition": "cost > 0.05 over 8h"},
    {"metric": "span_count", "operator": ">", "threshold": 2, "group_by": ["name"]},
    {"metric": "request_count", "operator": ">", "threshold": 2, "window": "10m"},
    {"kind": "change", "metric": "requests", "threshold": 50},
    {"kind": "ratio", "metric": "cost", "divided_by": "requests", "operator": ">", "threshold": 0.001},
    {"kind": "absence", "metric": "requests", "window": "5m", "group_by": ["model"]},
    {"kind": "absence", "window": "5m", "group_by": ["service"]},
    {"metric": "load", "metric_expected": True, "operator": ">", "threshold": 1, "no_data": "fire"},
)


class Anew(Unchanged):
    """Remembers nothing."""

    def turn(self, reader: Reader) -> None:
        del reader

    def nothing(self, source: Any, from_ns: int) -> bool:
        del source, from_ns
        return False

    def rows(self, source: Any, run: Any, key: Any, read: Callable[[], Any]) -> Any:
        del source, run, key
        return read()


def happens(database: Database, chance: random.Random, dirty: DirtyBuckets, number: int, now_ns: int) -> None:
    """Something comes, late or not, and is rolled up, or waits for it; or what is old is deleted."""
    what, at_ns = chance.random(), now_ns - chance.choice((0, 0, 30, 90, 600, 7200, -90)) * SECOND
    if what < 0.35:
        lines = [
            line(number * 10 + n, at_ns, model=chance.choice("ab"), error_type=chance.choice((None, "timeout")))
            for n in range(chance.randrange(1, 5))
        ]
        insert(database, "ledger", lines)
        with database.transaction() as tx:
            dirty.mark(tx, "cost", {at_ns // MINUTE})
    elif what < 0.5:
        insert(database, "spans", [span(number, number, at_ns, name=chance.choice("xy"), kind=2)])
        with database.transaction() as tx:
            dirty.mark(tx, "span", {at_ns // MINUTE})
    elif what < 0.55:
        with database.transaction() as tx:
            tx.execute("DELETE FROM cost_1m WHERE bucket < $before", before=(now_ns - HOUR) // MINUTE)
            tx.execute("DELETE FROM kept_from WHERE subject = 'cost_1m'")
            tx.execute("INSERT INTO kept_from VALUES ('cost_1m', $from_ns)", from_ns=(now_ns - HOUR) // MINUTE * MINUTE)
    if chance.random() < 0.8:
        Rollups(database, dirty).refresh(now_ns)


STEPS = int(os.environ.get("UNCHANGED_STEPS", "14"))


@pytest.mark.parametrize("seed", range(2))
def test_verdicts_are_those_of_judging_everything_anew(database: Database, add: Add, seed: int) -> None:
    chance, dirty, now_ns = random.Random(seed), DirtyBuckets(), NOON
    for body in RULES:
        add(**body)
    cheap, full = Evaluator(database), Evaluator(database)
    full._unchanged = Anew()
    seen = set()
    for number in range(1, 1 + STEPS):
        if chance.random() < 0.5:
            happens(database, chance, dirty, number, now_ns)
        now_ns += chance.choice((10, 10, 10, 10, 60, 400, 5 * 3600, -20)) * SECOND
        with database.reader() as reader:
            found, expected = cheap.verdicts(reader, now_ns), full.verdicts(reader, now_ns)
        assert found == expected, (seed, number)
        seen |= {(rule.name, each.outcome) for rule, verdicts in found for each in verdicts}
    assert {outcome for _, outcome in seen} == {"true", "false", "no_data"}


def test_a_tick_without_anything_new_asks_no_rollup(
    database: Database, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    for body in RULES:
        if body.get("kind") != "absence":
            add(**body)
    rolled.calls(database, [line(1, NOON - MINUTE)], NOON)
    evaluator, asked = Evaluator(database), list[str]()
    tuples = Reader.tuples

    def noted(self: Reader, sql: str, **bound: Any) -> Any:
        asked.extend(name for name in ("cost_1", "span_1", "told_1", "metric_1") if name in sql)
        return tuples(self, sql, **bound)

    def tick(now_ns: int) -> list[str]:
        asked.clear()
        with database.reader() as reader:
            evaluator.verdicts(reader, now_ns)
        return list(asked)

    monkeypatch.setattr(Reader, "tuples", noted)
    assert tick(NOON + SECOND)
    assert tick(NOON + 11 * SECOND) == []
    assert set(tick(NOON + MINUTE)) <= {"cost_1"}  # windows begin elsewhere; of the others there is nothing
    assert tick(NOON + 60 * HOUR) == []  # all that ever came lies behind
    rolled.calls(database, [line(2, NOON + 60 * HOUR)], NOON + 60 * HOUR)
    assert tick(NOON + 60 * HOUR) != []
