"""`spanledger alerts` against a real server."""

from __future__ import annotations

import json

from tests.backend.cli.test_commands import HOSTILE, run
from tests.support.inside import Inside


def test_what_fires_what_did_and_one_with_its_history(shared_server: Inside):
    firing = {"labels": {"alertname": "DiskFull", "severity": "critical"}, "annotations": {"summary": HOSTILE}}
    ended = {"labels": {"alertname": "WasSlow", "severity": "warning"}, "endsAt": "2026-01-01T00:01:00Z"}
    with shared_server.client() as client:
        assert client.post("/api/v2/alerts", json=[firing, ended]).status_code == 200
    listed = run(shared_server, "alerts", "--severity", "critical", "--fail-on", "firing")
    assert listed.returncode == 3
    assert "DiskFull" in listed.stdout
    assert "WasSlow" not in listed.stdout
    assert "\x1b" not in listed.stdout
    assert "WasSlow" in run(shared_server, "alerts", "--state", "resolved").stdout
    answer = json.loads(run(shared_server, "alerts", "--json", "--severity", "critical").stdout)
    (alert,) = (each for each in answer["items"] if each["rule_name"] == "DiskFull")
    one = run(shared_server, "alerts", alert["id"])
    assert one.returncode == 0
    assert "  severity: critical" in one.stdout
    assert "firing, told" in one.stdout
    assert run(shared_server, "alerts", "--severity", "warning", "--fail-on", "firing").returncode == 0
    assert run(shared_server, "alerts", "0" * 32).returncode == 1


def test_pages_follow_each_other(shared_server: Inside):
    many = [{"labels": {"alertname": f"Page{number}", "severity": "info"}} for number in range(3)]
    with shared_server.client() as client:
        assert client.post("/api/v2/alerts", json=many).status_code == 200
    first = json.loads(run(shared_server, "alerts", "--json", "--limit", "1", "--severity", "info").stdout)
    cursor = first["next_cursor"]
    shown = run(shared_server, "alerts", "--limit", "1", "--severity", "info")
    assert f"--cursor {cursor}" in shown.stdout
    second = run(shared_server, "alerts", "--json", "--limit", "1", "--severity", "info", "--cursor", cursor)
    assert json.loads(second.stdout)["items"][0]["id"] != first["items"][0]["id"]
