"""How many traces the kept ones stand for: right on average, whatever is asked whatever the ledger saw of the rest."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator

import pytest

from spanledger_server.store.database import Database
from spanledger_server.traces import filters, search
from tests.backend.rows import HOUR, NOON, add_spans, insert, line, span
from tests.support.stores import new_store


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


def draw(database: Database, seed: int) -> None:
    """Spans and lines of 60 traces, sampled by one number a trace: the shop's at a quarter, the bank's at an eighth."""
    rng = random.Random(seed)
    spans, lines = [], []
    for number in range(1, 61):
        chance, kind = rng.random(), number % 4
        failed = 2 if number % 5 == 0 else 0
        if chance >= 0.75:
            spans.append(span(number, 1, NOON - HOUR // 2, adjusted_count=4.0, status_code=failed))
        if kind == 1 and chance >= 0.875:
            spans.append(span(number, 2, NOON - HOUR // 2, adjusted_count=8.0, service="bank"))
        if kind in (1, 2):
            lines.append(line(number, NOON - HOUR // 2))
    add_spans(database, spans)
    insert(database, "ledger", lines)


TRUTH = {
    (): 60,
    ("service:bank",): 15,
    ("!service:bank",): 45,
    ("status:error",): 12,
    ("!status:error",): 48,
    ("model:gpt-5.2",): 30,
    ("name:GET /", "service:bank"): 15,
}


def test_what_kept_traces_stand_for_is_right_on_average_whatever_is_asked(database: Database) -> None:
    estimates: dict[tuple[str, ...], list[float]] = {asked: [] for asked in TRUTH}
    for seed in range(16):
        draw(database, seed)
        with database.reader() as reader:
            for asked, found in estimates.items():
                conditions = filters.parse(asked, filters.TRACES)
                answer = search.search(reader, NOON - HOUR, NOON, conditions, "-start", None, 1)
                found.append(answer.estimated.value)
        with database.transaction() as tx:
            tx.execute("DELETE FROM spans; DELETE FROM ledger; DELETE FROM trace_index")
    for asked, found in estimates.items():
        error = statistics.stdev(found) / len(found) ** 0.5
        assert abs(statistics.fmean(found) - TRUTH[asked]) <= 3 * error + 1e-9, asked


def found(database: Database) -> search.Found:
    with database.reader() as reader:
        return search.search(reader, NOON - HOUR, NOON, filters.parse([], filters.TRACES), "-start", None, 10)


def test_traces_that_were_not_sampled_stand_for_themselves(database: Database) -> None:
    add_spans(database, [span(number, 1, NOON - HOUR // 2, adjusted_count=1.0) for number in range(1, 4)])
    answer = found(database)
    assert (answer.matched, answer.estimated.value, answer.estimated.margin, answer.uncounted) == (3, 3, 0, 0)


def test_a_trace_that_does_not_say_how_it_was_sampled_is_counted_apart_and_never_guessed(database: Database) -> None:
    at = NOON - HOUR // 2
    add_spans(database, [span(1, 1, at), span(2, 1, at, adjusted_count=10.0), span(3, 1, at)])
    insert(database, "ledger", [line(3, at)])
    answer = found(database)
    assert (answer.matched, answer.estimated.value, answer.uncounted) == (3, 11, 1)


def test_a_trace_known_by_its_ledger_line_alone_is_one_trace(database: Database) -> None:
    insert(database, "ledger", [line(number, NOON - HOUR // 2) for number in range(1, 6)])
    answer = found(database)
    assert (answer.estimated.value, answer.estimated.margin) == (5, 0)
