"""What stands, in the store: read once when the planner begins, then written with every plan.

Given a plan, writes what it changes in one transaction, and gives what stands afterwards.

Never: what stands in memory ahead of what is committed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import pyarrow as pa

from spanledger_server.notify.policy import Plan, Planned
from spanledger_server.notify.standing import Alert, Hold, Incident, Key, Sent, Standing, Told
from spanledger_server.notify.written import event_of, event_text, message_text
from spanledger_server.otlp.columns import uuid_field
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction
from spanledger_server.timegrid import DAY_NS, HOUR_NS

SQL = sqlfile.load(__package__)

REMEMBERED_NS: Final = 7 * DAY_NS  # how long a cooldown may be
NOBODY: Final = "[]"
MOST_EVENTS: Final = 20_000  # at once


def _schema(**types: pa.DataType | None) -> pa.Schema:
    """Columns by name; None stands for a UUID."""
    return pa.schema([uuid_field(name) if kind is None else pa.field(name, kind) for name, kind in types.items()])


_TEXT, _NUMBER, _FLAG = pa.string(), pa.int64(), pa.bool_()
_ALERTS: Final = _schema(
    alert_id=None,
    fires=_FLAG,
    fired_ns=_NUMBER,
    ended_ns=_NUMBER,
    acks=_TEXT,
    flapping=_FLAG,
    body=_TEXT,
    kept=_FLAG,
)
_TOLD: Final = _schema(
    channel_id=_TEXT,
    alert_id=None,
    dedup_key=_TEXT,
    incident_id=_TEXT,
    severity=_TEXT,
    acked=_FLAG,
    flapping=_FLAG,
    over=_FLAG,
    turns=_NUMBER,
    first_ns=_NUMBER,
    fired_ns=_NUMBER,
)
_INCIDENTS: Final = _schema(
    channel_id=_TEXT,
    incident_id=_TEXT,
    group=_TEXT,
    digest=_FLAG,
    opened_ns=_NUMBER,
    told_ns=_NUMBER,
    started_ns=_NUMBER,
    messages=_NUMBER,
    severity=_TEXT,
    closed=_FLAG,
)
_HOLDS: Final = _schema(channel_id=_TEXT, alert_id=None, reason=_TEXT, detail=_TEXT, until_ns=_NUMBER)
_ENDED: Final = _schema(channel_id=_TEXT, alert_id=None)
_MESSAGES: Final = _schema(
    number=_NUMBER,
    notification_id=None,
    channel_id=_TEXT,
    incident_id=_TEXT,
    status=_TEXT,
    severity=_TEXT,
    title=_TEXT,
    body=_TEXT,
    alert_ids=pa.list_(pa.string()),
    rules=pa.list_(pa.string()),
    made_ns=_NUMBER,
    breach_ns=_NUMBER,
)


def read(reader: Reader, now_ns: int) -> Standing:
    """What stands, as it was committed."""
    alerts = [_alert(row) for row in reader.rows(SQL["standing_alerts"])]
    told = [Told(**row) for row in reader.rows(SQL["standing_told"])]
    incidents = [Incident(**row) for row in reader.rows(SQL["standing_incidents"])]
    holds = [Hold(**row) for row in reader.rows(SQL["standing_holds"])]
    heard = reader.tuples(SQL["heard"], after_ns=now_ns - REMEMBERED_NS)
    sent: dict[str, tuple[Sent, ...]] = {}
    for channel_id, made_ns, rules in reader.tuples(SQL["sent_lately"], after_ns=now_ns - HOUR_NS):
        sent[channel_id] = (*sent.get(channel_id, ()), Sent(made_ns, frozenset(rules)))
    return Standing(
        alerts={alert.alert_id: alert for alert in alerts},
        told={(each.channel_id, each.alert_id): each for each in told},
        incidents={(each.channel_id, each.incident_id): each for each in incidents},
        holds={(each.channel_id, each.alert_id): each for each in holds},
        heard={(channel_id, key): (at_ns, severity) for channel_id, key, at_ns, severity in heard},
        sent=sent,
    )


def _alert(row: Mapping[str, Any]) -> Alert:
    acks = tuple((begin_ns, end_ns) for begin_ns, end_ns in json.loads(row["acks"]))
    return Alert(event_of(row["body"]), row["fires"], row["fired_ns"], row["ended_ns"], acks, row["flapping"])


def after(standing: Standing, plan: Plan, now_ns: int) -> tuple[Standing, frozenset[UUID]]:
    """What stands once a plan is carried out, and the alerts that are forgotten: over, and nobody waits for their end.

    Args:
        standing: What stood, with the newest events.
        plan: What was decided.
        now_ns: The time.
    """
    told = standing.told | {(each.channel_id, each.alert_id): each for each in plan.told}
    waited = {each.alert_id for each in told.values() if not each.over}
    done = frozenset(key for key, alert in standing.alerts.items() if not alert.fires and key not in waited)
    incidents = standing.incidents | {(each.channel_id, each.incident_id): each for each in plan.incidents}
    known = {(each.channel_id, each.incident_id) for each in told.values() if not each.over}
    heard = {(each.channel_id, each.dedup_key): (each.fired_ns, each.severity) for each in plan.told}
    sent = {
        channel_id: recent
        for channel_id, each in standing.sent.items()
        if (recent := tuple(one for one in each if 0 <= now_ns - one.at_ns < HOUR_NS))
    }
    for planned in plan.messages:
        if planned.rules:
            sent[planned.channel_id] = (*sent.get(planned.channel_id, ()), Sent(now_ns, planned.rules))
    return (
        Standing(
            alerts={key: alert for key, alert in standing.alerts.items() if key not in done},
            told={key: each for key, each in told.items() if key[1] not in done},
            incidents={key: each for key, each in incidents.items() if key in known},
            holds={key: each for each in plan.holds if (key := (each.channel_id, each.alert_id))[1] not in done},
            heard={key: each for key, each in (standing.heard | heard).items() if now_ns - each[0] < REMEMBERED_NS},
            sent=sent,
        ),
        done,
    )


def write(
    tx: Transaction, before: Standing, standing: Standing, plan: Plan, done: frozenset[UUID], now_ns: int
) -> None:
    """Write what a plan changes.

    Args:
        tx: The writer's turn.
        before: What stood, with the newest events.
        standing: What stands from now on.
        plan: What was decided.
        done: The alerts that are forgotten.
        now_ns: The time.
    """
    changed = [before.alerts[key] for key in before.fresh | done if key in before.alerts]
    if changed:
        with tx.scan(
            "changed_alerts", _table(_ALERTS, [(*_alert_row(each), each.alert_id not in done) for each in changed])
        ):
            tx.execute(SQL["forget_alerts"])
            tx.execute(SQL["keep_alerts"])
    if plan.told:
        with tx.scan("changed_told", _columns(_TOLD, plan.told)):
            tx.execute(SQL["forget_told"])
            tx.execute(SQL["keep_told"])
    closed = [each for key, each in before.incidents.items() if key not in standing.incidents]
    incidents = {(each.channel_id, each.incident_id): each for each in (*_closed(closed), *plan.incidents)}
    if incidents:
        with tx.scan("changed_incidents", _columns(_INCIDENTS, list(incidents.values()))):
            tx.execute(SQL["forget_incidents"])
            tx.execute(SQL["keep_incidents"])
    _write_holds(tx, before.holds, standing.holds, now_ns)
    add_messages(tx, plan.messages, now_ns)


def add_messages(tx: Transaction, messages: Sequence[Planned], now_ns: int) -> None:
    """Put messages to be sent behind all that there are."""
    if messages:
        rows = [_message_row(number, each, now_ns) for number, each in enumerate(messages)]
        with tx.scan("new_notifications", _table(_MESSAGES, rows)):
            tx.execute(SQL["add_notifications"])


def changes(before: Standing, standing: Standing, plan: Plan) -> bool:
    """Whether there is anything to write."""
    return bool(
        before.fresh or plan.messages or plan.told or plan.incidents or len(before.alerts) != len(standing.alerts)
    ) or (before.holds != standing.holds or before.incidents.keys() != standing.incidents.keys())


def begun(before: Mapping[Key, Hold], holds: Mapping[Key, Hold]) -> list[Hold]:
    """The reasons to be silent that are new."""
    return [each for key, each in holds.items() if before.get(key) != each]


def _write_holds(tx: Transaction, before: Mapping[Key, Hold], holds: Mapping[Key, Hold], now_ns: int) -> None:
    ended = [key for key, each in before.items() if holds.get(key) != each]
    if ended:
        with tx.scan("ended_holds", _table(_ENDED, [(channel_id, alert_id.bytes) for channel_id, alert_id in ended])):
            tx.execute(SQL["end_holds"], now_ns=now_ns)
    new = begun(before, holds)
    if new:
        with tx.scan("begun_holds", _columns(_HOLDS, new)):
            tx.execute(SQL["begin_holds"], now_ns=now_ns)


def _closed(incidents: Sequence[Incident]) -> list[Incident]:
    return [replace(each, closed=True) for each in incidents]


def _alert_row(alert: Alert) -> tuple[Any, ...]:
    acks = json.dumps(alert.acks) if alert.acks else NOBODY
    key, event = alert.alert_id.bytes, event_text(alert.event)
    return key, alert.fires, alert.fired_ns, alert.ended_ns, acks, alert.flapping, event


def _message_row(number: int, planned: Planned, now_ns: int) -> tuple[Any, ...]:
    message = planned.message
    return (
        number,
        message.notification_id.bytes,
        planned.channel_id,
        message.incident_id,
        message.status,
        message.severity,
        message.title,
        message_text(message),
        [str(alert_id) for alert_id in planned.alert_ids],
        sorted(planned.rules),
        now_ns,
        planned.breach_ns,
    )


def _columns(schema: pa.Schema, rows: Sequence[Told | Incident | Hold]) -> pa.Table:
    """The attributes of these that the schema names."""
    columns = [[getattr(row, name) for row in rows] for name in schema.names]
    return pa.table(
        [[each.bytes for each in column] if isinstance(column[0], UUID) else column for column in columns],
        schema=schema,
    )


def _table(schema: pa.Schema, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema=schema)
