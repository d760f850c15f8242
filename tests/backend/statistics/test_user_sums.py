"""Users ranked from sums of days and of lines beside them: the same as adding up by hand, however the lines are cut."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from spanledger_server.statistics import user_sums
from spanledger_server.statistics.spent import COUNTS
from spanledger_server.statistics.user_sums import SUMS, Held, Lines
from tests.support.thorough import examples

NAMES = [None, *(f"u{number}" for number in range(12))]
NUMBERS = {name: number for number, name in enumerate(NAMES) if name is not None and number % 3}  # the others have none
HUGE = 2**62


def row(chance: random.Random) -> dict[str, int]:
    """Sums of one user as the statements give them, costs in 1e-12 USD; some are so large that two need 65 bits."""
    calls = chance.randrange(1, 5)
    unpriced = chance.randrange(calls + 1)
    told = {name: chance.randrange(2) for name in user_sums.TOLD.values()}
    tokens = {name: chance.choice([7, HUGE]) if told[mark] else 0 for name, mark in user_sums.TOLD.items()}
    counts = dict.fromkeys(COUNTS, 0) | {"calls": calls, "unpriced_calls": unpriced}
    return {**counts, "cost_usd": chance.choice([5, 5, 9, HUGE]) if calls > unpriced else 0, **tokens, **told}


def lines(rows: dict[Any, dict[str, int]]) -> Lines:
    told: dict[str, Any] = {name: pa.array([each[name] for each in rows.values()], pa.int64()) for name in SUMS}
    told["cost_usd"] = pa.array(
        [Decimal(each["cost_usd"]).scaleb(-12) for each in rows.values()], pa.decimal128(38, 12)
    )
    return user_sums.lines(pa.table({"user_id": pa.array([*rows], pa.string()), **told}))


def held(rows: dict[Any, dict[str, int]]) -> Held:
    made = lines(rows)
    numbers = pa.array([0 if name is None else NUMBERS[name] for name in rows], pa.int32())
    columns = {name: pa.array(made.sums[name].tolist()) for name in SUMS if name != "cost_usd"}
    costs = pa.array([Decimal(each["cost_usd"]).scaleb(-12) for each in rows.values()], pa.decimal128(38, 12))
    return user_sums.held(pa.table({"user_number": numbers, "cost_usd": costs, **columns}))


def by_hand(each: list[dict[Any, dict[str, int]]], most: int) -> list[tuple[Any, ...]]:
    added: dict[Any, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SUMS, 0))
    for rows in each:
        for name, sums in rows.items():
            for what in SUMS:
                added[name][what] += sums[what]
    found = []
    for name, sums in added.items():
        known = sums["calls"] > sums["unpriced_calls"]
        cost = Decimal(sums["cost_usd"]).scaleb(-12) if known else None
        tokens = [sums[what] if sums[mark] else None for what, mark in user_sums.TOLD.items()]
        found.append((name, cost, sums["calls"], *tokens))
    found.sort(key=lambda one: (one[1] is None, -(one[1] or 0), -one[2], one[0] is None, one[0] or ""))
    return found[:most]


def told(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(one["user_id"], one["cost_usd"], one["calls"], *(one[what] for what in user_sums.TOLD)) for one in found]


@pytest.mark.parametrize("seed", range(examples(40)))
def test_days_and_any_pieces_of_lines_add_up_as_by_hand(seed: int) -> None:
    chance = random.Random(seed)
    numbered = [None, *NUMBERS]
    days = {name: row(chance) for name in chance.sample(numbered, chance.randrange(len(numbered) + 1))}
    pieces = [{name: row(chance) for name in chance.sample(NAMES, chance.randrange(len(NAMES)))} for _ in range(3)]
    names = {number: name for name, number in NUMBERS.items()}
    most = chance.randrange(1, 15)
    sums, made = held(days) if days else user_sums.nothing(), [lines(rows) for rows in pieces]
    for _ in range(2):  # the second time places are known
        found = user_sums.ranked(
            sums,
            made,
            most,
            lambda users: {user: NUMBERS[user] for user in users if user in NUMBERS},
            lambda numbers: {number: names[number] for number in numbers},
        )
        assert told(found) == by_hand([days, *pieces], most)
        assert {one["users"] for one in found} <= {len({*days, *(name for rows in pieces for name in rows)})}
    one = user_sums.together(user_sums.together(made[0], made[1]), made[2])
    again = user_sums.ranked(
        sums, [one], most, lambda users: {user: NUMBERS[user] for user in users if user in NUMBERS}, lambda _: names
    )
    assert told(again) == told(found)


def test_places_are_those_of_the_days_that_are_asked_about() -> None:
    chance = random.Random(1)
    beside, pieces = (
        [held({name: row(chance)}) for name in ("u0", "u1")],
        lines({name: row(chance) for name in ("u0", "u1")}),
    )
    for days, first in zip(beside, ("u0", "u1"), strict=True):
        found = user_sums.ranked(
            days, [pieces], 9, lambda users: {user: NUMBERS[user] for user in users}, lambda _: {1: "u0", 2: "u1"}
        )
        assert {one["user_id"]: one["user_number"] >= 0 for one in found} == {"u0": first == "u0", "u1": first == "u1"}


def test_what_is_known_of_some_users_leaves_unknown_costs_out() -> None:
    rows = {name: dict.fromkeys(SUMS, 0) | {"calls": 3, "unpriced_calls": 3} for name in ("u1", "u2")}
    rows["u2"] |= {"unpriced_calls": 1, "cost_usd": 4 * 10**12}
    assert user_sums.priced(lines(rows), {"u1", "u2", "u3"}) == [
        {"user_id": "u1", "cost_usd": None, "known_calls": 0},
        {"user_id": "u2", "cost_usd": Decimal(4), "known_calls": 2},
    ]
