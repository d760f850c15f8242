"""Backups, size and export over the wire and on the command line, and the outside watcher, with a real server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from spanledger_server.api.vitals import Vitals
from spanledger_server.settings import SettingsError, load
from tests.backend.cli.test_commands import process, refused, run, said
from tests.support.inside import Inside, Shifted
from tests.support.telemetry import NS, ledger_event, ledger_request, span, span_request
from tests.support.waiting import until

DAY_NS = 86_400 * NS


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    running = Inside(tmp_path_factory.mktemp("kept")).start()
    try:
        now_ns = time.time_ns()
        events = [ledger_event(cost="0.1", at_ns=now_ns - days * DAY_NS) for days in (0, 0, 2)]
        assert running.send("logs", ledger_request(*events)).status_code == 200
        assert running.send("traces", span_request(span(), span())).status_code == 200
        yield running
    finally:
        running.stop()


def vitals(server: Inside) -> Vitals:
    found = server.running._vitals
    assert found is not None
    return found


def test_a_backup_is_made_listed_and_brought_elsewhere(kept: Inside, tmp_path: Path):
    told = said(kept, "backup", "one.duckdb")
    assert "read again, the same" in told
    assert str(kept.data / "backups" / "one.duckdb") in told
    assert "one.duckdb" in said(kept, "backup", "--list")
    here = tmp_path / "here.duckdb"
    said(kept, "backup", "two.duckdb", "--output", str(here))
    assert here.read_bytes() == (kept.data / "backups" / "two.duckdb").read_bytes()
    assert here.stat().st_mode & 0o077 == 0
    refused(run(kept, "backup", "--output", str(here)), 1, "exists already")
    refused(run(kept, "backup", "one.duckdb"), 2, "a name that no backup has yet")
    refused(run(kept, "backup", "../x.duckdb"), 2, "without a directory")
    refused(process(kept, "restore", str(here), "--data-dir", str(kept.data)), 1, "stop its server first")
    job = json.loads(said(kept, "backup", "--json"))["job"]
    assert (job["state"], job["reason"]) == ("done", None)


def test_backups_are_for_administrators_and_leave_a_trail(kept: Inside):
    with kept.client(kept.token_for("viewer")) as client:
        assert client.post("/api/v1/backup").status_code == 403
        assert client.get("/api/v1/backup").status_code == 403
        assert client.get("/api/v1/backup/one.duckdb").status_code == 403
    with kept.client() as client:
        for name, status in (("..%2f..%2fspanledger.duckdb", 404), ("spanledger.duckdb", 404), ("%00", 422)):
            assert client.get(f"/api/v1/backup/{name}").status_code == status
        assert client.post("/api/v1/backup", json={"name": "trail.duckdb"}).status_code == 202
        until(lambda: client.get("/api/v1/backup").json()["job"]["state"] == "done", 60)

        def actions() -> list[str]:
            rows = client.get("/api/v1/audit", params={"subject": "trail.duckdb"}).json()["items"]
            return [row["action"] for row in rows]

        until(lambda: actions() == ["backup.done", "backup.started"])


def test_backups_go_to_the_directory_of_the_setting_and_nowhere_else(tmp_path: Path):
    there = tmp_path / "there"
    running = Inside(tmp_path, "--backup-dir", str(there)).start()
    try:
        said(running, "backup", "one.duckdb")
        assert (there / "one.duckdb").is_file()
        assert not (running.data / "backups").exists()
    finally:
        running.stop()


def test_what_was_backed_up_is_there_again_after_a_restore(tmp_path: Path):
    running = Inside(tmp_path).start()
    running.send("logs", ledger_request(ledger_event(cost="1")))
    said(running, "backup", "one.duckdb")
    running.send("logs", ledger_request(ledger_event(cost="2")))
    running.stop()
    backup = running.data / "backups" / "one.duckdb"
    done = json.loads(said(None, "restore", str(backup), "--data-dir", str(running.data), "--json"))
    assert Path(done["aside"]).is_file()
    assert said(None, "check", "--data-dir", str(running.data))
    running.start()
    try:
        (line,) = running.get("/api/v1/ledger", from_="now-1h")["items"]
        assert line["cost_usd"] == 1
    finally:
        running.stop()


def test_migrate_tells_what_it_would_do_and_does_it(tmp_path: Path):
    from tests.backend.care.test_restore import older

    older(tmp_path / "spanledger.duckdb", 2)
    told = said(None, "migrate", "--dry-run", "--data-dir", str(tmp_path))
    assert "version 2 would become" in told
    assert "0003 " in told
    assert not (tmp_path / "backups").exists()
    told = said(None, "migrate", "--data-dir", str(tmp_path))
    assert "became" in told
    (copy,) = (tmp_path / "backups").iterdir()
    assert str(copy) in told
    assert "nothing to do" in said(None, "migrate", "--data-dir", str(tmp_path))
    refused(run(None, "migrate", "--data-dir", str(tmp_path / "none")), 1, "there is no file")


def test_a_view_is_exported_a_file_a_day_and_a_day_that_is_there_is_not_fetched_again(kept: Inside, tmp_path: Path):
    today = datetime.now(UTC).date()
    window = ("--from", str(today - timedelta(days=3)), "--to", str(today), "--output", str(tmp_path))
    said(kept, "export", "ledger", *window)
    files = sorted((tmp_path / "ledger").iterdir())
    assert [file.name for file in files] == [f"ledger-{today - timedelta(days=n)}.parquet" for n in (3, 2, 1, 0)]
    tables = [pq.read_table(file) for file in files]
    assert sum(table.num_rows for table in tables) == 3
    assert pq.ParquetFile(files[1]).metadata.row_group(0).column(0).compression == "ZSTD"
    costs = [cost for table in tables for cost in table.column("cost_usd").to_pylist()]
    assert [str(cost.normalize()) for cost in costs] == ["0.1"] * 3
    again = json.loads(said(kept, "export", "ledger", *window, "--json"))["files"]
    assert len(again) == 2


def test_every_view_that_lies_in_time_can_be_exported(kept: Inside):
    with kept.client(kept.token_for("viewer")) as client:
        views = client.get("/api/v1/export").json()["items"]
        assert {"ledger", "logs", "spans", "traces", "metrics", "metrics_1day", "dialogues"} <= set(views)
        for view in views:
            answer = client.get(f"/api/v1/export/{view}")
            assert answer.status_code == 200, (view, answer.text)
            assert answer.content[:4] == answer.content[-4:] == b"PAR1", view
        assert client.get("/api/v1/export/tokens").status_code == 422
        assert client.get("/api/v1/export/ledger", params={"from": "now-40d"}).status_code == 422


def test_one_export_at_a_time_and_one_that_nobody_reads_ends(kept: Inside):
    with kept.client() as client:
        for _ in range(3):
            with client.stream("GET", "/api/v1/export/ledger") as answer:
                assert answer.status_code == 200
        assert until(lambda: client.get("/api/v1/export/ledger").status_code == 200)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tokens", "--from", "2026-11-01"), ("cannot be exported", "ledger")),
        (("ledger", "--from", "yesterday"), ("--from", "2026-11-01")),
        (("ledger", "--from", "2026-11-02", "--to", "2026-11-01"), ("--to",)),
    ],
)
def test_an_export_that_makes_no_sense_is_wrong_usage(kept: Inside, tmp_path: Path, arguments, words):
    refused(run(kept, "export", *arguments, "--output", str(tmp_path)), 2, *words)


def test_the_size_and_the_growth_of_the_store_are_told(tmp_path: Path):
    clock = Shifted()
    running = Inside(tmp_path, "--tick", "100ms", "--max-disk", "1GB", clock=clock).start()
    try:
        loop = vitals(running).loop
        assert loop is not None
        until(lambda: all(task.turns for task in loop.tasks if task.name == "storage"), called="it is measured")
        first = running.get("/api/v1/storage")
        assert first["growth_bytes_a_day"] is None
        assert first["days_until_max_disk"] is None
        assert first["max_disk_bytes"] == 10**9
        for _ in range(3):
            running.send("traces", span_request(*[span(f"GET /{'x' * 500}") for _ in range(500)]))
        database = vitals(running).database
        until(lambda: not database.wal_bytes() or database.checkpoint_when_idle(0), called="nobody writes beside it")
        clock.by_ns += 2 * 3600 * NS
        found = running.get("/api/v1/storage")
        spans = next(table for table in found["tables"] if table["name"] == "spans")
        assert spans["rows"] == 1500
        assert spans["bytes"] > 0
        assert 17_000 < spans["rows_a_day"] < 19_000
        assert found["growth_bytes_a_day"] > 0
        assert found["days_until_max_disk"] > 0
        assert found["used_bytes"] <= found["file_bytes"] + found["wal_bytes"]
        told = said(running, "storage")
        assert "spans" in told
        assert "reached in" in told or "reached today" in told
    finally:
        running.stop()


class _Watcher(BaseHTTPRequestHandler):
    """An outside watcher that notes what it is told."""

    def do_GET(self) -> None:
        self._note("")

    def do_POST(self) -> None:
        self._note(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _note(self, body: str) -> None:
        self.server.told.append((self.command, self.path, body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def watcher() -> Iterator[Any]:
    with HTTPServer(("127.0.0.1", 0), _Watcher) as server:
        server.told, server.status = [], 200  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_a_watcher_outside_is_told_that_all_is_well_and_what_is_not(tmp_path: Path):
    clock = Shifted()
    with watcher() as outside:
        url = f"http://127.0.0.1:{outside.server_port}/ping/secret-id?x=1"
        running = Inside(tmp_path, "--heartbeat-url", url, "--heartbeat-every", "1s", "--tick", "50ms", clock=clock)
        running.start()
        try:
            until(lambda: outside.told)
            assert outside.told[0] == ("GET", "/ping/secret-id?x=1", "")
            vitals(running).ingest.counters.failed_ns = clock.now_ns()
            clock.by_ns += 2 * NS
            method, path, body = until(lambda: next((each for each in outside.told if each[0] == "POST"), None))
            assert (method, path) == ("POST", "/ping/secret-id/fail?x=1")
            assert body == "the last commit failed; senders keep their data and try again"
            assert "spanledger_heartbeats_total" in httpx.get(f"{running.url}/metrics").text
        finally:
            running.stop()


def test_a_watcher_that_is_away_is_told_in_the_status_and_never_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    clock = Shifted()
    with watcher() as outside:
        outside.status = 500
        url = f"http://127.0.0.1:{outside.server_port}/ping/secret-id"
        running = Inside(tmp_path, "--heartbeat-url", url, "--heartbeat-every", "1h", "--tick", "50ms", clock=clock)
        running.start()
        try:
            until(lambda: len(outside.told) == 1)
            until(lambda: running.get("/api/v1/status")["conditions"])
            (condition,) = running.get("/api/v1/status")["conditions"]
            assert "1 times in a row: it answered 500" in condition["text"]
            clock.by_ns += 11 * NS  # sooner than after an hour
            until(lambda: len(outside.told) == 2)
            until(lambda: "2 times" in running.get("/api/v1/status")["conditions"][0]["text"])
            outside.status = 200
            clock.by_ns += 11 * NS
            assert len(outside.told) == 2  # later and later
            clock.by_ns += 10 * NS
            until(lambda: not running.get("/api/v1/status")["conditions"])
        finally:
            running.stop()
    assert "secret-id" not in caplog.text


def test_by_default_nobody_outside_is_told_anything(kept: Inside):
    assert vitals(kept).care.heartbeat is None


@pytest.mark.parametrize("url", ["ftp://a", "nonsense", "https://:80/", "http://a b", "http://[::1", "http://a:99999"])
def test_an_address_of_a_watcher_that_is_none_is_refused_and_not_repeated(url: str):
    with pytest.raises(SettingsError) as told:
        load({"heartbeat_url": url, "data_dir": ":memory:"}, {})
    assert "--heartbeat-url" in str(told.value)
    assert url not in str(told.value)
