"""What became of everything, over HTTP: what senders tell beside what is stored, refused, dropped and on the way."""

from __future__ import annotations

import json

import pytest

from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, add_spans, insert, line, span

TOLD = NOON - MINUTE  # when processes told last, if a test does not say
SUM = ("stored", "refused", "dropped", "sampled", "on_the_way", "unexplained")


class Tells:
    """Puts what programs and Collectors tell of themselves into the store."""

    def __init__(self, reads):
        self.reads, self.series = reads, 0

    def point(self, name, service, resource, attributes, points, start_ns=NOON - HOUR, kind="sum"):
        self.series += 1
        insert(
            self.reads.database,
            "metric_series",
            [
                {
                    "series_id": self.series,
                    "name": name,
                    "kind": kind,
                    "service": service,
                    "resource_id": resource,
                    "attributes": json.dumps(attributes),
                }
            ],
        )
        insert(
            self.reads.database,
            "metric_points",
            [{"series_id": self.series, "at_ns": at, "start_ns": start_ns, "value": value} for at, value in points],
        )

    def process(self, resource, signal, service="shop", at_ns=TOLD, dropped=None, **counts):
        for outcome, count in counts.items():
            self.outcome(resource, signal, outcome, [(at_ns, count)], service)
        for reason, count in (dropped or {}).items():
            self.outcome(resource, signal, "dropped", [(at_ns, count)], service, reason)

    def outcome(self, resource, signal, outcome, points, service="shop", reason=None, start_ns=NOON - HOUR):
        labels = {"spanledger.signal": signal, "spanledger.outcome": outcome}
        labels |= {"spanledger.reason": reason} if reason else {}
        self.point("spanledger.sdk.items", service, resource, labels, points, start_ns)

    def collector(
        self, resource, name, value, service="spanledger-gateway", began_ns=NOON - HOUR, at_ns=TOLD, **labels
    ):
        kind = "gauge" if "queue" in name or "memory" in name else "sum"
        self.point(f"otelcol_{name}", service, resource, labels, [(at_ns, value)], began_ns, kind)


@pytest.fixture
def tells(reads):
    return Tells(reads)


def entry(reads, service, signal, **query):
    (found,) = [
        one
        for one in reads.get("/api/v1/loss", **query)["services"]
        if (one["service"], one["signal"]) == (service, signal)
    ]
    if found["sent"] is not None:
        assert found["sent"] == sum(found[name] for name in SUM)
    return found


def total_of(reads, signal):
    (found,) = [one for one in reads.get("/api/v1/loss")["signals"] if one["signal"] == signal]
    return found


def store_spans(reads, count, at_ns=NOON - 2 * MINUTE):
    add_spans(reads.database, [span(1, number, at_ns) for number in range(count)])


def test_an_empty_store_has_nothing_to_tell(reads):
    told = reads.get("/api/v1/loss")
    assert (told["services"], told["signals"], told["collectors"]) == ([], [], [])


def test_what_a_sender_tells_stands_beside_what_is_stored_and_refused(reads, tells):
    tells.process(1, "spans", recorded=9, sent=5, refused=1, dropped={"queue_full": 2})
    store_spans(reads, 5)
    refused = {"at_ns": NOON - MINUTE, "service": "shop", "records": 1}
    insert(
        reads.database,
        "loss",
        [
            refused | {"signal": "traces", "reason": "too_late"},
            refused | {"signal": "metrics", "reason": "cardinality_limit", "records": 4},
            refused | {"signal": "ledger", "reason": "line_unfit"},
        ],
    )
    insert(reads.database, "ledger", [line(1, NOON - MINUTE), line(2, NOON - MINUTE, source="span")])
    insert(reads.database, "logs", [{"record_id": 1, "at_ns": NOON - MINUTE}])
    assert entry(reads, "shop", "spans") == {
        "service": "shop",
        "signal": "spans",
        "sent": 9,
        "delivered": 5,
        "stored": 5,
        "refused": 1,
        "dropped": 2,
        "sampled": 0,
        "on_the_way": 1,
        "unexplained": 0,
        "tolerance": 1,
        "reason": None,
        "drops": {"sdk": {"queue_full": 2}},
        "waiting": {"sdk": 1},
        "reasons": {"queue_full": 2, "too_late": 1},
    }
    ledger = entry(reads, "shop", "ledger")
    assert (ledger["stored"], ledger["refused"], ledger["reasons"]) == (1, 1, {"line_unfit": 1})
    assert {ledger[name] for name in ("sent", "dropped", "on_the_way", "unexplained", "tolerance")} == {None}
    assert ledger["reason"] == "its SDK does not tell what it sent"
    folded = entry(reads, "shop", "metrics")
    assert (folded["refused"], folded["reasons"]) == (0, {"cardinality_limit": 4})
    assert entry(reads, "unknown_service", "logs")["stored"] == 1


def test_a_window_counts_only_what_came_within_it_and_restarts_count_from_nothing(reads, tells):
    points = [(NOON - 2 * HOUR - MINUTE, 100), (NOON - HOUR, 140), (NOON - MINUTE, 10)]
    tells.outcome(1, "ledger", "recorded", points, start_ns=NOON - 3 * DAY)
    assert entry(reads, "shop", "ledger", from_="now-2h")["sent"] == 50
    assert entry(reads, "shop", "ledger", from_="now-30m")["sent"] in (0, 10)


def test_what_came_since_a_process_told_is_a_tolerance_and_no_loss(reads, tells):
    tells.process(1, "spans", recorded=5, sent=5)
    store_spans(reads, 5)
    add_spans(reads.database, [span(2, number, TOLD + SECOND) for number in range(3)])
    found = entry(reads, "shop", "spans")
    assert (found["unexplained"], found["tolerance"]) == (-3, 3)
    assert found["reason"] == "stored or on its way since the processes last told"


def test_what_nobody_tells_of_is_unexplained(reads, tells):
    tells.process(1, "spans", recorded=9, sent=9)
    store_spans(reads, 5)
    found = entry(reads, "shop", "spans")
    assert (found["unexplained"], found["tolerance"]) == (4, 0)
    assert found["reason"] == "nobody on the way tells of these"


def test_what_waited_in_a_process_that_ended_is_dropped_but_for_the_ledger_whose_spool_is_read_by_the_next(
    reads, tells
):
    long_ago = NOON - 30 * MINUTE
    for signal in ("spans", "ledger"):
        tells.process(1, signal, at_ns=long_ago, recorded=9, sent=5)
    store_spans(reads, 6, at_ns=NOON - 40 * MINUTE)  # one of the four got away after it had told
    insert(reads.database, "ledger", [line(number, NOON - 40 * MINUTE) for number in range(5)])
    found = entry(reads, "shop", "spans")
    assert (found["dropped"], found["unexplained"]) == (3, 0)
    assert found["drops"] == {"sdk": {"process_ended": 3}}
    assert entry(reads, "shop", "ledger")["waiting"] == {"sdk": 4}
    tells.process(2, "ledger", recorded=2, recovered=4, sent=6)
    insert(reads.database, "ledger", [line(number, NOON - 40 * MINUTE) for number in range(10, 16)])
    found = entry(reads, "shop", "ledger")
    assert (found["sent"], found["stored"], found["on_the_way"], found["unexplained"]) == (11, 11, 0, 0)


def test_the_reading_that_tells_counts_itself_among_the_metrics(reads, tells):
    tells.process(1, "metrics", recorded=7, sent=5)  # three points of a reading that counts seven before it
    tells.point("of.the.program", "shop", 1, {}, [(TOLD - number * SECOND, number) for number in range(1, 8)])
    found = entry(reads, "shop", "metrics")
    assert (found["sent"], found["stored"], found["unexplained"]) == (9, 9, 0)


def test_what_a_collector_lost_holds_and_sampled_away_is_put_to_the_only_service_that_can_be_meant(reads, tells):
    tells.process(1, "spans", recorded=100, sent=100)
    tells.process(2, "spans", recorded=5, sent=5, service="beside")
    store_spans(reads, 50)
    add_spans(reads.database, [span(3, number, NOON - 2 * MINUTE, service="beside") for number in range(5)])
    tells.collector(7, "receiver_accepted_spans", 105, receiver="otlp")
    tells.collector(7, "exporter_sent_spans", 55, exporter="otlp_grpc/backend")
    tells.collector(7, "exporter_sent_spans", 55, exporter="otlp_grpc/jaeger")
    tells.collector(7, "exporter_send_failed_spans", 7, exporter="otlp_grpc/backend")
    tells.collector(7, "exporter_send_failed_spans", 70, exporter="otlp_grpc/jaeger")
    tells.collector(7, "exporter_queue_size", 11, exporter="otlp_grpc/backend", data_type="traces")
    tells.collector(7, "processor_tail_sampling_global_count_traces_sampled", 30, sampled="false")
    found = entry(reads, "shop", "spans")
    assert found["drops"] == {"spanledger-gateway": {"send_failed": 7}}
    assert found["waiting"] == {"spanledger-gateway": 11}
    assert (found["sampled"], found["unexplained"]) == (32, 0)
    assert entry(reads, "beside", "spans")["sampled"] == 0
    total = total_of(reads, "spans")
    assert (total["sent"], total["sampled"], total["dropped"], total["unexplained"]) == (105, 32, 7, 0)


def test_what_a_collector_did_is_not_put_to_one_of_two_services_that_may_be_meant(reads, tells):
    for number, service in ((1, "shop"), (2, "beside")):
        tells.process(number, "ledger", recorded=5, sent=5, service=service)
        insert(
            reads.database, "ledger", [line(10 * number + each, NOON - 2 * MINUTE, service=service) for each in (1, 2)]
        )
    tells.collector(7, "receiver_accepted_log_records", 10, receiver="otlp")
    tells.collector(7, "exporter_sent_log_records", 4, exporter="otlp_grpc/backend")
    tells.collector(7, "exporter_send_failed_log_records", 6, exporter="otlp_grpc/backend")
    for service in ("shop", "beside"):
        found = entry(reads, service, "ledger")
        assert (found["dropped"], found["unexplained"]) == (0, 3)
        assert "do not say whose" in found["reason"]
    total = total_of(reads, "logs")
    assert (total["dropped"], total["unexplained"]) == (6, 0)


def test_a_sender_that_tells_nothing_leaves_the_totals_unknown(reads, tells):
    tells.process(1, "spans", recorded=5, sent=5)
    add_spans(reads.database, [span(3, 1, NOON - 2 * MINUTE, service="silent")])
    total = total_of(reads, "spans")
    assert (total["stored"], total["sent"], total["unexplained"]) == (1, None, None)


def test_a_killed_gateway_loses_what_it_had_not_decided_and_hands_its_queue_on(reads, tells):
    tells.process(1, "spans", recorded=30, sent=30)
    store_spans(reads, 10)
    before = {"began_ns": NOON - HOUR, "at_ns": NOON - 10 * MINUTE}
    tells.collector(7, "receiver_accepted_spans", 30, receiver="otlp", **before)
    tells.collector(7, "exporter_sent_spans", 4, exporter="otlp_grpc/backend", **before)
    tells.collector(7, "exporter_queue_size", 6, exporter="otlp_grpc/backend", data_type="traces", **before)
    tells.collector(7, "processor_tail_sampling_count_spans_sampled", 10, policy="errors", **before)
    tells.collector(7, "processor_tail_sampling_count_spans_sampled", 15, policy="rest", **before)
    tells.collector(7, "processor_tail_sampling_global_count_traces_sampled", 12, sampled="false", **before)
    tells.collector(7, "processor_tail_sampling_sampling_traces_on_memory", 9, **before)
    tells.collector(8, "exporter_sent_spans", 6, exporter="otlp_grpc/backend", began_ns=NOON - 5 * MINUTE)
    found = entry(reads, "shop", "spans")
    assert found["drops"] == {"spanledger-gateway": {"killed_undecided": 15}}
    assert (found["sampled"], found["on_the_way"], found["unexplained"]) == (5, 0, 0)


def test_a_reversed_window_is_refused(reads):
    assert reads.refused("/api/v1/loss", from_="now", to="now-1d")["parameter"] == "from"


def test_what_collectors_tell_of_themselves_stands_apart_by_exporter(reads, tells):
    tells.collector(7, "receiver_accepted_log_records", 9, receiver="otlp", transport="grpc")
    tells.collector(7, "receiver_accepted_log_records", 3, receiver="otlp", transport="http")
    tells.collector(7, "receiver_refused_log_records", 2, receiver="otlp")
    tells.collector(7, "receiver_failed_log_records", 2, receiver="otlp")
    tells.collector(7, "exporter_sent_log_records", 7, exporter="otlp_grpc/backend")
    tells.collector(7, "exporter_send_failed_log_records", 5, exporter="otlp_grpc/backend")
    tells.collector(7, "exporter_queue_size", 0, exporter="otlp_grpc/backend", data_type="logs")
    tells.collector(7, "exporter_queue_capacity", 500, exporter="otlp_grpc/backend", data_type="logs")
    insert(reads.database, "resources", [{"resource_id": 8, "attributes": '{"host.name":"two"}'}])
    tells.collector(8, "receiver_accepted_spans", 6, receiver="otlp")
    answer = reads.get("/api/v1/loss")
    nothing = {"sampled": 0, "deciding": 0, "undecided": 0}
    assert answer["collectors"] == [
        nothing
        | {
            "service": "spanledger-gateway",
            "host": None,
            "signal": "logs",
            "accepted": 12,
            "refused": 4,
            "exporters": {"otlp_grpc/backend": {"sent": 7, "dropped": 5, "queued": 0, "capacity": 500}},
        },
        nothing
        | {
            "service": "spanledger-gateway",
            "host": "two",
            "signal": "spans",
            "accepted": 6,
            "refused": 0,
            "exporters": {},
        },
    ]
    assert all(one["sent"] is None for one in answer["services"])  # a Collector is no sender of its own
