"""Traces over HTTP: found by spans or by ledger lines, paged, counted, and shown whole with what each call cost."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from spanledger_server.traces import listed, search
from spanledger_server.traces import trace as one_trace
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, add_spans, insert, line, span, trace

MS = 10**6


def test_an_empty_store_has_no_traces(reads):
    answer = reads.get("/api/v1/traces")
    assert (answer["items"], answer["next_cursor"], answer["matched"], answer["exact"]) == ([], None, 0, True)
    assert answer["facets"] == {"service": [], "model": [], "status": []}
    assert 30 <= len(answer["histogram"]) <= 61
    assert {(bar["traces"], bar["errors"]) for bar in answer["histogram"]} == {(0, 0)}
    assert reads.refused("/api/v1/traces/" + "0" * 31 + "1", 404)["title"] == "Not Found"
    assert reads.refused("/api/v1/traces/xyz", 422)["parameter"] == "trace_id"


def test_a_trace_has_the_shape_that_was_agreed(reads):
    start = NOON - 10 * SECOND
    add_spans(
        reads.database,
        [
            span(1, 1, start, 3 * SECOND, name="POST /chat", user_id="u", session_id="s"),
            span(
                1,
                2,
                start + MS,
                SECOND,
                parent_span_id=1,
                service="llm",
                name="chat gpt-5.2",
                kind=3,
                model="gpt-5.2",
                status_code=2,
            ),
        ],
    )
    insert(
        reads.database,
        "ledger",
        [
            line(1, start + SECOND, span_id=2, service="llm"),
            line(1, start + 2 * SECOND, span_id=99, cost_usd=None, state="unpriced", model="mystery"),
        ],
    )
    (item,) = reads.get("/api/v1/traces")["items"]
    assert item == {
        "trace_id": trace(1),
        "start": "2026-11-21T11:59:50Z",
        "duration_ms": 3000,
        "name": "POST /chat",
        "service": "shop",
        "services": ["llm", "shop"],
        "span_count": 2,
        "error_count": 1,
        "status": "error",
        "calls": 2,
        "cost_usd": Decimal("0.01"),
        "unpriced_calls": 1,
        "models": ["gpt-5.2", "mystery"],
        "user_id": "u",
        "session_id": "s",
        "feature": None,
    }


def test_a_call_whose_span_was_not_kept_is_still_a_trace(reads):
    insert(reads.database, "ledger", [line(5, NOON - SECOND, user_id="u", error_type="timeout")])
    answer = reads.get("/api/v1/traces")
    (item,) = answer["items"]
    assert (item["trace_id"], item["span_count"], item["calls"], item["name"]) == (trace(5), 0, 1, "chat gpt-5.2")
    assert (item["status"], item["duration_ms"], item["start"]) == ("error", 1000, "2026-11-21T11:59:58Z")
    whole = reads.get(f"/api/v1/traces/{trace(5)}")
    assert (whole["spans"], whole["span_count"], len(whole["ledger"]), whole["cost_usd"]) == ([], 0, 1, Decimal("0.01"))


def test_the_cost_of_a_trace_is_whole_wherever_its_lines_lie(reads):
    add_spans(reads.database, [span(1, 1, NOON - MINUTE)])
    insert(
        reads.database,
        "ledger",
        [line(1, NOON - MINUTE), line(1, NOON - 3 * HOUR, span_id=7), line(1, NOON + HOUR, span_id=8)],
    )
    (item,) = reads.get("/api/v1/traces")["items"]
    assert (item["calls"], item["cost_usd"]) == (3, Decimal("0.03"))
    whole = reads.get(f"/api/v1/traces/{trace(1)}")
    assert (whole["calls"], whole["cost_usd"]) == (3, Decimal("0.03"))


def found(reads, *f, q=None, **query):
    answer = reads.get("/api/v1/traces", f=list(f), **({} if q is None else {"q": q}), **query)
    assert answer["matched"] == len(answer["items"])
    return [int(item["trace_id"], 16) for item in answer["items"]]


@pytest.fixture
def shop(reads):
    add_spans(
        reads.database,
        [
            span(
                1,
                1,
                NOON - 1 * MINUTE,
                2 * SECOND,
                name="POST /chat",
                route="/chat",
                user_id="alice",
                attributes='{"note": "A Blue Whale"}',
            ),
            span(
                1,
                2,
                NOON - 1 * MINUTE,
                SECOND,
                parent_span_id=1,
                service="llm",
                kind=3,
                model="m1",
                provider="p1",
                operation="chat",
            ),
            span(
                2,
                1,
                NOON - 2 * MINUTE,
                4 * SECOND,
                name="POST /speak",
                status_code=2,
                status_message="Out of Coffee",
                session_id="s2",
            ),
            span(
                3,
                1,
                NOON - 3 * MINUTE,
                SECOND,
                service="audio",
                kind=1,
                status_code=1,
                feature="f",
                tenant="t",
                user_tier="gold",
            ),
        ],
    )
    insert(
        reads.database,
        "ledger",
        [
            line(1, NOON - MINUTE + SECOND, span_id=2, service="llm", model="m1", cost_usd="0.02"),
            line(
                4,
                NOON - 4 * MINUTE,
                service="llm",
                model="m2",
                provider="p2",
                cost_usd="0.50",
                user_id="bob",
                duration_ns=8 * SECOND,
            ),
            line(2, NOON - 2 * MINUTE + SECOND, service="shop", model="m3", cost_usd=None, state="unpriced"),
        ],
    )
    return reads


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        ((), [1, 2, 3, 4]),
        (("service:llm",), [1, 4]),
        (("service:llm", "service:audio"), [1, 3, 4]),
        (("!service:llm",), [2, 3]),
        (("service:llm", "service:!shop"), [4]),
        (("service:shop", "model:m1"), [1]),
        (("name:POST /chat",), [1]),
        (("status:error",), [2]),
        (("status:ok", "status:unset"), [1, 3, 4]),
        (("!status:error",), [1, 3, 4]),
        (("kind:client",), [1]),
        (("model:m2",), [4]),
        (("model:",), [3]),
        (("!model:",), [1, 2, 4]),
        (("provider:p1",), [1]),
        (("operation:chat",), [1, 2, 4]),
        (("user_id:alice",), [1]),
        (("session_id:s2",), [2]),
        (("feature:f", "tenant:t", "user_tier:gold"), [3]),
        (("route:/chat",), [1]),
        (("state:unpriced",), [2]),
        ((f"trace_id:{trace(3)}",), [3]),
        ((f"!trace_id:{trace(3)}",), [1, 2, 4]),
        (("duration>2s",), [2, 4]),
        (("duration>=2s", "duration<=4000ms"), [1, 2]),
        (("cost>0.01",), [1, 4]),
        (("cost>=0.5",), [4]),
        (("cost<=0",), [3]),
        (("service:'; DROP TABLE spans; --",), []),
    ],
)
def test_each_filter_finds_what_it_names(shop, f, expected):
    assert found(shop, *f) == expected


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("blue", [1]),
        ("whale blue", [1]),
        ('"blue whale"', [1]),
        ('"whale blue"', []),
        ("COFFEE", [2]),
        ("speak status:error", [2]),
        ("speak !status:error", []),
        ('name:"POST /chat"', [1]),
        ("duration>2s service:llm", [4]),
        (trace(3), [3]),
        (trace(3).upper(), [3]),
        ("bob", [4]),
        ("m2", [4]),
        ("http://nowhere", []),
        ("%", []),
        ("' OR 1=1 --", []),
        ("   ", [1, 2, 3, 4]),
    ],
)
def test_free_text_looks_into_names_people_and_attributes(shop, q, expected):
    assert found(shop, q=q) == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("start", [4, 3, 2, 1]),
        ("-start", [1, 2, 3, 4]),
        ("duration", [3, 1, 2, 4]),
        ("-duration", [4, 2, 1, 3]),
        ("cost", [3, 1, 4, 2]),
        ("-cost", [4, 1, 3, 2]),
    ],
)
def test_every_order_holds_over_pages_and_unknown_costs_come_last(shop, sort, expected):
    assert found(shop, sort=sort) == expected
    pages = shop.pages("/api/v1/traces", sort=sort, limit=1)
    assert [int(item["trace_id"], 16) for page in pages for item in page] == expected


def test_facets_count_the_traces_that_match_and_choosing_one_gives_as_many(shop):
    facets = shop.get("/api/v1/traces")["facets"]
    assert facets["service"] == [
        {"value": "llm", "count": 2},
        {"value": "shop", "count": 2},
        {"value": "audio", "count": 1},
    ]
    for key, values in facets.items():
        for entry in values:
            assert len(found(shop, f"{key}:{entry['value']}")) == entry["count"]


def test_the_histogram_has_each_match_once(shop):
    bars = shop.get("/api/v1/traces", from_="now-5m")["histogram"]
    assert len(bars) <= 60
    assert sum(bar["traces"] for bar in bars) == 4
    assert sum(bar["errors"] for bar in bars) == 1


@pytest.mark.parametrize("length", [1, 999, MS, 7 * SECOND, HOUR, DAY, 31 * DAY, 366 * DAY, 50 * 366 * DAY])
def test_a_histogram_has_at_most_sixty_bars_whatever_the_window(length):
    for end in (NOON, NOON + 1, NOON + 12_345_678_901):
        step = search.step(end - length, end)
        assert (end - 1) // step - (end - length) // step < search.MOST_BARS


def test_an_id_is_found_without_a_window(reads):
    add_spans(reads.database, [span(1, 1, NOON - 40 * DAY)])
    assert reads.get("/api/v1/traces")["items"] == []
    assert len(reads.get("/api/v1/traces", q=trace(1))["items"]) == 1
    assert reads.get("/api/v1/traces", q=trace(1), from_="now-1h")["items"] == []
    assert reads.get("/api/v1/traces", q=trace(2))["items"] == []


def test_a_search_that_would_cost_too_much_looks_at_the_newest_part_and_says_so(reads, monkeypatch):
    monkeypatch.setattr(search, "MOST_ROWS", 10)
    add_spans(reads.database, [span(number, 1, NOON - number * MINUTE) for number in range(1, 50)])
    answer = reads.get("/api/v1/traces")
    assert not answer["exact"]
    assert [int(item["trace_id"], 16) for item in answer["items"]] == list(range(1, 11))
    bars = [bar["traces"] for bar in answer["histogram"]]
    assert bars[0] is None
    assert sum(bar for bar in bars if bar is not None) == 10
    oldest = reads.get("/api/v1/traces", sort="start")
    assert [int(item["trace_id"], 16) for item in oldest["items"]] == list(range(49, 39, -1))
    for sort, whole in (("-start", answer), ("start", oldest)):
        alone = reads.get("/api/v1/traces", sort=sort, totals="false")
        assert (alone["items"], alone["exact"]) == (whole["items"], False)


def test_a_page_alone_is_found_in_a_window_that_is_too_large_to_search(reads, monkeypatch):
    monkeypatch.setattr(search, "MOST_ROWS", 10)
    monkeypatch.setattr(listed, "FEWEST_ROWS", 1)
    monkeypatch.setattr(listed, "ROWS_A_TRACE", 1)
    add_spans(reads.database, [span(number, 1, NOON - number * MINUTE) for number in range(1, 50)])
    answer = reads.get("/api/v1/traces", from_="now-2h", limit="4", totals="false")
    assert [int(item["trace_id"], 16) for item in answer["items"]] == [1, 2, 3, 4]
    assert answer["exact"]
    pages = reads.pages("/api/v1/traces", from_="now-2h", limit="4", totals="false")
    assert [int(item["trace_id"], 16) for page in pages for item in page] == list(range(1, 10))


def test_the_page_and_the_totals_alone_are_those_of_the_whole_answer(shop):
    counted = ("histogram", "facets", "matched", "stand_for")
    whole = shop.get("/api/v1/traces", limit=3)
    page = shop.get("/api/v1/traces", limit=3, totals="false")
    assert page == whole | dict.fromkeys(counted)
    assert shop.get("/api/v1/traces", limit=0) == whole | {"items": [], "next_cursor": None}
    (last,) = shop.get("/api/v1/traces", limit=3, cursor=page["next_cursor"])["items"]
    assert last == shop.get("/api/v1/traces")["items"][3]
    assert shop.get("/api/v1/traces", limit=3, cursor=page["next_cursor"], totals="false")["items"] == [last]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"sort": "name"}, "sort"),
        ({"f": "colour:red"}, "f"),
        ({"q": "status:red"}, "q"),
        ({"q": "x" * 2001}, "q"),
        ({"q": " ".join("abcdefghijkl")}, "q"),
        ({"f": "duration>fast"}, "f"),
        ({"f": "cost>-1"}, "f"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "0", "totals": "false"}, "limit"),
        ({"totals": "no"}, "totals"),
    ],
)
def test_a_bad_parameter_of_a_search_is_named(reads, query, parameter):
    assert reads.refused("/api/v1/traces", **query)["parameter"] == parameter


def test_a_whole_trace_tells_everything_about_its_spans(reads):
    start = NOON - MINUTE
    insert(
        reads.database, "resources", [{"resource_id": 7, "attributes": '{"service.name": "shop", "host.name": "h"}'}]
    )
    add_spans(
        reads.database,
        [
            span(
                1,
                1,
                start,
                5 * SECOND,
                name="root",
                resource_id=7,
                scope="lib",
                attributes='{"a": 1, "deep": {"b": [1, null]}}',
                events=json.dumps([{"name": "tick", "at_ns": start + 5, "attributes": {"x": "y"}}]),
                links=json.dumps([{"trace_id": trace(9), "span_id": f"{9:016x}", "attributes": {}}]),
                sampling_threshold=2**55,
                adjusted_count=2.0,
            ),
            span(
                1,
                2,
                start + MS,
                SECOND,
                parent_span_id=1,
                kind=3,
                model="gpt-5.2",
                operation="chat",
                input_tokens=5,
                status_code=2,
                status_message="bad",
                error_type="timeout",
            ),
            span(1, 3, start + 2 * MS, SECOND, parent_span_id=77, kind=1),
            span(1, 4, start + 3 * MS, SECOND, parent_span_id=4, kind=1),
            span(1, 5, start + 4 * MS, SECOND, parent_span_id=6, kind=1),
            span(1, 6, start + 5 * MS, SECOND, parent_span_id=5, kind=1),
        ],
    )
    rate = '{"input_mtok":"1.75","output_mtok":"14"}'
    insert(
        reads.database,
        "ledger",
        [
            line(
                1, start + SECOND, span_id=2, rate=rate, input_tokens=1_000_000, output_tokens=500_000, cost_usd="8.75"
            ),
            line(1, start + SECOND, span_id=50, parent_span_id=1),
        ],
    )
    whole = reads.get(f"/api/v1/traces/{trace(1).upper()}")
    assert (whole["trace_id"], whole["span_count"], whole["missing_parents"], whole["truncated"]) == (
        trace(1),
        6,
        1,
        False,
    )
    assert (whole["start"], whole["duration_ms"], whole["cost_usd"], whole["calls"]) == (
        "2026-11-21T11:59:00Z",
        5000,
        Decimal("8.76"),
        2,
    )
    root, call, orphan, selfish, *_ = whole["spans"]
    assert (root["attributes"], root["resource"]["host.name"], root["scope"]) == (
        {"a": 1, "deep": {"b": [1, None]}},
        "h",
        "lib",
    )
    assert root["events"] == [{"name": "tick", "offset_ns": 5, "attributes": {"x": "y"}}]
    assert root["links"][0]["trace_id"] == trace(9)
    assert root["sampling"] == {"threshold": 2**55, "adjusted_count": 2}
    assert (call["kind"], call["category"], call["status"], call["start_offset_ns"]) == ("client", "model", "error", MS)
    assert call["attributes"]["gen_ai.response.model"] == "gpt-5.2"
    assert call["attributes"]["gen_ai.usage.input_tokens"] == 5
    assert call["ledger"]["cost_usd"] == Decimal("8.75")
    parts = [(part["unit"], part["quantity"], part["rate"], part["cost"]) for part in call["ledger"]["parts"]]
    assert parts == [("input_mtok", 1, Decimal("1.75"), Decimal("1.75")), ("output_mtok", Decimal("0.5"), 14, 7)]
    assert [one["parent_missing"] for one in whole["spans"]] == [False, False, True, False, False, False]
    assert orphan["parent_span_id"] == f"{77:016x}"
    assert selfish["parent_span_id"] == selfish["span_id"]
    (apart,) = whole["ledger"]
    assert (apart["span_id"], apart["parent_span_id"]) == (f"{50:016x}", f"{1:016x}")


def test_a_trace_has_its_lines_of_a_week_around_its_spans_and_without_spans_all_of_them(reads):
    add_spans(reads.database, [span(1, 1)])
    times = {1: (NOON - 6 * DAY, NOON + 6 * DAY), 2: (NOON - 300 * DAY, NOON)}
    insert(
        reads.database,
        "ledger",
        [line(number, at_ns, span_id=place + 1) for number in times for place, at_ns in enumerate(times[number])],
    )
    with reads.database.reader() as reader:
        one, two = (one_trace.UUID(trace(number)) for number in times)
        assert [found["calls"] for found in search.summaries(reader, [one])] == [2]
        assert [found["calls"] for found in search.summaries(reader, [one, two])] == [2, 2]


def test_a_trace_of_more_spans_than_can_be_shown_is_cut_and_says_so(reads, monkeypatch):
    add_spans(
        reads.database, [span(1, number + 1, NOON + number, parent_span_id=number or None) for number in range(30)]
    )
    with reads.database.reader() as reader:
        found = one_trace.find(reader, one_trace.UUID(trace(1)), most=20)
    assert (len(found.spans), found.truncated, found.summary["span_count"], found.missing_parents) == (20, True, 30, 0)
    assert [row["span_id"] for row in found.spans] == list(range(1, 21))


@pytest.mark.parametrize(
    ("kind", "attributes", "category"),
    [
        (3, {"gen_ai.operation.name": "chat"}, "model"),
        (1, {"gen_ai.operation.name": "execute_tool"}, "tool"),
        (3, {"db.system.name": "postgresql"}, "database"),
        (3, {"db.system": "redis"}, "cache"),
        (3, {"http.request.method": "GET"}, "http"),
        (3, {"url.full": "https://example.org"}, "http"),
        (1, {"audio.stage": "load"}, "audio"),
        (2, {"http.request.method": "GET"}, "server"),
        (5, {}, "server"),
        (0, {}, "internal"),
    ],
)
def test_a_span_is_of_the_category_that_its_attributes_say(kind, attributes, category):
    assert one_trace.category(kind, attributes) == category


def test_attributes_that_are_no_json_are_shown_as_they_are(reads):
    add_spans(reads.database, [span(1, 1, attributes="{broken", events="{}", links="NaN")])
    (shown,) = reads.get(f"/api/v1/traces/{trace(1)}")["spans"]
    assert (shown["attributes"], shown["events"], shown["links"]) == ({"spanledger.unreadable": "{broken"}, [], [])


def test_not_a_number_leaves_as_null(reads):
    add_spans(reads.database, [span(1, 1, attributes='{"x": NaN, "y": Infinity}')])
    assert reads.get(f"/api/v1/traces/{trace(1)}")["spans"][0]["attributes"] == {"x": None, "y": None}
