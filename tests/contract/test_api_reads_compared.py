"""Traces beside other traces over HTTP: what is different about some, and the typical one."""

from __future__ import annotations

from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, add_spans, span, trace


def test_what_is_different_has_the_shape_that_was_agreed(reads):
    at = NOON - 30 * MINUTE
    fast = [span(number, 1, at + number, SECOND, route="/ask") for number in range(1, 41)]
    slow = [span(number, 1, at + number, 9 * SECOND, route="/speak") for number in range(41, 61)]
    add_spans(reads.database, [*fast, *slow])
    answer = reads.get("/api/v1/traces/differences", in_="duration>5s")
    assert answer["inside"] == {"traces": 20, "stand_for": 20}
    assert answer["outside"] == {"traces": 40, "stand_for": 40}
    assert [(one["key"], one["value"]) for one in answer["items"]] == [("route", "/ask"), ("route", "/speak")]
    assert answer["items"][1]["inside"] == {"traces": 20, "share": 1}
    assert answer["items"][1]["outside"] == {"traces": 0, "share": 0}
    assert 0 < answer["items"][1]["chance"] < 1e-9
    assert [(one["traces"], one["inside"]) for one in answer["durations"]] == [(40, 0), (20, 20)]
    assert answer["durations"][0]["from_ms"] == 1000
    assert answer["exact"] is True


def test_a_choice_that_is_none_is_refused_with_all_that_is_wrong(reads):
    where = "/api/v1/traces/differences"
    assert reads.refused(where)["parameter"] == "in"
    assert reads.refused(where, in_="service:shop")["parameter"] == "in"
    assert reads.refused(where, in_from="now", in_to="now-1h")["parameter"] == "in_from"
    assert len(reads.refused(where, from_="x", limit="0", in_to="y")["errors"]) == 3
    assert reads.get(where, in_from="now-15m")["items"] == []


def test_the_typical_trace_is_the_weighted_middle_of_the_same_operation(reads):
    spans = [span(number, 1, NOON - number * MINUTE, number * SECOND) for number in range(1, 8)]
    others = [span(20, 1, NOON, 3 * SECOND, service="bank"), span(21, 1, NOON, SECOND, name="PUT /")]
    others += [span(22, 1, NOON - 2 * DAY, SECOND), span(23, 2, NOON, SECOND, parent_span_id=1)]
    add_spans(reads.database, [*spans, *others])
    found = reads.get(f"/api/v1/traces/{trace(7)}/typical")
    assert (found["trace_id"], found["duration_ms"], found["traces"]) == (trace(3), 3000, 6)
    assert (found["name"], found["service"], found["from"]) == ("GET /", "shop", "2026-11-20T23:53:00Z")
    add_spans(reads.database, [span(30, 1, NOON - HOUR, 10 * SECOND, adjusted_count=100.0)])
    assert reads.get(f"/api/v1/traces/{trace(7)}/typical")["trace_id"] == trace(30)
    assert reads.get(f"/api/v1/traces/{trace(7)}/typical", from_="now-2m", to="now")["trace_id"] == trace(1)
    assert reads.refused(f"/api/v1/traces/{trace(20)}/typical", 404)
    assert reads.refused(f"/api/v1/traces/{trace(23)}/typical", 404)
    assert reads.refused("/api/v1/traces/x/typical", 422)["parameter"] == "trace_id"
