"""What was lost on the way, over HTTP: the senders' counters beside what is stored and what was refused."""

from __future__ import annotations

import json

from tests.backend.rows import DAY, HOUR, MINUTE, NOON, add_spans, insert, line, span


def told(reads, number, signal, outcome, points, start_ns=NOON - HOUR, service="shop", reason=None):
    labels = {"spanledger.signal": signal, "spanledger.outcome": outcome} | (
        {"spanledger.reason": reason} if reason else {}
    )
    insert(
        reads.database,
        "metric_series",
        [
            {
                "series_id": number,
                "name": "spanledger.sdk.items",
                "kind": "sum",
                "temporality": "cumulative",
                "monotonic": True,
                "service": service,
                "attributes": json.dumps(labels),
            }
        ],
    )
    insert(
        reads.database,
        "metric_points",
        [{"series_id": number, "at_ns": at, "start_ns": start_ns, "value": value} for at, value in points],
    )


def entry(reads, service, signal, **query):
    (found,) = [
        one
        for one in reads.get("/api/v1/loss", **query)["services"]
        if (one["service"], one["signal"]) == (service, signal)
    ]
    return found


def test_an_empty_store_has_nothing_to_tell(reads):
    assert reads.get("/api/v1/loss")["services"] == []


def test_what_a_sender_tells_stands_beside_what_is_stored_and_refused(reads):
    told(reads, 1, "spans", "sent", [(NOON - 2 * MINUTE, 3), (NOON - MINUTE, 5)])
    told(reads, 2, "spans", "dropped", [(NOON - MINUTE, 2)], reason="queue_full")
    told(reads, 3, "spans", "refused", [(NOON - MINUTE, 1)])
    add_spans(reads.database, [span(1, number, NOON - MINUTE) for number in range(5)])
    insert(
        reads.database,
        "loss",
        [
            {"at_ns": NOON - MINUTE, "service": "shop", "signal": "traces", "reason": "too_late", "records": 1},
            {
                "at_ns": NOON - MINUTE,
                "service": "shop",
                "signal": "metrics",
                "reason": "cardinality_limit",
                "records": 4,
            },
        ],
    )
    insert(reads.database, "ledger", [line(1, NOON - MINUTE), line(2, NOON - MINUTE, source="span")])
    insert(reads.database, "logs", [{"record_id": 1, "at_ns": NOON - MINUTE}])
    assert entry(reads, "shop", "spans") == {
        "service": "shop",
        "signal": "spans",
        "recorded": 0,
        "sent": 5,
        "stored": 5,
        "refused": 1,
        "dropped": 2,
        "reasons": {"queue_full": 2, "too_late": 1},
    }
    ledger = entry(reads, "shop", "ledger")
    assert (ledger["stored"], ledger["sent"], ledger["dropped"], ledger["refused"]) == (1, None, None, 0)
    metrics = entry(reads, "shop", "metrics")
    assert (metrics["refused"], metrics["reasons"]) == (0, {"cardinality_limit": 4})
    assert entry(reads, "unknown_service", "logs")["stored"] == 1


def test_a_window_counts_only_what_came_within_it_and_restarts_count_from_nothing(reads):
    told(
        reads,
        1,
        "ledger",
        "sent",
        [(NOON - 2 * HOUR - MINUTE, 100), (NOON - HOUR, 140), (NOON - MINUTE, 10)],
        start_ns=NOON - 3 * DAY,
    )
    assert entry(reads, "shop", "ledger", from_="now-2h")["sent"] == 50
    assert entry(reads, "shop", "ledger", from_="now-30m")["sent"] in (0, 10)


def test_a_reversed_window_is_refused(reads):
    assert reads.refused("/api/v1/loss", from_="now", to="now-1d")["parameter"] == "from"


def counted(reads, number, name, value, **labels):
    series = {"series_id": number, "name": name, "kind": "sum", "temporality": "cumulative", "monotonic": True}
    insert(
        reads.database,
        "metric_series",
        [series | {"service": "spanledger-gateway", "attributes": json.dumps(labels)}],
    )
    points = [(NOON - 2 * MINUTE, 1), (NOON - MINUTE, value)]
    insert(
        reads.database,
        "metric_points",
        [{"series_id": number, "at_ns": at, "start_ns": NOON - HOUR, "value": each} for at, each in points],
    )


def test_what_collectors_tell_of_themselves_stands_apart_by_exporter(reads):
    assert reads.get("/api/v1/loss")["collectors"] == []
    counted(reads, 1, "otelcol_receiver_accepted_log_records", 9, receiver="otlp", transport="grpc")
    counted(reads, 2, "otelcol_receiver_accepted_log_records", 3, receiver="otlp", transport="http")
    counted(reads, 3, "otelcol_receiver_refused_log_records", 2, receiver="otlp")
    counted(reads, 4, "otelcol_receiver_failed_log_records", 2, receiver="otlp")
    counted(reads, 5, "otelcol_exporter_sent_log_records", 7, exporter="otlp_grpc/backend")
    counted(reads, 6, "otelcol_exporter_send_failed_log_records", 5, exporter="otlp_grpc/backend")
    counted(reads, 7, "otelcol_exporter_sent_spans", 6, exporter="otlp_grpc/jaeger")
    counted(reads, 8, "otelcol_exporter_queue_size", 6, exporter="otlp_grpc/jaeger")
    answer = reads.get("/api/v1/loss")
    assert answer["collectors"] == [
        {
            "service": "spanledger-gateway",
            "signal": "logs",
            "accepted": 12,
            "refused": 4,
            "exporters": {"otlp_grpc/backend": {"sent": 7, "dropped": 5}},
        },
        {
            "service": "spanledger-gateway",
            "signal": "spans",
            "accepted": 0,
            "refused": 0,
            "exporters": {"otlp_grpc/jaeger": {"sent": 6, "dropped": 0}},
        },
    ]
    assert all(one["recorded"] is None for one in answer["services"])  # a Collector is no sender of its own
