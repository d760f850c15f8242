"""The monitor against a real backend: every call, what it sends, what it is told, and what it says of what is not."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import spanledger
from spanledger import gauges
from spanledger.errors import BackendError, ConfigurationError, NotOffered
from spanledger.version import __version__
from tests.sdk.making import program
from tests.support.inside import Inside

COLLECTED = {
    "processing_time": 245,
    "quality_score": 3.8,
    "cpu_usage": 45.2,
    "memory_usage": 1024,
    "queue_size": 15,
}
PROGRAM = f"""
import spanledger
monitor = spanledger.ProductionMonitor(config={{
    'collection_interval': 10, 'retention_days': 90, 'alert_channels': ['email', 'slack', 'pagerduty']}})
monitor.collect_metrics('audio_enhancement', {COLLECTED!r})
monitor.collect_metrics('audio_enhancement', {{'processing_time': 900}})  # a peak between two readings
monitor.collect_metrics('audio_enhancement', {{'processing_time': 250}})
monitor.collect_metrics('other', {{'a b': 1, '': 1, 'yes': True, 'text': '12', 'nan': float('nan'), 'none': None,
                                   'inf': float('-inf'), 'negative': -1.5, 'huge': 2**70}})
assert spanledger.flush(20)
stats = spanledger.stats()
assert stats["metrics"]["refused"] == 0 and not stats["metrics"]["dropped"], stats
assert stats["failures"] == {{"collect_metrics: ValueError": 7}}, stats["failures"]
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Inside]:
    running = Inside(tmp_path)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The monitors below ask; what is sent is sent by a program of its own."""
    monkeypatch.setattr("spanledger.production_monitor.configure", lambda **more: None)


@pytest.fixture
def monitor(server: Inside) -> spanledger.ProductionMonitor:
    return spanledger.ProductionMonitor({"url": server.url, "token": server.token, "alert_channels": ["slack"]})


@contextmanager
def answering(*answers: tuple[str, str, int, Any]) -> Iterator[tuple[str, list[tuple[str, str, Any]]]]:
    """A stand-in for a backend: (method, path, status, what it answers); its address, and what it was asked."""
    asked: list[tuple[str, str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked.append((self.command, self.path, json.loads(body) if body else None))
            found = [one for one in answers if one[:2] == (self.command, self.path.partition("?")[0])]
            status, said = found[0][2:] if found else (404, {"detail": "Not Found"})
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", "http://127.0.0.1:1/")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer

        def log_message(self, *args: Any) -> None:
            pass

    stand_in = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=stand_in.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{stand_in.server_address[1]}", asked
    finally:
        stand_in.shutdown()
        stand_in.server_close()
        thread.join()


def test_what_is_collected_is_at_the_backend_under_its_own_name_and_service(
    server: Inside, monitor: spanledger.ProductionMonitor
) -> None:
    otlp = f"http://127.0.0.1:{server.otlp_port}"
    done = program(PROGRAM, env={"SPANLEDGER_ENDPOINT": otlp, "SPANLEDGER_TOKEN": server.token})
    assert done.returncode == 0, done.stderr

    there = {row["name"]: row for row in server.get("/api/v1/metrics")["items"]}
    assert set(there) >= {*COLLECTED, "negative", "huge"}
    assert there["processing_time"]["services"] == ["audio_enhancement"]
    assert not there.keys() & {"a b", "", "yes", "text", "nan", "none", "inf"}
    for name, value in COLLECTED.items():
        known = server.get("/api/v1/metrics/query", name=name, stat="max", group_by="")
        found = [float(point[1]) for point in known["series"][0]["points"] if point[1] is not None]
        assert found == [900 if name == "processing_time" else value]
    counted = server.get("/api/v1/metrics/query", name="processing_time", stat="count", group_by="service")
    assert sum(point[1] or 0 for point in counted["series"][0]["points"]) == 3
    assert counted["series"][0]["labels"] == {"service": "audio_enhancement"}

    dashboard = monitor.get_dashboard_data(timeframe="last_hour", metrics=["processing_time", "latency", "quality"])
    curve = dashboard.metrics["processing_time"]
    assert (curve.name, curve.statistic) == ("processing_time", "avg")
    assert curve.latest == pytest.approx((245 + 900 + 250) / 3)
    assert all(at.tzinfo is UTC for at, _ in curve.points)
    assert dashboard.metrics["quality"].latest is None  # nobody has measured any
    assert dashboard.figures["calls_today"] == 0
    assert dashboard.health.status in ("ok", "warning", "critical", "unknown")


def test_health_counts_the_services_that_report(server: Inside, monitor: spanledger.ProductionMonitor) -> None:
    health = monitor.check_health()
    assert (health.status, health.healthy_services, health.total_services) == ("unknown", 0, 0)
    assert health.sentence == "Nothing has reported yet"
    call = "import spanledger\nspanledger.configure(service_name='shop')\nspanledger.track_cost('openai', 'x', 1)\n"
    done = program(call, env={"SPANLEDGER_ENDPOINT": f"http://127.0.0.1:{server.otlp_port}"})
    assert done.returncode == 0, done.stderr
    health = monitor.check_health()
    assert (health.healthy_services, health.total_services) == (1, 1)
    assert (health.status, health.services) == ("ok", {"shop": "ok"})
    assert health.checks.keys() == {"This server", "CPU", "Memory", "Queue"}


def test_health_knows_what_the_checks_find(server: Inside, monitor: spanledger.ProductionMonitor) -> None:
    check = {"name": "cache", "kind": "redis", "target": "redis://127.0.0.1:1", "service": "shop", "down_after": 1}
    with server.client() as client:
        assert client.post("/api/v1/health/checks", json=check).status_code == 201
        assert client.post("/api/v1/health/checks/cache/run").json()["state"] == "down"
    health = monitor.check_health()
    assert (health.status, health.services["shop"], health.checks["cache"]) == ("critical", "critical", "critical")
    assert "cache: not reached" in health.sentence


def test_a_backend_that_is_away_is_unknown_and_not_ill(server: Inside, monitor: spanledger.ProductionMonitor) -> None:
    server.stop()
    health = monitor.check_health()
    assert (health.status, health.total_services) == ("unknown", 0)
    assert "spanledger serve" in health.sentence
    with pytest.raises(BackendError, match="no backend answers"):
        monitor.get_dashboard_data()


def test_a_wrong_token_is_told_as_such(server: Inside) -> None:
    stranger = spanledger.ProductionMonitor({"url": server.url, "token": "sl_" + "x" * 20})
    with pytest.raises(BackendError, match="does not know this token") as refused:
        stranger.check_health()
    assert refused.value.status == 401
    assert "sl_" not in str(refused.value)


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_what_the_backend_lacks_is_told_from_what_it_says_of_itself(server: Inside, role: str) -> None:
    monitor = spanledger.ProductionMonitor({"url": server.url, "token": server.token_for(role)})
    calls = {
        "/api/v1/rules": lambda: monitor.add_alert_rule("high_latency", "processing_time > 500", "warning", ["slack"]),
        "/api/v2/alerts": lambda: monitor.trigger_alert("the disk is full", "critical"),
        "/api/v1/reports/sla": lambda: monitor.generate_sla_report(month="2024-01"),
    }
    offered = server.get("/openapi.json")["paths"]
    for path, call in calls.items():
        if path in offered:
            continue
        with pytest.raises(NotOffered, match=f"version {__version__}.*{path}"):
            call()


def test_a_backend_that_has_rules_alerts_and_reports_is_asked_for_them() -> None:
    paths = {"/api/v1/rules": {"post": {}}, "/api/v2/alerts": {"post": {}}, "/api/v1/reports/sla": {"get": {}}}
    with answering(
        ("GET", "/openapi.json", 200, {"info": {"version": "9"}, "paths": paths}),
        ("POST", "/api/v1/rules", 201, {"id": "r-1"}),
        ("POST", "/api/v2/alerts", 200, b""),
        ("GET", "/api/v1/reports/sla", 200, {"compliance": 99.934, "slos": []}),
    ) as (url, asked):
        monitor = spanledger.ProductionMonitor({"url": url, "alert_channels": ["email", "slack"]})
        assert monitor.add_alert_rule(
            name="low_quality", condition="quality_score < 3.0", severity="critical", channels=["pagerduty"]
        ) == {"id": "r-1"}
        monitor.trigger_alert("the disk is full", "critical")
        report = monitor.generate_sla_report(month="2024-01")
    assert f"{report.compliance:.2f}%" == "99.93%"
    assert report.document["slos"] == []
    rule, alert, asked_for = asked
    assert rule[2] == {
        "name": "low_quality",
        "condition": "quality_score < 3.0",
        "severity": "critical",
        "notification_channels": ["pagerduty"],
        "metric_expected": True,
    }
    assert alert[2][0]["labels"] == {"alertname": "the disk is full", "severity": "critical", "channels": "email,slack"}
    assert datetime.fromisoformat(alert[2][0]["startsAt"]).tzinfo is not None
    assert asked_for[1] == "/api/v1/reports/sla?month=2024-01"


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (422, {"detail": "condition='x' is not allowed: a comparison"}, "condition='x' is not allowed"),
        (404, {"detail": "there is no channel 'slack'"}, "there is no channel"),  # the route is there: no NotOffered
        (503, {"detail": "busy"}, "503: busy"),
        (307, b"", "answered 307"),  # not followed: the token would go along
        (200, b"<html>", "did not answer with JSON"),
        (200, [1], "something unexpected"),
    ],
)
def test_a_refusal_says_what_the_backend_said(status: int, said: Any, expected: str) -> None:
    described = {"info": {"version": "9"}, "paths": {"/api/v1/rules": {"post": {}}}}
    with answering(("GET", "/openapi.json", 200, described), ("POST", "/api/v1/rules", status, said)) as (url, _):
        monitor = spanledger.ProductionMonitor({"url": url})
        with pytest.raises(BackendError, match=expected) as refused:
            monitor.add_alert_rule("n", "x")
    assert not isinstance(refused.value, NotOffered)


def test_a_server_that_is_no_backend_is_not_taken_for_an_old_one() -> None:
    with answering() as (url, _), pytest.raises(BackendError, match="is it a spanledger backend") as refused:
        spanledger.ProductionMonitor({"url": url}).generate_sla_report("2024-01")
    assert not isinstance(refused.value, NotOffered)


def test_an_unknown_compliance_is_no_number() -> None:
    with answering(("GET", "/api/v1/reports/sla", 200, {"compliance": None})) as (url, _):
        report = spanledger.ProductionMonitor({"url": url}).generate_sla_report("2024-02")
    assert math.isnan(report.compliance)


def test_a_backend_that_is_not_ready_is_critical() -> None:
    status = {"status": "healthy", "sentence": "All systems operational", "services": []}
    with answering(
        ("GET", "/readyz", 503, {"reasons": ["the disk is full"]}),
        ("GET", "/api/admin/monitoring/health/services", 200, status),
    ) as (url, _):
        health = spanledger.ProductionMonitor({"url": url}).check_health()
    assert (health.status, health.sentence) == ("critical", "The backend is not ready: the disk is full")


def test_a_config_that_cannot_be_is_told_all_at_once() -> None:
    wrong = {"alert_chanels": [], "collection_interval": "10", "alert_channels": "slack"}
    with pytest.raises(ConfigurationError) as told:
        spanledger.ProductionMonitor(wrong)
    assert len(told.value.mistakes) == 3
    assert "did you mean 'alert_channels'?" in str(told.value)
    for url in ("ftp://x", "localhost:8321", ""):
        with pytest.raises(ConfigurationError, match="is not an address") if url else pytest.raises(BackendError):
            spanledger.ProductionMonitor({"url": url or "http://127.0.0.1:1"}).generate_sla_report("2024-01")


@pytest.mark.parametrize("timeframe", ["last hour", "hour", "0x1h", "last_year", "last_1_hour; DROP", "1y", ""])
def test_a_time_that_nobody_knows_is_refused_before_anybody_is_asked(timeframe: str) -> None:
    monitor = spanledger.ProductionMonitor({"url": "http://127.0.0.1:1"})
    with pytest.raises(ValueError, match="was expected"):
        monitor.get_dashboard_data(timeframe)
    with pytest.raises(ValueError, match="was expected"):
        monitor.generate_sla_report("January")


def test_every_way_to_say_a_time_is_understood(monitor: spanledger.ProductionMonitor) -> None:
    for timeframe in ("last_15_minutes", "last_minute", "last_24_hours", "last_7_days", "6h", "2w"):
        assert monitor.get_dashboard_data(timeframe, ["latency"]).timeframe == timeframe


def test_a_program_that_collects_without_end_keeps_a_bounded_number() -> None:
    gauges.clear()
    for number in range(gauges.MOST_WAITING + 3):
        gauges.tell("s", "m", number, {})
    from opentelemetry.sdk.resources import Resource

    reading, too_many = gauges.taken(Resource.get_empty)
    assert reading is not None
    assert (reading.points, too_many) == (gauges.MOST_WAITING, 3)
    assert gauges.taken(Resource.get_empty) == (None, 0)
