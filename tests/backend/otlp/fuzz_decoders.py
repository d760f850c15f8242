"""Coverage-guided fuzzing of one decoder: ``python -m tests.backend.otlp.fuzz_decoders traces protobuf SECONDS``.

Starts from valid requests. A decoder may raise `Malformed` and `TooLarge`; whatever else it raises, or a `Decoded` that
contradicts itself, ends the process with an error and the input.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

with atheris.instrument_imports(include=["spanledger_server.otlp"]):
    from spanledger_server.otlp import decode_logs, decode_metrics, decode_traces

from spanledger import semconv
from spanledger_server.errors import Malformed, TooLarge
from spanledger_server.otlp.limits import DecodeLimits
from tests.backend.otlp.payloads import NOW, any_value, as_json, log, pairs, request, span

DECODERS = {"traces": decode_traces.decode, "logs": decode_logs.decode, "metrics": decode_metrics.decode}
# small, so that the paths beyond the limits are reached as well
LIMITS = DecodeLimits(
    records=50, attributes=6, value_length=300, name_length=20, depth=4, events=3, buckets=8, wide_bytes=400
)
VALUES: dict[str, Any] = {
    "gen_ai.usage.input_tokens": 5,
    "gen_ai.system": "openai",
    "user.id": "u",
    "double": 1.5,
    "flag": True,
    "bytes": b"\x00\xff",
    "list": [1, "a", [None, {"k": 2.5}]],
    "none": None,
}


def seeds(signal: str) -> list[Any]:
    """Valid requests that reach most of the decoder."""
    if signal == "metrics":
        return [request("metrics", list(_metrics()))]
    if signal == "logs":
        entry = {semconv.PARENT_SPAN_ID: "00000000000000ff", semconv.DURATION_NS: 5}
        records = [log(VALUES, body=any_value(VALUES), severity_number=9), log(entry, event_name=semconv.LEDGER_EVENT)]
        return [request("logs", records), request("logs", records[1:], scope="")]
    made = span(VALUES, parent_span_id=b"\x01" * 8, trace_state="a=b,ot=th:c;rv:1", kind=3, flags=0x300)
    made.events.add(name="e", time_unix_nano=NOW, attributes=pairs(VALUES))
    made.links.add(trace_id=b"\x01" * 16, span_id=b"\x01" * 8, attributes=pairs(VALUES))
    return [request("traces", [made, span()]), request("traces", [span({"a": 1})], scope="")]


def _metrics() -> list[otlp.Metric]:
    times: dict[str, Any] = {"time_unix_nano": NOW, "attributes": pairs({"a": 1})}
    buckets = otlp.ExponentialHistogramDataPoint.Buckets(offset=-1, bucket_counts=[1, 0, 2])
    number = otlp.NumberDataPoint(as_int=5, **times)
    explicit = otlp.HistogramDataPoint(count=3, sum=4, min=1, max=2, explicit_bounds=[1], bucket_counts=[1, 2], **times)
    spread = otlp.ExponentialHistogramDataPoint(
        count=3, scale=2, zero_count=1, positive=buckets, negative=buckets, **times
    )
    quantile = otlp.SummaryDataPoint.ValueAtQuantile(quantile=0.5, value=1)
    summary = otlp.SummaryDataPoint(count=1, sum=1, quantile_values=[quantile], **times)
    cumulative: Any = 2
    return [
        otlp.Metric(name="g", gauge=otlp.Gauge(data_points=[number])),
        otlp.Metric(
            name="s", sum=otlp.Sum(data_points=[number], aggregation_temporality=cumulative, is_monotonic=True)
        ),
        otlp.Metric(name="h", histogram=otlp.Histogram(data_points=[explicit], aggregation_temporality=cumulative)),
        otlp.Metric(
            name="e",
            exponential_histogram=otlp.ExponentialHistogram(data_points=[spread], aggregation_temporality=cumulative),
        ),
        otlp.Metric(name="q", summary=otlp.Summary(data_points=[summary])),
    ]


def encoded(signal: str, encoding: str) -> list[bytes]:
    """The seeds as bytes."""
    return [seed.SerializeToString() if encoding == "protobuf" else as_json(seed) for seed in seeds(signal)]


def check(signal: str, encoding: Any, body: bytes) -> None:
    """Decode `body`; what comes out must be consistent."""
    try:
        decoded = DECODERS[signal](body, encoding=encoding, now_ns=NOW, limits=LIMITS)
    except (Malformed, TooLarge):
        return
    decoded.table.validate(full=True)
    assert decoded.table.num_rows == decoded.rows
    assert decoded.rows + len(decoded.candidates) + decoded.refusals.total >= 0
    assert (decoded.min_ns is None) == (decoded.rows == 0 and not decoded.candidates)


def main() -> None:
    """Fuzz until the time is over."""
    signal, encoding, seconds = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as directory:
        for number, body in enumerate(encoded(signal, encoding)):
            Path(directory, str(number)).write_bytes(body)
            check(signal, encoding, body)
        arguments = [sys.argv[0], directory, f"-max_total_time={seconds}", f"-seed={random.randrange(1, 2**31)}"]
        arguments += [
            "-max_len=8192",
            "-timeout=20",
            "-rss_limit_mb=2048",
            f"-artifact_prefix={tempfile.gettempdir()}/",
        ]
        atheris.Setup(arguments, lambda body: check(signal, encoding, body))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
