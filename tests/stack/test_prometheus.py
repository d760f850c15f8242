"""A real Prometheus on the configuration of docker-compose.yml: it reads everybody, and its rules come to something."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from spanledger_examples.collector import CONFIGURATION
from tests.stack.stack import OTLP, Stack
from tests.support.ports import kept_port
from tests.support.telemetry import ledger_event, ledger_request, span, span_request
from tests.support.waiting import until

PROMETHEUS = shutil.which("prometheus")
pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="no Prometheus here; Debian's package will do")


def configured(folder: Path, targets: dict[str, list[str]], token: str) -> Path:
    """Its configuration with the addresses of this test, and quicker."""
    text = (CONFIGURATION / "prometheus/prometheus.yaml").read_text(encoding="utf-8")
    configuration: dict[str, Any] = yaml.safe_load(text)
    configuration["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    secret = folder / "backend-token"
    secret.write_text(token)
    for job in configuration["scrape_configs"]:
        job["static_configs"] = [{"targets": targets.pop(job["job_name"])}]
        if "authorization" in job:
            job["authorization"]["credentials_file"] = str(secret)
    assert not targets
    shutil.copy(CONFIGURATION / "prometheus/rules.yaml", folder)
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(configuration))
    return file


@contextmanager
def running(folder: Path, file: Path) -> Iterator[httpx.Client]:
    """The Prometheus; gives a client of its API."""
    address = f"127.0.0.1:{kept_port()}"
    options = [f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([str(PROMETHEUS), *options], stdout=log, stderr=subprocess.STDOUT)
    try:
        with httpx.Client(base_url=f"http://{address}/api/v1", trust_env=False) as client:
            yield client
    finally:
        process.terminate()
        process.wait(30)


def value(client: httpx.Client, expression: str, **labels: str) -> float | None:
    """What the expression comes to for these labels; None while there is nothing."""
    try:
        answer = client.get("/query", params={"query": expression})
    except httpx.HTTPError:
        return None
    found = answer.json()["data"]["result"] if answer.status_code == 200 else []
    return next((float(row["value"][1]) for row in found if labels.items() <= row["metric"].items()), None)


@pytest.mark.slow
def test_it_reads_everybody_and_every_rule_comes_to_something(stack: Stack, tmp_path: Path) -> None:
    stack.backend.start()
    stack.add_gateway("keep-all.yaml").start()
    stack.add_agent().start()
    refused = stack.add_agent(GATEWAY_TOKEN="wrong").start()
    collectors = [f"127.0.0.1:{each.metrics_port}" for each in (*stack.agents, stack.gateway)]
    targets = {
        "spans": [f"127.0.0.1:{stack.gateway.prometheus_port}"],
        "collectors": collectors,
        "backend": [stack.backend.url.removeprefix("http://")],
    }
    with running(tmp_path, configured(tmp_path, targets, stack.backend.token)) as prometheus:

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
                return value(prometheus, expression, **labels)

            return until(asked, 60, called=f"{expression} {labels}") or 0.0

        assert comes_to("count(up == 1) == 5") == 5
        assert comes_to("service:requests:rate5m", service_name="shop") > 0
        assert 0 < comes_to("service:requests_failed:ratio_rate5m > 0", service_name="shop") < 1
        assert 0 < comes_to("service:request_duration_seconds:p95_5m", service_name="shop") <= 0.1
        alerting = {"alertname": "TelemetryDropped", "instance": f"127.0.0.1:{refused.metrics_port}"}
        assert comes_to("ALERTS", **alerting) == 1
        groups = prometheus.get("/rules").json()["data"]["groups"]
        assert {(rule["health"], rule.get("lastError")) for group in groups for rule in group["rules"]} == {
            ("ok", None)
        }
        assert value(prometheus, "ALERTS", alertname="TelemetryWayBroken") is None
