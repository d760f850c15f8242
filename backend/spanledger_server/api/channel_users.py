"""Who names a channel: rules, routes, escalations and preferences; it is not deleted or renamed behind their back.

Never: a list that leaves out a rule because it is disabled.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from spanledger_server.errors import Conflict
from spanledger_server.notify import escalations, preferences, routes
from spanledger_server.notify.channels.register import Stored
from spanledger_server.rules import register as rules
from spanledger_server.store.database import Reader

MOST_TOLD: Final = 10


def users(reader: Reader, names: Set[str]) -> list[str]:
    """Everything that names a channel by one of these names: ``the rule 'slow'``."""
    found = [f"the rule {each.name!r}" for each in rules.listed(reader) if names & set(each.notification_channels)]
    found += [f"the route {each.route.name!r}" for each in routes.listed(reader) if names & set(each.route.channels)]
    for each in escalations.listed(reader):
        if any(names & set(step.channels) for step in each.escalation.steps):
            found.append(f"the escalation {each.escalation.name!r}")
    for wish in preferences.listed(reader):
        if names & set(wish.given["channels"] or ()):
            found.append(f"the preferences of {wish.admin!r}")
    return found


def check_unused(reader: Reader, channel: Stored) -> None:
    """Refuse to delete a channel that something names.

    Raises:
        Conflict: Naming who does.
    """
    named = users(reader, {channel.channel_id, channel.name})
    if named:
        raise Conflict(
            f"the channel {channel.name!r} is named by {_told(named)}: change them first, or delete it with force=true"
        )


def check_renamed(reader: Reader, before: Stored, after: Stored) -> None:
    """Refuse another name for a channel that something knows by its name.

    Raises:
        Conflict: Naming who does.
    """
    named = users(reader, {before.name}) if after.name != before.name else []
    if named:
        raise Conflict(
            f"the channel {before.name!r} is known by that name to {_told(named)}: "
            f"let them say its id, {before.channel_id}, first"
        )


def _told(named: list[str]) -> str:
    more = f" and {len(named) - MOST_TOLD} others" if len(named) > MOST_TOLD else ""
    return ", ".join(named[:MOST_TOLD]) + more
