"""OpenTelemetry's own exporters against the receivers and the real ingest: what they send is in the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from spanledger.pricing import PriceBook
from spanledger_server.clock import SystemClock
from spanledger_server.errors import Busy
from spanledger_server.ingest.accept import Acknowledgement, Ingest
from spanledger_server.otlp.columns import Decoded
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.store.database import Database
from tests.contract.door import Door
from tests.contract.receiving import PATIENCE_S, Receiving, receiving
from tests.support.stores import new_store

RESOURCE = Resource({"service.name": "stock"})


@pytest.fixture
def server() -> Iterator[Receiving]:
    with receiving(time.time_ns) as found:
        yield found


@pytest.fixture
def database() -> Iterator[Database]:
    found = new_store()
    yield found
    found.close()


def exporters(server: Receiving, protocol: str, kind: str) -> Any:
    if protocol == "grpc":
        made: Any = {"traces": GrpcSpans, "logs": GrpcLogs, "metrics": GrpcMetrics}[kind]
        return made(endpoint=server.grpc_target, insecure=True, timeout=PATIENCE_S)
    made = {"traces": HttpSpans, "logs": HttpLogs, "metrics": HttpMetrics}[kind]
    compression = Compression.Gzip if protocol == "http+gzip" else Compression.NoCompression
    return made(endpoint=f"{server.http_url}/v1/{kind}", compression=compression, timeout=PATIENCE_S)


PROTOCOLS = pytest.mark.parametrize("protocol", ["http", "http+gzip", "grpc"])


@PROTOCOLS
def test_a_stock_span_exporter_delivers_spans(server: Receiving, protocol: str) -> None:
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(exporters(server, protocol, "traces")))
    with provider.get_tracer("scope").start_as_current_span(
        "chat", attributes={"gen_ai.usage.input_tokens": 3}
    ) as span:
        span.add_event("e", {"a": [1, 2]})
    provider.shutdown()
    (row,) = server.recorder.rows()
    assert (row["name"], row["service"], row["scope"], row["input_tokens"]) == ("chat", "stock", "scope", 3)
    assert row["trace_id"] == span.get_span_context().trace_id.to_bytes(16, "big")
    assert len(server.recorder.decoded[0].candidates) == 1


@PROTOCOLS
def test_a_stock_log_exporter_delivers_log_records(server: Receiving, protocol: str) -> None:
    provider = LoggerProvider(resource=RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporters(server, protocol, "logs")))
    provider.get_logger("scope").emit(
        timestamp=time.time_ns(),
        severity_number=SeverityNumber.WARN,
        body={"a": [1]},
        attributes={"user.id": "u"},
        event_name="thing",
    )
    provider.shutdown()
    (row,) = server.recorder.rows()
    assert (row["event_name"], row["severity"], row["body"], row["user_id"]) == ("thing", 13, '{"a":[1]}', "u")


@PROTOCOLS
def test_a_stock_metric_exporter_delivers_points(server: Receiving, protocol: str) -> None:
    reader = PeriodicExportingMetricReader(exporters(server, protocol, "metrics"), export_interval_millis=3_600_000)
    provider = MeterProvider([reader], resource=RESOURCE)
    meter = provider.get_meter("scope")
    meter.create_counter("c").add(3, {"k": "v"})
    meter.create_histogram("h").record(7)
    provider.force_flush()
    provider.shutdown()
    series = {row["name"]: row for row in server.recorder.decoded[0].series.to_pylist()}  # type: ignore[union-attr]
    points = {row["series_id"]: row for row in server.recorder.decoded[0].table.to_pylist()}
    assert points[series["c"]["series_id"]]["value"] == 3.0
    assert (series["c"]["temporality"], series["c"]["monotonic"]) == ("cumulative", True)
    assert points[series["h"]["series_id"]]["count"] == 1


@PROTOCOLS
def test_a_stock_exporter_comes_back_when_the_server_was_busy(server: Receiving, protocol: str) -> None:
    turned_away = [Busy("full", retry_after_s=1)]

    def once(_: Any) -> Acknowledgement:
        if turned_away:
            raise turned_away.pop()
        return Acknowledgement(0, None)

    server.recorder.answer = once
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(exporters(server, protocol, "traces")))
    provider.get_tracer("scope").start_span("again").end()
    provider.shutdown()
    assert [row["name"] for row in server.recorder.rows()] == ["again", "again"]


@pytest.fixture
def stored(server: Receiving, database: Database) -> Iterator[Callable[[], int]]:
    """The real ingest behind the receivers; gives how many spans are in the database."""
    ingest = Ingest(database, PriceBook.default(), SystemClock(), dirty=DirtyBuckets())
    ingest.start()
    server.recorder.answer = lambda decoded: ingest.accept(decoded, 1)

    def count() -> int:
        with database.reader() as reader:
            return int(reader.value("SELECT count(*) FROM spans WHERE service = 'stock'"))

    yield count
    ingest.stop()


@PROTOCOLS
def test_what_a_stock_exporter_was_told_is_taken_is_in_the_database(
    server: Receiving, stored: Callable[[], int], protocol: str
) -> None:
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(exporters(server, protocol, "traces")))
    provider.get_tracer("scope").start_span("stored").end()
    provider.shutdown()
    assert stored() == 1


@PROTOCOLS
def test_a_stock_exporter_whose_server_was_away_and_whose_answer_was_lost_delivers_once(
    server: Receiving, stored: Callable[[], int], protocol: str
) -> None:
    behind = server.grpc_target if protocol == "grpc" else server.http_url.removeprefix("http://")
    answers: list[Acknowledgement] = []
    with Door(behind, away=1) as door:
        take = server.recorder.answer
        assert take is not None

        def lose_the_first_answer(decoded: Decoded) -> Acknowledgement:
            answers.append(take(decoded))
            if len(answers) == 1:
                door.hang_up()
            return answers[-1]

        server.recorder.answer = lose_the_first_answer
        through = replace(server, http_url=f"http://{door.address}", grpc_target=door.address)
        provider = TracerProvider(resource=RESOURCE)
        provider.add_span_processor(SimpleSpanProcessor(exporters(through, protocol, "traces")))
        provider.get_tracer("scope").start_span("once").end()
        provider.shutdown()
    assert door.turned_away == 1
    assert len(answers) == 2
    assert stored() == 1
