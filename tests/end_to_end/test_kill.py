"""Kill the backend at random moments under load: what was acknowledged is there once, and nothing is there in part."""

from __future__ import annotations

import http.client
import itertools
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store.database import Database
from tests.backend.rows import DAY
from tests.benchmarks.load import trace_requests
from tests.end_to_end.backend import Backend
from tests.support.telemetry import ledger_event, ledger_request
from tests.support.thorough import examples
from tests.support.waiting import until

KILLS = examples(4)
RECORDS = 32  # a request
REPLAYED = 10
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
QUICK = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 50)]


class Line(Protocol):
    """A connection to a receiver that may be gone."""

    def send(self, body: bytes) -> bool:
        """Whether it was acknowledged."""
        ...

    def close(self) -> None: ...


class Http:
    def __init__(self, port: int, signal: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._path = f"/v1/{signal}"

    def send(self, body: bytes) -> bool:
        try:
            self._connection.request("POST", self._path, body, {"content-type": "application/x-protobuf"})
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return False
        return answer.status == 200

    def close(self) -> None:
        self._connection.close()


class Grpc:
    def __init__(self, port: int) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", QUICK)
        self._export = self._channel.unary_unary(EXPORT)

    def send(self, body: bytes) -> bool:
        try:
            self._export(body, timeout=30)
        except grpc.RpcError:
            return False
        return True

    def close(self) -> None:
        self._channel.close()


class Sender:
    """Sends until told to stop.

    What fails is sent again, unchanged, until it is acknowledged; but each second one that fails is given up.
    """

    def __init__(self, line: Line, requests: Iterator[bytes]) -> None:
        self.line = line
        self.acknowledged: list[bytes] = []
        self.given_up: list[bytes] = []
        self._requests = requests
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self.line.close()

    def _work(self) -> None:
        patient = False
        for body in self._requests:
            sent = self.line.send(body)
            if not sent:
                patient = not patient
            while not sent and patient and not self._stop.wait(0.02):
                sent = self.line.send(body)
            (self.acknowledged if sent else self.given_up).append(body)
            if self._stop.wait(0 if sent else 0.05):
                return


def events() -> Iterator[bytes]:
    """Requests of ledger events, without end; each costs something else."""
    for number in itertools.count(1):
        yield ledger_request(*(ledger_event(cost=f"0.{number:06}{place:06}") for place in range(RECORDS)))


@contextmanager
def load(backend: Backend) -> Iterator[list[Sender]]:
    """Spans over HTTP and gRPC, and ledger events; the last one's requests are events."""
    senders = [
        Sender(Http(backend.otlp_port, "traces"), trace_requests(RECORDS, seed=1)),
        Sender(Grpc(backend.grpc_port), trace_requests(RECORDS, seed=2)),
        Sender(Http(backend.otlp_port, "logs"), events()),
    ]
    try:
        yield senders
    finally:
        for sender in senders:
            sender.stop()


def ids(body: bytes, *, of_events: bool) -> set[tuple[str, str]]:
    """The trace and span ids in a request."""
    if of_events:
        found = ExportLogsServiceRequest.FromString(body).resource_logs[0].scope_logs[0].log_records
        return {(event.trace_id.hex(), event.span_id.hex()) for event in found}
    spans = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
    return {(span.trace_id.hex(), span.span_id.hex()) for span in spans}


@pytest.mark.slow
def test_everything_acknowledged_is_there_once_and_the_rest_whole_or_not_after_kills(backend: Backend) -> None:
    moments = random.Random(20261121)
    pause = threading.Event()
    backend.start()
    with load(backend) as senders:
        for _ in range(KILLS):
            before = [len(sender.acknowledged) for sender in senders]
            until(
                lambda before=before: all(
                    len(sender.acknowledged) > count for sender, count in zip(senders, before, strict=True)
                ),
                60,
                called="each sender is acknowledged again",
            )
            pause.wait(moments.uniform(0, 0.15))  # anywhere between two acknowledgements
            backend.kill()
            backend.start()
    lines = Counter((line["trace_id"], line["span_id"]) for line in backend.ledger())
    assert set(lines.values()) == {1}
    for sender in senders:
        of_events = sender is senders[-1]
        assert len(sender.acknowledged) >= KILLS
        assert all(ids(body, of_events=of_events) <= lines.keys() for body in sender.acknowledged)
        for body in sender.given_up:
            found = ids(body, of_events=of_events)
            assert found <= lines.keys() or found.isdisjoint(lines)
    assert sum(len(sender.given_up) for sender in senders) >= KILLS
    of_spans = sum(line["model"] != "gpt-5" for line in backend.ledger())
    assert backend.stored("spans") == of_spans
    assert backend.stored("ledger") == len(lines) - of_spans


@pytest.mark.slow
def test_totals_are_the_same_from_every_source_after_a_restart_a_replay_and_a_kill(backend: Backend) -> None:
    backend.start(SPANLEDGER_TICK="100ms")
    with load(backend) as senders:
        until(lambda: min(len(sender.acknowledged) for sender in senders) >= REPLAYED, 60)
    lines = list(backend.ledger())
    assert len(lines) == RECORDS * sum(len(sender.acknowledged) for sender in senders)
    spent = sum((line["cost_usd"] for line in lines), Decimal(0))
    around_noon = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"  # so that no month begins meanwhile

    def expect_the_same() -> None:
        for period, by in itertools.product(("month", "year"), ("model", "user")):  # rollups and ledger, ledger alone
            answer = backend.get("/admin/statistics/costs", period=period, group_by=by, tz=around_noon)
            assert (answer["total_cost"], answer["calls"]) == (spent, len(lines))
        assert sum((line["cost_usd"] for line in backend.ledger()), Decimal(0)) == spent

    expect_the_same()
    for sender in senders:
        again = Http(backend.otlp_port, "logs" if sender is senders[-1] else "traces")
        assert all(again.send(body) for body in sender.acknowledged)
        again.close()
    expect_the_same()
    backend.kill()
    backend.start()
    expect_the_same()
    backend.stop()
    backend.start()
    expect_the_same()
    backend.stop()
    expect_in_every_rollup(backend, spent, len(lines))


def expect_in_every_rollup(backend: Backend, spent: Decimal, calls: int) -> None:
    """Each level's buckets add up to this, once all of them are over."""
    database = Database.open(backend.directory / "spanledger.duckdb")
    try:
        with database.reader() as reader:
            newest = reader.value("SELECT max(at_ns) FROM ledger")
        Rollups(database, DirtyBuckets()).refresh(newest + 2 * DAY)
        with database.reader() as reader:
            for level in ("1m", "1h", "1d"):
                assert reader.tuples(f"SELECT sum(cost_usd), sum(calls) FROM cost_{level}") == [(spent, calls)]
    finally:
        database.close()
