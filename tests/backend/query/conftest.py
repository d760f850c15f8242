"""A server with something to protect, and what tells whether it was touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.inside import Inside
from tests.support.telemetry import ledger_event, ledger_request, span, span_request
from tests.support.waiting import until


@dataclass
class Guarded:
    """A running server whose tables, files and configuration are compared with what they were."""

    server: Inside
    client: httpx.Client
    bait: Path
    before: Any = None

    def run(self, sql: str, **more: Any) -> httpx.Response:
        body = {"sql": sql, **more}
        text = (
            httpx.Request("POST", "http://x", json=body).content
            if "\ud800" not in sql
            else b'{"sql": "select \'\\ud800\'"}'
        )
        return self.client.post("/api/v1/query", content=text, headers={"Content-Type": "application/json"})

    def answered(self, sql: str, **more: Any) -> httpx.Response:
        """As `run`, again when its turn did not come, or its time was not enough, on a busy machine."""
        return until(lambda: (answer := self.run(sql, **more)).status_code not in (408, 503) and answer)

    def state(self) -> Any:
        """What nobody may change: each table's rows, the catalogue, the files, the configuration."""
        database = self.server.running._vitals.database  # type: ignore[union-attr]
        with database.reader() as reader:
            tables = [name for (name,) in reader.tuples("SELECT table_name FROM duckdb_tables() ORDER BY 1")]
            each = " UNION ALL ".join(f"SELECT '{t}', count(*), bit_xor(hash(t)) FROM main.\"{t}\" t" for t in tables)
            rows = sorted(reader.tuples(each))
            views = reader.tuples("SELECT schema_name, view_name, md5(sql) FROM duckdb_views() ORDER BY ALL")
            macros = reader.tuples("SELECT function_name FROM duckdb_functions() WHERE NOT internal ORDER BY ALL")
            settings = reader.tuples("SELECT name, value FROM duckdb_settings() ORDER BY ALL")
            databases = reader.tuples("SELECT database_name FROM duckdb_databases() ORDER BY ALL")
        files = sorted(str(path) for path in self.bait.parent.rglob("*") if ".tmp" not in str(path))
        return rows, views, macros, settings, databases, files, self.bait.read_text(), sorted(Path.cwd().iterdir())


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    directory = tmp_path_factory.mktemp("guarded")
    server = Inside(directory, "--tick", "1h", "--query-timeout", "500ms", "--query-memory", "256MiB")
    server.start()
    bait = directory / "bait.csv"
    bait.write_text("secret\nhunter2\n")
    assert server.send("traces", span_request(span(), span())).status_code == 200
    assert server.send("logs", ledger_request(ledger_event(), ledger_event())).status_code == 200
    viewer = server.token_for("viewer")
    vitals = server.running._vitals
    assert vitals is not None
    assert vitals.loop is not None
    vitals.loop.stop()
    vitals.health.stop()
    with server.client(viewer) as client:
        found = Guarded(server, client, bait)
        found.before = found.state()
        yield found
    server.stop()
