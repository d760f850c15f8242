"""Jaeger's query API on our store: what its clients send, right and wrong, and what they get."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from spanledger_server.store.database import Database
from spanledger_server.traces import jaeger_read, search
from spanledger_server.traces import trace as one_trace
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, add_spans, insert, span, trace
from tests.contract.reads import Reads, Still
from tests.support.stores import new_store

MS = 10**6
LONG = "4bf92f3577b34da6a3ce929d0e0e4736"
TIMES = {"query.startTimeMin": "2026-11-21T11:00:00Z", "query.startTimeMax": "2026-11-21T12:00:00Z"}
NOW_US = str(NOON // 1000)


def ids(reads, **query) -> list[int]:
    """The traces that a search of the first generation finds, in its order; those of the others are the same."""
    tags = query.get("tags")
    first = reads.get("/api/traces", **query)
    assert (first["errors"], first["total"], first["limit"], first["offset"]) == (None, 0, 0, 0)
    found = [int(each["traceID"], 16) for each in first["data"]]
    asked = TIMES | {"query.serviceName": query["service"]} | ({"query.attributes": tags} if tags else {})
    if set(query) <= {"service", "tags"}:
        listed = reads.get("/api/v3/trace-summaries", **asked)["summaries"]
        assert [int(each["traceId"], 16) for each in listed] == found
    return found


def refused(reads, path: str, status: int = 400, **query) -> str:
    """What a refusal says, after a look at its shape."""
    answer = reads.client.get(path, params=query)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    if path.startswith("/api/v3"):
        assert body == {"error": {"httpCode": status, "message": body["error"]["message"]}}
        return str(body["error"]["message"])
    (error,) = body["errors"]
    assert body == {
        "data": None,
        "total": 0,
        "limit": 0,
        "offset": 0,
        "errors": [{"code": status, "msg": error["msg"]}],
    }
    return str(error["msg"])


def test_an_empty_store_has_nothing(reads):
    for path in ("/api/services", "/api/services/shop/operations", "/api/dependencies"):
        assert reads.get(path) == {"data": [], "total": 0, "limit": 0, "offset": 0, "errors": None}
    assert reads.get("/api/operations", service="shop")["data"] == []
    assert reads.get("/api/traces", service="shop")["data"] == []
    assert reads.get("/api/v3/services") == {"services": []}
    assert reads.get("/api/v3/operations", service="shop") == {"operations": []}
    assert reads.get("/api/v3/trace-summaries", **TIMES) == {"summaries": []}
    assert refused(reads, f"/api/traces/{LONG}", 404) == "trace not found"
    assert refused(reads, f"/api/v3/traces/{LONG}", 404) == "No traces found"
    assert refused(reads, "/api/v3/traces", 404, **TIMES) == "No traces found"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({}, "parameter 'service' is required"),
        ({"service": ""}, "parameter 'service' is required"),
        ({"tags": "{"}, "tags"),
        ({"tags": "[1]"}, "tags"),
        ({"tags": '{"a":1}'}, "tags"),
        ({"tags": "[" * 20_000}, "tags"),
        ({"tags": '{"a":"\\u0000"}'}, "tags"),
        ({"tags": json.dumps({str(number): "" for number in range(51)})}, "tags"),
        ({"tag": "error"}, "tag"),
        ({"limit": "0"}, "1 to 1500"),
        ({"limit": "-1"}, "1 to 1500"),
        ({"limit": "1000000000"}, "1 to 1500"),
        ({"limit": "1" * 30}, "1 to 1500"),
        ({"limit": "1e3"}, "1 to 1500"),
        ({"limit": "\u0663"}, "1 to 1500"),
        ({"start": "yesterday"}, "start"),
        ({"end": "1.5"}, "end"),
        ({"end": "9" * 30}, "end"),
        ({"minDuration": "5"}, "minDuration"),
        ({"minDuration": "1.2.3s"}, "minDuration"),
        ({"maxDuration": "1 s"}, "maxDuration"),
        ({"maxDuration": "99999999999h"}, "maxDuration"),
        ({"minDuration": "2s", "maxDuration": "1s"}, "greater"),
        ({"traceID": "xyz"}, "traceID"),
        ({"traceID": "1" * 33}, "traceID"),
        ({"traceID": ["1"] * 1501}, "1501 ids"),
        ({"raw": "perhaps"}, "raw"),
    ],
)
def test_a_wrong_parameter_of_the_first_generation_is_refused_in_its_way(shop, query, told):
    service = {} if "service" in query or not query else {"service": "shop"}
    assert told in refused(shop, "/api/traces", **service, **query)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"query.startTimeMin": ""}, "required"),
        ({"query.startTimeMax": "noon"}, "startTimeMax"),
        ({"query.startTimeMin": "2026-02-30T00:00:00Z"}, "startTimeMin"),
        ({"query.attributes": "{"}, "attributes"),
        ({"query.searchDepth": "0"}, "searchDepth"),
        ({"query.num_traces": "many"}, "1 to 1500"),
        ({"query.durationMin": "1x"}, "durationMin"),
        ({"query.duration_max": "x"}, "durationMax"),
        ({"query.rawTraces": "2"}, "rawTraces"),
    ],
)
def test_a_wrong_parameter_of_the_second_generation_is_refused_in_its_way(shop, query, told):
    for path in ("/api/v3/traces", "/api/v3/trace-summaries"):
        assert told in refused(shop, path, **TIMES | query)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/traces/xyz", {}),
        ("/api/traces/" + "1" * 33, {}),
        ("/api/traces/1", {"start": "x"}),
        ("/api/traces/1", {"raw": "x"}),
        ("/api/v3/traces/-1", {}),
        ("/api/v3/traces/1", {"startTime": "x"}),
        ("/api/v3/traces/1", {"raw_traces": "x"}),
        ("/api/operations", {}),
        ("/api/dependencies", {"endTs": "now"}),
        ("/api/dependencies", {"lookback": "1h"}),
    ],
)
def test_wrong_ids_and_times_are_refused(shop, path, query):
    assert refused(shop, path, **query)


def test_a_busy_store_says_when_to_come_back(reads):
    reads.database.close()
    answer = reads.client.get("/api/services")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, 503)
    assert int(answer.headers["retry-after"]) > 0


PROMOTED = {"operation": "chat", "provider": "openai", "model": "gpt-5", "input_tokens": 7, "output_tokens": 8}
PROMOTED |= {"user_id": "u", "session_id": "s", "feature": "f", "tenant": "t", "user_tier": "gold"}
PROMOTED |= {"route": "/c", "http_status": 429, "error_type": "limit"}


@pytest.fixture(scope="module")
def filled() -> Iterator[Database]:
    database = new_store()
    add_spans(
        database,
        [
            span(1, 1, NOON - 3 * MINUTE, 2 * SECOND, name="POST /chat", attributes='{"a.b":"x","n":5,"d":2.0}'),
            span(
                1,
                2,
                NOON - 3 * MINUTE + MS,
                SECOND,
                parent_span_id=1,
                service="llm",
                name="chat",
                kind=3,
                status_code=2,
                status_message="no",
                scope="llm.client",
                trace_state="ot=th:8",
                **PROMOTED,
            ),
            span(2, 1, NOON - 2 * MINUTE, 3 * SECOND, status_code=1, attributes='{"b":true,"~/":"sign","o":{"k":"v"}}'),
            span(3, 1, NOON - MINUTE, MS, kind=0, service=None, name="", events=json.dumps([EVENT])),
            span(4, 1, NOON - 3 * DAY, SECOND),
        ],
    )
    yield database
    database.close()


@pytest.fixture
def shop(reading_app: tuple[FastAPI, TestClient], filled: Database) -> Reads:
    """The same few traces for all tests that only read."""
    app, client = reading_app
    app.state.database, app.state.clock = filled, Still()
    return Reads(filled, app.state.clock, client)


EVENT = {"name": "exception", "at_ns": NOON, "attributes": {"exception.type": "Überlauf", "é/~": "1"}}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"service": "shop"}, [2, 1]),
        ({"service": "llm"}, [1]),
        ({"service": "missing-service-name"}, [3]),
        ({"service": "nobody"}, []),
        ({"service": "shop", "operation": "POST /chat"}, [1]),
        ({"service": "shop", "operation": "chat"}, []),
        ({"service": "shop", "limit": "1"}, [2]),
        ({"service": "shop", "limit": "1500"}, [2, 1]),
        ({"service": "shop", "minDuration": "2500ms"}, [2]),
        ({"service": "shop", "maxDuration": "2s"}, [1]),
        ({"service": "shop", "minDuration": "2s", "maxDuration": "2s"}, [1]),
        ({"service": "shop", "minDuration": "0.0005h"}, [2, 1]),
        ({"service": "shop", "start": NOW_US}, []),
        ({"service": "shop", "start": NOW_US, "end": "1"}, []),
        ({"service": "shop", "start": str((NOON - 3 * MINUTE) // 1000), "end": str((NOON - 3 * MINUTE) // 1000)}, [1]),
        ({"service": "shop", "lookback": "150s"}, [2]),
        ({"service": "shop", "lookback": "custom"}, [2, 1]),
        ({"service": "shop", "start": "0"}, [2, 1, 4]),
        ({"service": "shop", "start": "-" + "9" * 19, "end": "9" * 19}, [2, 1, 4]),
        ({"service": "shop", "tag": "a.b:x"}, [1]),
        ({"service": "shop", "tag": ["a.b:x", "n:5"]}, [1]),
        ({"service": "shop", "tag": ["a.b:x", "b:true"]}, []),
        ({"service": "shop", "tags": '{"d":"2"}'}, [1]),
        ({"service": "shop", "tags": '{"d":"2.0"}'}, [1]),
        ({"service": "shop", "tags": '{"b":"true"}'}, [2]),
        ({"service": "shop", "tags": '{"~/":"sign"}'}, [2]),
        ({"service": "shop", "tags": '{"o":"{\\"k\\":\\"v\\"}"}'}, [2]),
        ({"service": "shop", "tags": '{"o.k":"v"}'}, []),
        ({"service": "shop", "tags": "null"}, [2, 1]),
        ({"service": "shop", "tags": '{"error":"false"}'}, [2, 1]),
        ({"service": "llm", "tags": '{"error":"true"}'}, [1]),
        ({"service": "llm", "tags": '{"error":"true","n":"5"}'}, []),
        ({"service": "missing-service-name", "tags": '{"exception.type":"Überlauf","é/~":"1"}'}, [3]),
        ({"service": "shop", "tags": '{"\'; DROP TABLE spans; --":"x"}'}, []),
    ],
)
def test_a_search_finds_the_traces_that_have_one_such_span_newest_first(shop, query, expected):
    assert ids(shop, **query) == expected


BESIDE = ("span.kind", "otel.status_code", "otel.status_description", "otel.scope.name", "w3c.tracestate")


@pytest.mark.parametrize("key", [*BESIDE, *one_trace.PROMOTED.values()])
def test_every_tag_that_is_shown_can_be_searched(shop, key):
    shown = shop.get("/api/traces/1")["data"][0]["spans"][1]["tags"]
    (value,) = [str(tag["value"]) for tag in shown if tag["key"] == key]
    assert ids(shop, service="llm", tags=json.dumps({key: value})) == [1]
    assert ids(shop, service="llm", tags=json.dumps({key: f"not {value}"})) == []


def test_the_second_generation_takes_both_spellings(shop):
    bounds = {"query.start_time_min": "2026-11-21T11:00:00+00:00", "query.start_time_max": "2026-11-21T12:00:00Z"}
    for spelled in (
        {"query.serviceName": "shop", "query.operationName": "POST /chat", "query.durationMin": "1s"},
        {"query.service_name": "shop", "query.operation_name": "POST /chat", "query.duration_max": "2s"},
        {"query.service_name": "shop", "query.duration_max": "2s", "query.search_depth": "5"},
        {"query.attributes": '{"a.b":"x"}', "query.searchDepth": "5"},
    ):
        listed = shop.get("/api/v3/trace-summaries", **bounds, **spelled)["summaries"]
        assert [each["traceId"] for each in listed] == [trace(1)]
        groups = shop.get("/api/v3/traces", **bounds, **spelled)["result"]["resourceSpans"]
        assert sum(len(scope["spans"]) for group in groups for scope in group["scopeSpans"]) == 2


def test_a_summary_tells_a_trace_by_its_services(reads):
    add_spans(
        reads.database,
        [
            span(1, 1, NOON - MINUTE, 5 * SECOND, name="POST /chat", status_code=2),
            span(1, 2, NOON - MINUTE - MS, SECOND, parent_span_id=1, service="llm", status_code=2),
            span(1, 3, NOON - MINUTE, 9 * SECOND, parent_span_id=77, service="llm"),
        ],
    )
    (summary,) = reads.get("/api/v3/trace-summaries", **TIMES)["summaries"]
    assert summary == {
        "traceId": trace(1),
        "rootServiceName": "shop",
        "rootOperationName": "POST /chat",
        "minStartTimeUnixNano": str(NOON - MINUTE - MS),
        "maxEndTimeUnixNano": str(NOON - MINUTE + 9 * SECOND),
        "spanCount": 3,
        "errorSpanCount": 2,
        "orphanSpanCount": 1,
        "services": [
            {"name": "llm", "spanCount": 2, "errorSpanCount": 1},
            {"name": "shop", "spanCount": 1, "errorSpanCount": 1},
        ],
    }


def test_services_and_operations_come_from_rollups_too_as_long_as_spans_are_kept(reads):
    insert(
        reads.database,
        "span_1h",
        [
            {
                "bucket": (NOON - DAY) // HOUR,
                "service": "old",
                "name": "a",
                "kind": 2,
                "spans": 1,
                "uncounted_spans": 0,
            },
            {"bucket": (NOON - 3 * DAY) // HOUR, "service": "gone", "name": "b", "spans": 1, "uncounted_spans": 0},
        ],
    )
    insert(
        reads.database,
        "span_1m",
        [{"bucket": (NOON - HOUR) // MINUTE, "service": "recent", "name": "c", "spans": 1, "uncounted_spans": 0}],
    )
    insert(reads.database, "kept_from", [{"subject": "spans", "from_ns": NOON - 2 * DAY}])
    add_spans(reads.database, [span(1, 1, NOON - MINUTE, service="a/b c")])
    assert reads.get("/api/services")["data"] == ["a/b c", "old", "recent"]
    assert reads.get("/api/services/a%2Fb%20c/operations")["data"] == ["GET /"]
    assert reads.get("/api/operations", service="old", spanKind="server")["data"] == [
        {"name": "a", "spanKind": "server"}
    ]
    for kind in ("client", "loud"):
        assert reads.get("/api/v3/operations", service="old", spanKind=kind) == {"operations": []}


def test_dependencies_count_the_calls_between_services_in_their_window(reads):
    add_spans(
        reads.database,
        [
            span(1, 1, NOON - MINUTE),
            span(1, 2, NOON - MINUTE, parent_span_id=1),
            span(1, 3, NOON - MINUTE, parent_span_id=2, service="llm"),
            span(1, 4, NOON - MINUTE, parent_span_id=2, service="llm"),
            span(1, 5, NOON - MINUTE, parent_span_id=4, service=None),
            span(1, 6, NOON - MINUTE, parent_span_id=99, service="llm"),
            span(2, 3, NOON - MINUTE, parent_span_id=1, service="other trace"),
            span(3, 1, NOON - 2 * DAY),
            span(3, 2, NOON - 2 * DAY, parent_span_id=1, service="long ago"),
        ],
    )
    calls = {"parent": "shop", "child": "llm", "callCount": 2}
    nameless = {"parent": "llm", "child": "missing-service-name", "callCount": 1}
    assert reads.get("/api/dependencies")["data"] == [nameless, calls]
    assert reads.get("/api/dependencies", service="shop")["data"] == [calls]
    end = str(NOON // 10**6)
    assert reads.get("/api/dependencies", endTs=end, lookback="1000")["data"] == []
    assert len(reads.get("/api/dependencies", endTs=end, lookback=str(3 * DAY // 10**6))["data"]) == 3
    assert reads.get("/api/dependencies", endTs="0", lookback="9" * 19)["data"] == []


def test_what_is_too_much_for_one_search_is_searched_part_by_part(reads, monkeypatch):
    add_spans(reads.database, [span(number, 1, NOON - number * MINUTE) for number in range(1, 41)])
    monkeypatch.setattr(search, "MOST_ROWS", 10)
    monkeypatch.setattr(search, "MOST_BARS", 20)
    assert ids(reads, service="shop", lookback="1h", tag="error:false")[:3] == [1, 2, 3]
    assert len(reads.get("/api/traces", service="shop", lookback="1h")["data"]) == 40
    monkeypatch.setattr(jaeger_read, "MOST_PARTS", 1)
    answer = reads.get("/api/traces", service="shop", lookback="1h")
    assert 0 < len(answer["data"]) <= 10
    assert "newest part" in answer["errors"][0]["msg"]
    assert reads.get("/api/traces", service="shop", lookback="1h", limit="5")["errors"] is None
    assert "newest part" in reads.get("/api/dependencies")["errors"][0]["msg"]


def test_an_answer_holds_as_many_spans_as_it_may_and_says_what_it_left_out(reads, monkeypatch):
    add_spans(
        reads.database, [span(number, each, NOON - number * MINUTE) for number in (1, 2, 3) for each in range(1, 6)]
    )
    monkeypatch.setattr(jaeger_read, "MOST_SPANS", 9)
    for query in ({"service": "shop"}, {"traceID": ["1", "2", "3"]}):
        answer = reads.get("/api/traces", **query)
        assert [int(each["traceID"], 16) for each in answer["data"]] == [1]
        assert [(each["msg"][:8], each["traceID"]) for each in answer["errors"]] == [
            ("left out", f"{number:016x}") for number in (2, 3)
        ]
    monkeypatch.setattr(one_trace, "MOST_SPANS", 3)
    found = reads.get("/api/traces", service="shop")["data"]
    assert [len(each["spans"]) for each in found] == [3, 3, 3]
    assert found[0]["warnings"] == ["2 of 5 spans are not shown"]
    group = reads.get("/api/v3/traces/1")["result"]["resourceSpans"][0]
    assert "2 of 5 spans are not shown" in json.dumps(group)


def test_a_trace_of_ten_thousand_spans_comes_whole_and_soon(reads):
    events = json.dumps([EVENT])
    add_spans(
        reads.database,
        [
            span(7, number, NOON - MINUTE + number, parent_span_id=number // 2 or None, events=events, user_id="ü" * 20)
            for number in range(1, 10_001)
        ],
    )
    for path in (f"/api/traces/{trace(7)}", f"/api/v3/traces/{trace(7)}"):
        began = time.monotonic()
        answer = reads.client.get(path)
        assert time.monotonic() - began < 10
        assert answer.status_code == 200
        assert answer.text.count("exception.type") == 10_000


def test_values_that_json_cannot_carry_as_numbers_are_texts(reads):
    attributes = {"large": 2**53, "small": -(2**53), "fits": 2**53 - 1, "none": None, "nan": "NaN", "list": [1, "ü"]}
    add_spans(reads.database, [span(1, 1, NOON - MINUTE, attributes=json.dumps(attributes))])
    tags = {tag["key"]: tag for tag in reads.get("/api/traces/1")["data"][0]["spans"][0]["tags"]}
    assert [tags[key]["value"] for key in ("large", "small")] == [str(2**53), str(-(2**53))]
    assert tags["fits"] == {"key": "fits", "type": "int64", "value": Decimal(2**53 - 1)}
    assert tags["none"] == {"key": "none", "type": "string", "value": ""}
    assert tags["list"] == {"key": "list", "type": "string", "value": '[1,"ü"]'}
    (group,) = reads.get("/api/v3/traces/1")["result"]["resourceSpans"]
    values = {each["key"]: each["value"] for each in group["scopeSpans"][0]["spans"][0]["attributes"]}
    assert (values["large"], values["none"]) == ({"intValue": str(2**53)}, {})
    assert values["list"] == {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "ü"}]}}


def test_sampled_spans_are_shown_with_the_threshold_that_they_came_with(reads):
    add_spans(
        reads.database, [span(1, 1, NOON - MINUTE, trace_state="ot=th:c", sampling_threshold=12 << 52, flags=257)]
    )
    (shown,) = reads.get("/api/traces/1")["data"][0]["spans"]
    assert {"key": "w3c.tracestate", "type": "string", "value": "ot=th:c"} in shown["tags"]
    (group,) = reads.get("/api/v3/traces/1")["result"]["resourceSpans"]
    assert group["scopeSpans"][0]["spans"][0]["traceState"] == "ot=th:c"
    assert group["scopeSpans"][0]["spans"][0]["flags"] == 257


def test_parents_in_a_circle_and_ones_own_parent_do_no_harm(reads):
    add_spans(
        reads.database,
        [
            span(1, 1, NOON - MINUTE, parent_span_id=2),
            span(1, 2, NOON - MINUTE, parent_span_id=1),
            span(1, 3, NOON - MINUTE, parent_span_id=3),
            span(1, 4, NOON - MINUTE),
        ],
    )
    assert [each["warnings"] for each in reads.get("/api/traces/1")["data"][0]["spans"]] == [None] * 4
    assert len(reads.get("/api/v3/traces/1")["result"]["resourceSpans"][0]["scopeSpans"][0]["spans"]) == 4


def test_counts_of_what_senders_dropped_stand_where_otlp_has_them(reads):
    dropped = {"spanledger.dropped_attributes": 3, "spanledger.dropped_events": 2, "spanledger.dropped_links": 1}
    add_spans(reads.database, [span(1, 1, NOON - MINUTE, attributes=json.dumps(dropped))])
    (group,) = reads.get("/api/v3/traces/1")["result"]["resourceSpans"]
    (shown,) = group["scopeSpans"][0]["spans"]
    assert [shown[f"dropped{what}Count"] for what in ("Attributes", "Events", "Links")] == [3, 2, 1]
    assert "attributes" not in shown
