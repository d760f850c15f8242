"""Health checks over HTTP: made, changed, deleted and run by administrators, read by everybody.

Never: a change without its audit row, or a secret in an answer.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from spanledger_server.api import answers, health_bodies, parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.health_bodies import ChangedCheck, CheckBody
from spanledger_server.api.parameters import Cursor
from spanledger_server.auth import audit
from spanledger_server.errors import Invalid
from spanledger_server.health import past, register, standing, uptime
from spanledger_server.health.answer import STATES
from spanledger_server.health.kinds.all import KINDS
from spanledger_server.health.uptime import Times
from spanledger_server.health.watch import Health
from spanledger_server.timegrid import DAY_NS, Range

Id = Annotated[str, Path(description="the check's id, or its name")]
From = Annotated[str | None, Query(alias="from", description="RFC 3339 or now-7d; default now-1d")]
To = Annotated[str | None, Query(description="RFC 3339 or now (default)")]
Limit = Annotated[str | None, Query(description="1 to 1000, default 100")]
Page = Annotated[str | None, Query(description="next_cursor of the page before")]
BEATS: Final = 48


def router(health: Health) -> APIRouter:
    """Reading, for everybody; changing and running, for administrators."""
    routes = APIRouter(tags=["health"])
    _listing(routes, health)
    _one(routes, health)
    _over_time(routes, health)
    _changing(routes, health)
    return routes


def _example(name: str, status_code: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status_code: {"content": {"application/json": {"example": health_bodies.EXAMPLES[name]}}}}


def _listing(routes: APIRouter, health: Health) -> None:
    @routes.get("/api/v1/health/kinds", responses=_example("kinds"))
    def kinds() -> Response:
        """The kinds of checks: what each asks, what its target is, and its options."""
        return answers.answer({"items": health_bodies.kinds(), "next_cursor": None})

    @routes.get("/api/v1/health/checks", responses=_example("list"))
    def checks(
        store: Store,
        now_ns: NowNs,
        state: Annotated[str | None, Query(description="healthy, degraded, down or unknown")] = None,
        kind: Annotated[str | None, Query(description="only checks of this kind")] = None,
        service: Annotated[str | None, Query(description="only checks of this service")] = None,
        limit: Limit = None,
        cursor: Page = None,
    ) -> Response:
        """All checks by name: how each stands and why, its uptime and beats of the last 24 hours."""
        question = ("health checks", state, kind, service)
        most, place, _, _ = parameters.together(
            lambda: parameters.limit(limit),
            lambda: parameters.cursor(cursor, question),
            lambda: None if state is None else parameters.choice("state", state, STATES, ""),
            lambda: None if kind is None else parameters.choice("kind", kind, tuple(KINDS), ""),
        )
        known = [
            each
            for each in health.standing()
            if state in (None, each.standing.state)
            and kind in (None, each.kept.check.kind)
            and service in (None, each.kept.check.service)
        ]
        behind = known if place is None else [each for each in known if _position(each) > place.position]
        page, day = behind[:most], Range(max(0, now_ns - DAY_NS), now_ns)
        with store.reader() as reader:
            changes = standing.changes(reader, [each.kept.check_id for each in page], day)
        items = [
            health_bodies.shown(each, uptime.times(mine, day), uptime.beats(mine, day, BEATS))
            for each in page
            for mine in (changes.get(each.kept.check_id, []),)
        ]
        last = Cursor(Range(0, 1), _position(page[-1])) if len(behind) > most else None
        counts = Counter(each.standing.state for each in known)
        body = {
            "items": items,
            "next_cursor": None if last is None else parameters.cursor_text(last, question),
            "counts": {each: counts[each] for each in STATES},
        }
        return answers.answer(body)


def _position(looked: Any) -> tuple[str, str]:
    return (looked.kept.check.name.lower(), looked.kept.check_id)


def _one(routes: APIRouter, health: Health) -> None:
    @routes.get("/api/v1/health/checks/{check_id}", responses=_example("check"))
    def one(check_id: Id, store: Store, now_ns: NowNs) -> Response:
        """One check: how it stands and why, what its latest look found, and its uptime of the last 24 hours."""
        return answers.answer(_whole(health, store, check_id, now_ns))

    @routes.get("/api/v1/health/checks/{check_id}/history", responses=_example("history"))
    def history(
        check_id: Id,
        store: Store,
        now_ns: NowNs,
        from_: From = None,
        to: To = None,
        limit: Limit = None,
        cursor: Page = None,
    ) -> Response:
        """Every change of a check's state, newest first."""
        question = ("health history", check_id, from_, to)
        most, place, window = parameters.together(
            lambda: parameters.limit(limit),
            lambda: parameters.cursor(cursor, question),
            lambda: parameters.window(from_, to, now_ns, 86_400),
        )
        found = health.one(check_id).kept.check_id
        window, before = (window, None) if place is None else (place.window, place.position[0])
        seen = Range(window.from_ns, window.to_ns + (to is None))  # what just changed is part of it
        with store.reader() as reader:
            rows = past.history(reader, found, seen, before, most + 1)
        items = [{"at": answers.when(row["at_ns"]), "state": row["state"], "reason": row["reason"]} for row in rows]
        last = Cursor(window, (rows[most - 1]["number"],)) if len(rows) > most else None
        next_cursor = None if last is None else parameters.cursor_text(last, question)
        return answers.answer({"items": items[:most], "next_cursor": next_cursor})


def _over_time(routes: APIRouter, health: Health) -> None:
    @routes.get("/api/v1/health/checks/{check_id}/uptime", responses=_example("uptime"))
    def up(check_id: Id, store: Store, now_ns: NowNs, from_: From = None, to: To = None) -> Response:
        """The share of a window that a check was up, of the time that is known; and the window in 48 beats."""
        window, found = parameters.window(from_, to, now_ns, 86_400), health.one(check_id).kept.check_id
        seen = Range(window.from_ns, max(window.from_ns, min(window.to_ns, now_ns)))
        with store.reader() as reader:
            changes = standing.changes(reader, [found], seen).get(found, [])
        body = {
            "from": answers.when(window.from_ns),
            "to": answers.when(window.to_ns),
            **health_bodies.uptime(uptime.times(changes, seen)),
            "beats": [health_bodies.beat(each) for each in uptime.beats(changes, seen, BEATS)],
        }
        return answers.answer(body)

    @routes.get("/api/v1/health/checks/{check_id}/results", responses=_example("results"))
    def results(check_id: Id, store: Store, now_ns: NowNs, from_: From = None, to: To = None) -> Response:
        """What the looks of a window found, in even steps: answers by state, and how long those that came took."""
        window = parameters.window(from_, to, now_ns, 86_400)
        step_ns = past.step_ns(window)
        if step_ns is None:
            raise Invalid("from", from_, f"a window of at most {past.STEPS_NS[-1] * past.MOST_STEPS // DAY_NS} days")
        found = health.one(check_id).kept.check_id
        from_ns = window.from_ns // step_ns * step_ns
        with store.reader() as reader:
            rows = past.answers(reader, found, Range(from_ns, window.to_ns), step_ns)
        body = {
            "from": answers.when(from_ns),
            "to": answers.when(window.to_ns),
            "step_s": step_ns // 10**9,
            "items": [_answers(row, from_ns + row["part"] * step_ns) for row in rows],
            "next_cursor": None,
        }
        return answers.answer(body)


def _answers(row: dict[str, Any], at_ns: int) -> dict[str, Any]:
    mean_ns = row["latency_sum_ns"] / row["timed"] if row["timed"] else None
    taken = {"mean": mean_ns, "min": row["latency_min_ns"], "max": row["latency_max_ns"]}
    return {
        "at": answers.when(at_ns),
        **{state: int(row[state]) for state in STATES},
        "latency_ms": {name: None if each is None else each / 1e6 for name, each in taken.items()},
    }


def _changing(routes: APIRouter, health: Health) -> None:
    @routes.post("/api/v1/health/checks", status_code=201, responses=_example("check", 201))
    def create(body: CheckBody, store: Store, now_ns: NowNs, request: Request) -> Response:
        """A new check; its first look is within ten seconds."""
        with store.transaction() as tx:
            made = register.create(tx, body.given(), now_ns, _actor(request))
        health.reload()
        return answers.answer(_whole(health, store, made.check_id, now_ns), 201)

    @routes.put("/api/v1/health/checks/{check_id}", responses=_example("check"))
    def change(check_id: Id, body: ChangedCheck, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Another definition; what is left out is as in a new check, and `***` keeps what is secret."""
        health.settle()
        with store.transaction() as tx:
            made = register.change(tx, check_id, body.given(), now_ns, _actor(request), seen=body.version)
        health.reload()
        return answers.answer(_whole(health, store, made.check_id, now_ns))

    @routes.delete("/api/v1/health/checks/{check_id}", status_code=204)
    def delete(check_id: Id, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Forget a check; what changed in its time stays."""
        health.settle()
        with store.transaction() as tx:
            register.delete(tx, check_id, now_ns, _actor(request))
        health.reload()
        return Response(status_code=204)

    @routes.post("/api/v1/health/checks/{check_id}/run", responses=_example("check"))
    def run(check_id: Id, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Look now, wait for what is found, and count it like any other look."""
        kept = health.one(check_id).kept
        with store.transaction() as tx:
            audit.record(tx, now_ns, _actor(request), "health.check.run", kept.check_id, {"name": kept.check.name})
        looked = health.look_now(kept.check_id)
        return answers.answer(health_bodies.shown(looked, _times(store, kept.check_id, now_ns)))


def _whole(health: Health, store: Store, key: str, now_ns: int) -> dict[str, Any]:
    looked = health.one(key)
    return health_bodies.shown(looked, _times(store, looked.kept.check_id, now_ns))


def _times(store: Store, check_id: str, now_ns: int) -> Times:
    day = Range(max(0, now_ns - DAY_NS), now_ns)
    with store.reader() as reader:
        return standing.times(reader, [check_id], day).get(check_id, uptime.NO_TIME)


def _actor(request: Request) -> str:
    return str(request.state.caller.name or "nobody")
