"""The rule file for Prometheus, put to Prometheus' own tool: it reads it, and alerts fire and rest as they should."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from spanledger_server.api import slo_samples
from spanledger_server.slos import definition, prometheus, register
from spanledger_server.slos.watch import Watch
from spanledger_server.store.database import Database
from tests.backend.rows import NOON, SECOND, insert, line

PROMTOOL = shutil.which("promtool")
GIVEN: dict[str, Any] = {
    "name": "calls",
    "service": 'shop "{{ 1 }}"',
    "indicator": {"kind": "ledger", "good": {"status": "ok"}},
    "target": 0.99,
    "window": "30d",
}
MONTH = {"duration": "1M", "calendar": True, "timezone": "Europe/Berlin"}


def text(*each: dict[str, Any]) -> str:
    return prometheus.rules([definition.parse({**GIVEN, **one}) for one in each], NOON)


def promtool(*arguments: str) -> str:
    if PROMTOOL is None:
        pytest.skip("there is no promtool")
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tool_reads_the_rules_of_every_kind_of_objective(tmp_path: Path):
    pair = {"severity": "page", "budget_percent": 2.5, "long": "90m", "short": "7m"}
    file = tmp_path / "rules.yaml"
    each = [
        {},
        {"name": "monthly", "window": MONTH},
        {"name": "own", "alerting": [pair]},
        {"name": "none", "alerting": []},
    ]
    file.write_text(text(*each))
    assert "34 rules found" in promtool("check", "rules", "--lint-fatal", str(file))
    file.write_text(text())
    assert "0 rules found" in promtool("check", "rules", "--lint-fatal", str(file))


def test_pairs_that_can_never_hold_stand_in_a_comment_with_the_reason():
    found = text({"target": 0.9})
    assert "# calls: no alert for page 1h/5m: it asks for a burn rate above 14.4" in found
    alerts = [rule for rule in yaml.safe_load(found)["groups"][0]["rules"] if rule.get("alert") == "SloBurning"]
    assert [rule["labels"]["severity"] for rule in alerts] == ["page", "ticket", "ticket"]


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    inner = ", ".join(f'{key}="{value}"' for key, value in {"slo": "calls", "service": "shop", **labels}.items())
    return {"series": f"{name}{{{inner}}}", "values": values}


PAGE = {"severity": "page", "long": "3600s", "short": "300s"}


@pytest.mark.parametrize(
    ("long", "short", "proved", "fires"),
    [("20x20", "20x20", "1x20", True), ("20x20", "2x20", "1x20", False), ("20x20", "20x20", "0x20", False)],
    ids=["both burn", "it has stopped", "too few events"],
)
def test_a_pair_alerts_when_both_windows_burn_and_the_events_prove_it(
    long: str, short: str, proved: str, fires: bool, tmp_path: Path
):
    values = {"long": f"{long.split('x')[0]}+0x20", "short": f"{short.split('x')[0]}+0x20"}
    given = [
        series("spanledger_slo_burn_rate", values["long"], window="3600s"),
        series("spanledger_slo_burn_rate", values["short"], window="300s"),
        series("spanledger_slo_pair_firing", f"{proved[0]}+0x20", **PAGE),
        series("spanledger_slo_state", "1+0x20", state="ok"),
    ]
    assert alerting(
        tmp_path, given, "SloBurning", {"severity": "page", "service": "shop", "pair": "1h/5m"}, fires=fires
    )


def test_that_nobody_knows_and_that_nothing_is_scraped_are_alerts_of_their_own(tmp_path: Path):
    unknown = [series("spanledger_slo_state", "1+0x20", state="unknown")]
    labels = {"severity": "ticket", "service": "shop", "state": "unknown"}
    assert alerting(tmp_path, unknown, "SloUnknown", labels, fires=True)
    assert alerting(
        tmp_path, [series("spanledger_slo_state", "0+0x20", state="unknown")], "SloUnknown", {}, fires=False
    )
    assert alerting(tmp_path, [], "SloAbsent", {"severity": "ticket"}, fires=True)


def alerting(tmp_path: Path, given: list[dict[str, str]], alert: str, labels: dict[str, str], *, fires: bool) -> bool:
    """Whether the tool finds this alert, and no other of its name, after a quarter of an hour."""
    rules = yaml.safe_load(text({}))
    for rule in rules["groups"][0]["rules"]:
        rule.pop("annotations", None)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    expected = [{"exp_labels": {"slo": "calls", **labels}}] if fires else []
    case = {"eval_time": "15m", "alertname": alert, "exp_alerts": expected}
    tests = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": given, "alert_rule_test": [case]}],
    }
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(tests))
    return "SUCCESS" in promtool("test", "rules", str(tmp_path / "tests.yaml"))


def test_the_rules_ask_for_metrics_that_are_served(database: Database):
    insert(database, "ledger", [line(n, NOON - n * SECOND, error_type="x" if n % 2 else None) for n in range(1, 200)])
    register.add(database, [(GIVEN | {"service": "shop"}, None)], NOON, "tests")
    watch = Watch(database)
    watch.tick(NOON)
    served = {(each.name, *sorted(each.labels)) for each in slo_samples.samples(watch.standing)}
    calls = (("service", "shop"), ("slo", "calls"))
    for length in ("3600s", "300s"):
        assert ("spanledger_slo_burn_rate", *sorted((*calls, ("window", length)))) in served
    assert ("spanledger_slo_pair_firing", *sorted((*calls, *PAGE.items()))) in served
