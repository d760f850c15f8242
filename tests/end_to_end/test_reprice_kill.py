"""Kill the server while it corrects a month: at the next start it goes on, and each call is counted once."""

from __future__ import annotations

import contextlib
import signal
import threading
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from spanledger_server.cli.check import examined
from spanledger_server.store.database import Database
from tests.backend.rows import DAY
from tests.support.server import Server
from tests.support.waiting import until

LINES = 150_000
END = 1_796_083_199 * 10**9
BEGIN = END - 30 * DAY
LEDGER = """
INSERT INTO ledger BY NAME
SELECT md5(i::VARCHAR)::UUID AS trace_id, hash(i) AS span_id, $begin + i * $gap AS at_ns, 'event' AS source,
    'shop' AS service, 'usage' AS kind, 'chat' AS operation, 'openai' AS provider, 'own' AS model,
    'own' AS request_model,
    'unpriced' AS state, 'model_unknown' AS state_reason, 1000 AS input_tokens, 100 AS output_tokens,
    'reported' AS usage_state, false AS batch
FROM range($lines) AS r(i)
"""
SUMS = "SELECT count(*), sum(cost_usd), count(DISTINCT (trace_id, span_id)) FROM ledger"


def test_a_run_that_is_killed_goes_on_and_counts_each_call_once(tmp_path: Path):
    server = Server(tmp_path)
    file = server.data / "spanledger.duckdb"
    database = Database.open(file)
    with database.transaction() as tx:
        tx.execute(LEDGER, begin=BEGIN, gap=(END - BEGIN) // LINES, lines=LINES)
        tx.execute("INSERT INTO lines_indexed (after_ns) VALUES ($after_ns)", after_ns=END)  # no trace is asked for
    database.close()
    server.start()
    with server.client() as client:
        price = {"provider": "openai", "model": "own", "valid_from": None}
        price["rates"] = {"input_mtok": "1000", "output_mtok": "10000"}  # type: ignore[assignment]  # a body
        assert client.post("/api/v1/prices", json=price).status_code == 201

        def begin() -> None:
            with contextlib.suppress(httpx.HTTPError), server.client() as another:  # it is gone before it answers
                another.post("/api/v1/reprice", json={"from": "2026-10-01T00:00:00Z", "to": "now+60d", "apply": True})

        beginning = threading.Thread(target=begin)
        beginning.start()
        done = until(lambda: progress(client), 60, called="some chunks are corrected")
    server.stop(signal.SIGKILL)
    beginning.join(30)
    if done == LINES:
        pytest.skip("the run was over before it could be killed")
    server.start()
    try:
        run = until(lambda: ended(server), 60, called="the run has gone on to its end")
        assert (run["state"], run["done"], run["newly_priced"]) == ("done", LINES, LINES)
        assert run["new_total"] == LINES * 2
    finally:
        server.stop()
    database = Database.open(file)
    with database.reader() as reader:
        assert reader.tuples(SUMS) == [(LINES, Decimal(LINES * 2), LINES)]
        assert reader.value("SELECT count(*) FROM ledger_corrections") == LINES
    database.close()
    _, findings = examined(file)
    assert not any(finding.wrong for finding in findings), findings


def progress(client: httpx.Client) -> int:
    items = client.get("/api/v1/reprice").json()["items"]
    return int(items[0]["done"]) if items else 0


def ended(server: Server) -> dict[str, object] | None:
    run: dict[str, object] = server.get("/api/v1/reprice")["items"][0]
    return run if run["state"] != "running" else None
