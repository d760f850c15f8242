"""What people do to alerts over HTTP: one by one, or many by ids or by a filter.

Never: a change without its audit row, or one that waits for the tick.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger_server.alerts import by_hand, listed
from spanledger_server.alerts.by_hand import Done, Who
from spanledger_server.alerts.listed import Wanted
from spanledger_server.api import alerts_shown as shapes
from spanledger_server.api import answers, parameters
from spanledger_server.api.alerts import AlertId, an_id, example
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.auth import audit
from spanledger_server.errors import Conflict, Invalid
from spanledger_server.silences import held, matchers
from spanledger_server.store.database import Reader, Transaction

MOST_NOTE: Final = 4000
MOST_AUDITED: Final = 100
AT_ONCE: Final = 1000  # of many, in one turn of the writer: others write between
DONE: Final = {"changed": [shapes.EXAMPLE_ID], "unchanged": []}

Note = Annotated[str | None, Field(max_length=MOST_NOTE, description="what is written beside it")]
Does = Callable[[Transaction, list[UUID], int | None, Who], Done]


class Said(BaseModel):
    """What may be said when somebody does something to an alert."""

    model_config = ConfigDict(extra="forbid")
    note: Note = None

    def until_ns(self, _now_ns: int) -> int | None:
        """When it ends by itself; None: it does not."""
        return None


class Taken(Said):
    """Taking care of an alert."""

    until: str | None = Field(None, description="RFC 3339, or now+2h; without it until the alert ends")
    for_: str | None = Field(None, alias="for", pattern=r"^\d{1,9}[smhdw]$", description="30m, 2h: in place of until")

    def until_ns(self, now_ns: int) -> int | None:
        """When the acknowledgement ends by itself.

        Raises:
            Invalid: It is no time to come.
        """
        if self.until is not None and self.for_ is not None:
            raise Invalid("for", self.for_, "one of until and for")
        text = self.until if self.for_ is None else f"now+{self.for_}"
        if text is None:
            return None
        found = parameters.instant("until" if self.for_ is None else "for", text, now_ns)
        if found <= now_ns:
            raise Invalid("until", text, "a time to come")
        return found


class Which(BaseModel):
    """Which alerts are meant, when there are many."""

    model_config = ConfigDict(extra="forbid")
    state: Literal["active", "firing", "acknowledged"] = "active"
    severity: Literal["info", "warning", "error", "critical"] | None = None
    source: Literal["rule", "prometheus"] | None = None
    rule_id: UUID | None = None
    matchers: list[str] = Field(default_factory=list, max_length=matchers.MOST_MATCHERS)


class Many(BaseModel):
    """Alerts by ids, or by a filter."""

    ids: list[UUID] | None = Field(None, min_length=1, max_length=by_hand.MOST)
    filter: Which | None = None

    def chosen(self, reader: Reader) -> list[UUID]:
        """The ids.

        Raises:
            Invalid: Both are given, or none.
            NotFound: One of the ids is of no alert.
        """
        if (self.ids is None) == (self.filter is None):
            raise Invalid("ids", None, "either ids or filter")
        if self.filter is None:
            return by_hand.existing(reader, self.ids or [])
        which = self.filter
        wanted = Wanted(which.state, which.severity, which.source, which.rule_id)
        return by_hand.chosen(reader, wanted, matchers.parse(which.matchers, "filter.matchers"))


class ManyTaken(Taken, Many):
    """Taking care of many."""


class ManySaid(Said, Many):
    """Doing something else to many."""


class Written(BaseModel):
    """A note."""

    model_config = ConfigDict(extra="forbid")
    note: str = Field(min_length=1, max_length=MOST_NOTE)


class Useful(BaseModel):
    """Whether an alert was useful."""

    model_config = ConfigDict(extra="forbid")
    useful: bool = Field(description="whether somebody had to know it when it came")
    note: Note = None


@cache
def router() -> APIRouter:
    """For administrators."""
    routes = APIRouter(tags=["alerts"])
    _taking(routes)
    _for_many(routes)
    _ending(routes)
    _writing(routes)
    return routes


def _acknowledge(tx: Transaction, ids: list[UUID], until_ns: int | None, who: Who) -> Done:
    return by_hand.acknowledge(tx, ids, until_ns, who)


def _unacknowledge(tx: Transaction, ids: list[UUID], _until_ns: int | None, who: Who) -> Done:
    return by_hand.unacknowledge(tx, ids, who)


def _resolve(tx: Transaction, ids: list[UUID], _until_ns: int | None, who: Who) -> Done:
    return by_hand.resolve(tx, ids, who)


def _taking(routes: APIRouter) -> None:
    @routes.post("/api/v1/alerts/{alert_id}/acknowledge", responses=example(shapes.EXAMPLE))
    @routes.post("/api/admin/monitoring/alerts/{alert_id}/acknowledge", responses=example(shapes.EXAMPLE))
    def acknowledge(
        alert_id: AlertId, store: Store, now_ns: NowNs, request: Request, body: Taken | None = None
    ) -> Response:
        """Take care of an alert that fires, until a time or until it ends; nobody else is called meanwhile."""
        return _one(_acknowledge, "acknowledged", alert_id, store, body or Taken.model_validate({}), now_ns, request)

    @routes.post("/api/v1/alerts/{alert_id}/unacknowledge", responses=example(shapes.EXAMPLE | {"acknowledged": None}))
    def unacknowledge(
        alert_id: AlertId, store: Store, now_ns: NowNs, request: Request, body: Said | None = None
    ) -> Response:
        """Take care of it no more."""
        return _one(_unacknowledge, "unacknowledged", alert_id, store, body or Said(), now_ns, request)


def _ending(routes: APIRouter) -> None:
    @routes.post("/api/v1/alerts/{alert_id}/resolve", responses=example(shapes.EXAMPLE | {"state": "resolved"}))
    def resolve(alert_id: AlertId, store: Store, now_ns: NowNs, request: Request, body: Said | None = None) -> Response:
        """End an alert; it fires again only after its condition was seen to be over."""
        return _one(_resolve, "resolved", alert_id, store, body or Said(), now_ns, request)


def _for_many(routes: APIRouter) -> None:
    @routes.post("/api/v1/alerts/acknowledge", responses=example(DONE))
    def acknowledge_many(body: ManyTaken, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Take care of many alerts, by ids or by a filter."""
        return _many(_acknowledge, "acknowledged", store, body, now_ns, request)

    @routes.post("/api/v1/alerts/unacknowledge", responses=example(DONE))
    def unacknowledge_many(body: ManySaid, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Take care of many alerts no more."""
        return _many(_unacknowledge, "unacknowledged", store, body, now_ns, request)

    @routes.post("/api/v1/alerts/resolve", responses=example(DONE))
    def resolve_many(body: ManySaid, store: Store, now_ns: NowNs, request: Request) -> Response:
        """End many alerts."""
        return _many(_resolve, "resolved", store, body, now_ns, request)


def _writing(routes: APIRouter) -> None:
    @routes.post(
        "/api/v1/alerts/{alert_id}/notes",
        status_code=201,
        responses={201: {"content": {"application/json": {"example": shapes.EXAMPLE_CHANGE | {"kind": "note"}}}}},
    )
    def note(alert_id: AlertId, body: Written, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Write something beside an alert; it stands in its history."""
        key, who = an_id("alert_id", alert_id), _who(request, now_ns, body.note)
        with store.transaction() as tx:
            by_hand.note(tx, key, who)
            audit.record(tx, now_ns, who.name, "alert.noted", str(key), {"note": body.note})
            _, changes = listed.one(tx, key)
        return answers.answer(shapes.change(changes[-1]), 201)

    @routes.post("/api/v1/alerts/{alert_id}/feedback", responses=example({"useful": 1, "not_useful": 0}))
    def feedback(alert_id: AlertId, body: Useful, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Say whether an alert was useful; the newest word of each person counts."""
        key, who = an_id("alert_id", alert_id), _who(request, now_ns, body.note)
        with store.transaction() as tx:
            by_hand.feedback(tx, key, body.useful, who)
            audit.record(tx, now_ns, who.name, "alert.judged", str(key), {"useful": body.useful, "note": body.note})
            return answers.answer(by_hand.judged_of(tx, key))


def _one(does: Does, what: str, alert_id: str, store: Store, body: Said, now_ns: int, request: Request) -> Response:
    key, who, until_ns = an_id("alert_id", alert_id), _who(request, now_ns, body.note), body.until_ns(now_ns)
    with store.transaction() as tx:
        before, _ = listed.one(tx, key)
        if not before.episode.standing.fires:
            raise Conflict(f"the alert {key} does not fire: it is {before.episode.standing.state}")
        does(tx, [key], until_ns, who)
        after, _ = listed.one(tx, key)
        shown = [shapes.shown(each, held.Held()) for each in (before, after)]
        kept = [{name: each[name] for name in ("state", "acknowledged")} for each in shown]
        detail = {"before": kept[0], "after": kept[1], "note": body.note}
        audit.record(tx, now_ns, who.name, f"alert.{what}", str(key), detail)
        return answers.answer(shapes.shown(after, held.holding(tx, now_ns)))


def _many(does: Does, what: str, store: Store, body: ManyTaken | ManySaid, now_ns: int, request: Request) -> Response:
    who, until_ns = _who(request, now_ns, body.note), body.until_ns(now_ns)
    with store.reader() as reader:
        chosen = body.chosen(reader)
    changed: list[str] = []
    left: list[str] = []
    for start in range(0, max(1, len(chosen)), AT_ONCE):
        with store.transaction() as tx:
            done = does(tx, chosen[start : start + AT_ONCE], until_ns, who)
            ids = [str(each) for each in done.changed]
            detail = {"changed": len(ids), "ids": ids[:MOST_AUDITED], "until": answers.when(until_ns)}
            audit.record(tx, now_ns, who.name, f"alerts.{what}", None, detail | {"note": body.note})
        changed += ids
        left += map(str, done.left)
    return answers.answer({"changed": changed, "unchanged": left})


def _who(request: Request, now_ns: int, note: str | None) -> Who:
    return Who(actor(request), now_ns, note)


def actor(request: Request) -> str:
    """Who asks."""
    return str(request.state.caller.name or "nobody")


def done_by(tx: Transaction, request: Request, now_ns: int, action: str, subject: str, **detail: Any) -> None:
    """The audit row of a change."""
    audit.record(tx, now_ns, actor(request), action, subject, detail)
