"""What the writer has stored since it started: exact, never falling, of bounded size."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa

from spanledger_server.ingest.totals import MOST_PAIRS, OTHERS, Lines, Totals, Written, summed
from spanledger_server.ledger.table import MONEY


def written(*lines: Lines, given_way: tuple[Lines, ...] = ()) -> Written:
    return Written(lines=list(lines), given_way=list(given_way))


def line(cost: str | None, model: str | None = "gpt-5", state: str = "priced") -> Lines:
    return Lines("openai", model, state, 1, None if cost is None else Decimal(cost))


def test_costs_are_exact_by_provider_and_model_and_the_unknown_is_no_zero():
    totals = Totals()
    for _ in range(10):
        totals.add(written(line("0.1"), line("0.000000000001"), line(None, model=None, state="unpriced")))
    assert totals.cost_usd == {("openai", "gpt-5"): Decimal("1.00000000001")}
    assert totals.lines == {"priced": 20, "estimated": 0, "free": 0, "unpriced": 10}


def test_a_line_that_gives_way_is_taken_off_and_the_counter_never_falls():
    totals = Totals()
    totals.add(written(line("5")))
    totals.add(written(line("3"), given_way=(line("5"),)))
    assert totals.cost_usd["openai", "gpt-5"] == 5
    assert totals.lines["priced"] == 1
    totals.add(written(line("1")))
    assert totals.cost_usd["openai", "gpt-5"] == 5
    totals.add(written(line("2")))
    assert totals.cost_usd["openai", "gpt-5"] == 6  # 3 + 1 + 2
    totals.add(written(given_way=(line("1", model="new"),)))
    assert ("openai", "new") not in totals.cost_usd


def test_many_models_are_the_first_hundred_and_all_others():
    totals = Totals()
    for number in range(300):
        totals.add(written(line("1", model=f"m{number}" + "x" * 500)))
    found = totals.cost_usd
    assert len(found) == MOST_PAIRS + 1
    assert found[OTHERS] == 200
    assert max(len(model) for _, model in found) == 100


def test_lines_are_added_up_by_provider_model_and_state():
    table = pa.table(
        {
            "provider": ["a", "a", None, "a"],
            "model": ["m", "m", None, "m"],
            "state": ["priced", "priced", "unpriced", "free"],
            "cost_usd": pa.array([Decimal("0.1"), Decimal("0.2"), None, Decimal(0)], MONEY),
        }
    )
    assert set(summed(table)) == {
        Lines("a", "m", "priced", 2, Decimal("0.3")),
        Lines(None, None, "unpriced", 1, None),
        Lines("a", "m", "free", 1, Decimal(0)),
    }
    assert list(summed(table.slice(0, 0))) == []
