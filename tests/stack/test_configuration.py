"""The Collector takes the configurations as they are, starts with them and has nothing to say against them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spanledger_examples.collector import CONFIGURATION
from tests.stack.collectors import Collector

TOGETHER = {
    "agent": ("agent",),
    "agent before two gateways": ("agent", "two-gateways.yaml"),
    "gateway": ("gateway",),
    "gateway that keeps all": ("gateway", "keep-all.yaml"),
    "gateway before a Jaeger": ("gateway", "jaeger.yaml"),
    "gateway that keeps all, before a Jaeger": ("gateway", "keep-all.yaml", "jaeger.yaml"),
}
EXPECTED = (
    "connection refused",  # nobody listens behind it
    "zPages span processor",  # its own traces are off; its other pages work
)
VARIABLE = re.compile(r"\$\{env:(\w+)(?::-([^$}]*))?")


@pytest.mark.parametrize("name", TOGETHER)
def test_the_collector_validates_and_starts(name: str, binary: Path, tmp_path: Path) -> None:
    collector = Collector(binary, tmp_path, *TOGETHER[name], AGENT_HOST_METRICS_EVERY="1h")
    checked = collector.validate()
    assert (checked.returncode, checked.stderr) == (0, "")
    try:
        collector.start()
    finally:
        collector.stop()
    said = [line for line in collector.log().splitlines() if "\twarn\t" in line or "\terror\t" in line]
    assert [line for line in said if not any(word in line for word in EXPECTED)] == []


def test_every_knob_is_in_the_readme_with_its_default() -> None:
    readme = (CONFIGURATION / "README.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`)? ?\|", readme, re.MULTILINE))
    used: dict[str, str] = {}
    for path in CONFIGURATION.glob("*.yaml"):
        for name, default in VARIABLE.findall(path.read_text(encoding="utf-8")):
            assert used.setdefault(name, default) == default, f"{name} has two defaults"
    assert table == used
