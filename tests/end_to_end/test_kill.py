"""Kill the backend at random moments under load: what was acknowledged is there once, and nothing is there in part."""

from __future__ import annotations

import http.client
import itertools
import random
import threading
from collections import Counter
from decimal import Decimal

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.benchmarks.load import trace_requests
from tests.end_to_end.backend import Backend

KILLS = 10
SPANS = 64


class Sender:
    """Sends requests until told to stop; each is tried again, unchanged, until it is acknowledged."""

    def __init__(self, port: int, seed: int) -> None:
        self.acknowledged: list[bytes] = []
        self.tries = 0
        self._port = port
        self._requests = trace_requests(SPANS, seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        for body in self._requests:
            while not self._sent(body):
                if self._stop.wait(0.02):
                    return
            self.acknowledged.append(body)
            if self._stop.is_set():
                return

    def _sent(self, body: bytes) -> bool:
        self.tries += 1
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def ids(bodies: list[bytes]) -> set[tuple[str, str]]:
    requests = (ExportTraceServiceRequest.FromString(body) for body in bodies)
    spans = itertools.chain.from_iterable(r.resource_spans[0].scope_spans[0].spans for r in requests)
    return {(span.trace_id.hex(), span.span_id.hex()) for span in spans}


@pytest.mark.slow
def test_everything_acknowledged_is_there_once_after_ten_kills(backend: Backend) -> None:
    moments = random.Random(20261121)
    backend.start()
    senders = [Sender(backend.otlp_port, seed) for seed in range(3)]
    pause = threading.Event()
    try:
        for _ in range(KILLS):
            wanted = sum(len(sender.acknowledged) for sender in senders) + moments.randint(3, 20)
            while sum(len(sender.acknowledged) for sender in senders) < wanted:
                pause.wait(0.005)
            pause.wait(moments.uniform(0, 0.08))  # anywhere between two acknowledgements
            backend.kill()
            backend.start()
    finally:
        for sender in senders:
            sender.stop()
    acknowledged = [body for sender in senders for body in sender.acknowledged]
    assert len(acknowledged) >= 3 * KILLS
    lines = Counter((line["trace_id"], line["span_id"]) for line in backend.ledger())
    assert set(lines.values()) == {1}
    expected = ids(acknowledged)
    assert expected <= lines.keys()
    assert len(lines) % SPANS == 0  # a request is there whole or not at all
    assert backend.stored("spans") == len(lines)


@pytest.mark.slow
def test_totals_are_the_same_from_every_source_after_a_restart_a_replay_and_a_kill(backend: Backend) -> None:
    backend.start(SPANLEDGER_TICK="1s")
    sender = Sender(backend.otlp_port, seed=7)
    while len(sender.acknowledged) < 40:
        threading.Event().wait(0.05)
    sender.stop()

    def totals() -> dict[str, Decimal]:
        month, year = (backend.get("/admin/statistics/costs", period=period) for period in ("month", "year"))
        found = {"month": month["total_cost"], "year": year["total_cost"], "calls": month["calls"]}
        found["ledger"] = sum((line["cost_usd"] for line in backend.ledger()), Decimal(0))
        return found

    first = totals()
    assert first["month"] == first["year"] == first["ledger"] > 0
    assert first["calls"] == 40 * SPANS or first["calls"] == len(ids(sender.acknowledged))
    for body in sender.acknowledged:
        assert sender._sent(body)
    assert totals() == first
    backend.stop()
    backend.start()
    assert totals() == first
    backend.kill()
    backend.start()
    assert totals() == first
