"""Who names a channel: rules, routes and escalations; it is not deleted behind their back.

Never: a list that leaves out a rule because it is disabled.
"""

from __future__ import annotations

from typing import Final

from spanledger_server.errors import Conflict
from spanledger_server.notify import escalations, routes
from spanledger_server.notify.channels.register import Stored
from spanledger_server.rules import register as rules
from spanledger_server.store.database import Reader

MOST_TOLD: Final = 10


def users(reader: Reader, channel: Stored) -> list[str]:
    """Everything that names the channel, by its id or its name: ``the rule 'slow'``."""
    names = {channel.channel_id, channel.name}
    found = [f"the rule {each.name!r}" for each in rules.listed(reader) if names & set(each.notification_channels)]
    found += [f"the route {each.route.name!r}" for each in routes.listed(reader) if names & set(each.route.channels)]
    for each in escalations.listed(reader):
        if any(names & set(step.channels) for step in each.escalation.steps):
            found.append(f"the escalation {each.escalation.name!r}")
    return found


def check_unused(reader: Reader, channel: Stored) -> None:
    """Refuse to delete a channel that something names.

    Raises:
        Conflict: Naming who does.
    """
    named = users(reader, channel)
    if named:
        more = f" and {len(named) - MOST_TOLD} others" if len(named) > MOST_TOLD else ""
        told = ", ".join(named[:MOST_TOLD]) + more
        raise Conflict(
            f"the channel {channel.name!r} is named by {told}: change them first, or delete it with force=true"
        )
