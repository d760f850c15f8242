"""`spanledger slo` as a user runs it, against a real server."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from spanledger_server.cli import slo
from tests.backend.cli.test_commands import refused, run, said
from tests.support.inside import Inside
from tests.support.telemetry import NS, span, span_request


@pytest.fixture(scope="module")
def server(shared_server: Inside) -> Inside:
    at_ns = time.time_ns() - 600 * NS
    spans = [span(at_ns=at_ns, failed=n < 5) for n in range(100)]
    with shared_server.client() as client:
        sent = client.post(
            "/v1/traces",
            content=span_request(*spans, service="shop"),
            headers={"Content-Type": "application/x-protobuf"},
        )
        assert sent.status_code == 200
    return shared_server


def test_objectives_to_begin_with_are_imported_shown_reported_and_exported(server: Inside, tmp_path: Path):
    assert "no objective is defined" in said(server, "slo", "list")
    file = tmp_path / "audio.yaml"
    file.write_text(said(None, "slo", "defaults", "audio", "--service", "shop"))
    assert said(server, "slo", "validate", str(file)).count("is fine") == 4
    assert said(server, "slo", "import", str(file)).count("is kept") == 4
    refused(run(server, "slo", "import", str(file)), 2, "a name that no other objective has")
    listed = said(server, "slo", "list")
    assert "shop-availability" in listed
    assert "breach" in listed
    assert run(server, "slo", "list", "--check").returncode == 3
    report = run(server, "slo", "report", "shop-availability")
    assert report.returncode == 3
    assert "95 % of 100 events were good" in report.stdout.replace("\u202f", " ").replace("\u2009", " ")
    assert "told when" in said(server, "slo", "show", "shop-availability")
    assert run(server, "slo", "report").returncode == 3
    assert json.loads(run(server, "slo", "report", "shop-latency", "--window", "1h", "--json").stdout)["state"] == "ok"
    exported = said(server, "slo", "export")
    for name in ("shop-availability", "shop-latency", "shop-quality", "shop-throughput"):
        said(server, "slo", "delete", name)
    (tmp_path / "again.yaml").write_text(exported)
    assert said(server, "slo", "import", str(tmp_path / "again.yaml")).count("is kept") == 4


def test_trouble_that_is_the_lack_of_events_is_called_so():
    assert slo._bad({"total": 0, "bad": 0}) == "no events"
    assert slo._bad({"total": 600, "bad": 520}) == "520 of 600 bad"


def test_what_is_wrong_with_a_file_is_said_with_its_lines(server: Inside, tmp_path: Path):
    file = tmp_path / "wrong.yaml"
    file.write_text("apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: x}\nspec: {}\n")
    refused(run(server, "slo", "validate", str(file)), 2, "line 4", "spec.objectives")
    refused(run(server, "slo", "show", "nobody"), 1, "there is no objective 'nobody'")
    refused(run(server, "slo", "defaults", "llm", "--service", "!!!"), 2, "service")
