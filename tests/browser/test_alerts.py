"""Alerts on the page: what fires, who takes care of it, what is silenced, who is told, and what rules would have done."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser import scene
from tests.browser.conftest import Visit
from tests.browser.scene import HOSTILE
from tests.support.inside import Inside
from tests.support.telemetry import NS, ledger_event, ledger_request
from tests.support.waiting import until

RULES = (
    {"name": "Too many failures", "condition": "error_rate > 0.001", "severity": "critical", "duration_seconds": 0},
    {"name": "Slow answers", "condition": "p95_latency > 50", "severity": "warning", "duration_seconds": 0},
)
HEARD = """(() => {
  globalThis.heard = 0;
  const real = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...all) { globalThis.heard += 1; return real.apply(this, all); };
})()"""


@pytest.fixture(scope="module")
def alarmed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A backend in which two rules fire."""
    server = Inside(tmp_path_factory.mktemp("alarmed"), "--tick", "2s", "--late-limit", "48h").start()
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


def test_what_i_am_told_is_a_grid_of_channels_and_severities(alarmed: Inside, visit: Visit) -> None:
    mine = {"name": HOSTILE, "type": "webhook", "url": "http://127.0.0.1:9/x", "allow_private": True}
    with alarmed.client() as client:
        for channel in ({**mine, "name": "desk"}, mine):
            made = client.post("/api/v1/channels", json=channel)
            assert made.status_code == 201, made.text
    visitor = visit(alarmed, "/settings", phone=True, theme="dark")
    visitor.allowed = ["422"]
    page = visitor.page
    page.get_by_label("Info on desk").uncheck()
    page.get_by_label("Warning on desk").uncheck()
    page.get_by_label("Wait with messages").check()
    page.get_by_label("From", exact=True).fill("23:30")
    page.get_by_label("Time zone", exact=True).fill("Mars/Olympus")
    page.get_by_label("Sun", exact=True).uncheck()
    words = visitor.find(".told-words")
    expect(words).to_contain_text("From 23:30 to 08:00 (Mars/Olympus), Mon, Tue, Wed, Thu, Fri and Sat: error, warning")
    page.get_by_role("button", name="Keep").click()
    expect(visitor.find("#told-timezone-wrong")).not_to_be_empty()
    expect(page.get_by_label("Warning on desk")).not_to_be_checked()
    page.get_by_label("Time zone", exact=True).fill("Asia/Tokyo")
    assert visitor.accessibility() == []
    for width in (320, 390):
        page.set_viewport_size({"width": width, "height": 844})
        until(lambda: not visitor.is_wider_than_its_window(), called=f"the grid fits into {width} px")
    page.get_by_role("button", name="Keep").click()
    expect(visitor.find(".toast")).to_contain_text("Kept")
    page.reload()
    expect(page.get_by_label("Info on desk")).not_to_be_checked()
    expect(page.get_by_label("Critical on desk")).to_be_checked()
    with alarmed.client() as client:
        kept = client.get("/api/admin/monitoring/preferences").json()
        assert kept["channels"]["desk"] == ["critical", "error"]
        assert (kept["quiet_start_time"], kept["timezone"], "sun" in kept["quiet_days"]) == (
            "23:30",
            "Asia/Tokyo",
            False,
        )
        usual = {"channels": None, "quiet_hours_enabled": False}
        assert client.put("/api/admin/monitoring/preferences", json=usual).status_code == 200
        for one in client.get("/api/v1/channels").json()["items"]:
            client.delete(f"/api/v1/channels/{one['id']}").raise_for_status()


def test_rules_are_suggested_from_what_was_seen_and_used_with_one_press(alarmed: Inside, visit: Visit) -> None:
    with alarmed.client() as client:
        off = {"name": "Any call that fails", "condition": "error_rate > 0.9", "enabled": False}
        assert client.post("/api/v1/rules", json=off).status_code == 201
        scene.send(alarmed, logs=scene.month(time.time_ns(), days=1, per_day=600))
        asked = {"rule": off["name"], "from": "now-7d"}
        replayed = partial(client.post, "/api/v1/rules/backtest", json=asked)
        until(lambda: replayed().json()["unknown_share"] < 0.98, 90, called="yesterday is rolled up")
    visitor = visit(alarmed, "/alerts/rules", theme="dark")
    card = visitor.page.get_by_role("region", name="Suggestions")
    look = card.get_by_role("button", name="Look for rules")
    expect(look).to_be_enabled()  # it waits for the list of rules, and a key does not wait for it
    look.press("Enter")
    expect(card.get_by_role("status").last).to_contain_text("tried", timeout=60_000)
    one = card.locator("li", has_text="Any call that fails")
    expect(one).to_contain_text("It would not have fired in")
    one.get_by_role("button", name="When: Any call that fails").click()
    expect(one.locator(".replay")).to_contain_text("Dry run:")
    visitor.run("scrollTo(0, 0)")
    assert visitor.accessibility() == []
    one.get_by_role("button", name="Switch it on: Any call that fails").click()
    expect(one).to_have_count(0)
    expect(visitor.page.get_by_role("switch", name="Any call that fails is on")).to_be_checked()


def test_suggestions_that_cannot_be_tried_say_so_and_a_viewer_may_look_but_not_use(
    alarmed: Inside, visit: Visit
) -> None:
    visitor = visit(alarmed, "/alerts/rules", phone=True, token=alarmed.token_for("viewer"))
    visitor.allowed = ["503"]
    card = visitor.page.get_by_role("region", name="Suggestions")
    visitor.page.route("**/rules/suggest", lambda route: route.fulfill(status=503, json={"detail": "it is busy"}))
    card.get_by_role("button", name="Look for rules").click()
    expect(card.get_by_role("alert")).to_contain_text("it is busy")
    visitor.page.unroute("**/rules/suggest")
    replay = {"fired": 0, "unknown_share": 0, "sentence": "would not have fired in 7 days", "episodes": []}
    whole = {"from": "2026-11-15T00:00:00Z", "to": "2026-11-22T00:00:00Z", "compared": [], "firing_minutes": 0}
    with alarmed.client() as client:
        one = next(each for each in client.get("/api/v1/rules").json()["items"] if not each["enabled"])
    on = {"kind": "on", "title": one["name"], "why": "It is there, and off.", "rank": 2, "rule": one, "body": None}
    page = {"items": [on | {"calmer": None, "replay": replay | whole}], "of": 1, "tried": 1, "noisy": 0, "unknown": 0}
    visitor.page.route("**/rules/suggest", lambda route: route.fulfill(json=page | {"next_cursor": None}))
    card.get_by_role("button", name="Look for rules").click()
    expect(card.locator("li").first).to_contain_text("would not have fired")
    expect(card.get_by_role("button", name="Switch it on").first).to_be_disabled()
    expect(card.get_by_role("status").last).to_contain_text("tried")
    assert visitor.accessibility() == []
    for width in (320, 390):
        visitor.page.set_viewport_size({"width": width, "height": 844})
        until(lambda: not visitor.is_wider_than_its_window(), called=f"the cards fit into {width} px")


def test_a_new_critical_alert_is_heard_where_somebody_wants_it(alarmed: Inside, visit: Visit) -> None:
    visitor = visit(alarmed, "/settings")
    switch = visitor.page.get_by_role("switch", name="Sound on a new critical alert")
    expect(switch).not_to_be_checked()
    visitor.run(HEARD)
    switch.check()
    until(lambda: visitor.run("globalThis.heard") == 2, called="it is heard once, as it will be")
    visitor.find(".rail").get_by_role("link", name="Live").click()
    expect(visitor.find(".sentence")).to_be_visible()
    visitor.run("globalThis.heard = 0")
    with alarmed.client() as client:
        rule = {"name": "Now", "condition": "error_rate > 0.001 over 1h", "severity": "critical", "duration_seconds": 0}
        assert client.post("/api/v1/rules", json=rule).status_code == 201
        until(lambda: visitor.run("globalThis.heard") == 2, 60, called="the alert is heard")
        until(lambda: "Now" in firing(client), called="it fires")
    visitor.page.reload()
    visitor.open("/settings")
    expect(switch).to_be_checked()


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


BESIDE = """(() => {
  const own = (node) => [...node.childNodes].some((one) => one.nodeType === 3 && one.data.includes('\ufffdgnidaer'));
  const place = (node) => node.getBoundingClientRect();
  const turned = (node, next) => place(next).width && place(next).left < place(node).right - 1 && place(next).top < place(node).bottom - 4;
  const named = [...document.querySelectorAll('main *')].filter(own);
  return [named.length, named.filter((node) => node.nextElementSibling && turned(node, node.nextElementSibling)).map((node) => node.outerHTML)];
})()"""


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_a_name_that_turns_the_direction_of_writing_turns_only_itself(
    phone: bool, alarmed: Inside, visit: Visit
) -> None:
    turning = "s \u202egnidaer \u2066\u200bمرحبا 🧾"
    now_ns = time.time_ns()
    lines = [ledger_event(cost="0.1", at_ns=now_ns - at * NS) for at in range(20)]
    assert alarmed.send("logs", ledger_request(*lines, service=turning)).status_code == 200
    rule = {"name": f"By service {phone}", "condition": "hourly_cost > 0 over 1h", "group_by": ["service"]}
    with alarmed.client() as client:
        client.post("/api/v1/rules", json=rule).raise_for_status()
        until(lambda: rule["name"] in firing(client), 60, called="the rule fires")
        visitor = visit(alarmed, "/settings", phone=phone)
        for path in ("/", "/services", "/traces", "/alerts", "/alerts/history", "/costs?group=service"):
            visitor.open(path)
            until(lambda: visitor.run(BESIDE)[0] > 0, 60, called=f"the name stands on {path}")
            assert visitor.run(BESIDE)[1] == [], path
            assert not visitor.is_wider_than_its_window(), path
        visitor.leave()
        client.delete(f"/api/v1/rules/{rule['name']}").raise_for_status()
