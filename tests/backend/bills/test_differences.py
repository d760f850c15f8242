"""Why a bill and the ledger differ: each cause is made, and found."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.bills import reconcile
from spanledger_server.bills.tables import Asked
from spanledger_server.store.database import Database
from tests.backend.bills import samples
from tests.backend.rows import HOUR, insert, line
from tests.support.stores import new_store
from tests.support.thorough import examples

FIRST = samples.EPOCHS[0] * 10**9
HEADER = "date,model,amount,input_tokens,output_tokens,requests"


def ledger(*calls: dict[str, Any]) -> Database:
    opened = new_store()
    insert(opened, "ledger", [line(number, **call) for number, call in enumerate(calls, 1)])
    return opened


def call(day: int = 0, hour: int = 10, **more: Any) -> dict[str, Any]:
    told = {"model": "gpt-5", "cost_usd": "1", "input_tokens": 900_000, "output_tokens": 100_000}
    return {"at_ns": FIRST + (24 * day + hour) * HOUR} | told | more


def held(database: Database, content: bytes, **more: Any) -> dict[str, Any]:
    try:
        return reconcile.reconcile(database, io.BytesIO(content), reconcile.Question(Asked(), **more))
    finally:
        database.close()


def why(found: dict[str, Any]) -> list[tuple[str | None, Decimal]]:
    return [(cell["why"], cell["difference"]) for cell in found["cells"]]


def bill(*rows: tuple[int, str, str] | tuple[int, str, str, int, int, int]) -> bytes:
    return samples.table(HEADER, [(samples.DAYS[row[0]], *row[1:], "", "", "")[:6] for row in rows])


def test_calls_that_the_ledger_lacks_and_calls_that_the_bill_lacks():
    found = held(ledger(call(), call(1, model="o3")), bill((0, "gpt-5", "1"), (1, "gpt-5", "4")))
    assert why(found) == [(None, 0), ("missing_calls", 4), ("not_billed", -1)]
    assert (found["seen"], found["off"], found["state"]) == (Decimal("0.2"), 1, "differs")
    assert {each["why"]: each["difference"] for each in found["explained"]} == {"missing_calls": 4, "not_billed": -1}


def test_fewer_calls_in_the_ledger_than_in_the_bill():
    found = held(ledger(call()), bill((0, "gpt-5", "2", 1_800_000, 200_000, 2)))
    assert why(found) == [("missing_calls", 1)]
    assert found["cells"][0]["text"] == "2 calls in the bill, 1 in the ledger"


def test_the_same_tokens_at_another_price():
    found = held(ledger(call()), bill((0, "gpt-5", "1.5", 900_000, 100_000, 1)))
    assert why(found) == [("price", Decimal("0.5"))]
    assert "1.5000 USD a million in the bill, 1.0000 in the ledger" in found["cells"][0]["text"]


def test_a_bill_that_is_the_same_multiple_on_every_day_has_another_price():
    found = held(ledger(*(call(day) for day in range(3))), bill(*((day, "gpt-5", "1.1") for day in range(3))))
    assert [each for each, _ in why(found)] == ["price"] * 3
    assert "1.100 times" in found["cells"][0]["text"]


def test_other_tokens_for_the_same_calls():
    found = held(ledger(call()), bill((0, "gpt-5", "1.2", 1_100_000, 100_000, 1)))
    assert why(found) == [("tokens", Decimal("0.2"))]


def test_calls_that_wait_for_a_price():
    unpriced = call(state="unpriced", cost_usd=None, price_source=None)
    found = held(ledger(call(), unpriced), bill((0, "gpt-5", "2")))
    assert why(found) == [("unpriced", 1)]
    assert found["unpriced_calls"] == 1


def test_rounding_is_forgiven_as_far_as_it_goes():
    calls = [call(cost_usd="0.3333"), call(1, cost_usd="0.336")]
    found = held(ledger(*calls), bill((0, "gpt-5", "0.33"), (1, "gpt-5", "0.33")))
    assert [each for each, _ in why(found)] == ["rounding", "unknown"]
    assert found["off"] == Decimal("0.009091")


def test_days_that_begin_at_another_hour_are_found_and_the_zone_is_named():
    calls = [call(day, hour, cost_usd=str(1 + day * 24 + hour)) for day in range(3) for hour in range(24)]
    inside = [each for each in calls if 7 <= (each["at_ns"] - FIRST) // HOUR < 55]
    sums: dict[int, Decimal] = {}
    for each in inside:
        day = ((each["at_ns"] - FIRST) // HOUR - 7) // 24
        sums[day] = sums.get(day, Decimal(0)) + Decimal(each["cost_usd"])
    found = held(ledger(*calls), bill(*((day, "gpt-5", str(total)) for day, total in sums.items())))
    assert found["suggested_timezone_shift_hours"] == 7
    assert found["sentence"] == "we saw 100.0 % of the bill; days begin 7 h later there: tz=Etc/GMT+7"
    assert {each for each, _ in why(found)} == {"time_zone"}
    assert found["state"] == "agrees"


def test_other_days_are_found_where_all_days_are_much_the_same_and_calls_wait_for_a_price():
    """What moves from day to day is then a hundredth of the bill, and a call without a price explains none of it."""
    calls = [call(day, hour, cost_usd=f"1.0{day * 7 + hour:02}") for day in range(3) for hour in range(24)]
    free = [call(day, 12, cost_usd=None, state="unpriced") for day in range(3)]
    days = [[each for each in calls if 8 <= (each["at_ns"] - FIRST) // HOUR - 24 * day < 32] for day in range(2)]
    rows = [(day, "gpt-5", str(sum(Decimal(each["cost_usd"]) for each in one))) for day, one in enumerate(days)]
    found = held(ledger(*calls, *free), bill(*rows))
    assert found["suggested_timezone_shift_hours"] == 8
    assert {each for each, _ in why(found)} == {"time_zone"}


def test_a_shift_explains_only_what_agrees_after_it():
    calls = [call(day, hour, cost_usd=str(1 + day * 24 + hour)) for day in range(3) for hour in range(24)]
    days = [[each for each in calls if 7 <= (each["at_ns"] - FIRST) // HOUR - 24 * day < 31] for day in range(2)]
    sums = [str(sum(Decimal(each["cost_usd"]) for each in day)) for day in days]
    rows = [(day, "gpt-5", total) for day, total in enumerate(sums)] + [(1, "o3", "50")]
    found = held(ledger(*calls), bill(*rows))
    assert found["suggested_timezone_shift_hours"] == 7
    assert {cell["model"]: cell["why"] for cell in found["cells"]} == {"gpt-5": "time_zone", "o3": "missing_calls"}
    assert found["state"] == "differs"


def test_the_bills_days_begin_in_its_own_zone():
    content = bill((0, "gpt-5", "1"))
    late = call(0, 2)
    database = ledger(late)
    question = reconcile.Question(Asked(zone=ZoneInfo("America/Los_Angeles")))
    found = reconcile.reconcile(database, io.BytesIO(content), question)
    database.close()
    assert found["seen"] == 0
    assert held(ledger(call(0, 10)), content)["seen"] == 1


def test_a_bill_without_models_is_compared_by_day():
    content = samples.table("date,amount", [(samples.DAYS[0], "3")])
    found = held(ledger(call(), call(model="o3", cost_usd="2")), content)
    assert why(found) == [(None, 0)]
    assert found["cells"][0]["model"] is None


def test_tokens_of_input_alone_are_held_against_input_alone():
    rows = [(samples.DAYS[0], "embed", 900_000), (samples.DAYS[0], "gpt-5", 800_000)]
    content = samples.table("date,model,input_tokens", rows)
    found = held(ledger(call(model="embed", output_tokens=None), call()), content)
    assert (found["bill"], found["ledger"]) == (1_700_000, 1_800_000)
    assert {cell["model"]: (cell["why"], cell["ledger_tokens"]) for cell in found["cells"]} == {
        "embed": (None, 900_000),
        "gpt-5": ("tokens", 900_000),
    }


@pytest.mark.parametrize(
    ("missing", "seen", "said"),
    [
        ("0.0000001", "0.999999", "99.9999"),
        ("0.004", "0.9996", "99.96"),
        ("0.03", "0.997", "99.7"),
        ("0", "1", "100.0"),
    ],
)
def test_what_is_missing_is_never_rounded_away(missing: str, seen: str, said: str):
    content = samples.table(
        "date,model,amount",
        [(samples.DAYS[0], "gpt-5", Decimal(10) - Decimal(missing)), (samples.DAYS[0], "o3", missing)],
    )
    found = held(ledger(call(cost_usd=str(Decimal(10) - Decimal(missing)))), content)
    assert (str(found["seen"]), found["sentence"]) == (f"{Decimal(seen):.6f}", f"we saw {said} % of the bill")


def test_a_bill_that_is_rounded_to_cents_was_seen_as_a_whole():
    found = held(ledger(call(cost_usd="9.996")), bill((0, "gpt-5", "10.00")))
    assert (found["seen"], found["sentence"], found["state"]) == (1, "we saw 100.0 % of the bill", "agrees")


def test_nothing_in_the_ledger_is_nothing_seen_and_a_bill_of_nothing_is_unknown():
    assert held(ledger(), bill((0, "gpt-5", "3")))["seen"] == 0
    nothing = held(ledger(call()), bill((0, "gpt-5", "0")))
    assert (nothing["state"], nothing["seen"], nothing["sentence"]) == ("unknown", None, "the bill is of nothing")


def test_rows_that_stand_twice_are_told_and_counted_as_is_said():
    content = bill((0, "gpt-5", "1"), (0, "gpt-5", "1"))
    kept = held(ledger(call()), content)
    assert (kept["bill"], kept["notes"]) == (
        2,
        ["1 row is the same as another one, counted each time: duplicates=once drops them"],
    )
    database = ledger(call())
    found = reconcile.reconcile(database, io.BytesIO(content), reconcile.Question(Asked(duplicates="once")))
    database.close()
    assert found["bill"] == 1
    twice = samples.OPENAI_COSTS + samples.OPENAI_COSTS.split(b"\n", 1)[1]
    once = held(ledger(call()), twice)
    assert once["bill"] == Decimal("30.00003")
    assert once["notes"] == ["10 rows are the same as another one, counted once"]


amounts = st.decimals(0, 1000, places=4)
cells = st.dictionaries(
    st.tuples(st.integers(0, 2), st.sampled_from(["gpt-5", "o3", "gpt-4o"])), st.tuples(amounts, amounts), min_size=1
)


@settings(max_examples=examples(12), deadline=None)
@given(cells)
def test_every_difference_is_in_one_explanation_and_the_sums_are_those_of_both_sides(found_cells: Any):
    calls = [call(day, model=model, cost_usd=str(ours)) for (day, model), (_, ours) in found_cells.items()]
    rows = [(day, model, str(theirs)) for (day, model), (theirs, _) in found_cells.items()]
    found = held(ledger(*calls), bill(*rows))
    assert found["bill"] == sum(theirs for theirs, _ in found_cells.values())
    days = [day for day, _ in found_cells]
    within = [ours for (day, _), (_, ours) in found_cells.items() if min(days) <= day <= max(days)]
    assert found["ledger"] == sum(within)
    assert sum(each["difference"] for each in found["explained"]) == found["difference"]
    assert found["seen"] is None or 0 <= found["seen"] <= 1
    assert all((cell["why"] is None) == (cell["difference"] == 0) for cell in found["cells"])
