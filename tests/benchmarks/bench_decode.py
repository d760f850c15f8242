"""How long decoding takes a record, against only parsing the same protobuf in the same run.

Run with ``python -m tests.benchmarks.bench_decode``. Processor time of the thread, best of several rounds: machines
change their speed, so compare the ratios; `SPANLEDGER_BENCH_MOST_TIMES` makes it fail above a ratio.
"""

from __future__ import annotations

import gzip
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger import semconv
from spanledger_server.api.receivers.bodies import inflated
from spanledger_server.otlp import decode_logs, decode_metrics, decode_traces
from spanledger_server.otlp.limits import DecodeLimits
from spanledger_server.otlp.memory import keep_arenas
from tests.backend.otlp.payloads import as_json
from tests.benchmarks.load import trace_requests

SPANS = 8_192
ROUNDS = 15
LIMITS = DecodeLimits()


def best_us(work: Callable[[], Any], records: int, rounds: int = ROUNDS) -> float:
    """Microseconds of processor time a record, best of several rounds."""
    took = []
    for _ in range(rounds):
        began = time.thread_time_ns()
        work()
        took.append(time.thread_time_ns() - began)
    return min(took) / records / 1000


def ledger_events(spans: bytes) -> ExportLogsServiceRequest:
    """The ledger events of the calls in a trace request."""
    logs = ExportLogsServiceRequest()
    for group in ExportTraceServiceRequest.FromString(spans).resource_spans:
        made = logs.resource_logs.add(resource=group.resource).scope_logs.add()
        for span in group.scope_spans[0].spans:
            made.log_records.add(
                trace_id=span.trace_id,
                span_id=span.span_id,
                time_unix_nano=span.end_time_unix_nano,
                event_name=semconv.LEDGER_EVENT,
                attributes=span.attributes,
            )
    return logs


def histograms(points: int) -> ExportMetricsServiceRequest:
    """Histograms of one metric, each a series of its own."""
    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="h", unit="s")
    metric.histogram.aggregation_temporality = 2  # type: ignore[assignment]
    for number in range(points):
        at_ns = time.time_ns()
        point = metric.histogram.data_points.add(time_unix_nano=at_ns, count=9, sum=4.5)
        point.explicit_bounds.extend(semconv.DURATION_BUCKETS_S)
        point.bucket_counts.extend(range(len(semconv.DURATION_BUCKETS_S) + 1))
        point.attributes.add(key="series").value.int_value = number
    return metrics


def show(title: str, took_us: float, parse_us: float) -> None:
    """One line of the table."""
    print(f"{title:44} {took_us:8.2f} µs   {took_us / parse_us:7.1f} x parsing   {1e6 / took_us:11,.0f} a second")


def main() -> int:
    """Print the figures; 1 when the ratio is above what the environment allows."""
    kept = keep_arenas()
    now_ns = time.time_ns()

    def decoding(decode: Any, body: bytes, encoding: str = "protobuf") -> Callable[[], Any]:
        return lambda: decode(body, encoding=encoding, now_ns=now_ns, limits=LIMITS)

    body = next(trace_requests(SPANS))
    small = next(trace_requests(512))
    parse_us = best_us(lambda: ExportTraceServiceRequest.FromString(body), SPANS)
    print(f"{SPANS} LLM spans of 12 attributes, {len(body) // SPANS} bytes each; arenas kept: {kept}")
    show("traces, protobuf, parse only", parse_us, parse_us)
    traces_us = best_us(decoding(decode_traces.decode, body), SPANS)
    show(f"traces, protobuf, {SPANS} a request", traces_us, parse_us)
    show("traces, protobuf, 512 a request", best_us(decoding(decode_traces.decode, small), 512), parse_us)
    as_text = as_json(ExportTraceServiceRequest.FromString(small))
    show("traces, JSON, 512 a request", best_us(decoding(decode_traces.decode, as_text, "json"), 512), parse_us)
    packed = gzip.compress(body, 6)
    show("gunzip of the 8192", best_us(lambda: inflated(packed, len(body), lambda _: None), SPANS), parse_us)
    logs = ledger_events(body).SerializeToString()
    show("logs, protobuf, ledger events", best_us(decoding(decode_logs.decode, logs), SPANS), parse_us)
    metrics = histograms(2_000).SerializeToString()
    show("metrics, protobuf, histogram points", best_us(decoding(decode_metrics.decode, metrics), 2_000), parse_us)
    most = float(os.environ.get("SPANLEDGER_BENCH_MOST_TIMES", "inf"))
    return int(traces_us / parse_us > most)


if __name__ == "__main__":
    sys.exit(main())
