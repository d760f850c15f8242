"""Incidents: alerts that fired together, and what else happened around them.

Given a time, groups the alerts that fired in it: one incident lasts while any of its alerts fires, and a little
longer. An incident is known by its first alert, and found by any of them. Its timeline holds what became of its
alerts, which versions went out before, which services were down, what was silenced, and what people wrote.

Never: an alert in two incidents.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from spanledger_server.alerts.state import RANKS
from spanledger_server.errors import NotFound
from spanledger_server.notify.event import Severity
from spanledger_server.silences import maintenance, silence
from spanledger_server.silences.matchers import all_hold
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range

SQL = sqlfile.load(__package__)

Kind = Literal["alert", "deployment", "health", "silence", "maintenance", "note"]

GAP_NS: Final = 5 * MINUTE_NS  # what begins so soon after the last one ended belongs to it
BEFORE_NS: Final = HOUR_NS  # so far back a deployment may explain it
LOOK_BACK_NS: Final = 7 * DAY_NS  # an incident that began earlier is shown from then on
MOST_ALERTS: Final = 20_000
MOST_LINES: Final = 2000


@dataclass(frozen=True, slots=True)
class Fired:
    """An alert that fired."""

    alert_id: UUID
    source: str
    name: str
    severity: Severity
    labels: Mapping[str, str]
    title: str | None
    fired_ns: int
    resolved_ns: int | None


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts that fired together, the first one first."""

    alerts: tuple[Fired, ...]

    @property
    def incident_id(self) -> UUID:
        """Of its first alert."""
        return self.alerts[0].alert_id

    @property
    def started_ns(self) -> int:
        """When the first one fired."""
        return self.alerts[0].fired_ns

    @property
    def ended_ns(self) -> int | None:
        """When the last one ended; None while one fires."""
        ends = [each.resolved_ns for each in self.alerts]
        return None if None in ends else max(end for end in ends if end is not None)

    @property
    def worst(self) -> Fired:
        """The first of those that are most severe."""
        return max(self.alerts, key=lambda each: RANKS[each.severity])

    @property
    def services(self) -> list[str]:
        """Which services its alerts name."""
        return sorted({name for each in self.alerts if (name := each.labels.get("service"))})


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened."""

    at_ns: int
    kind: Kind
    what: str
    text: str
    actor: str | None = None
    alert_id: UUID | None = None


def grouped(alerts: Sequence[Fired]) -> list[Incident]:
    """The incidents of alerts in the order in which they fired."""
    found: list[list[Fired]] = []
    until_ns: int | None = 0
    for each in alerts:
        if found and (until_ns is None or each.fired_ns <= until_ns + GAP_NS):
            found[-1].append(each)
            until_ns = None if until_ns is None or each.resolved_ns is None else max(until_ns, each.resolved_ns)
        else:
            found.append([each])
            until_ns = each.resolved_ns
    return [Incident(tuple(each)) for each in found]


def listed(reader: Reader, span: Range) -> list[Incident]:
    """The incidents that lasted in a time, those that began last first."""
    incidents = grouped(_fired(reader, Range(max(0, span.from_ns - LOOK_BACK_NS), span.to_ns)))
    return [each for each in reversed(incidents) if each.ended_ns is None or each.ended_ns >= span.from_ns]


def one(reader: Reader, alert_id: UUID, now_ns: int) -> Incident:
    """The incident to which an alert belongs.

    Raises:
        NotFound: There is no such alert, or it never fired.
    """
    fired_ns = reader.value(SQL["fired_at"], alert_id=str(alert_id))
    if fired_ns is None:
        raise NotFound(f"there is no incident {alert_id}")
    alerts = _fired(reader, Range(max(0, fired_ns - LOOK_BACK_NS), max(now_ns, fired_ns) + 1))
    incidents = grouped(alerts)
    return next(each for each in incidents if any(alert.alert_id == alert_id for alert in each.alerts))


def _fired(reader: Reader, span: Range) -> list[Fired]:
    rows = reader.rows(SQL["fired_alerts"], from_ns=span.from_ns, to_ns=span.to_ns, most=MOST_ALERTS)
    return [Fired(**{**row, "labels": json.loads(row["labels"])}) for row in rows]


def timeline(reader: Reader, incident: Incident, now_ns: int) -> list[Line]:
    """What happened around an incident, the oldest first; at most `MOST_LINES`, those of alerts first to go."""
    end_ns = incident.ended_ns if incident.ended_ns is not None else now_ns
    span = Range(max(0, incident.started_ns - BEFORE_NS), end_ns + GAP_NS)
    around = [
        *_deployments(reader, span),
        *_health(reader, span),
        *_silences(reader, incident, span, now_ns),
        *_maintenance(reader, incident, span),
        *_notes(reader, incident),
    ]
    lines = [*around, *_alerts(reader, incident, max(0, MOST_LINES - len(around)))]
    return sorted(lines, key=lambda line: line.at_ns)[:MOST_LINES]


def _alerts(reader: Reader, incident: Incident, most: int) -> Iterator[Line]:
    keys = [str(each.alert_id) for each in incident.alerts]
    names = {each.alert_id: each.name or "an alert without a name" for each in incident.alerts}
    for row in reader.rows(SQL["changes_of_alerts"], alert_ids=keys, most=most):
        said = f": {row['note']}" if row["note"] else ""
        text = f"{names[row['alert_id']]} {row['kind']}{said}"
        yield Line(row["at_ns"], "alert", row["kind"], text, row["actor"], row["alert_id"])


def _deployments(reader: Reader, span: Range) -> Iterator[Line]:
    for row in reader.rows(SQL["deployments"], from_ns=span.from_ns, to_ns=span.to_ns, service=None, most=MOST_LINES):
        where = f" in {row['environment']}" if row["environment"] else ""
        text = f"{row['service']} {row['version']} went out{where}"
        yield Line(row["at_ns"], "deployment", row["service"], text, row["actor"])


def _health(reader: Reader, span: Range) -> Iterator[Line]:
    for row in reader.rows(SQL["health_changes_between"], from_ns=span.from_ns, to_ns=span.to_ns, most=MOST_LINES):
        yield Line(row["at_ns"], "health", row["state"], f"{row['name']} is {row['state']}: {row['reason']}")


def _silences(reader: Reader, incident: Incident, span: Range, now_ns: int) -> Iterator[Line]:
    for each in silence.listed(reader, "any", now_ns):
        over = each.ends_ns <= span.from_ns or each.starts_ns >= span.to_ns
        if over or not _concerns(each.matchers, incident):
            continue
        matchers = ", ".join(matcher.told() for matcher in each.matchers)
        text = f"{matchers} silenced: {each.comment}"
        yield Line(max(each.starts_ns, span.from_ns), "silence", "silenced", text, each.created_by)
        if each.ends_ns < span.to_ns and each.ends_ns <= now_ns:
            yield Line(each.ends_ns, "silence", "ended", f"{matchers} silenced no more", each.updated_by)


def _maintenance(reader: Reader, incident: Incident, span: Range) -> Iterator[Line]:
    for each in maintenance.listed(reader):
        if not _concerns(each.plan.matchers, incident):
            continue
        for lasted in maintenance.between(each.plan, span):
            yield Line(lasted.from_ns, "maintenance", "begun", f"maintenance {each.plan.name} begins")
            if lasted.to_ns < span.to_ns:
                yield Line(lasted.to_ns, "maintenance", "ended", f"maintenance {each.plan.name} ends")


def _concerns(matchers: Sequence[Any], incident: Incident) -> bool:
    return any(all_hold(matchers, {"severity": each.severity, **each.labels}) for each in incident.alerts)


def _notes(reader: Reader, incident: Incident) -> Iterator[Line]:
    keys = [str(each.alert_id) for each in incident.alerts]
    for row in reader.rows(SQL["incident_notes"], incident_ids=keys):
        yield Line(row["at_ns"], "note", "note", row["note"], row["actor"])


def note(tx: Transaction, incident: Incident, text: str, actor: str, now_ns: int) -> None:
    """Write something beside an incident."""
    said = {"note": text, "actor": actor, "at_ns": now_ns}
    tx.execute(SQL["add_incident_note"], incident_id=str(incident.incident_id), **said)
