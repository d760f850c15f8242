"""Log records over HTTP."""

from __future__ import annotations

import pytest

from tests.backend.rows import DAY, MINUTE, NOON, SECOND, insert, trace


def record(number, at_ns=NOON, **values):
    return {
        "record_id": 2**64 - 1 - number,
        "at_ns": at_ns,
        "service": "shop",
        "severity": 9,
        "severity_text": "INFO",
        "body": f"record {number}",
    } | values


def bodies(reads, **query):
    return [item["body"] for item in reads.get("/api/v1/logs", **query)["items"]]


def test_a_record_has_the_shape_that_was_agreed(reads):
    assert reads.get("/api/v1/logs") == {"items": [], "next_cursor": None}
    insert(
        reads.database,
        "logs",
        [
            record(1, trace_id=trace(1), span_id=2, event_name="e", attributes='{"a": [1]}', user_id="u"),
            record(2, NOON - 1),
        ],
    )
    first, second = reads.get("/api/v1/logs")["items"]
    assert first == {
        "at": "2026-11-21T12:00:00Z",
        "service": "shop",
        "severity": 9,
        "severity_text": "INFO",
        "event_name": "e",
        "body": "record 1",
        "trace_id": trace(1),
        "span_id": f"{2:016x}",
        "user_id": "u",
        "session_id": None,
        "attributes": {"a": [1]},
    }
    assert (second["trace_id"], second["span_id"], second["attributes"]) == (None, None, {})


def test_records_are_found_by_trace_severity_filters_and_words(reads):
    insert(
        reads.database,
        "logs",
        [
            record(1, trace_id=trace(1), severity=17),
            record(2, NOON - 30 * DAY, trace_id=trace(1)),
            record(3, NOON - SECOND, service="other"),
            record(4, NOON - 2 * SECOND, severity=None, body="Coffee IS out", attributes='{"machine": "kitchen"}'),
            record(5, NOON - 3 * SECOND, event_name="tick", body=None),
        ],
    )
    assert bodies(reads, trace_id=trace(1)) == ["record 1", "record 2"]
    assert bodies(reads, trace_id=trace(1), from_="now-1h") == ["record 1"]
    assert bodies(reads, f=f"trace_id:{trace(1)}", from_="now-1h") == ["record 1"]
    assert bodies(reads, severity="error") == ["record 1"]
    assert bodies(reads, severity="9") == ["record 1", "record 3", None]
    assert bodies(reads, f="service:other") == ["record 3"]
    assert bodies(reads, f="!service:other", severity="warn") == ["record 1"]
    assert bodies(reads, q="coffee kitchen") == ["Coffee IS out"]
    assert bodies(reads, q="name:tick") == [None]
    assert bodies(reads, q="'; DROP TABLE logs; --") == []
    assert len(bodies(reads)) == 4


def test_pages_hold_every_record_once_also_those_of_one_instant(reads):
    insert(reads.database, "logs", [record(number, NOON - number // 5 * MINUTE) for number in range(40)])
    pages = reads.pages("/api/v1/logs", limit=7)
    assert [item["body"] for page in pages for item in page] == [f"record {number}" for number in range(40)]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"severity": "loud"}, "severity"),
        ({"severity": "0"}, "severity"),
        ({"severity": "25"}, "severity"),
        ({"trace_id": "12"}, "trace_id"),
        ({"trace_id": "g" * 32}, "trace_id"),
        ({"f": "model:x"}, "f"),
        ({"limit": "1e3"}, "limit"),
        ({"cursor": "AAAA"}, "cursor"),
    ],
)
def test_a_bad_parameter_of_logs_is_named(reads, query, parameter):
    assert reads.refused("/api/v1/logs", **query)["parameter"] == parameter


def test_records_are_counted_over_time_by_severity_with_the_same_filters(reads):
    rows = [record(number, NOON - number * MINUTE, severity=(9, 13, 17)[number % 3]) for number in range(1, 31)]
    insert(reads.database, "logs", rows)
    answer = reads.get("/api/v1/logs", histogram="true", limit="5")
    assert answer["bar_s"] == 120
    assert sum(bar["records"] for bar in answer["histogram"]) == 30
    assert sum(bar["errors"] for bar in answer["histogram"]) == 10
    assert sum(bar["warnings"] for bar in answer["histogram"]) == 10
    worse = reads.get("/api/v1/logs", histogram="true", severity="warn")["histogram"]
    assert sum(bar["records"] for bar in worse) == 20
    assert sum(bar["records"] for bar in reads.get("/api/v1/logs", histogram="true", q="nowhere")["histogram"]) == 0
    assert "histogram" not in reads.get("/api/v1/logs")
    insert(reads.database, "kept_from", [{"subject": "logs", "from_ns": NOON - 40 * MINUTE}])
    older = reads.get("/api/v1/logs", histogram="true", from_="now-1h")["histogram"]
    assert [bar["records"] for bar in older[:3]] == [None, None, None]
    assert older[-10]["records"] is not None
    whole = reads.get("/api/v1/logs", histogram="true", from_="1990-01-01T00:00:00Z")
    assert (whole["histogram"], whole["bar_s"]) == (None, None)
