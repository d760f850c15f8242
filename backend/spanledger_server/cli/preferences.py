"""`spanledger preferences`: what whoever asks wants to hear, when, and how often; said and shown.

Never: anybody else's.
"""

from __future__ import annotations

from typing import Any, Final

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import WRONG_USAGE, Asked, asks, fail, watched
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.terminal import say

PATH: Final = "/api/admin/monitoring/preferences"
SEVERITIES: Final = ("critical", "error", "warning", "info")
KINDS: Final = ("email", "sms", "slack")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@click.group(cls=Listing)
def preferences() -> None:
    """What you want to hear of alerts. Without a command: list."""


@preferences.command(name="list")
@watched
def listed(asked: Asked) -> None:
    """What you want to hear, when, and how often."""
    answer = asked.client.get(PATH)
    asked.show(answer, lambda console: _show(console, answer.data))


@preferences.command(name="set")
@click.option("--channel", "channels", multiple=True, metavar="NAME=SEVERITY,…", help="What it may tell; repeated.")
@click.option("--all-channels", is_flag=True, help="Tell no channels apart any more.")
@click.option("--quiet", metavar="HH:MM-HH:MM", help="When to be left alone; `off`: never.")
@click.option("--timezone", metavar="ZONE", help="IANA zone of the quiet hours.")
@click.option("--quiet-day", "quiet_days", multiple=True, type=click.Choice(DAYS), help="Only on these; repeated.")
@click.option("--passes", multiple=True, type=click.Choice(SEVERITIES), help="What is told all the same; repeated.")
@click.option("--per-hour", type=click.IntRange(1, 1000), help="At most so many messages.")
@asks
def change(asked: Asked, **said: Any) -> None:
    """Say what you want to hear; what is not said stays as it is."""
    body: dict[str, Any] = {key: list(said[key]) for key in ("quiet_days",) if said[key]}
    body |= {"quiet_passes": list(said["passes"])} if said["passes"] else {}
    body |= {"timezone": said["timezone"]} if said["timezone"] else {}
    body |= {"max_alerts_per_hour": said["per_hour"]} if said["per_hour"] else {}
    body |= _quiet(said["quiet"]) if said["quiet"] else {}
    if said["all_channels"]:
        body["channels"] = None
    elif said["channels"]:
        body["channels"] = dict(map(_wanted, said["channels"]))
    if not body:
        fail("say at least one thing; `spanledger preferences set --help` lists them", WRONG_USAGE)
    answer = asked.client.put(PATH, body)
    asked.show(answer, lambda console: _show(console, answer.data))


def _wanted(text: str) -> tuple[str, list[str]]:
    name, equals, severities = text.rpartition("=")
    if not name or not equals:
        fail(f"--channel {text!r} is not NAME=SEVERITY,… such as night=critical,error", WRONG_USAGE)
    return name, [each for each in severities.split(",") if each]


def _quiet(text: str) -> dict[str, Any]:
    if text == "off":
        return {"quiet_hours_enabled": False}
    begin, dash, end = text.partition("-")
    if not begin or not dash or not end:
        fail(f"--quiet {text!r} is not HH:MM-HH:MM such as 22:00-07:00, or off", WRONG_USAGE)
    return {"quiet_hours_enabled": True, "quiet_start_time": begin, "quiet_end_time": end}


def _show(console: Console, data: dict[str, Any]) -> None:
    usual = "" if data["stored"] else " (usual: nothing was said yet)"
    say(console, f"{shown.text(data['admin_user'])}{usual}", "bold")
    if data["channels"] is not None:
        for channel, severities in data["channels"].items():
            say(console, f"  {shown.text(channel)}: {', '.join(severities)}")
    else:
        kinds = [kind for kind in KINDS if data[f"{kind}_notifications"]]
        severities = [each for each in SEVERITIES if data[f"{each}_alerts"]]
        say(console, f"  by {', '.join(kinds) or 'nothing'}: {', '.join(severities) or 'nothing'}")
    if data["quiet_hours_enabled"]:
        zone = data["timezone"] or "the server's zone"
        days = ", ".join(data["quiet_days"])
        say(console, f"  quiet from {data['quiet_start_time']} to {data['quiet_end_time']} in {zone}: {days}")
        say(console, f"  and still heard: {', '.join(data['quiet_passes']) or 'nothing'}")
    else:
        say(console, "  no quiet hours")
    most = data["max_alerts_per_hour"]
    say(console, "  any number of messages an hour" if most is None else f"  at most {most} messages an hour")
