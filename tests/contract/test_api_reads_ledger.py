"""Costs and ledger over HTTP: shapes, exact digits, pages that stand still, and what bad parameters get."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest

from tests.backend.rows import DAY, HOUR, NOON, SECOND, insert, line, trace

HOSTILE = ["'; DROP TABLE ledger; --", '" OR 1=1', "$service", "%", "\\", "ü😀", "a" * 900, "{}", "]", "NULL", "\t\n"]


def test_costs_have_the_shape_that_was_agreed(reads):
    insert(reads.database, "ledger", [line(1), line(2, model=None, cost_usd=None, state="unpriced")])
    answer = reads.get("/admin/statistics/costs", period="month", group_by="model", tz="Europe/Berlin")
    assert list(answer)[:4] == ["period", "group_by", "from", "to"]
    assert answer["from"] == "2026-10-31T23:00:00Z"
    assert answer["to"] == "2026-11-21T12:00:00.000000001Z"
    assert (answer["timezone"], answer["currency"], answer["source"]) == ("Europe/Berlin", "USD", "ledger")
    assert (answer["total_cost"], answer["calls"], answer["priced_calls"], answer["unpriced_calls"]) == (
        Decimal("0.01"),
        2,
        1,
        1,
    )
    assert (answer["estimated_calls"], answer["free_calls"], answer["coverage"]) == (0, 0, Decimal("0.5"))
    assert (answer["input_tokens"], answer["output_tokens"], answer["cached_input_tokens"]) == (200, 20, 0)
    assert (answer["projection"]["budget_status"], answer["projection"]["certain"]) == ("degraded", False)
    first, second = answer["breakdown"]
    assert (first["category"], first["cost"], first["percentage"], first["count"]) == (
        "gpt-5.2",
        Decimal("0.01"),
        100,
        1,
    )
    assert (second["category"], second["cost"], second["percentage"], second["unpriced_calls"]) == (None, None, None, 1)
    assert len(answer["trend"]) == 21
    bar = {"date": "2026-11-21", "cost": Decimal("0.01"), "calls": 2, "unpriced_calls": 1, "complete": False}
    assert answer["trend"][-1] == bar | {"by": {"gpt-5.2": Decimal("0.01")}}


def test_money_keeps_every_digit_and_has_no_exponent(reads):
    insert(
        reads.database, "ledger", [line(1, cost_usd="0.000000000001"), line(2, cost_usd="123456789012.000000000010")]
    )
    text = reads.client.get("/admin/statistics/costs").text
    assert '"total_cost":123456789012.000000000011,' in text
    text = reads.client.get("/api/v1/ledger").text
    assert '"cost_usd":0.000000000001,' in text
    assert '"cost_usd":123456789012.00000000001,' in text


def test_sums_beyond_64_bits_stay_exact(reads):
    insert(reads.database, "ledger", [line(number, input_tokens=2**63 - 1) for number in range(3)])
    assert f'"input_tokens":{3 * (2**63 - 1)},' in reads.client.get("/admin/statistics/costs").text


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"period": "decade"}, "period"),
        ({"period": ""}, "period"),
        ({"group_by": "model; DROP TABLE ledger"}, "group_by"),
        ({"tz": "Mars/Olympus"}, "tz"),
        ({"tz": "../../etc/passwd"}, "tz"),
        ({"tz": ""}, "tz"),
        ({"tz": "Europe"}, "tz"),
        ({"tz": "a\x00b"}, "tz"),
        ({"f": "colour:red"}, "f"),
        ({"f": "model"}, "f"),
        ({"f": "state:lost"}, "f"),
        ({"f": "cost>NaN"}, "f"),
        ({"f": "cost>1e5"}, "f"),
        ({"f": "duration>5"}, "f"),
        ({"f": "trace_id:12"}, "f"),
        ({"f": "name:x"}, "f"),
        ({"f": ["model:a"] * 51}, "f"),
    ],
)
def test_a_bad_parameter_of_costs_is_named_with_its_value_and_what_is_allowed(reads, query, parameter):
    problem = reads.refused("/admin/statistics/costs", **query)
    assert problem["parameter"] == parameter
    assert problem["allowed"]
    assert "value" in problem


def test_an_empty_ledger_answers(reads):
    assert reads.get("/api/v1/ledger") == {"items": [], "next_cursor": None}
    for period in ("today", "week", "month", "year"):
        answer = reads.get("/admin/statistics/costs", period=period)
        assert (answer["total_cost"], answer["coverage"], answer["breakdown"]) == (0, None, [])


def test_a_line_has_the_shape_that_was_agreed(reads):
    row = line(
        7,
        rate='{"input_mtok":"1.75"}',
        batch=True,
        service_tier="priority",
        time_to_first_chunk_ns=250_000_000,
        audio_seconds="1.5",
    )
    insert(reads.database, "ledger", [row])
    (item,) = reads.get("/api/v1/ledger")["items"]
    agreed = (
        "trace_id span_id at service kind operation provider model request_model state state_reason "
        "cost_usd price_source price_version rate usage_state input_tokens output_tokens "
        "cached_input_tokens cache_write_tokens reasoning_tokens audio_input_tokens audio_output_tokens "
        "audio_seconds characters user_id session_id feature tenant user_tier duration_ms "
        "time_to_first_chunk_ms error_type service_tier batch source"
    )
    assert set(agreed.split()) <= set(item)
    assert (item["trace_id"], item["span_id"], item["at"]) == (trace(7), f"{7:016x}", "2026-11-21T12:00:00Z")
    assert (item["rate"], item["batch"], item["time_to_first_chunk_ms"]) == ({"input_mtok": "1.75"}, True, 250)
    assert (item["reasoning_tokens"], item["audio_seconds"]) == (None, Decimal("1.5"))


def test_pages_hold_every_line_once_though_others_come_in_between(reads):
    insert(reads.database, "ledger", [line(number, NOON - number // 7 * SECOND) for number in range(100)])
    first = reads.get("/api/v1/ledger", limit=9, from_="now-1h")
    insert(reads.database, "ledger", [line(1000 + number, NOON - number * SECOND) for number in range(20)])
    reads.clock.at_ns += HOUR
    seen = [item["trace_id"] for item in first["items"]]
    cursor = first["next_cursor"]
    while cursor:
        page = reads.get("/api/v1/ledger", limit=9, from_="now-1h", cursor=cursor)
        seen += [item["trace_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    old = [one for one in seen if int(one, 16) < 1000]
    assert len(seen) == len(set(seen))
    assert sorted(old) == sorted(trace(number) for number in range(100))


def test_a_cursor_that_was_changed_or_belongs_elsewhere_is_refused(reads):
    insert(reads.database, "ledger", [line(number) for number in range(3)])
    cursor = reads.get("/api/v1/ledger", limit=1)["next_cursor"]
    flipped = cursor[:20] + ("A" if cursor[20] != "A" else "B") + cursor[21:]
    for bad in (flipped, cursor[:-4], cursor + "AAAA", "", "x", "ü", "null", cursor[::-1]):
        assert reads.refused("/api/v1/ledger", limit=1, cursor=bad)["parameter"] == "cursor"
    assert reads.refused("/api/v1/ledger", limit=1, cursor=cursor, f="model:x")["parameter"] == "cursor"
    assert reads.refused("/api/v1/traces", limit=1, cursor=cursor)["parameter"] == "cursor"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"limit": "1001"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "10000000000000000000000"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "١"}, "limit"),
        ({"from_": "yesterday"}, "from"),
        ({"from_": "2026-02-30T00:00:00Z"}, "from"),
        ({"from_": "2026-02-30"}, "from"),
        ({"from_": "2026-11"}, "from"),
        ({"from_": "0001-01-01T00:00:00Z"}, "from"),
        ({"to": "9999-01-01T00:00:00Z"}, "to"),
        ({"from_": "now-15x"}, "from"),
        ({"from_": "now-9999999999999999d"}, "from"),
        ({"from_": "2026-11-21T12:00:00+24:00"}, "from"),
        ({"from_": "now", "to": "now-1h"}, "from"),
        ({"from_": "now", "to": "now"}, "from"),
    ],
)
def test_a_bad_parameter_of_a_list_is_named(reads, query, parameter):
    for path in ("/api/v1/ledger", "/api/v1/traces", "/api/v1/logs"):
        assert reads.refused(path, **query)["parameter"] == parameter


def test_times_are_understood_in_every_spelling_of_the_same_instant(reads):
    insert(reads.database, "ledger", [line(1, NOON - DAY)])
    for text in (
        "2026-11-20T12:00:00Z",
        "2026-11-20t12:00:00.000z",
        "2026-11-20T13:00:00+01:00",
        "2026-11-20T04:30:00-07:30",
        "2026-11-20T13:00:00 01:00",
        "now-1441m",
        "2026-11-20",
    ):
        assert len(reads.get("/api/v1/ledger", from_=text)["items"]) == 1, text
    assert reads.get("/api/v1/ledger", from_="2026-11-20T12:00:00.000000001Z")["items"] == []
    assert reads.get("/api/v1/ledger", from_="now-2d", to="2026-11-20T12:00:00Z")["items"] == []
    assert reads.get("/api/v1/ledger", from_="2026-11-01", to="2026-11-20")["items"] == [], "a day is its midnight"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_ever_a_value(reads, text):
    insert(reads.database, "ledger", [line(1, model=text), line(2)])
    (item,) = reads.get("/api/v1/ledger", f=f"model:{text}")["items"]
    assert item["model"] == text
    assert reads.get("/admin/statistics/costs", f=f"model:{text}")["calls"] == 1
    assert reads.get("/admin/statistics/costs", f=f"!model:{text}")["calls"] == 1
    assert {one["category"] for one in reads.get("/admin/statistics/costs")["breakdown"]} == {text, "gpt-5.2"}


def test_a_nul_in_a_filter_is_refused(reads):
    assert reads.refused("/api/v1/ledger", f="model:a\x00b")["parameter"] == "f"


def test_filters_of_one_key_are_alternatives_and_of_several_all_hold(reads):
    insert(
        reads.database,
        "ledger",
        [
            line(1, feature="chat", tenant="a"),
            line(2, feature="search", tenant="a"),
            line(3, feature=None, tenant="b"),
            line(4, feature="chat", tenant="b", kind="cost", duration_ns=None),
        ],
    )

    def found(*f: str) -> set[int]:
        return {int(item["trace_id"], 16) for item in reads.get("/api/v1/ledger", f=list(f))["items"]}

    assert found("feature:chat", "feature:search") == {1, 2, 4}
    assert found("feature:chat", "tenant:b") == {4}
    assert found("feature:!chat") == {2, 3}
    assert found("!feature:chat") == {2, 3}
    assert found("feature:") == {3}
    assert found("!feature:") == {1, 2, 4}
    assert found("kind:cost") == {4}
    assert found(f"trace_id:{trace(2)}") == {2}
    assert found(f"!trace_id:{uuid.UUID(int=2).hex.upper()}") == {1, 3, 4}
    assert found("duration>=1s", "duration<=1000ms") == {1, 2, 3}
    assert found("duration>1s") == set()


@pytest.mark.parametrize(
    "raw", ["%00", "%ff%fe", "%ED%A0%80", "%F0%9F%98%80", "%2e%2e%2f", "+", "%250a", "%22", "a" * 3000]
)
@pytest.mark.parametrize(
    "path",
    [
        "/admin/statistics/costs?f=model:{}&tz=UTC",
        "/admin/statistics/costs?period={}",
        "/api/v1/ledger?f=user_id:{}",
        "/api/v1/ledger?cursor={}",
        "/api/v1/traces?q={}",
        "/api/v1/traces?f=name:{}",
        "/api/v1/traces/{}",
        "/api/v1/logs?q={}&severity=error",
        "/api/v1/logs?trace_id={}",
        "/api/v1/metrics/query?name={}",
        "/api/v1/metrics/query?name=m&group_by={}",
        "/api/v1/loss?from={}",
    ],
)
def test_bytes_that_are_no_text_get_an_answer_and_never_a_failure(reads, path, raw):
    response = reads.client.get(path.format(raw))
    assert response.status_code in (200, 404, 422), response.text
    assert response.json() is not None
