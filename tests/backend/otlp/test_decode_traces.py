"""Spans: what becomes a column, what stays in the rest, what is refused, what may be a billable call."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanledger import semconv
from spanledger_server.errors import Malformed, TooLarge
from spanledger_server.otlp.columns import SPAN_SCHEMA
from spanledger_server.otlp.limits import CUT, HOUR_NS, DecodeLimits
from tests.backend.otlp.payloads import (
    NOW,
    SECOND,
    SPAN_ID,
    TRACE_ID,
    as_json,
    both,
    decode,
    plain,
    reasons,
    request,
    rest,
    row,
    span,
    traces,
)


def test_a_span_becomes_a_row_with_all_its_fields() -> None:
    found = both(
        "traces",
        request(
            "traces",
            [
                span(
                    {"gen_ai.operation.name": "chat", "http.route": "/ask", "x": 1},
                    parent_span_id=b"\x09" * 8,
                    kind=3,
                    flags=0x300,
                    trace_state="vendor=x,ot=rv:abc;th:8",
                    status=Status(code=2, message="no"),
                )
            ],
        ),
    )
    values = row(found)
    assert found.table.schema.equals(SPAN_SCHEMA, check_metadata=True)
    assert (values["trace_id"], values["span_id"]) == (TRACE_ID, int.from_bytes(SPAN_ID, "big"))
    assert values["parent_span_id"] == 0x0909090909090909
    assert (values["start_ns"], values["end_ns"]) == (NOW - 2 * SECOND, NOW - SECOND) == (found.min_ns, found.max_ns)
    assert (values["service"], values["scope"], values["name"], values["kind"]) == ("bookshop", "test", "chat", 3)
    assert (values["status_code"], values["status_message"], values["flags"]) == (2, "no", 0x300)
    assert (values["operation"], values["route"], values["attributes"]) == ("chat", "/ask", '{"x":1}')
    assert values["trace_state"] == "vendor=x,ot=rv:abc;th:8"
    assert (values["sampling_threshold"], values["adjusted_count"]) == (0x80000000000000, 2.0)
    assert found.resources == {values["resource_id"]: '{"service.name":"bookshop"}'}


@pytest.mark.parametrize(
    ("trace_state", "threshold", "count"),
    [
        ("ot=th:0", 0, 1.0),
        ("ot=th:c", 0xC0000000000000, 4.0),
        ("ot=th:fd70a4;rv:1,x=y", 0xFD70A400000000, pytest.approx(100, rel=1e-3)),
        ("x=y , ot=rv:0;th:8", 0x80000000000000, 2.0),
        ("ot=th:8Z", None, None),
        ("ot=th:123456789abcdef", None, None),
        ("ot=th:", None, None),
        ("xot=th:8", None, None),
        ("ot=rv:8", None, None),
        ("v=th:8", None, None),
        ("ot=th:FD70A4", None, None),
        ("ot=TH:8", None, None),
        ("ot=th:8;th:c", None, None),
        ("ot=th:8;th:8", None, None),
        ("ot=th:8,ot=th:8", None, None),
        ("ot=th:-8", None, None),
        ("ot=th:0x8", None, None),
        ("ot=th:\u0668", None, None),
        ("ot=rv:" + "0" * 250 + ";th:8", None, None),
        ("ot=th:ffffffffffffff", 2**56 - 1, 2.0**56),
    ],
)
def test_the_sampling_threshold_is_read_from_the_trace_state(trace_state: str, threshold: Any, count: Any) -> None:
    values = row(both("traces", request("traces", [span(trace_state=trace_state)])))
    assert (values["sampling_threshold"], values["adjusted_count"]) == (threshold, count)
    assert values["trace_state"] == trace_state


def test_a_threshold_behind_the_end_of_what_is_kept_of_a_trace_state_counts_as_it_came() -> None:
    long = ",".join(f"v{number}={'x' * 250}" for number in range(20))
    assert row(both("traces", request("traces", [span(trace_state=f"{long},ot=th:8")])))["adjusted_count"] == 2.0
    longer = ",".join(f"v{number}={'x' * 250}" for number in range(80))
    assert row(both("traces", request("traces", [span(trace_state=f"{longer},ot=th:8")])))["adjusted_count"] is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b""}, "trace_id_invalid"),
        ({"trace_id": bytes(16)}, "trace_id_invalid"),
        ({"trace_id": b"\x01" * 15}, "trace_id_invalid"),
        ({"trace_id": b"\x01" * 17}, "trace_id_invalid"),
        ({"span_id": b""}, "span_id_invalid"),
        ({"span_id": bytes(8)}, "span_id_invalid"),
        ({"span_id": b"\x01" * 9}, "span_id_invalid"),
        ({"parent_span_id": b"\x01" * 7}, "parent_span_id_invalid"),
        ({"start_time_unix_nano": 0}, "start_invalid"),
        ({"end_time_unix_nano": NOW - 3 * SECOND}, "end_before_start"),
        ({"end_time_unix_nano": 0}, "end_before_start"),
        ({"end_time_unix_nano": NOW + HOUR_NS + 1}, "too_far_in_future"),
        ({"end_time_unix_nano": 2**63}, "too_far_in_future"),
        ({"start_time_unix_nano": 2**64 - 1, "end_time_unix_nano": 2**64 - 1}, "too_far_in_future"),
        ({"start_time_unix_nano": 1, "end_time_unix_nano": NOW - 24 * HOUR_NS - 1}, "too_late"),
    ],
)
def test_a_span_that_cannot_be_right_is_refused_with_a_reason_and_the_rest_is_taken(
    fields: dict[str, Any], reason: str
) -> None:
    found = both("traces", request("traces", [span(**fields), span(name="good")]))
    assert found.refusals.by_reason == {("bookshop", reason): 1}
    assert reason in found.refusals.examples[0]
    assert row(found)["name"] == "good"


def test_the_limits_of_time_are_taken() -> None:
    at_limit = [
        span(end_time_unix_nano=NOW + HOUR_NS),
        span(start_time_unix_nano=1, end_time_unix_nano=NOW - 24 * HOUR_NS),
    ]
    assert both("traces", request("traces", at_limit)).rows == 2


def test_a_parent_of_zeros_is_none() -> None:
    assert row(both("traces", request("traces", [span(parent_span_id=bytes(8))])))["parent_span_id"] is None


def test_json_ids_are_hex_in_either_case_and_what_is_no_hex_is_refused() -> None:
    body = as_json(request("traces", [span()])).replace(TRACE_ID.hex().encode(), TRACE_ID.hex().upper().encode())
    assert row(decode("traces", body, "json"))["trace_id"] == TRACE_ID
    for wrong in ("z" * 32, "01 " * 16, "é" * 16, "0" * 31):
        found = decode("traces", body.replace(TRACE_ID.hex().upper().encode(), wrong.encode()), "json")
        assert reasons(found) == {"trace_id_invalid": 1}


def test_json_integers_may_be_numbers_or_text_and_unknown_fields_are_ignored() -> None:
    document = {
        "unknown": 1,
        "resourceSpans": [
            {
                "resource": None,
                "schemaUrl": "x",
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": TRACE_ID.hex(),
                                "spanId": SPAN_ID.hex(),
                                "startTimeUnixNano": NOW - 5,
                                "endTimeUnixNano": str(NOW),
                                "kind": 2,
                                "trace_id": "ignored",
                                "status": {"code": None},
                                "attributes": [
                                    {"key": "a", "value": {"intValue": "-9223372036854775808"}},
                                    {"key": "b", "value": {"intValue": 7, "new": {}}},
                                    {"key": "c", "value": {"doubleValue": 1}},
                                    {"key": "d", "value": {"doubleValue": "-1.5e3"}},
                                    {"key": "e", "value": {"bytesValue": "-_8"}},
                                    {"key": "f"},
                                    {"key": "g", "value": {}},
                                    {"key": "h", "value": {"boolValue": False}},
                                ],
                            }
                        ]
                    }
                ],
            }
        ],
    }
    found = decode("traces", json.dumps(document).encode(), "json")
    assert (row(found)["kind"], row(found)["service"], row(found)["name"]) == (2, None, "")
    expected = {"a": -(2**63), "b": 7, "c": 1.0, "d": -1500.0, "e": "+/8=", "f": None, "g": None, "h": False}
    assert rest(found) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"intValue": 1.5},
        {"intValue": True},
        {"intValue": "1_0"},
        {"intValue": "١"},
        {"intValue": "9223372036854775808"},
        {"intValue": 10**30},
        {"doubleValue": "nan"},
        {"doubleValue": []},
        {"boolValue": 1},
        {"stringValue": 5},
        {"bytesValue": "*"},
        {"arrayValue": {"values": {}}},
        {"kvlistValue": {"values": [5]}},
        "text",
    ],
)
def test_a_json_value_of_the_wrong_type_makes_the_request_malformed(value: Any) -> None:
    document = orjson.loads(as_json(request("traces", [span({"a": "b"})])))
    document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"][0]["value"] = value
    with pytest.raises(Malformed):
        decode("traces", json.dumps(document).encode(), "json")


@pytest.mark.parametrize(
    ("attributes", "column", "value", "left"),
    [
        ({"gen_ai.provider.name": "openai"}, "provider", "openai", None),
        ({"gen_ai.system": "openai"}, "provider", "openai", {"gen_ai.system": "openai"}),
        (
            {"gen_ai.system": "old", "gen_ai.provider.name": "new"},
            "provider",
            "new",
            {"gen_ai.system": "old"},
        ),
        (
            {"gen_ai.provider.name": 5, "llm.system": "x"},
            "provider",
            "x",
            {"gen_ai.provider.name": 5, "llm.system": "x"},
        ),
        ({"gen_ai.response.model": "a", "gen_ai.request.model": "b"}, "model", "a", {"gen_ai.request.model": "b"}),
        ({"gen_ai.request.model": "b"}, "model", "b", {"gen_ai.request.model": "b"}),
        ({"gen_ai.usage.input_tokens": 5}, "input_tokens", 5, None),
        ({"gen_ai.usage.input_tokens": 0}, "input_tokens", 0, None),
        ({"gen_ai.usage.input_tokens": 5.0}, "input_tokens", 5, {"gen_ai.usage.input_tokens": 5.0}),
        ({"gen_ai.usage.input_tokens": "-5"}, "input_tokens", -5, {"gen_ai.usage.input_tokens": "-5"}),
        ({"gen_ai.usage.input_tokens": 5.5}, "input_tokens", None, {"gen_ai.usage.input_tokens": 5.5}),
        ({"gen_ai.usage.input_tokens": 1e300}, "input_tokens", None, {"gen_ai.usage.input_tokens": 1e300}),
        ({"gen_ai.usage.input_tokens": True}, "input_tokens", None, {"gen_ai.usage.input_tokens": True}),
        ({"gen_ai.usage.input_tokens": "1" * 19}, "input_tokens", None, {"gen_ai.usage.input_tokens": "1" * 19}),
        (
            {"gen_ai.usage.input_tokens": "many", "llm.token_count.prompt": 7},
            "input_tokens",
            7,
            {"gen_ai.usage.input_tokens": "many", "llm.token_count.prompt": 7},
        ),
        ({"http.response.status_code": 200}, "http_status", 200, None),
        ({"http.status_code": 404}, "http_status", 404, {"http.status_code": 404}),
        ({"http.response.status_code": 2**31}, "http_status", None, {"http.response.status_code": 2**31}),
        (
            {"http.response.status_code": 2**40, "http.status_code": 500},
            "http_status",
            500,
            {"http.response.status_code": 2**40, "http.status_code": 500},
        ),
        ({"gen_ai.conversation.id": "c"}, "session_id", "c", {"gen_ai.conversation.id": "c"}),
        ({"user.id": ""}, "user_id", "", None),
    ],
)
def test_the_first_name_of_a_dialect_whose_value_fits_is_promoted_and_only_the_canonical_one_leaves_the_rest(
    attributes: dict[str, Any], column: str, value: Any, left: Any
) -> None:
    found = both("traces", request("traces", [span(attributes)]))
    assert row(found)[column] == value
    assert rest(found) == left


def test_every_name_of_every_dialect_of_a_promoted_column_is_understood() -> None:
    columns = {name: (name,) for name in SPAN_SCHEMA.names if name in semconv.DIALECTS}
    columns["model"] = ("response_model", "request_model")
    for column, dialects in columns.items():
        for name in (name for dialect in dialects for name in semconv.DIALECTS[dialect]):
            value: Any = 7 if column.endswith(("_tokens", "_status")) else "text"
            assert row(both("traces", request("traces", [span({name: value})])))[column] == value, name


def test_the_first_of_duplicate_keys_wins() -> None:
    found = both("traces", request("traces", [span([("a", 1), ("a", 2), ("user.id", "x"), ("user.id", "y")])]))
    assert (rest(found), row(found)["user_id"]) == ({"a": 1}, "x")


def test_every_kind_of_value_stays_in_the_rest() -> None:
    values: dict[str, Any] = {
        "text": "a\0b\n\u2028",
        "empty": "",
        "zero": 0,
        "false": False,
        "double": 0.1,
        "none": None,
        "bytes": b"\xff\x00",
        "nan": float("nan"),
        "inf": float("-inf"),
        "list": [1, "a", None, [True, {}], b"x", float("inf")],
        "map": {"k": {"n": [1]}, "": 0},
        "least": -(2**63),
        "most": 2**63 - 1,
    }
    expected = values | {
        "bytes": "/wA=",
        "nan": "NaN",
        "inf": "-Infinity",
        "list": [1, "a", None, [True, {}], "eA==", "Infinity"],
    }
    assert rest(both("traces", request("traces", [span(values)]))) == expected


def test_events_and_links_are_json_lists() -> None:
    message = span()
    event = message.events.add(name="exception", time_unix_nano=NOW)
    event.attributes.extend(span({"exception.type": "E", "n": [1]}).attributes)
    link = message.links.add(trace_id=b"\xab" * 16, span_id=b"\xcd" * 8)
    link.attributes.extend(span({"a": 1}).attributes)
    values = row(both("traces", request("traces", [message])))
    assert orjson.loads(values["events"]) == [
        {"name": "exception", "at_ns": NOW, "attributes": {"exception.type": "E", "n": [1]}}
    ]
    assert orjson.loads(values["links"]) == [{"trace_id": "ab" * 16, "span_id": "cd" * 8, "attributes": {"a": 1}}]


def test_what_the_sender_dropped_and_what_exceeds_the_limits_is_counted_in_the_record() -> None:
    limits = DecodeLimits(attributes=2, events=1, value_length=8)
    message = span({"a": "123456789", "b": [1, 2, 3, 4, 5], "c": 3}, dropped_attributes_count=4, dropped_links_count=1)
    message.events.extend([Span.Event(name="one"), Span.Event(name="two")])
    found = both("traces", request("traces", [message]), limits=limits)
    assert rest(found) == {
        "a": "1234567" + CUT,
        "b": CUT,
        semconv.DROPPED_ATTRIBUTES: 5,
        semconv.TRUNCATED_VALUES: 2,
        semconv.DROPPED_EVENTS: 1,
        semconv.DROPPED_LINKS: 1,
    }
    assert len(orjson.loads(row(found)["events"])) == 1


def test_a_value_nested_deeper_than_the_limit_is_replaced_by_a_mark() -> None:
    nested: Any = 1
    for _ in range(3):
        nested = [nested]
    found = both("traces", request("traces", [span({"a": nested, "b": [nested]})]), limits=DecodeLimits(depth=3))
    assert rest(found) == {"a": [[[1]]], "b": CUT, semconv.TRUNCATED_VALUES: 1}


def test_long_names_are_cut_with_a_mark() -> None:
    long = "x" * 2_000
    message = span(name=long, trace_state=long, status=Status(message=long))
    message.events.add(name=long)
    values = row(both("traces", request("traces", [message], scope=long)))
    for column in ("name", "trace_state", "status_message", "scope"):
        assert values[column] == "x" * 1_023 + CUT, column
    assert len(orjson.loads(values["events"])[0]["name"]) == 1_024


def test_records_beyond_the_limit_are_refused_and_the_others_taken() -> None:
    found = both("traces", request("traces", [span()] * 5), limits=DecodeLimits(records=3))
    assert (found.rows, reasons(found)) == (3, {"too_many_records": 2})


def test_groups_and_json_objects_beyond_the_limit_make_the_request_too_large() -> None:
    message = request("traces", [])
    for _ in range(5):
        message.resource_spans.add().scope_spans.add()
    with pytest.raises(TooLarge):
        decode("traces", message.SerializeToString(), limits=DecodeLimits(records=6))
    with pytest.raises(TooLarge):
        decode("traces", as_json(message), "json", limits=DecodeLimits(records=6))
    with pytest.raises(TooLarge):
        decode("traces", b'{"a":[[],[],[]]}', "json", limits=DecodeLimits(json_containers=4))


def test_a_wide_span_reads_as_a_narrow_one() -> None:
    message = span({"a": 1, "b": [1, {"c": b"x"}], "user.id": "u", "none": None, "gen_ai.usage.input_tokens": 3})
    message.events.add(name="e", time_unix_nano=5).attributes.extend(message.attributes)
    message.links.add(trace_id=TRACE_ID, span_id=SPAN_ID).attributes.extend(message.attributes)
    narrow = both("traces", request("traces", [message]))
    wide = both("traces", request("traces", [message]), limits=DecodeLimits(wide_bytes=60))
    assert plain(narrow) == plain(wide)


def test_a_nested_value_too_wide_to_be_opened_is_replaced_by_a_mark() -> None:
    body = traces(span({"a": 1, "b": [1, 2, 3], "c": "long enough to be wide"}))
    expected = {"a": 1, "b": CUT, "c": "long enough to be wide", semconv.TRUNCATED_VALUES: 1}
    assert rest(decode("traces", body, limits=DecodeLimits(wide_bytes=10))) == expected


@pytest.mark.parametrize(
    "key",
    sorted({name for field in ("input_tokens", "audio_seconds", "characters") for name in semconv.DIALECTS[field]}),
)
def test_a_span_that_says_what_was_used_may_be_a_billable_call(key: str) -> None:
    attributes = {key: 5, "gen_ai.operation.name": "chat", "x": [1]}
    message = span(attributes, parent_span_id=b"\x02" * 8, status=Status(code=2))
    (candidate,) = both("traces", request("traces", [message])).candidates
    assert candidate.source == "span"
    assert (candidate.trace_id, candidate.span_id) == (TRACE_ID, int.from_bytes(SPAN_ID, "big"))
    assert (candidate.parent_span_id, candidate.error) == (0x0202020202020202, True)
    assert (candidate.start_ns, candidate.at_ns) == (NOW - 2 * SECOND, NOW - SECOND)
    assert (candidate.service, candidate.scope) == ("bookshop", "test")
    assert candidate.attributes == attributes


def test_a_span_without_usage_or_a_refused_one_is_no_candidate() -> None:
    spans = [span({"gen_ai.operation.name": "chat"}), span({"gen_ai.usage.input_tokens": 5}, trace_id=b"")]
    assert both("traces", request("traces", spans)).candidates == []


def test_the_id_of_a_resource_does_not_depend_on_the_order_of_its_attributes() -> None:
    one = both("traces", request("traces", [span()], {"service.name": "a", "x": 1}))
    other = both("traces", request("traces", [span()], {"x": 1, "service.name": "a"}))
    assert one.resources == other.resources


def test_an_empty_request_gives_no_rows() -> None:
    found = decode("traces", b"")
    assert (found.rows, found.table.num_rows, found.min_ns, found.max_ns) == (0, 0, None, None)
    assert found.table.schema.equals(SPAN_SCHEMA)


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\x05abc", b"not protobuf at all"])
def test_what_is_no_protobuf_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        decode("traces", body)


@pytest.mark.parametrize("body", [b"{", b"[]", b"5", b'"x"', b'{"resourceSpans":{}}', b"\xff", b'{"a":"\\ud800"}'])
def test_what_is_no_otlp_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        decode("traces", body, "json")


def test_text_that_is_no_utf8_makes_a_request_malformed() -> None:
    good = traces(span({"key": "UTF8?"}, name="UTF8?"))
    for bad in (good.replace(b"UTF8?", b"\xff\xfe\xfd\xfc\xfb", 1), good.replace(b"key", b"k\xffy")):
        with pytest.raises(Malformed):
            decode("traces", bad)
