"""`spanledger alerts` and `spanledger silence` where they change something, against a real server."""

from __future__ import annotations

import json

from tests.backend.cli.test_commands import HOSTILE, run
from tests.support.inside import Inside


def fire(server: Inside, name: str, severity: str = "warning") -> str:
    alert = {"labels": {"alertname": name, "severity": severity}, "annotations": {"summary": HOSTILE}}
    with server.client() as client:
        assert client.post("/api/v2/alerts", json=[alert]).status_code == 200
        items = client.get("/api/v1/alerts", params={"state": "firing"}).json()["items"]
    return next(str(each["id"]) for each in items if each["rule_name"] == name)


def test_an_alert_is_taken_written_beside_judged_and_ended(shared_server: Inside):
    alert = fire(shared_server, "Taken")
    taken = run(shared_server, "alerts", "ack", alert, "--for", "2h", "--note", "mine")
    assert (taken.returncode, taken.stdout) == (0, f"acknowledged {alert}\n")
    assert "firing, acknowledged" in run(shared_server, "alerts", "--state", "acknowledged").stdout
    assert run(shared_server, "alerts", "note", alert, "the shop is closed").returncode == 0
    assert "1 found it useful" in run(shared_server, "alerts", "judge", alert, "--useful").stdout
    assert run(shared_server, "alerts", "unack", alert).stdout == f"unacknowledged {alert}\n"
    assert run(shared_server, "alerts", "resolve", alert).stdout == f"resolved {alert}\n"
    assert run(shared_server, "alerts", "resolve", alert).stdout == f"left as it is: {alert}\n"
    shown = run(shared_server, "alerts", "show", alert).stdout
    for text in ("acknowledged, for a time by", ": mine", "note by", ": the shop is closed", "resolved, by hand by"):
        assert text in shown
    assert "\x1b" not in shown
    assert run(shared_server, "alerts", "ack", "12").returncode == 2


def test_something_critical_that_fires_fails_the_check(shared_server: Inside):
    assert run(shared_server, "alerts", "--check").returncode == 0
    alert = fire(shared_server, "Critical", "critical")
    assert run(shared_server, "alerts", "list", "--check", "--json").returncode == 3
    assert run(shared_server, "alerts", "resolve", alert).returncode == 0
    assert run(shared_server, "alerts", "--check").returncode == 0


def test_a_silence_is_made_listed_and_expired(shared_server: Inside):
    alert = fire(shared_server, "Silenced")
    made = run(
        shared_server, "silence", "add", "alertname=Silenced", "severity!=critical", "--for", "2h", "--comment", HOSTILE
    )
    assert made.returncode == 0, made.stderr
    listed = json.loads(run(shared_server, "silence", "list", "--json").stdout)
    (one,) = listed["items"]
    assert one["matchers"] == ['alertname="Silenced"', 'severity!="critical"']
    shown = run(shared_server, "silence", "list")
    assert "\x1b" not in shown.stdout
    assert "silent" in run(shared_server, "alerts", alert).stdout
    assert run(shared_server, "silence", "expire", one["id"]).returncode == 0
    assert run(shared_server, "silence", "list").stdout == "no such silences\n"
    assert run(shared_server, "silence", "add", "a=b", "--comment", "x").returncode == 2
    assert run(shared_server, "silence", "add", "a", "--for", "2h", "--comment", "x").returncode == 2
