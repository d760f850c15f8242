"""What alerts measure by now, for messages that come later than they fired: repeats, escalations, deferred ones.

Never: a value of an alert that has ended, or one that is the same as when it fired.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from spanledger_server.notify.event import Event
from spanledger_server.notify.policy import Plan, Planned
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import MINUTE_NS

SQL = sqlfile.load(__package__)
LATE_NS: Final = MINUTE_NS  # values are kept as often while an alert fires


def with_present(reader: Reader, plan: Plan) -> Plan:
    """The plan whose late messages say the present value as well."""
    late = {
        str(event.alert_id)
        for planned in plan.messages
        for event in planned.message.alerts
        if _is_late(event, planned.message.at_ns)
    }
    if not late:
        return plan
    values = {row["alert_id"]: row["value"] for row in reader.rows(SQL["present_values"], alert_ids=sorted(late))}
    return replace(plan, messages=tuple(_told(planned, values) for planned in plan.messages))


def _is_late(event: Event, at_ns: int) -> bool:
    return event.kind != "resolved" and event.value is not None and at_ns - event.at_ns >= LATE_NS


def _told(planned: Planned, values: dict[str, float]) -> Planned:
    message = planned.message
    alerts = tuple(
        replace(event, present=values[str(event.alert_id)])
        if _is_late(event, message.at_ns) and values.get(str(event.alert_id), event.value) != event.value
        else event
        for event in message.alerts
    )
    return planned if alerts == message.alerts else replace(planned, message=replace(message, alerts=alerts))
