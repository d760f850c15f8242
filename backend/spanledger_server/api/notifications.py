"""Messages over HTTP: what was told to whom, every attempt, why nothing was told, once more, and a try.

Never: an address or a secret of a channel.
"""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Body, Path, Query, Request, Response

from spanledger_server.api import answers, parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.notifications_examples import HELD, NOTIFICATION, TESTED, example
from spanledger_server.auth import audit
from spanledger_server.errors import Invalid
from spanledger_server.notify import history
from spanledger_server.notify.history import STATES, Wanted
from spanledger_server.notify.office import Notifications
from spanledger_server.notify.reading import Reading

ID: Final = "an id: 32 hexadecimal digits"
NotificationId = Annotated[str, Path(description="the id of a notification")]


def router(office: Notifications) -> APIRouter:
    """Reading for readers; once more, and a try, for administrators."""
    routes = APIRouter(tags=["notifications"])
    _reading(routes)
    _sending(routes, office)
    return routes


def _reading(routes: APIRouter) -> None:
    listing = {"items": [NOTIFICATION], "next_cursor": None, "held": [HELD]}

    @routes.get("/api/v1/notifications", responses=example(listing))
    def notifications(
        store: Store,
        now_ns: NowNs,
        alert_id: Annotated[str | None, Query(description="that tell of this alert; answers also why not")] = None,
        channel: Annotated[str | None, Query(description="id or name of a channel")] = None,
        state: Annotated[str | None, Query(description="waiting, sending, delivered, parked or dropped")] = None,
        incident: Annotated[str | None, Query(description="id of an incident")] = None,
        from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-7d")] = None,
        to: Annotated[str | None, Query(description="RFC 3339 or now; not part of the window")] = None,
        limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
        cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    ) -> Response:
        """Messages, newest first, each with every attempt; of one alert also what held it back, where and when."""
        found_id, found_state, from_ns, to_ns, most, before = parameters.together(
            lambda: None if alert_id is None else identity("alert_id", alert_id),
            lambda: None if state is None else parameters.choice("state", state, STATES, ""),
            lambda: parameters.instant("from", from_, now_ns) if from_ is not None else 0,
            lambda: parameters.instant("to", to, now_ns) if to is not None else parameters.LATEST_NS,
            lambda: parameters.limit(limit),
            lambda: _before(cursor),
        )
        wanted = Wanted(found_id, channel, found_state, incident, from_ns, to_ns)
        with store.reader() as reader:
            rows = history.page(reader, wanted, before, most + 1)
            held = history.holds(reader, found_id) if found_id is not None else None
        body = {
            "items": [shown(row) for row in rows[:most]],
            "next_cursor": str(rows[most - 1]["place"]) if len(rows) > most else None,
            "held": None if held is None else [_held(row) for row in held],
        }
        return answers.answer(body)

    @routes.get("/api/v1/notifications/{notification_id}", responses=example(NOTIFICATION))
    def notification(notification_id: NotificationId, store: Store) -> Response:
        """One message: what it says, and every attempt."""
        with store.reader() as reader:
            found = history.one(reader, identity("notification_id", notification_id))
        said = found["body"]
        more = {
            "text": said["text"],
            "omitted": said["omitted"],
            "listed": [
                {"id": UUID(each["alert_id"]), "title": each["title"], "kind": each["kind"]} for each in said["alerts"]
            ],
        }
        return answers.answer(shown(found) | more)


def _sending(routes: APIRouter, office: Notifications) -> None:
    @routes.post("/api/v1/notifications/{notification_id}/retry", responses=example(NOTIFICATION))
    def retry(notification_id: NotificationId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Send a message once more, at once, that was parked or dropped, or waits."""
        key = identity("notification_id", notification_id)
        with store.transaction() as tx:
            before = office.retry(tx, key, now_ns)
            detail = {"before": {"state": before["state"], "reason": before["reason"]}, "after": {"state": "waiting"}}
            audit.record(tx, now_ns, who(request), "notification.retried", key.hex, detail)
        with store.reader() as reader:
            return answers.answer(shown(history.one(reader, key)))

    @routes.post("/api/admin/monitoring/notifications/test", responses=example(TESTED))
    def test(
        store: Store,
        now_ns: NowNs,
        request: Request,
        body: Annotated[
            dict[str, Any] | None, Body(description="channels: ids, names or kinds; without it all that are enabled")
        ] = None,
    ) -> Response:
        """Send a test message through the queue to channels, and say what became of each."""
        reading = Reading(body or {}, ("channels", "channel"))
        names = (*reading.texts("channels", ()), *reading.texts("channel", ()))
        reading.done()
        with store.transaction() as tx:
            ids = office.test(tx, names, who(request), now_ns)
            detail = {"channels": names, "notifications": [each.hex for each in ids]}
            audit.record(tx, now_ns, who(request), "notification.tested", None, detail)
        items = [shown(each) for each in office.await_all(ids)]
        delivered = bool(items) and all(each["state"] == "delivered" for each in items)
        return answers.answer({"delivered": delivered, "items": items})


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A message as answers have it."""
    return {
        "id": row["notification_id"],
        "incident_id": row["incident_id"],
        "channel": {"id": row["channel_id"], "name": row["channel"], "type": row["kind"]},
        "status": row["status"],
        "severity": row["severity"],
        "title": row["title"],
        "alerts": row["alerts"],
        "state": row["state"],
        "reason": row["reason"],
        "made_at": answers.when(row["made_ns"]),
        "next_attempt_at": answers.when(row["next_ns"]) if row["state"] == "waiting" else None,
        "finished_at": answers.when(row["finished_ns"]),
        "lag_seconds": (row["finished_ns"] - row["breach_ns"]) / 1e9 if row["state"] == "delivered" else None,
        "attempts": [
            {
                "number": each["number"],
                "at": answers.when(each["at_ns"]),
                "took_ms": answers.milliseconds(each["took_ns"]),
                "outcome": each["outcome"],
                "reason": each["reason"],
            }
            for each in row["tried"]
        ],
    }


def identity(parameter: str, text: str) -> UUID:
    """An id.

    Raises:
        Invalid: It is none.
    """
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid(parameter, text, ID) from error


def who(request: Request) -> str:
    """The name of the caller's token."""
    return str(request.state.caller.name or "nobody")


def _held(row: dict[str, Any]) -> dict[str, Any]:
    channel = None if row["channel_id"] is None else {"id": row["channel_id"], "name": row["channel"]}
    return {
        "channel": channel,
        "reason": row["reason"],
        "detail": row["detail"],
        "from": answers.when(row["from_ns"]),
        "to": answers.when(row["to_ns"]),
        "until": answers.when(row["until_ns"]),
    }


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Invalid("cursor", cursor, parameters.CURSOR)
    return int(cursor)
