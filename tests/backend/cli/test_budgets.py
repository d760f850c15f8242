"""`spanledger budgets` and `spanledger projections` as a user runs them, against a real server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.backend.cli.test_commands import Done, refused, run, said
from tests.support.inside import Inside
from tests.support.telemetry import NS, ledger_event, ledger_request

HOUR = 3600 * NS


@pytest.fixture(scope="module")
def spent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A server that knows three days of calls, of which the last one has no price."""
    running = Inside(tmp_path_factory.mktemp("spent")).start()
    now_ns = time.time_ns()
    events = [ledger_event(cost="0.5", at_ns=now_ns - hour * HOUR) for hour in range(72)]
    running.send("logs", ledger_request(*events, ledger_event(cost=None, model="no-such-model")))
    try:
        yield running
    finally:
        running.stop()


def check(server: Inside, name: str) -> Done:
    return run(server, "budgets", "--check", "--budget", name)


def test_budgets_are_listed_with_what_was_spent_and_where_it_goes(spent: Inside):
    text = said(spent, "budgets")
    assert said(spent, "budgets", "list") == text
    assert "default" in text
    assert "degraded" in text
    assert "1 call has no known price" in text
    narrow = said(spent, "budgets", COLUMNS="80")
    assert all(len(line) <= 80 for line in narrow.splitlines()[:2])
    assert "\x1b" not in text
    listed = json.loads(said(spent, "budgets", "--json"))
    assert listed["items"][0]["status"]["unpriced_calls"] == 1


def test_a_budget_is_made_changed_checked_and_put_away(spent: Inside):
    told = said(spent, "budgets", "create", "mine", "--period", "weekly", "--limit", "1000.5", "--window", "rolling")
    assert "$1000.5 weekly for everything" in told
    assert check(spent, "mine").returncode == 0
    only = ("--only", "model=gpt-5", "--alert", "50", "--forecast", "90")
    assert "version 2" in said(spent, "budgets", "update", "mine", "--limit", "0.25", *only)
    failed = check(spent, "mine")
    assert (failed.returncode, "Exceeded by" in failed.stdout) == (3, True)
    (item,) = [one for one in json.loads(said(spent, "budgets", "--json"))["items"] if one["name"] == "mine"]
    assert (item["model"], item["limit_amount"], item["window"]) == ("gpt-5", 0.25, "rolling")
    assert (item["alert_at_50_percent"], item["alert_at_80_percent"], item["forecast_percent"]) == (True, False, 90)
    assert len(said(spent, "budgets", "history", "mine").splitlines()) == 3
    assert "mine is archived" in said(spent, "budgets", "archive", item["id"])
    assert "mine" not in said(spent, "budgets")
    assert "archived" in said(spent, "budgets", "--archived")


def test_what_cannot_be_is_told_in_one_line(spent: Inside):
    refused(run(spent, "budgets", "create", "x"), 2, "--period", "--limit")
    refused(run(spent, "budgets", "create", "x", "--period", "daily", "--limit", "many"), 2, "limit_amount")
    refused(
        run(spent, "budgets", "create", "x", "--period", "daily", "--limit", "1", "--only", "colour=red"), 2, "colour"
    )
    refused(run(spent, "budgets", "update", "nobody", "--limit", "1"), 2, "nobody")
    refused(run(spent, "budgets", "--budget", "nobody"), 2, "nobody")
    refused(run(spent, "budgets", "create", "default", "--period", "daily", "--limit", "1"), 1, "409", "default")


def test_projections_tell_what_they_stand_on(spent: Inside):
    text = said(spent, "projections")
    for words in ("by 20", "with 80", "budget default", "from ", "tried", "weekdays are not known yet", "against"):
        assert words in text, words
    assert said(spent, "projections", "--period", "today", "--group-by", "service", COLUMNS="80")
    assert json.loads(said(spent, "projections", "--json"))["projection"]["certain"] is True
    assert run(spent, "projections", "--check").returncode == 0
    assert "no budget is for exactly this" in said(spent, "projections", "-f", "model:gpt-5")


def test_where_nothing_was_spent_nothing_is_made_up(server: Inside):
    assert "Nothing was spent" in said(server, "projections")
    assert "$0" in said(server, "budgets")
