"""An incident, from OTLP to the exit code: the demo's hour on a real server, its objectives, and what the CLI says."""

from __future__ import annotations

import json
import time
from itertools import pairwise

import pytest

from spanledger_examples import incident
from tests.backend.cli.test_commands import run
from tests.support.inside import Inside


def test_five_minutes_of_trouble_are_counted_reported_and_end_with_3(shared_server: Inside):
    with shared_server.client() as client:
        told = incident.send(client, time.time_ns())
        assert (told.requests, told.failed, told.bad) == (7200, 520, 600)
        incident.define(client)
        found = incident.came_to(client, told.requests)
        series = client.get("/api/v1/slos/voice-desk-availability/series", params={"window": "2h"}).json()["points"]
    availability, latency, quality = (found[f"voice-desk-{name}"] for name in ("availability", "latency", "quality"))
    assert [one["state"] for one in (availability, latency, quality)] == ["breach", "breach", "breach"]
    assert (availability["bad"], latency["bad"], quality["bad"]) == (told.failed, told.slow, told.bad)
    assert [(one["bad"], one["total"]) for one in availability["incidents"]] == [(520, 600)]
    assert (availability["bad_minutes"], availability["downtime_minutes"]) == (5, 3)
    assert (quality["bad_minutes"], quality["downtime_minutes"]) == (5, 5)  # nothing sounded good
    assert found["voice-desk-throughput"]["state"] == "breach"  # too few went well in five of the minutes
    assert any(pair["firing"] for pair in availability["conditions"])
    left = [point["remaining_ratio"] for point in series]
    assert left[0] == 1
    assert left[-1] == pytest.approx(availability["remaining_ratio"])
    assert sum(after < before for before, after in pairwise(left)) == 5
    for name, code in (("availability", 3), ("quality", 3)):
        report = run(shared_server, "slo", "report", f"voice-desk-{name}", "--json")
        assert report.returncode == code, report.stderr
    simulated = run(shared_server, "slo", "simulate", "voice-desk-availability", "--from", "now-2h", "--json")
    (one,) = json.loads(simulated.stdout)["slos"]
    assert (one["pages"] >= 1, one["missed_incidents"], one["false_alerts"]) == (True, 0, 0)
    assert min(alert["late_s"] for pair in one["pairs"] for alert in pair["alerts"]) <= 180
