"""Routes over HTTP: which alerts go where, in which order they are asked; for administrators to change.

Never: a change without its row in the audit trail.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request, Response

from spanledger_server.api import answers, parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.notifications import who
from spanledger_server.api.notifications_examples import ROUTE, example
from spanledger_server.auth import audit
from spanledger_server.notify import routes as kept_routes
from spanledger_server.notify.office import Notifications
from spanledger_server.notify.routes import Kept

RouteId = Annotated[str, Path(description="its id or its name; default for the one that takes what is left")]
Given = Annotated[dict[str, Any], Body(description="name, matchers, severities, channels and the rest")]


def router(office: Notifications) -> APIRouter:
    """Reading, for readers; changing, for administrators."""
    routes = APIRouter(tags=["notifications"])

    @routes.get("/api/v1/routes", responses=example({"items": [ROUTE], "next_cursor": None}))
    def listed(store: Store) -> Response:
        """All routes in the order in which they are asked; the default one is the last."""
        with store.reader() as reader:
            items = [shown(each) for each in kept_routes.listed(reader)]
        return answers.answer({"items": items, "next_cursor": None})

    @routes.get("/api/v1/routes/{route_id}", responses=example(ROUTE))
    def one(route_id: RouteId, store: Store) -> Response:
        """One route."""
        with store.reader() as reader:
            return answers.answer(shown(kept_routes.one(reader, route_id)))

    @routes.post("/api/v1/routes", status_code=201, responses=example(ROUTE, 201))
    def create(body: Given, store: Store, now_ns: NowNs, request: Request) -> Response:
        """A new route, behind the others unless it says its position."""
        with store.transaction() as tx:
            made = kept_routes.add(tx, body, now_ns, who(request))
            audit.record(tx, now_ns, who(request), "route.created", made.route.route_id, {"after": made.told()})
        office.delivery.wake()
        return answers.answer(shown(made), 201)

    @routes.put("/api/v1/routes/{route_id}", responses=example(ROUTE))
    def change(route_id: RouteId, body: Given, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Another definition for a route; alerts that fire follow it at once. `version`: the one you have seen."""
        seen = parameters.version(body.pop("version", None))
        with store.transaction() as tx:
            before = kept_routes.one(tx, route_id)
            after = kept_routes.change(tx, before, body, now_ns, who(request), seen=seen)
            detail = {"before": before.told(), "after": after.told()}
            audit.record(tx, now_ns, who(request), "route.changed", after.route.route_id, detail)
        office.delivery.wake()
        return answers.answer(shown(after))

    @routes.delete("/api/v1/routes/{route_id}", status_code=204)
    def delete(route_id: RouteId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Forget a route."""
        with store.transaction() as tx:
            gone = kept_routes.one(tx, route_id)
            kept_routes.delete(tx, gone)
            audit.record(tx, now_ns, who(request), "route.deleted", gone.route.route_id, {"before": gone.told()})
        office.delivery.wake()
        return Response(status_code=204)

    return routes


def shown(kept: Kept) -> dict[str, Any]:
    """A route as answers have it."""
    return {
        "id": kept.route.route_id,
        **kept.told(),
        "version": kept.version,
        "created_at": answers.when(kept.created_ns or None),
        "updated_at": answers.when(kept.updated_ns or None),
        "updated_by": kept.updated_by or None,
    }
