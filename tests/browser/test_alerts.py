"""Alerts on the page: what fires, who takes care of it, what is silenced, who is told, and what rules would have done."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser import scene
from tests.browser.conftest import Visit
from tests.support.inside import Inside
from tests.support.waiting import until

RULES = (
    {"name": "Too many failures", "condition": "error_rate > 0.001", "severity": "critical", "duration_seconds": 0},
    {"name": "Slow answers", "condition": "p95_latency > 50", "severity": "warning", "duration_seconds": 0},
)


@pytest.fixture(scope="module")
def alarmed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A backend in which two rules fire."""
    server = Inside(tmp_path_factory.mktemp("alarmed"), "--tick", "2s").start()
    try:
        scene.send(server, scene.quarter_hour(time.time_ns()), [])
        with server.client() as client:
            for rule in RULES:
                assert client.post("/api/v1/rules", json=rule).status_code == 201
            until(lambda: firing(client) >= {rule["name"] for rule in RULES}, 60, called="both fire")
        yield server
    finally:
        server.stop()


def firing(client: httpx.Client) -> set[str]:
    return {each["rule_name"] for each in client.get("/api/v1/alerts?state=firing").json()["items"]}


@pytest.mark.parametrize(
    "path",
    ["/alerts", "/alerts/history", "/alerts/incidents", "/alerts/rules", "/alerts/silences", "/settings/channels"],
)
def test_its_pages_fit_a_phone_and_can_be_used_by_everybody(alarmed: Inside, visit: Visit, path: str) -> None:
    visitor = visit(alarmed, path, phone=True, theme="dark")
    expect(visitor.find("main .card").first).to_be_visible()
    expect(visitor.find("main .blank")).to_have_count(0)
    assert visitor.accessibility() == []
    until(lambda: not visitor.is_wider_than_its_window(), called="the page fits")


def test_an_alert_is_acknowledged_from_the_list_told_apart_and_taken_back(alarmed: Inside, visit: Visit) -> None:
    visitor = visit(alarmed, "/alerts")
    row = visitor.find(".alert-row", has_text="Slow answers")
    expect(visitor.find(".sentence")).to_have_class(re.compile("crit"))
    row.get_by_role("button", name="Ack").click()
    expect(row).to_contain_text("Acked")
    expect(visitor.find(".sentence")).to_contain_text("1 acknowledged")
    row.get_by_role("button", name="Undo ack").click()
    expect(row).to_contain_text("Firing")
    assert visitor.accessibility() == []


def test_an_alert_says_what_happens_and_takes_a_note(alarmed: Inside, visit: Visit) -> None:
    visitor = visit(alarmed, "/alerts")
    visitor.page.get_by_role("link", name=re.compile("Too many failures")).click()
    expect(visitor.find(".story .facts")).to_contain_text("Threshold")
    expect(visitor.page.get_by_role("region", name="Who was told")).to_contain_text("Nobody was told")
    visitor.page.get_by_role("textbox", name="Note").fill("<b>the provider is down</b>")
    visitor.page.get_by_role("button", name="Add note").click()
    expect(visitor.find(".timeline")).to_contain_text("<b>the provider is down</b>")
    assert visitor.accessibility() == []
    visitor.page.get_by_role("link", name="See it at that time").click()
    expect(visitor.find("h1")).not_to_have_text("Alert")


def test_alerts_that_fire_together_are_one_incident_with_a_timeline_and_notes(alarmed: Inside, visit: Visit) -> None:
    with alarmed.client() as client:
        client.post("/api/v1/deployments", json={"service": "chat-api", "version": "1.8.0"}).raise_for_status()
    visitor = visit(alarmed, "/alerts/incidents")
    visitor.find(".alert-row a").first.click()
    expect(visitor.find(".timeline")).to_contain_text("1.8.0")
    visitor.page.get_by_role("textbox", name="Note").fill("rolled back")
    visitor.page.get_by_role("button", name="Add note").click()
    expect(visitor.find(".timeline")).to_contain_text("rolled back")
    assert visitor.accessibility() == []


def test_an_alert_is_silenced_with_its_labels_and_the_silence_ended(alarmed: Inside, visit: Visit) -> None:
    visitor = visit(alarmed, "/alerts")
    visitor.allowed = ["422"]
    visitor.find(".alert-row", has_text="Slow answers").get_by_role("link", name="Silence").click()
    matchers = visitor.page.get_by_role("textbox", name="Alerts whose labels match")
    expect(matchers).to_have_value(re.compile('alertname="Slow answers"'))
    matchers.fill("not a matcher")
    visitor.page.get_by_role("textbox", name="Why").fill("we know")
    visitor.page.get_by_role("button", name="Silence", exact=True).click()
    expect(visitor.find("#silence-wrong")).not_to_be_empty()
    expect(visitor.page.get_by_role("textbox", name="Why")).to_have_value("we know")
    matchers.fill('alertname="Slow answers"')
    visitor.page.get_by_role("button", name="Silence", exact=True).click()
    expect(visitor.find(".silence-list")).to_contain_text("we know")
    visitor.page.get_by_role("link", name="Active").click()
    expect(visitor.find(".alert-row", has_text="Slow answers")).to_contain_text("Silenced")
    visitor.page.get_by_role("link", name="Silences").click()
    visitor.page.get_by_role("button", name="End now").click()
    expect(visitor.find(".silence-list")).to_contain_text("Over")


def test_a_rule_is_made_after_its_mistakes_are_told_tried_and_switched_off(alarmed: Inside, visit: Visit) -> None:
    visitor = visit(alarmed, "/alerts/rules")
    visitor.allowed = ["422", "400"]
    visitor.page.get_by_role("button", name="New rule").click()
    visitor.page.get_by_role("textbox", name="Name").fill("Dear hours")
    visitor.page.get_by_role("combobox", name="Condition").fill("hourly_cast > 5")
    visitor.page.get_by_role("button", name="Make the rule").click()
    expect(visitor.find(".mistakes")).to_contain_text("hourly_cost")
    expect(visitor.page.get_by_role("textbox", name="Name")).to_have_value("Dear hours")
    visitor.page.get_by_role("combobox", name="Condition").fill("hourly_cost > 5")
    visitor.page.get_by_role("button", name="Dry run over 7 days").click()
    expect(visitor.find(".replay")).to_contain_text("Dry run: it would")
    visitor.page.get_by_role("button", name="Make the rule").click()
    row = visitor.find(".rules-table tr", has_text="Dear hours")
    row.get_by_role("button", name="Test").click()
    expect(visitor.find(".replay")).to_contain_text("Nobody was told")
    visitor.page.get_by_role("switch", name="Dear hours is on").click()
    expect(visitor.page.get_by_role("switch", name="Dear hours is on")).not_to_be_checked()
    assert visitor.accessibility() == []


def test_a_channel_is_made_tested_and_deleted_and_its_secret_is_never_shown(alarmed: Inside, visit: Visit) -> None:
    visitor = visit(alarmed, "/settings/channels")
    visitor.page.get_by_role("button", name="New channel").click()
    visitor.page.get_by_label("Kind").select_option("webhook")
    visitor.page.get_by_label("Name").fill("a program")
    visitor.page.get_by_label("Address").fill("http://127.0.0.1:9/hook-a8f3")
    visitor.page.get_by_label("private network").check()
    visitor.page.get_by_role("button", name="Make the channel").click()
    row = visitor.find(".channel-list li", has_text="a program")
    expect(row).to_contain_text("Not tested")
    row.get_by_role("button", name="Test").click()
    expect(row).to_contain_text("Failing")
    assert "a8f3" not in visitor.page.content()
    row.get_by_role("button", name="Change a program").click()
    expect(row.locator("#channel-url-help")).to_contain_text("now http://127.0.0.1:9/…; empty: as it is")
    row.get_by_label("In use").uncheck()
    row.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Off")
    with alarmed.client() as client:
        rule = {"name": "Named", "condition": "hourly_cost > 1e6", "notification_channels": ["a program"]}
        assert client.post("/api/v1/rules", json=rule).status_code == 201
    visitor.allowed = ["409"]
    row.get_by_role("button", name="Delete a program …").click()
    row.get_by_role("button", name="Delete it").click()
    expect(row.get_by_role("alert")).to_contain_text("the rule 'Named': they would tell nobody there any more")
    row.get_by_role("button", name="Delete it").click()
    expect(row).to_have_count(0)
    visitor.page.get_by_role("link", name="Me", exact=True).first.click()
    visitor.page.get_by_label("Wait with messages").check()
    visitor.page.get_by_role("button", name="Keep").click()
    expect(visitor.find(".toast")).to_contain_text("Kept")


def test_several_alerts_are_chosen_taken_care_of_and_silenced_at_once(alarmed: Inside, visit: Visit) -> None:
    visitor = visit(alarmed, "/alerts")
    rows = visitor.find(".alert-row", has=visitor.page.get_by_role("checkbox"))
    expect(visitor.find(".alert-row", has_text="Slow answers")).to_be_visible()
    visitor.page.get_by_role("checkbox", name=re.compile("Choose Slow answers")).check()
    bar = visitor.page.get_by_role("group", name="Chosen alerts")
    expect(bar).to_contain_text("1 alert chosen")
    visitor.page.get_by_role("checkbox", name="All of the list").check()
    expect(visitor.find(".alert-row.chosen")).to_have_count(rows.count())
    bar.get_by_role("button", name="Acknowledge …").click()
    bar.get_by_label("For").select_option("1h")
    bar.get_by_label("Note").fill("both of them")
    assert visitor.accessibility() == []
    bar.get_by_role("button", name="Acknowledge", exact=True).click()
    expect(bar).to_have_count(0)
    for name in ("Slow answers", "Too many failures"):
        expect(visitor.find(".alert-row", has_text=name)).to_contain_text("Acked")
    visitor.page.get_by_role("checkbox", name=re.compile("Choose Slow answers")).check()
    visitor.page.get_by_role("checkbox", name=re.compile("Choose Too many failures")).check()
    bar.get_by_role("button", name="Undo ack").click()
    expect(visitor.find(".alert-row", has_text="Slow answers")).to_contain_text("Firing")
    visitor.page.get_by_role("checkbox", name=re.compile("Choose Slow answers")).check()
    visitor.page.get_by_role("checkbox", name=re.compile("Choose Too many failures")).check()
    bar.get_by_role("button", name="Silence …").click()
    expect(bar).to_contain_text('alertname="Slow answers" holds back 1 alert that fires now')
    bar.get_by_label("Why").fill("we know of both")
    assert visitor.accessibility() == []
    bar.get_by_role("button", name="Silence by 2 silences").click()
    for name in ("Slow answers", "Too many failures"):
        expect(visitor.find(".alert-row", has_text=name)).to_contain_text("Silenced")
    with alarmed.client() as client:
        made = client.get("/api/v1/silences").json()["items"]
        mine = [one for one in made if one["comment"] == "we know of both"]
        assert sorted(one["matchers"] for one in mine) == [
            ['alertname="Slow answers"'],
            ['alertname="Too many failures"'],
        ]
        for one in mine:
            client.delete(f"/api/v1/silences/{one['id']}").raise_for_status()
