"""Log records and the ledger's events among them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from spanledger import semconv
from spanledger_server.otlp.columns import LOG_SCHEMA
from spanledger_server.otlp.limits import CUT, HOUR_NS, DecodeLimits
from tests.backend.otlp.payloads import (
    NOW,
    SECOND,
    SPAN_ID,
    TRACE_ID,
    any_value,
    both,
    decode,
    log,
    plain,
    reasons,
    request,
    rest,
    row,
)

DAY_NS = 24 * HOUR_NS


def test_a_log_record_becomes_a_row_with_all_its_fields() -> None:
    record = log(
        {"user.id": "u", "gen_ai.conversation.id": "c", "x": 1},
        severity_number=17,
        severity_text="ERROR",
        event_name="thing.happened",
        body=any_value("what happened"),
    )
    found = both("logs", request("logs", [record]))
    values = row(found)
    assert found.table.schema.equals(LOG_SCHEMA, check_metadata=True)
    assert (values["trace_id"], values["span_id"]) == (TRACE_ID, int.from_bytes(SPAN_ID, "big"))
    assert (values["at_ns"], found.min_ns, found.max_ns) == (NOW - SECOND,) * 3
    assert (values["service"], values["scope"], values["event_name"]) == ("bookshop", "test", "thing.happened")
    assert (values["severity"], values["severity_text"], values["body"]) == (17, "ERROR", "what happened")
    assert (values["user_id"], values["session_id"]) == ("u", "c")
    assert rest(found) == {"gen_ai.conversation.id": "c", "x": 1}


def test_a_record_may_have_no_trace_and_no_severity() -> None:
    for ids in ({"trace_id": b"", "span_id": b""}, {"trace_id": bytes(16), "span_id": bytes(8)}):
        values = row(both("logs", request("logs", [log(severity_number=99, **ids)])))
        assert (values["trace_id"], values["span_id"]) == (None, None)
        assert (values["severity"], values["severity_text"], values["event_name"], values["body"]) == (None,) * 4


@pytest.mark.parametrize(
    ("times", "at_ns"),
    [
        ({"time_unix_nano": NOW - 5, "observed_time_unix_nano": NOW - 3}, NOW - 5),
        ({"time_unix_nano": 0, "observed_time_unix_nano": NOW - 3}, NOW - 3),
        ({"time_unix_nano": 0}, NOW),
    ],
)
def test_the_time_is_the_events_else_the_observers_else_now(times: dict[str, int], at_ns: int) -> None:
    assert row(both("logs", request("logs", [log(**times)])))["at_ns"] == at_ns


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b"\x01"}, "trace_id_invalid"),
        ({"span_id": b"\x01" * 16}, "span_id_invalid"),
        ({"time_unix_nano": NOW + HOUR_NS + 1}, "too_far_in_future"),
        ({"time_unix_nano": 2**63}, "too_far_in_future"),
        ({"time_unix_nano": NOW - DAY_NS - 1}, "too_late"),
    ],
)
def test_a_record_that_cannot_be_right_is_refused_with_a_reason(fields: dict[str, Any], reason: str) -> None:
    found = both("logs", request("logs", [log(**fields), log()]))
    assert (found.rows, found.refusals.by_reason) == (1, {("bookshop", reason): 1})


def test_a_body_that_is_no_text_is_stored_as_json() -> None:
    bodies = {"[1,null]": [1, None], '{"a":{"b":"eA=="}}': {"a": {"b": b"x"}}, "5": 5, "false": False, '"': '"'}
    for text, value in bodies.items():
        assert row(both("logs", request("logs", [log(body=any_value(value))])))["body"] == text


def test_a_long_body_is_cut_and_counted() -> None:
    limits = DecodeLimits(value_length=10)
    for value, text in (("x" * 11, "x" * 9 + CUT), ([1] * 9, CUT)):
        found = both("logs", request("logs", [log(body=any_value(value))]), limits=limits)
        assert (row(found)["body"], rest(found)) == (text, {semconv.TRUNCATED_VALUES: 1})


def test_a_replayed_record_has_the_same_id_and_a_changed_one_another() -> None:
    undated = {"time_unix_nano": 0, "body": any_value("x")}
    body = request("logs", [log(**undated)]).SerializeToString()
    first = row(decode("logs", body))
    later = row(decode("logs", body, now_ns=NOW + SECOND))
    assert (first["record_id"], first["at_ns"] + SECOND) == (later["record_id"], later["at_ns"])
    changed = [
        log(**(undated | {"body": any_value("y")})),
        log(**undated, severity_number=1),
        log({"a": 1}, **undated),
        log(**(undated | {"span_id": b"\x09" * 8})),
        log(**(undated | {"time_unix_nano": NOW})),
    ]
    ids = {row(both("logs", request("logs", [record])))["record_id"] for record in changed}
    assert len(ids | {first["record_id"]}) == len(changed) + 1


def test_a_ledger_event_is_a_candidate_and_no_row() -> None:
    attributes = {
        "gen_ai.usage.input_tokens": 5,
        semconv.DURATION_NS: 2 * SECOND,
        semconv.PARENT_SPAN_ID: "00000000000000ff",
        "error.type": "timeout",
        "user.id": "u",
    }
    found = both("logs", request("logs", [log(attributes, event_name=semconv.LEDGER_EVENT)]))
    (candidate,) = found.candidates
    assert (found.rows, candidate.source, candidate.error) == (0, "event", True)
    assert (candidate.trace_id, candidate.span_id) == (TRACE_ID, int.from_bytes(SPAN_ID, "big"))
    assert (candidate.parent_span_id, candidate.start_ns, candidate.at_ns) == (255, NOW - 3 * SECOND, NOW - SECOND)
    assert (candidate.service, candidate.scope, candidate.attributes) == ("bookshop", "test", attributes)
    assert (found.min_ns, found.max_ns) == (NOW - SECOND, NOW - SECOND)


def test_an_older_sender_names_the_event_in_an_attribute() -> None:
    found = both("logs", request("logs", [log({"event.name": semconv.LEDGER_EVENT}), log({"event.name": [1]})]))
    assert (len(found.candidates), found.rows, row(found)["event_name"]) == (1, 1, None)


@pytest.mark.parametrize(
    ("parent", "duration"),
    [("zz", "long"), ("0" * 16, -1), (5, 2**63 - 1), ("１" * 16, 1.5), ("ff", None)],
)
def test_a_ledger_event_whose_details_make_no_sense_is_taken_without_them(parent: Any, duration: Any) -> None:
    attributes = {semconv.PARENT_SPAN_ID: parent, semconv.DURATION_NS: duration}
    (candidate,) = both("logs", request("logs", [log(attributes, event_name=semconv.LEDGER_EVENT)])).candidates
    assert (candidate.parent_span_id, candidate.start_ns, candidate.error) == (None, None, False)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b""}, "trace_id_invalid"),
        ({"trace_id": bytes(16)}, "trace_id_invalid"),
        ({"span_id": b""}, "span_id_invalid"),
        ({"time_unix_nano": NOW + HOUR_NS + 1}, "too_far_in_future"),
        ({"time_unix_nano": NOW - 365 * DAY_NS - 1}, "older_than_the_ledger"),
        ({"time_unix_nano": NOW - 300 * DAY_NS}, None),
    ],
)
def test_a_ledger_event_is_refused_for_its_ids_or_its_time_but_never_for_being_late(
    fields: dict[str, Any], reason: str | None
) -> None:
    found = both("logs", request("logs", [log(**fields, event_name=semconv.LEDGER_EVENT)]))
    assert reasons(found) == ({reason: 1} if reason else {})
    assert len(found.candidates) == (0 if reason else 1)


def test_a_wide_record_reads_as_a_narrow_one() -> None:
    record = log({"a": 1, "b": [1], "c": "x"}, body=any_value("text"))
    message = request("logs", [record])
    assert plain(both("logs", message)) == plain(both("logs", message, limits=DecodeLimits(wide_bytes=40)))


def test_records_beyond_the_limit_are_refused() -> None:
    records = [log(), log(event_name=semconv.LEDGER_EVENT), log(), log()]
    found = both("logs", request("logs", records), limits=DecodeLimits(records=3))
    assert (found.rows, len(found.candidates), reasons(found)) == (2, 1, {"too_many_records": 1})


def test_a_count_of_cuts_that_the_sender_made_up_does_no_harm() -> None:
    record = log({semconv.TRUNCATED_VALUES: "many"}, body=AnyValue(string_value="x" * 51))
    found = both("logs", request("logs", [record]), limits=DecodeLimits(value_length=50))
    assert orjson.loads(row(found)["attributes"]) == {semconv.TRUNCATED_VALUES: 1}
