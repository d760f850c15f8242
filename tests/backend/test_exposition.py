"""The server's own metrics as text, read by readers that are not ours."""

from __future__ import annotations

import shutil
import subprocess
from decimal import Decimal

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as plain_families
from starlette.testclient import TestClient

from spanledger_server.api.exposition import OPENMETRICS, PLAIN, Sample, exposition, wants_openmetrics
from spanledger_server.api.histogram import Exemplar, Histogram
from tests.backend.built import built

PROMETHEUS_ASKS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3_ASKS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
TRACE = "0af7651916cd43dd8448eb211c80319c"


def samples() -> list[Sample]:
    waits = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        waits.observe(value, Exemplar(TRACE, value, 1_760_000_000_123_456_789) if value > 0.1 else None)
    return [
        Sample("a_total", "counter", "As.", 1, (("k", 'x"y\\z\n'),)),
        Sample("b_bytes", "gauge", "Bs.", 0.25),
        Sample("a_total", "counter", "As.", 2.0, (("k", "w"),)),
        Sample("cost_usd_total", "counter", "Cost.", Decimal("0.000000000001")),
        Sample("wait_seconds", "histogram", "Waits.", waits.seen(), (("signal", "traces"),)),
    ]


def test_plain_text_is_what_it_always_was():
    assert exposition(samples()[:3], openmetrics=False) == (
        "# HELP a_total As.\n# TYPE a_total counter\n"
        'a_total{k="x\\"y\\\\z\\n"} 1\na_total{k="w"} 2\n'
        "# HELP b_bytes Bs.\n# TYPE b_bytes gauge\nb_bytes 0.25\n"
    )


def test_openmetrics_has_units_exemplars_and_an_end():
    text = exposition(samples(), openmetrics=True)
    families = {family.name: family for family in openmetrics_families(text)}
    assert {name: (family.type, family.unit) for name, family in families.items()} == {
        "a": ("counter", ""),
        "b_bytes": ("gauge", "bytes"),
        "cost_usd": ("counter", "usd"),
        "wait_seconds": ("histogram", "seconds"),
    }
    assert families["a"].samples[0].labels == {"k": 'x"y\\z\n'}
    assert text.endswith("\n# EOF\n")
    buckets = [each for each in families["wait_seconds"].samples if each.name == "wait_seconds_bucket"]
    assert [(each.labels["le"], each.value) for each in buckets] == [("0.1", 2), ("1.0", 3), ("+Inf", 4)]
    assert [each.exemplar and each.exemplar.value for each in buckets] == [None, 0.5, 7]
    assert buckets[1].exemplar.labels == {"trace_id": TRACE}


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (PROMETHEUS_ASKS, True),
        (PROMETHEUS_3_ASKS, True),
        ("application/openmetrics-text", True),
        ("text/plain, application/openmetrics-text;q=0.5", False),
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=much", False),
        ("*/*", False),
        ("", False),
        (None, False),
    ],
)
def test_it_is_openmetrics_for_who_asks_for_it(accept: str | None, wanted: bool):
    assert wants_openmetrics(accept) is wanted


def test_the_servers_own_metrics_are_read_by_others_in_both_formats():
    with built() as application:
        client = TestClient(application.gate, base_url="http://127.0.0.1")
        plain = client.get("/metrics", headers={"Accept": "*/*"})
        openmetrics = client.get("/metrics", headers={"Accept": PROMETHEUS_ASKS})
    assert (plain.headers["content-type"], openmetrics.headers["content-type"]) == (PLAIN, OPENMETRICS)
    assert {family.name for family in openmetrics_families(openmetrics.text)} == {
        family.name for family in plain_families(plain.text)
    }
    promtool = shutil.which("promtool")
    if promtool is not None:
        checked = subprocess.run([promtool, "check", "metrics"], input=plain.text, capture_output=True, text=True)
        assert (checked.returncode, checked.stderr + checked.stdout) == (0, "")
