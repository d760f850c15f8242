"""What keeps alerts from being told, over HTTP: silences, maintenance windows, inhibitions.

Never: a change without its audit row.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from spanledger_server.api import answers, parameters
from spanledger_server.api import silences_bodies as bodies
from spanledger_server.api.alerts import After, Limit, an_id
from spanledger_server.api.alerts_changes import actor, done_by
from spanledger_server.api.deps import DefaultZone, NowNs, Store
from spanledger_server.api.parameters import Cursor
from spanledger_server.api.silences_bodies import (
    InhibitionBody,
    InhibitionChange,
    SilenceBody,
    SilenceChange,
    WindowBody,
    WindowChange,
)
from spanledger_server.silences import inhibition, maintenance, silence
from spanledger_server.timegrid import Range

SilenceId = Annotated[str, Path(description="the silence's id")]
WindowId = Annotated[str, Path(description="the window's id")]
InhibitionId = Annotated[str, Path(description="the inhibition's id")]


def _example(body: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status: {"content": {"application/json": {"example": body}}}}


def _page(items: list[Any]) -> dict[str, Any]:
    return {"items": items, "next_cursor": None}


@cache
def router() -> APIRouter:
    """Reading, for everybody; changing, for administrators."""
    routes = APIRouter(tags=["silences"])
    _silences(routes)
    _silences_changing(routes)
    _windows(routes)
    _windows_changing(routes)
    _inhibitions(routes)
    _inhibitions_changing(routes)
    return routes


def _silences(routes: APIRouter) -> None:
    @routes.get("/api/v1/silences", responses=_example(_page([bodies.SILENCE])))
    def silences(
        store: Store,
        now_ns: NowNs,
        state: Annotated[str | None, Query(description="active (default), pending, expired or any")] = None,
        limit: Limit = None,
        cursor: After = None,
    ) -> Response:
        """Silences, those that end last first."""
        chosen, most = parameters.together(
            lambda: parameters.choice("state", state, silence.STATES, "active"), lambda: parameters.limit(limit)
        )
        question = ("silences", chosen)
        place = parameters.cursor(cursor, question)
        with store.reader() as reader:
            known = silence.listed(reader, chosen, now_ns)
        behind = known if place is None else [each for each in known if _position(each) > place.position]
        last = Cursor(Range(0, 1), _position(behind[most - 1])) if len(behind) > most else None
        items = [bodies.silence(each, now_ns) for each in behind[:most]]
        next_cursor = None if last is None else parameters.cursor_text(last, question)
        return answers.answer({"items": items, "next_cursor": next_cursor})

    @routes.get("/api/v1/silences/{silence_id}", responses=_example(bodies.SILENCE))
    def one(silence_id: SilenceId, store: Store, now_ns: NowNs) -> Response:
        """One silence."""
        with store.reader() as reader:
            return answers.answer(bodies.silence(silence.one(reader, an_id("silence_id", silence_id)), now_ns))


def _position(each: silence.Silence) -> tuple[int, str]:
    return (-each.ends_ns, str(each.silence_id))


def _silences_changing(routes: APIRouter) -> None:
    @routes.post("/api/v1/silences", status_code=201, responses=_example(bodies.SILENCE, 201))
    def create(body: SilenceBody, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Tell nobody of alerts that match, until a time that is always said."""
        with store.transaction() as tx:
            made = bodies.silence(silence.add(tx, body.wish(now_ns), actor(request), now_ns), now_ns)
            done_by(tx, request, now_ns, "silence.created", made["id"], after=made)
        return answers.answer(made, 201)

    @routes.put("/api/v1/silences/{silence_id}", responses=_example(bodies.SILENCE))
    def change(silence_id: SilenceId, body: SilenceChange, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Other matchers, another end or comment for a silence that is not over."""
        key = an_id("silence_id", silence_id)
        with store.transaction() as tx:
            before = bodies.silence(silence.one(tx, key), now_ns)
            bodies.check_seen(body.updated_at, before)
            after = bodies.silence(silence.change(tx, key, body.wish(now_ns), actor(request), now_ns), now_ns)
            done_by(tx, request, now_ns, "silence.changed", str(key), before=before, after=after)
        return answers.answer(after)

    @routes.delete("/api/v1/silences/{silence_id}", responses=_example(bodies.SILENCE | {"state": "expired"}))
    def expire(silence_id: SilenceId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """End a silence now; it stays in the list of those that are over."""
        return answers.answer(expired(store, an_id("silence_id", silence_id), now_ns, request))


def expired(store: Store, key: UUID, now_ns: int, request: Request) -> dict[str, Any]:
    """The silence, ended.

    Raises:
        NotFound: There is none of that id.
        Conflict: It is over already.
    """
    with store.transaction() as tx:
        before = bodies.silence(silence.one(tx, key), now_ns)
        after = bodies.silence(silence.expire(tx, key, actor(request), now_ns), now_ns)
        done_by(tx, request, now_ns, "silence.expired", str(key), before=before, after=after)
    return after


def _windows(routes: APIRouter) -> None:
    @routes.get("/api/v1/maintenance", responses=_example(_page([bodies.WINDOW])))
    def windows(store: Store, now_ns: NowNs) -> Response:
        """All maintenance windows by name, whether they last now, and when they begin next."""
        with store.reader() as reader:
            return answers.answer(_page([bodies.window(each, now_ns) for each in maintenance.listed(reader)]))

    @routes.get("/api/v1/maintenance/{window_id}", responses=_example(bodies.WINDOW))
    def window(window_id: WindowId, store: Store, now_ns: NowNs) -> Response:
        """One maintenance window."""
        with store.reader() as reader:
            return answers.answer(bodies.window(maintenance.one(reader, an_id("window_id", window_id)), now_ns))


def _windows_changing(routes: APIRouter) -> None:
    @routes.post("/api/v1/maintenance", status_code=201, responses=_example(bodies.WINDOW, 201))
    def create(body: WindowBody, store: Store, now_ns: NowNs, zone: DefaultZone, request: Request) -> Response:
        """A time, once or again and again, in which nobody is told of alerts that match."""
        with store.transaction() as tx:
            made = bodies.window(maintenance.add(tx, body.plan(now_ns, zone), actor(request), now_ns), now_ns)
            done_by(tx, request, now_ns, "maintenance.created", made["id"], after=made)
        return answers.answer(made, 201)

    @routes.put("/api/v1/maintenance/{window_id}", responses=_example(bodies.WINDOW))
    def change(
        window_id: WindowId, body: WindowChange, store: Store, now_ns: NowNs, zone: DefaultZone, request: Request
    ) -> Response:
        """Another plan for a maintenance window."""
        key = an_id("window_id", window_id)
        plan = body.plan(now_ns, zone)
        with store.transaction() as tx:
            bodies.check_seen(body.updated_at, bodies.window(maintenance.one(tx, key), now_ns))
            found = maintenance.change(tx, key, plan, actor(request), now_ns)
            before, after = (bodies.window(each, now_ns) for each in found)
            done_by(tx, request, now_ns, "maintenance.changed", str(key), before=before, after=after)
        return answers.answer(after)

    @routes.delete("/api/v1/maintenance/{window_id}", status_code=204)
    def delete(window_id: WindowId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Take a maintenance window away, also while it lasts."""
        key = an_id("window_id", window_id)
        with store.transaction() as tx:
            before = bodies.window(maintenance.delete(tx, key), now_ns)
            done_by(tx, request, now_ns, "maintenance.deleted", str(key), before=before)
        return Response(status_code=204)


def _inhibitions(routes: APIRouter) -> None:
    @routes.get("/api/v1/inhibitions", responses=_example(_page([bodies.INHIBITION])))
    def inhibitions(store: Store) -> Response:
        """Which alerts hold back which, by name."""
        with store.reader() as reader:
            return answers.answer(_page([bodies.inhibition(each) for each in inhibition.listed(reader)]))

    @routes.get("/api/v1/inhibitions/{inhibition_id}", responses=_example(bodies.INHIBITION))
    def one(inhibition_id: InhibitionId, store: Store) -> Response:
        """One of them."""
        key = an_id("inhibition_id", inhibition_id)
        with store.reader() as reader:
            return answers.answer(bodies.inhibition(inhibition.one(reader, key)))


def _inhibitions_changing(routes: APIRouter) -> None:
    @routes.post("/api/v1/inhibitions", status_code=201, responses=_example(bodies.INHIBITION, 201))
    def create(body: InhibitionBody, store: Store, now_ns: NowNs, request: Request) -> Response:
        """While an alert that matches the source fires, nobody is told of those that match the target."""
        with store.transaction() as tx:
            made = bodies.inhibition(inhibition.add(tx, body.rule(), actor(request), now_ns))
            done_by(tx, request, now_ns, "inhibition.created", made["id"], after=made)
        return answers.answer(made, 201)

    @routes.put("/api/v1/inhibitions/{inhibition_id}", responses=_example(bodies.INHIBITION))
    def change(
        inhibition_id: InhibitionId, body: InhibitionChange, store: Store, now_ns: NowNs, request: Request
    ) -> Response:
        """Other matchers, labels or another name for an inhibition."""
        key, rule = an_id("inhibition_id", inhibition_id), body.rule()
        with store.transaction() as tx:
            found = inhibition.one(tx, key)
            before = bodies.inhibition(found)
            bodies.check_seen(body.updated_at, before)
            after = bodies.inhibition(inhibition.change(tx, found, rule, actor(request), now_ns))
            done_by(tx, request, now_ns, "inhibition.changed", str(key), before=before, after=after)
        return answers.answer(after)

    @routes.delete("/api/v1/inhibitions/{inhibition_id}", status_code=204)
    def delete(inhibition_id: InhibitionId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Take one away."""
        key = an_id("inhibition_id", inhibition_id)
        with store.transaction() as tx:
            before = bodies.inhibition(inhibition.delete(tx, key))
            done_by(tx, request, now_ns, "inhibition.deleted", str(key), before=before)
        return Response(status_code=204)
