"""A disk that is full under a running server: senders come back, reads go on, and it passes by itself."""

from __future__ import annotations

import itertools
from decimal import Decimal

import httpx
import psutil

from tests.end_to_end.backend import Backend
from tests.support.telemetry import ledger_event, ledger_request
from tests.support.waiting import until

EVENTS = 40  # a request
ROOM_BYTES = 200_000


def test_a_full_disk_makes_senders_come_back_and_passes_by_itself(backend: Backend) -> None:
    backend.start()
    process = psutil.Process(backend.child.pid)
    bodies = (ledger_request(*(ledger_event(cost="0.000000000001") for _ in range(EVENTS))) for _ in itertools.count())

    def send(body: bytes) -> httpx.Response:
        headers = {"content-type": "application/x-protobuf"}
        return httpx.post(f"{backend.otlp_url}/v1/logs", content=body, headers=headers, timeout=30)

    taken = 0
    for _ in range(3):
        assert send(next(bodies)).status_code == 200
        taken += 1
    log = backend.directory / "spanledger.duckdb.wal"
    _, most = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (log.stat().st_size + ROOM_BYTES, most))  # no file of it grows beyond this
    for body in bodies:
        answer = send(body)
        if answer.status_code != 200:
            break
        taken += 1
    refused = [body, *itertools.islice(bodies, 3)]
    for body in refused:
        answer = send(body)
        assert answer.status_code == 503
        assert 1 <= int(answer.headers["retry-after"]) <= 3
        assert len(list(backend.ledger())) == taken * EVENTS
    assert httpx.get(f"{backend.url}/healthz").status_code == 200
    assert httpx.get(f"{backend.url}/readyz").status_code == 503
    assert backend.get("/admin/statistics/costs", period="year")["calls"] == taken * EVENTS

    process.rlimit(psutil.RLIMIT_FSIZE, (most, most))
    for body in refused:
        until(lambda body=body: send(body).status_code == 200, called="there is room again")
    until(lambda: httpx.get(f"{backend.url}/readyz").status_code == 200, called="it is ready again")
    expected = (taken + len(refused)) * EVENTS
    for _ in range(2):
        lines = list(backend.ledger())
        assert len({line["span_id"] for line in lines}) == len(lines) == expected
        assert sum(line["cost_usd"] for line in lines) == expected * Decimal("0.000000000001")
        backend.kill()
        backend.start()
