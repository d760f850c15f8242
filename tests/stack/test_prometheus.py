"""A real Prometheus on the configuration of docker-compose.yml: it reads everybody, its rules come to something, and
its alerts come to us."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from spanledger_examples import prometheus
from spanledger_examples.collector import CONFIGURATION
from tests.stack.prometheus import configured, each_prometheus, program, running, value
from tests.stack.stack import OTLP, Stack
from tests.support.inside import Inside
from tests.support.ports import kept_port
from tests.support.telemetry import ledger_event, ledger_request, span, span_request
from tests.support.waiting import until

RULES = CONFIGURATION / "prometheus/rules.yaml"


@each_prometheus()
def test_promtool_finds_the_rules_and_the_configuration_right(which: str) -> None:
    promtool = program(which, prometheus.PROMTOOL)
    for command in (
        ["check", "rules", RULES],
        ["check", "config", "--syntax-only", CONFIGURATION / "prometheus/prometheus.yaml"],
        ["test", "rules", CONFIGURATION / "prometheus/rules.test.yaml"],
    ):
        done = subprocess.run([promtool, *map(str, command)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_severity_that_we_know_a_summary_and_a_test() -> None:
    alerts = [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"] if "alert" in rule
    ]
    tests = yaml.safe_load(RULES.with_name("rules.test.yaml").read_text())["tests"]
    tested = {each["alertname"] for test in tests for each in test.get("alert_rule_test", ()) if "exp_alerts" in each}
    assert {rule["alert"] for rule in alerts} == tested
    assert all(rule["labels"]["severity"] in ("info", "warning", "error", "critical") for rule in alerts)
    assert all(rule["annotations"]["summary"] for rule in alerts)


@pytest.mark.slow
@each_prometheus()
def test_it_reads_everybody_and_every_rule_comes_to_something(stack: Stack, tmp_path: Path, which: str) -> None:
    binary = program(which)
    stack.backend.start()
    stack.add_gateway("keep-all.yaml").start()
    stack.add_agent().start()
    refused = stack.add_agent(GATEWAY_TOKEN="wrong").start()
    backend = stack.backend.url.removeprefix("http://")
    targets = {
        "spans": [f"127.0.0.1:{stack.gateway.prometheus_port}"],
        "collectors": [f"127.0.0.1:{each.metrics_port}" for each in (*stack.agents, stack.gateway)],
        "backend": [backend],
    }
    tokens = {"backend-token": stack.backend.token_for("viewer"), "alerts-token": stack.backend.token_for("ingest")}
    with running(binary, tmp_path, configured(tmp_path, targets, backend, tokens)) as client:

        def tell() -> None:
            for agent, signal, body in (
                (stack.agent, "traces", span_request(span(failed=True), span())),
                (refused, "traces", span_request(span())),
                (refused, "logs", ledger_request(ledger_event())),
            ):
                httpx.post(f"http://127.0.0.1:{agent.http_port}/v1/{signal}", content=body, headers=OTLP)

        def comes_to(expression: str, **labels: str) -> float:
            def asked() -> float | None:
                tell()
                return value(client, expression, **labels)

            return until(asked, 60, called=f"{expression} {labels}") or 0.0

        assert comes_to("count(up == 1) == 5") == 5
        assert comes_to("service:requests:rate5m", service_name="shop") > 0
        assert 0 < comes_to("service:requests_failed:ratio_rate5m > 0", service_name="shop") < 1
        assert 0 < comes_to("service:request_duration_seconds:p95_5m", service_name="shop") <= 0.1
        alerting = {"alertname": "TelemetryDropped", "instance": f"127.0.0.1:{refused.metrics_port}"}
        assert comes_to("ALERTS", **alerting) == 1
        groups = client.get("/rules").json()["data"]["groups"]
        assert {(rule["health"], rule.get("lastError")) for group in groups for rule in group["rules"]} == {
            ("ok", None)
        }
        assert value(client, "ALERTS", alertname="TelemetryWayBroken") is None
        assert exemplars(client, "spanledger_ack_duration_seconds_bucket"), "traces beside the histogram"


def exemplars(client: httpx.Client, name: str) -> list[str]:
    """The trace ids that Prometheus kept beside a metric."""
    answer = client.get("/query_exemplars", params={"query": name, "start": 0, "end": 2e9}).json()
    return [each["labels"]["trace_id"] for row in answer["data"] for each in row["exemplars"]]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Inside]:
    """A backend that takes alerts, and asks everybody for a token."""
    running = Inside(tmp_path, "--tick", "200ms")
    try:
        yield running.start()
    finally:
        running.stop()


RULE: dict[str, Any] = {
    "alert": "Away",
    "expr": 'up{job="spans"} == 0',
    "labels": {"severity": "page"},
    "annotations": {"summary": "{{ $labels.instance }} does not answer"},
}


class Empty(BaseHTTPRequestHandler):
    """Answers Prometheus, with nothing."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing of it."""


@contextmanager
def listening(port: int) -> Iterator[None]:
    """Somebody answers at this port."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Empty)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def alerting(folder: Path, receiver: Inside, target: int) -> Path:
    """A Prometheus whose one rule is that somebody at port `target` does not answer."""
    backend = receiver.url.removeprefix("http://")
    tokens = {"backend-token": "none", "alerts-token": receiver.token_for("ingest")}
    file = configured(folder, {"spans": [f"127.0.0.1:{target}"]}, backend, tokens)
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "away", "rules": [RULE]}]}))
    return file


def listed(receiver: Inside, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = receiver.get("/api/v1/alerts", **query)["items"]
    return found


@pytest.mark.slow
@each_prometheus()
def test_an_alert_that_it_sends_fires_here_once_and_ends_when_it_ends_there(
    receiver: Inside, tmp_path: Path, which: str
) -> None:
    folder = tmp_path / "prometheus"
    folder.mkdir()
    target = kept_port()
    with running(program(which), folder, alerting(folder, receiver, target)) as client:
        (alert,) = until(lambda: listed(receiver, state="firing"), 60, called="the alert fires here")
        (there,) = client.get("/alerts").json()["data"]["alerts"]
        assert alert["labels"] == there["labels"]
        assert (alert["rule_name"], alert["severity"], alert["source"]) == ("Away", "critical", "prometheus")
        assert alert["message"] == f"127.0.0.1:{target} does not answer"
        assert alert["generator_url"].startswith("http")
        (shown,) = receiver.get("/admin/monitoring/alerts")["alerts"]
        assert (shown["id"], shown["status"]) == (alert["id"], "active")
        amtool_agrees(receiver, alert)
        until(lambda: listed(receiver)[0]["expires_at"] > alert["expires_at"], called="it is told again")
        with listening(target):
            (ended,) = until(lambda: listed(receiver, state="resolved"), 60, called="the alert ends here")
    assert ended["id"] == alert["id"]
    assert len(listed(receiver)) == 1
    history = receiver.get(f"/api/v1/alerts/{alert['id']}")["history"]
    assert [(change["state"], change["why"], change["by"]) for change in history] == [
        ("firing", "told", "a ingest"),
        ("resolved", "told", "a ingest"),
    ]


def amtool_agrees(receiver: Inside, alert: dict[str, Any]) -> None:
    """Alertmanager's own command line reads our list, where it is installed."""
    amtool = shutil.which("amtool")
    if amtool is None:
        return
    options = receiver.directory / "amtool-http.yaml"
    options.write_text(yaml.safe_dump({"authorization": {"credentials": receiver.token}}))
    command = [amtool, f"--alertmanager.url={receiver.url}", f"--http.config.file={options}", "-o", "json"]
    for matcher, found in (("alertname=Away", [alert["fingerprint"]]), ("alertname=Other", [])):
        done = subprocess.run([*command, "alert", "query", matcher], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert [each["fingerprint"] for each in yaml.safe_load(done.stdout)] == found
