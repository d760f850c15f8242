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


def test_a_span_has_a_place_among_its_like_unless_they_are_few(reads):
    def asked(number: int) -> str:
        return f"/api/v1/traces/{trace(number)}/spans/{1:016x}/alike"

    others = [span(90, 1, NOON - MINUTE, SECOND, name="PUT /"), span(91, 1, NOON - 2 * DAY, SECOND)]
    add_spans(reads.database, [span(number, 1, NOON - number * SECOND, number * SECOND) for number in range(1, 20)])
    add_spans(reads.database, others)
    few = reads.get(asked(7))
    assert (few["spans"], few["faster"], few["median_ms"]) == (18, None, 10_000)
    add_spans(reads.database, [span(number, 1, NOON - number * SECOND, number * SECOND) for number in range(20, 42)])
    found = reads.get(asked(41))
    assert (found["name"], found["service"], found["spans"], found["faster"]) == ("GET /", "shop", 40, 1)
    assert reads.get(asked(1))["faster"] == 0
    add_spans(reads.database, [span(50, 1, NOON, 1, adjusted_count=40.0)])
    assert reads.get(asked(41))["faster"] == 1
    assert reads.get(asked(1))["faster"] == 0.5
    assert reads.get(asked(90))["median_ms"] is None
    assert reads.refused(asked(999), 404)
    assert reads.refused(f"/api/v1/traces/{trace(1)}/spans/{2:016x}/alike", 404)
    assert reads.refused(f"/api/v1/traces/{trace(1)}/spans/x/alike", 422)["parameter"] == "span_id"
    assert reads.refused(f"/api/v1/traces/x/spans/{1:016x}/alike", 422)["parameter"] == "trace_id"
