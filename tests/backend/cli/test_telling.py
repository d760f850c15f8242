"""`spanledger routes`, `escalations`, `inhibitions`, `maintenance`, `deployments`, `preferences` as users run them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.backend.cli.test_commands import refused, run, said
from tests.support.inside import Inside


def test_who_is_told_is_set_up_shown_and_taken_away_again(shared_server: Inside, tmp_path: Path):
    server, hook = shared_server, ("--type", "webhook", "--set", "url=http://127.0.0.1:9/x", "--allow-private")
    said(server, "channels", "add", "night", *hook)
    assert "on call: id " in said(
        server, "escalations", "add", "on call", "--step", "0s:night", "--step", "10m:night,day", "--repeats", "2"
    )
    assert "night, day" in said(server, "escalations")
    body = tmp_path / "route.yaml"
    body.write_text("name: chat\nmatchers: {service: ['chat-*']}\nescalation: on call\n")
    added = said(
        server,
        "routes",
        "add",
        "--file",
        str(body),
        "--channel",
        "night",
        "--only",
        "tenant=!acme",
        "--severity",
        "error",
    )
    assert "chat: id " in added
    listed = said(server, "routes")
    assert "service=chat-* tenant=!acme error" in " ".join(listed.split())
    assert "default" in listed
    assert "chat is disabled" in said(server, "routes", "disable", "chat")
    (route, _) = json.loads(said(server, "routes", "--json"))["items"]
    assert (route["enabled"], route["version"], route["channels"]) == (False, 2, ["night"])
    changed = said(server, "routes", "change", "chat", "--severity", "critical", "--escalation", "", "--continue")
    assert "chat: service=chat-* tenant=!acme critical" in changed
    assert "default: all" in said(server, "routes", "change", "default", "--by", "service")
    (route, default) = json.loads(said(server, "routes", "--json"))["items"]
    assert (route["version"], route["escalation"], route["continue"], route["enabled"]) == (3, None, True, False)
    assert (default["name"], default["group_by"]) == ("default", ["service"])
    said(server, "routes", "change", "chat", "--escalation", "on call", "--stop")
    said(server, "routes", "change", "default", "--by", "rule")
    said(server, "preferences", "set", "--channel", "night=critical")
    named = "the route 'chat', the escalation 'on call', the preferences of "
    assert "night is changed" in said(server, "channels", "change", "night", "--set", "format=alertmanager")
    refused(
        run(server, "channels", "change", "night", "--name", "late"), 1, "is known by that name", "the route 'chat'"
    )
    refused(run(server, "channels", "delete", "night"), 1, named, "force")
    assert "night is deleted" in said(server, "channels", "delete", "night", "--force")
    assert "chat is deleted" in said(server, "routes", "delete", "chat")
    assert "on call is deleted" in said(server, "escalations", "delete", "on call")


def test_maintenance_is_planned_changed_and_ended(shared_server: Inside):
    server = shared_server
    nightly = ("--at", "02:30", "--for", "45m", "--weekday", "sun", "--timezone", "Asia/Tokyo", "--comment", "copies")
    assert "copy: id " in said(server, "maintenance", "add", "copy", "service=db", *nightly)
    assert "until " in said(server, "maintenance", "add", "move", "team=shop", "--for", "1h", "--comment", "it moves")
    listed = " ".join(said(server, "maintenance").split())
    assert "02:30 Asia/Tokyo for 45 min on sun" in listed
    assert 'once team="shop"' in listed
    said(server, "maintenance", "change", "copy", "--for", "2h", "--month-day", "-1", "--match", "service=db2")
    said(server, "maintenance", "change", "move", "--for", "3h", "--comment", "it still moves")
    copy, move = json.loads(said(server, "maintenance", "list", "--json"))["items"]
    assert (copy["minutes"], copy["month_days"], copy["at"], copy["matchers"]) == (
        120,
        [-1],
        "02:30",
        ['service="db2"'],
    )
    assert (move["comment"], move["matchers"], move["now"] is None) == ("it still moves", ['team="shop"'], False)
    assert "move is over" in said(server, "maintenance", "end", "move")
    assert "copy does not come" in said(server, "maintenance", "end", copy["id"])
    (move,) = json.loads(said(server, "maintenance", "--json"))["items"]
    assert move["now"] is None
    refused(run(server, "maintenance", "end", "copy"), 1, "spanledger maintenance")
    refused(run(server, "maintenance", "add", "x", "a=b", "--comment", "why"), 2, "--for or --until")
    refused(run(server, "maintenance", "change", "move", "--at", "25:00", "--for", "5m"), 2, "a time of day")
    assert "move does not come" in said(server, "maintenance", "end", "move")


def test_what_holds_back_and_what_went_out_is_said_and_shown(shared_server: Inside):
    server = shared_server
    matchers = ("--source", "alertname=Down", "--target", "severity=~warning|info")
    made = said(server, "inhibitions", "add", "host", *matchers)
    key = made.strip().removeprefix("host: id ")
    assert 'severity=~"warning|info"' in said(server, "inhibitions")
    assert 'alertname="Gone"' in said(server, "inhibitions", "change", key, "--source", "alertname=Gone")
    assert "is deleted" in said(server, "inhibitions", "delete", key)
    marked = said(server, "deployments", "mark", "shop", "1.8.0", "--environment", "production", "--at", "now-5m")
    assert "shop 1.8.0 at " in marked
    assert "production" in said(server, "deployments", "list", "--service", "shop")
    assert "no quiet hours" in said(server, "preferences", "set", "--quiet", "off")
    quiet = ("--quiet", "22:00-07:00", "--timezone", "Asia/Tokyo", "--passes", "critical", "--per-hour", "6")
    said(server, "preferences", "set", *quiet)
    assert "quiet from 22:00 to 07:00 in Asia/Tokyo" in said(server, "preferences")
    refused(run(server, "preferences", "set", "--quiet", "night"), 2, "22:00-07:00")
    said(server, "preferences", "set", "--quiet", "off", "--all-channels")
    made = said(server, "silence", "add", "team=telling", "--for", "1h", "--comment", "moving")
    key = made.split()[1].rstrip(",")
    said(server, "silence", "change", key, "--for", "2h", "--comment", "still moving")
    (kept,) = json.loads(said(server, "silence", "list", "--json"))["items"]
    assert (kept["id"], kept["matchers"], kept["comment"]) == (key, ['team="telling"'], "still moving")
    said(server, "silence", "expire", key)
    assert json.loads(said(server, "alerts", "precision", "--json"))["items"] == []
    refused(run(server, "escalations", "add", "x", "--step", "soon:sms"), 2, "DELAY:CHANNEL")
    refused(run(server, "routes", "add", "x", "--only", "service"), 2, "LABEL=PATTERN")
