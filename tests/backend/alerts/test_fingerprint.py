"""The number of a set of labels."""

from __future__ import annotations

import pytest

from spanledger_server.alerts.fingerprint import fingerprint


@pytest.mark.parametrize(
    ("labels", "digits"),
    [
        ({"alertname": "A"}, "d2c6efc389df0927"),
        ({"job": "none"}, "4c12c718b39e0e00"),
        ({"severity": "critical", "alertname": "TelemetryDropped", "instance": "agent:8888"}, "462c74357b455d51"),
        ({"alertname": "Größe", "z": "日本", "a": 'x y"\\'}, "a92c092d6fb01c89"),
    ],
)
def test_it_is_the_one_that_alertmanager_shows(labels: dict[str, str], digits: str):
    assert f"{fingerprint(labels):016x}" == digits


def test_neither_order_nor_neighbours_matter():
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})
    assert fingerprint({"ab": "c"}) != fingerprint({"a": "bc"})
