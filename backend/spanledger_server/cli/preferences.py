"""`spanledger preferences`: what whoever asks wants to hear, when, and how often.

Never: anybody else's.
"""

from __future__ import annotations

from typing import Any, Final

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import Asked, watched
from spanledger_server.cli.terminal import say

PATH: Final = "/api/admin/monitoring/preferences"
SEVERITIES: Final = ("critical", "error", "warning", "info")
KINDS: Final = ("email", "sms", "slack")


@click.command()
@watched
def preferences(asked: Asked) -> None:
    """What you want to hear of alerts, when, and how often."""
    answer = asked.client.get(PATH)
    asked.show(answer, lambda console: _show(console, answer.data))


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
