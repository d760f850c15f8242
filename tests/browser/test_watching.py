"""What fires, on the page that is open anyway; what happened, on charts; checks and rules, kept by their forms."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import scene
from tests.browser.conftest import Visit
from tests.support.inside import Inside
from tests.support.waiting import until

SOON_MS = 30_000
RULE = {"name": "Too many failures", "condition": "error_rate > 0.001", "severity": "critical", "duration_seconds": 0}
SENT = {"labels": {"alertname": "TelemetryDropped", "severity": "critical", "service": "agent"}}


@pytest.fixture(scope="module")
def watched(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A backend with calls, a deployment and an alert that fires."""
    server = Inside(tmp_path_factory.mktemp("watched"), "--tick", "2s").start()
    try:
        scene.send(server, scene.quarter_hour(time.time_ns()), [])
        with server.client() as client:
            marker = {"service": "chat-api", "version": "1.8.0", "at": "now-6m", "url": "https://ci.example/42"}
            for path, body in (("rules", RULE), ("deployments", marker)):
                assert client.post(f"/api/v1/{path}", json=body).status_code == 201
            until(lambda: client.get("/api/v1/alerts?state=firing").json()["items"], 60, called="it fires")
        yield server
    finally:
        server.stop()


def test_an_alert_is_on_live_within_seconds_in_the_sentence_the_list_the_title_and_aloud(
    watched: Inside, visit: Visit
) -> None:
    visitor = visit(watched)
    card = visitor.page.get_by_role("region", name="Alerts")
    expect(card).to_contain_text("Too many failures")
    expect(visitor.find(".sentence")).to_contain_text("need")
    with watched.client() as client:
        assert client.post("/api/v2/alerts", json=[SENT]).status_code == 200
        expect(card).to_contain_text("TelemetryDropped", timeout=SOON_MS)
        expect(visitor.find(".sentence .button").first).to_contain_text(re.compile(r"View \d+ alerts"))
        expect(visitor.find("p[aria-live=polite]")).to_contain_text("Critical alert: TelemetryDropped")
        assert re.match(r"\(\d+\) Live", visitor.page.title())
        over = SENT | {"endsAt": datetime.now(UTC).isoformat()}
        assert client.post("/api/v2/alerts", json=[over]).status_code == 200
    expect(card).not_to_contain_text("TelemetryDropped", timeout=SOON_MS)
    assert visitor.accessibility() == []


def test_what_happened_is_marked_on_a_chart_said_in_its_table_and_leads_to_itself(
    watched: Inside, visit: Visit
) -> None:
    visitor = visit(watched, "/trends?period=hour")
    expect(visitor.find(".legend", has_text="deployment").first).to_be_visible()
    visitor.page.get_by_role("button", name=re.compile("View .* as table")).first.click()
    happened = visitor.page.get_by_role("region", name="What happened then, as table")
    expect(happened).to_contain_text("chat-api 1.8.0 went out")
    expect(happened).to_contain_text("incident")
    assert visitor.accessibility() == []
    happened.get_by_role("link", name=re.compile("chat-api 1.8.0")).click()
    expect(visitor.find(".deployment.chosen")).to_contain_text("1.8.0")
    expect(visitor.find(".marks .mark").first).to_be_visible()


def test_a_check_is_made_after_its_mistakes_are_told_looked_at_and_deleted(watched: Inside, visit: Visit) -> None:
    visitor = visit(watched, "/services")
    visitor.allowed = ["422"]
    visitor.page.get_by_role("button", name="New check").click()
    visitor.page.get_by_label("Name", exact=True).fill("a closed port")
    visitor.page.get_by_label("Kind").select_option("tcp")
    visitor.page.get_by_label("Target").fill("127.0.0.1:1")
    visitor.page.get_by_label("Every (s)").fill("1")
    visitor.page.get_by_role("button", name="Save and look").click()
    expect(visitor.find("#check-interval_s-wrong")).to_contain_text("5 to 86400")
    expect(visitor.page.get_by_label("Target")).to_have_value("127.0.0.1:1")
    visitor.page.get_by_label("Every (s)").fill("900")
    visitor.page.get_by_role("button", name="Save and look").click()
    expect(visitor.find("#check-form [role=status]")).to_contain_text("Connection refused")
    expect(visitor.find(".checks-table")).to_contain_text("a closed port")
    assert visitor.accessibility() == []
    visitor.page.get_by_role("button", name="Delete …").click()
    visitor.page.get_by_role("button", name="Delete it").click()
    expect(visitor.find(".checks-table")).not_to_contain_text("a closed port")


def test_a_rule_says_how_far_it_can_be_trusted_once_somebody_judged_its_alert(watched: Inside, visit: Visit) -> None:
    visitor = visit(watched, "/alerts")
    visitor.page.get_by_role("link", name=re.compile("Too many failures")).first.click()
    visitor.page.get_by_role("button", name="No, noise").click()
    expect(visitor.page.get_by_role("region", name="Was this useful?")).to_contain_text("1 did not")
    visitor.page.get_by_role("link", name="Its rule").click()
    trust = visitor.page.get_by_role("region", name="Can it be trusted?")
    expect(trust).to_contain_text("0 of 1 alert that somebody judged")
    visitor.page.get_by_role("button", name="Edit").click()
    visitor.page.get_by_label("Kind").select_option("budget")
    expect(visitor.page.get_by_label("Percent spent")).to_have_value("80")
    visitor.page.get_by_role("button", name="Cancel").click()
    assert visitor.accessibility() == []


def test_an_escalation_and_a_route_to_it_are_made_on_a_phone(watched: Inside, visit: Visit) -> None:
    visitor = visit(watched, "/alerts/routing?edit=escalation", phone=True, theme="dark")
    visitor.allowed = ["422"]
    visitor.page.get_by_label("Name").fill("on call")
    visitor.page.get_by_label("Steps").fill("soon: chat")
    visitor.page.get_by_role("button", name="Make it").click()
    expect(visitor.find(".form-wrong")).to_be_visible()
    visitor.page.get_by_label("Steps").fill("after 10 min: chat")
    visitor.page.get_by_role("button", name="Make it").click()
    expect(visitor.find(".way-list").nth(1)).to_contain_text("after 10 min: chat")
    visitor.page.get_by_role("button", name="New route").click()
    visitor.page.get_by_label("Name").fill("chat")
    visitor.page.get_by_label("Alerts whose labels are").fill("service=chat-*")
    visitor.page.get_by_label("When nobody acknowledges").select_option("on call")
    visitor.page.get_by_role("button", name="Make it").click()
    expect(visitor.find(".way-list").first).to_contain_text("service=chat-* → every channel · then on call")
    assert visitor.accessibility() == []
    until(lambda: not visitor.is_wider_than_its_window(), called="the page fits")
