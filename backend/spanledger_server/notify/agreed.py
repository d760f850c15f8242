"""The terms as they are kept: routes, preferences and escalations, read together.

Never: half of them, or two of different moments.
"""

from __future__ import annotations

from collections.abc import Mapping

from spanledger_server.notify import escalations, preferences, routes
from spanledger_server.notify.terms import Known, Terms
from spanledger_server.store.database import Reader


def terms(reader: Reader, channels: Mapping[str, Known]) -> Terms:
    """What holds now.

    Args:
        reader: A snapshot.
        channels: Those that there are, by id.
    """
    escalated = {each.escalation.escalation_id: each.escalation for each in escalations.listed(reader)}
    return Terms(
        routes=[each.route for each in routes.listed(reader)],
        channels=channels,
        preferences=[preferences.preference(each.admin, each.given) for each in preferences.listed(reader)],
        escalations=escalated,
    )
