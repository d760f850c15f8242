"""Cells in pieces give the sums and bars of all cells at once, and bars that are made once are not made again."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spanledger_server.api import answers
from spanledger_server.lasting import Lasting
from spanledger_server.statistics import periods, spent
from spanledger_server.statistics.spent import COUNTS, TOKENS
from tests.backend.rows import NOON
from tests.support.thorough import examples

PERIOD = periods.to_date("month", NOON, ZoneInfo("UTC"))
PARTS = [part.number for part in PERIOD.parts]
NAMES = (None, "a", "b", "other", "unknown")


def cell(chance: random.Random, part: int, name: str | None) -> dict[str, Any]:
    calls = chance.randrange(1, 4)
    unpriced = chance.randrange(calls + 1)
    cost = Decimal(chance.randrange(10**20)).scaleb(-12) if unpriced < calls else None
    counts = dict.fromkeys(COUNTS, 0) | {"calls": calls, "unpriced_calls": unpriced}
    return {"part": part, "category": name, "cost_usd": cost, **counts, **dict.fromkeys(TOKENS)}


def cells(chance: random.Random, parts: list[int], number: int) -> list[dict[str, Any]]:
    return [cell(chance, chance.choice(parts), chance.choice(NAMES)) for _ in range(number)]


def bars_by_hand(found: list[dict[str, Any]], shown: frozenset[Any]) -> list[dict[str, Any]]:
    bars = []
    for part in PERIOD.parts:
        mine = [each for each in found if each["part"] == part.number]
        by: defaultdict[str, Decimal] = defaultdict(Decimal)
        for each in mine:
            if each["cost_usd"] is not None:
                name = each["category"] if each["category"] in shown else "other"
                by["unknown" if name is None else name] += each["cost_usd"]
        calls, unpriced = (sum(each[name] for each in mine) for name in ("calls", "unpriced_calls"))
        cost = sum(by.values(), Decimal(0)) if by or not calls else None
        counts = {"cost": cost, "calls": calls, "unpriced_calls": unpriced}
        bars.append({"date": part.name, **counts, "complete": part.to_ns <= PERIOD.to_ns, "by": dict(by)})
    return bars


@pytest.mark.parametrize("seed", range(examples(40)))
def test_pieces_give_what_all_cells_give(seed: int) -> None:
    chance = random.Random(seed)
    gone, late = cells(chance, PARTS[:-2], 60), cells(chance, PARTS[-4:], 20)
    before = spent.of(gone)
    for _ in range(2):  # the second time bars are remembered
        pieces, shown = [before, spent.of(late)], frozenset(chance.sample(NAMES, chance.randrange(len(NAMES))))
        whole = spent.of([*gone, *late])
        assert spent.together(pieces) == whole.categories
        assert spent.total(spent.together(pieces).values()) == spent.total(whole.categories.values())
        found = spent.trend([piece.parts for piece in pieces], PERIOD, shown, set(PARTS))
        assert found == bars_by_hand([*gone, *late], shown)
        assert found == spent.trend([piece.parts for piece in pieces], PERIOD, shown, set(PARTS))


def test_bars_of_what_is_remembered_are_made_once_while_the_same_categories_are_shown() -> None:
    gone, late = ([cell(random.Random(1), part, "a")] for part in (PARTS[0], PARTS[-2]))

    def bars(shown: frozenset[Any]) -> list[dict[str, Any]]:
        return spent.trend([before.parts, spent.of(late).parts], PERIOD, shown, set())

    before, one = spent.of(gone), frozenset(("a",))
    first, again, others = bars(one), bars(one), bars(frozenset())
    assert first[0] is again[0]
    assert first[-2] is not again[-2]
    assert others[0]["by"].keys() == {"other"}
    assert bars(one)[0] == first[0]
    assert first[1] == {**first[1], "cost": None, "calls": None, "by": {}}  # of which nothing is known


def test_a_few_categories_and_what_is_left_make_the_whole() -> None:
    chance = random.Random(3)
    rows = cells(chance, PARTS, 80)
    named = [each for each in rows if each["category"] in ("a", None)]
    users = [
        {
            "part": each["part"],
            "user_id": each["category"],
            "cost_usd": each["cost_usd"],
            "known_calls": each["calls"] - each["unpriced_calls"],
        }
        for each in named
    ]
    whole = [{**each, "category": None} for each in rows]
    shown, each = frozenset(("a", None)), [spent.of(whole[:40]).parts, spent.of(whole[40:]).parts]
    parts = [spent.of_parts(users[:7]), spent.of_parts(users[7:])]
    for _ in range(2):
        assert spent.trend_of(parts, each, PERIOD, shown, set(PARTS)) == bars_by_hand(rows, shown)
    assert spent.trend_of([], each, PERIOD, frozenset(), set(PARTS)) == bars_by_hand(rows, frozenset())


def test_categories_beyond_the_most_are_one() -> None:
    chance = random.Random(4)
    found = spent.of([cell(chance, PARTS[0], name) for name in NAMES])
    order = spent.ordered(found.categories)
    few = spent.folded(found.categories, order, 2)
    assert [*few] == [*order[:2], spent.FOLDED]
    assert spent.total(few.values()) == spent.total(found.categories.values())
    assert spent.folded(found.categories, order, 5) == found.categories


def test_what_lasts_is_written_once_and_like_anything_else() -> None:
    piece = {"cost": Decimal("1.50"), "tokens": 2**70, "by": {"a": None}, "name": "\ud800"}
    lasting = Lasting(piece)
    written = [answers.rendered({"each": [each, each]}) for each in (piece, lasting, lasting)]
    assert len(set(written)) == 1
    assert written[0] == b'{"each":[%b,%b]}' % ((answers.rendered(piece),) * 2)
    lasting["cost"] = Decimal(2)  # nobody may: it is not seen
    assert answers.rendered(lasting) == answers.rendered(piece)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0E-12", "0"),
        ("1E+3", "1000"),
        ("1E-12", "0.000000000001"),
        ("100", "100"),
        ("-1.500", "-1.5"),
        ("123456789012345678901234567890.5", "123456789012345678901234567890.5"),
        ("NaN", "null"),
        ("sNaN12", "null"),
        ("-Infinity", "null"),
    ],
)
def test_money_is_written_with_its_digits_and_no_exponent(amount: str, text: str) -> None:
    assert answers.rendered(Decimal(amount)).decode() == text


def test_kinds_of_plain_values_are_written_as_these() -> None:
    kinds = {"a": defaultdict(list, {"b": [1]}), "c": type("Text", (str,), {})("d"), "e": type("Number", (int,), {})(5)}
    assert answers.rendered(kinds) == b'{"a":{"b":[1]},"c":"d","e":5}'
