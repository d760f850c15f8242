"""Alerts as people and programs read them: lists in our form and in the seeds', one with its history.

Every alert says by `source` who judged it; a rule's own figures are null where its sender does not tell them.

Never: an alert whose labels are not shown as they came.
"""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from spanledger_server.alerts import by_hand, listed
from spanledger_server.alerts.listed import Alert, Position, Wanted
from spanledger_server.api import alerts_shown as shapes
from spanledger_server.api import answers, notifications, parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.errors import Invalid
from spanledger_server.notify import history as notify_history
from spanledger_server.silences import held
from spanledger_server.timegrid import Range

router = APIRouter(tags=["alerts"])

SEVERITIES: Final = ("info", "warning", "error", "critical")
STATUSES: Final = ("active", "resolved", "all")
SOURCES: Final = ("rule", "prometheus")
MOST_DELIVERIES: Final = 100
EVERYTHING: Final = Range(0, parameters.LATEST_NS)

Severity = Annotated[str | None, Query(description="info, warning, error or critical; default any")]
Limit = Annotated[str | None, Query(description="1 to 1000, default 100")]
After = Annotated[str | None, Query(description="next_cursor of the page before")]
AlertId = Annotated[str, Path(description="the id of an alert")]


def example(body: Any) -> dict[int | str, dict[str, Any]]:
    """A response example."""
    return {200: {"content": {"application/json": {"example": body}}}}


@router.get("/api/v1/alerts", responses=example({"items": [shapes.EXAMPLE], "next_cursor": None}))
def alerts(
    store: Store,
    now_ns: NowNs,
    state: Annotated[
        str | None,
        Query(description="active (not resolved), pending, firing, acknowledged, resolved, or any (default)"),
    ] = None,
    severity: Severity = None,
    source: Annotated[str | None, Query(description="who judged: rule or prometheus; default any")] = None,
    rule_id: Annotated[str | None, Query(description="only alerts of this rule")] = None,
    limit: Limit = None,
    cursor: After = None,
) -> Response:
    """Alerts, those that began last first."""
    chosen = parameters.choice("state", state, tuple(listed.STATES), "any")
    judged = None if source is None else parameters.choice("source", source, SOURCES, "rule")
    rule = None if rule_id is None else an_id("rule_id", rule_id)
    wanted = Wanted(chosen, _severity(severity), judged, rule)  # type: ignore[arg-type]  # one of the two
    question = ("alerts", chosen, severity, source, rule_id)
    return answers.answer(_page(store, wanted, question, limit, cursor, now_ns, shapes.shown, "items"))


@router.get("/api/v1/alerts/precision", responses=example({"items": [shapes.EXAMPLE_PRECISION], "next_cursor": None}))
def precision(
    store: Store,
    now_ns: NowNs,
    from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-7d; default now-30d")] = None,
) -> Response:
    """Of each rule that fired: how often, how much of it was judged and was useful, and what was held back and why."""
    since_ns = parameters.instant("from", from_ or "now-30d", now_ns)
    with store.reader() as reader:
        rows = by_hand.precision(reader, since_ns)
    items = [row | {"rule_id": row["rule_id"] and str(row["rule_id"]), "name": row["name"] or None} for row in rows]
    return answers.answer({"items": items, "next_cursor": None})


@router.get(
    "/api/v1/alerts/{alert_id}",
    responses=example(shapes.EXAMPLE | shapes.EXAMPLE_MORE),
)
def alert(store: Store, now_ns: NowNs, alert_id: AlertId) -> Response:
    """One alert, what it says, what became of it, and whom it was told: the newest hundred messages."""
    key = an_id("alert_id", alert_id)
    with store.reader() as reader:
        found, changes = listed.one(reader, key)
        shown = shapes.shown(found, held.holding(reader, now_ns)) | {"feedback": by_hand.judged_of(reader, key)}
        sent = notify_history.page(reader, notify_history.Wanted(alert_id=key), None, MOST_DELIVERIES)
    history = [shapes.change(row) for row in changes]
    deliveries = [notifications.shown(row) for row in sent]
    return answers.answer(shown | {"history": history, "story": shapes.story(found), "deliveries": deliveries})


@router.get(
    "/admin/monitoring/alerts",
    responses=example({"alerts": [shapes.EXAMPLE_SEED], "total": 1}),
)
def system_alerts(
    store: Store,
    severity: Severity = None,
    status: Annotated[str | None, Query(description="active (default), resolved or all")] = None,
) -> Response:
    """System alerts and warnings: the newest thousand, and how many there are."""
    chosen = parameters.choice("status", status, STATUSES, "active")
    wanted = Wanted("any" if chosen == "all" else chosen, _severity(severity))
    with store.reader() as reader:
        found = listed.page(reader, wanted, None, parameters.MOST_ITEMS)
        total = listed.count(reader, wanted)
    return answers.answer({"alerts": [shapes.of_system(each) for each in found], "total": total})


@router.get(
    "/api/admin/monitoring/alerts/active",
    responses=example({"alerts": [shapes.EXAMPLE], "total": 1, "next_cursor": None}),
)
def active_alerts(
    store: Store, now_ns: NowNs, severity: Severity = None, limit: Limit = None, cursor: After = None
) -> Response:
    """Alerts that are not resolved, those that began last first; acknowledged is a state here."""
    wanted = Wanted("active", _severity(severity))
    question = ("active alerts", severity)
    return answers.answer(_page(store, wanted, question, limit, cursor, now_ns, shapes.of_monitoring, "alerts"))


@router.get(
    "/api/admin/monitoring/alerts/history",
    responses=example({"alerts": [shapes.EXAMPLE], "total": 1, "next_cursor": None}),
)
def alert_history(
    store: Store,
    now_ns: NowNs,
    severity: Severity = None,
    from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-15m; default now-30d")] = None,
    to: Annotated[str | None, Query(description="RFC 3339 or now (default)")] = None,
    limit: Limit = None,
    cursor: After = None,
) -> Response:
    """Alerts that fired in a time, those that fire now too, those that began last first."""
    span = parameters.window(from_ or "now-30d", to, now_ns)
    wanted = Wanted("any", _severity(severity), from_ns=span.from_ns, to_ns=span.to_ns)
    question = ("alert history", severity, from_, to)
    return answers.answer(_page(store, wanted, question, limit, cursor, now_ns, shapes.of_monitoring, "alerts"))


def _page(
    store: Store,
    wanted: Wanted,
    question: tuple[Any, ...],
    limit: str | None,
    cursor: str | None,
    now_ns: int,
    show: Any,
    name: str,
) -> dict[str, Any]:
    """A page of alerts under that name, and how to ask for the next one."""
    place = parameters.cursor(cursor, question)
    after = None if place is None else Position(place.position[0], UUID(place.position[1]))
    most = parameters.limit(limit)
    with store.reader() as reader:
        found: list[Alert] = listed.page(reader, wanted, after, most + 1)
        total = {} if name == "items" else {"total": listed.count(reader, wanted)}
        holds = held.holding(reader, now_ns)
    following = None
    if len(found) > most:
        last = found[most - 1]
        position = (last.starts_ns, str(last.episode.alert_id))
        following = parameters.cursor_text(parameters.Cursor(EVERYTHING, position), question)
    return {name: [show(each, holds) for each in found[:most]], **total, "next_cursor": following}


def an_id(parameter: str, text: str) -> UUID:
    """The id that a text names.

    Raises:
        Invalid: It is none.
    """
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid(parameter, text, "an id, as the list has it") from error


def _severity(severity: str | None) -> Any:
    return None if severity is None else parameters.choice("severity", severity, SEVERITIES, "info")
