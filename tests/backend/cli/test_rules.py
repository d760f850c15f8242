"""`spanledger rules` as a user runs it, against a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backend.cli.test_commands import refused, run, said
from tests.support.inside import Inside


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    running = Inside(tmp_path_factory.mktemp("watched")).start()
    try:
        yield running
    finally:
        running.stop()


def test_rules_are_listed_at_any_width(watched: Inside) -> None:
    text = said(watched, "rules")
    assert "Error Spike" in text
    assert "error_rate > 0.05 for 1" in text.replace("\u202f", " ")
    assert "No telemetry" not in said(watched, "rules", "list", "--enabled")
    assert {each["name"] for each in json.loads(said(watched, "rules", "--json"))["items"]} >= {"High Cost"}


def test_a_rule_is_made_shown_tried_switched_and_deleted(watched: Inside, tmp_path: Path) -> None:
    told = said(watched, "rules", "add", "fails", "error_rate > 5% for 5m", "--only", "service=shop", "--by", "model")
    assert "fails: error_rate > 0.05 for 5" in told
    shown = said(watched, "rules", "show", "fails")
    assert "filters: service=shop" in shown
    assert "is disabled" in said(watched, "rules", "disable", "fails")
    assert "is enabled" in said(watched, "rules", "enable", "fails")
    assert "nothing that it is about" in said(watched, "rules", "test", "fails")
    assert "\ufffd" not in said(watched, "rules", "test", "A model fails")
    assert run(watched, "rules", "test", "High Latency", "--check").returncode == 0
    assert "would not have fired" in said(
        watched, "rules", "backtest", "fails", "--from", "now-1h", "--threshold", "0.1"
    )
    assert "nothing to try" in said(watched, "rules", "suggest") or "tried: " in said(watched, "rules", "suggest")
    assert "fails is deleted" in said(watched, "rules", "delete", "fails")
    file = tmp_path / "rules.yaml"
    file.write_text("- {name: one, condition: requests > 5}\n- {name: two, expression: one}\n")
    assert len(said(watched, "rules", "add", "--file", str(file)).splitlines()) == 2
    wrong = run(watched, "rules", "add", "x", "error_rate > y")
    assert wrong.returncode == 2
    head, text, caret = wrong.stderr.splitlines()
    assert "at character 14, a number is expected" in head
    assert text.index("y") == caret.index("^")
    refused(run(watched, "rules", "add"), 2, "NAME and a CONDITION")


def test_suggestions_are_read_to_the_last_page(watched: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spanledger_server.api.rules.SUGGESTED_WITHIN_S", -1.0)  # a page tries one
    first = json.loads(said(watched, "rules", "suggest", "--json"))
    assert (first["tried"], first["next_cursor"] is None) == (1, False)
    told = said(watched, "rules", "suggest")
    assert f"{first['of']} tried: " in told
    assert "cursor" not in told


def test_defaults_are_listed_and_come_back_when_asked_for(watched: Inside) -> None:
    assert "enabled" in said(watched, "rules", "defaults", "llm")
    said(watched, "rules", "delete", "High Cost")
    assert "deleted" in said(watched, "rules", "defaults", "High Cost")
    assert "High Cost" in said(watched, "rules", "defaults", "--apply", "High Cost")
