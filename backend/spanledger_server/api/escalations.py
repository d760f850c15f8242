"""Escalations over HTTP: who is told next when nobody takes care; for administrators to change.

Never: a change without its row in the audit trail.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request, Response

from spanledger_server.api import answers, parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.notifications import who
from spanledger_server.api.notifications_examples import ESCALATION, example
from spanledger_server.auth import audit
from spanledger_server.notify import escalations
from spanledger_server.notify.escalations import Kept
from spanledger_server.notify.office import Notifications

EscalationId = Annotated[str, Path(description="its id or its name")]
Given = Annotated[dict[str, Any], Body(description="name, steps (delay_seconds, channels) and repeats")]


def router(office: Notifications) -> APIRouter:
    """Reading, for readers; changing, for administrators."""
    routes = APIRouter(tags=["notifications"])
    _reading(routes)
    _changing(routes, office)
    return routes


def _reading(routes: APIRouter) -> None:
    @routes.get("/api/v1/escalations", responses=example({"items": [ESCALATION], "next_cursor": None}))
    def listed(store: Store) -> Response:
        """All escalations, by name."""
        with store.reader() as reader:
            items = [shown(each) for each in escalations.listed(reader)]
        return answers.answer({"items": items, "next_cursor": None})

    @routes.get("/api/v1/escalations/{escalation_id}", responses=example(ESCALATION))
    def one(escalation_id: EscalationId, store: Store) -> Response:
        """One escalation."""
        with store.reader() as reader:
            return answers.answer(shown(escalations.one(reader, escalation_id)))


def _changing(routes: APIRouter, office: Notifications) -> None:
    @routes.post("/api/v1/escalations", status_code=201, responses=example(ESCALATION, 201))
    def create(body: Given, store: Store, now_ns: NowNs, request: Request) -> Response:
        """A new escalation; a route leads to it by its id."""
        with store.transaction() as tx:
            made = escalations.add(tx, body, now_ns, who(request))
            key, after = made.escalation.escalation_id, escalations.definition(made.escalation)
            audit.record(tx, now_ns, who(request), "escalation.created", key, {"after": after})
        return answers.answer(shown(made), 201)

    @routes.put("/api/v1/escalations/{escalation_id}", responses=example(ESCALATION))
    def change(escalation_id: EscalationId, body: Given, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Other steps for an escalation; alerts that fire follow them at once. `version`: the one you have seen."""
        seen = parameters.version(body.pop("version", None))
        with store.transaction() as tx:
            before = escalations.one(tx, escalation_id)
            made = escalations.change(tx, before, body, now_ns, who(request), seen=seen)
            detail = {
                "before": escalations.definition(before.escalation),
                "after": escalations.definition(made.escalation),
            }
            audit.record(tx, now_ns, who(request), "escalation.changed", made.escalation.escalation_id, detail)
        office.delivery.wake()
        return answers.answer(shown(made))

    @routes.delete("/api/v1/escalations/{escalation_id}", status_code=204)
    def delete(escalation_id: EscalationId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Forget an escalation that no route leads to."""
        with store.transaction() as tx:
            gone = escalations.one(tx, escalation_id)
            escalations.delete(tx, gone)
            detail = {"before": escalations.definition(gone.escalation)}
            audit.record(tx, now_ns, who(request), "escalation.deleted", gone.escalation.escalation_id, detail)
        return Response(status_code=204)


def shown(kept: Kept) -> dict[str, Any]:
    """An escalation as answers have it."""
    return {
        "id": kept.escalation.escalation_id,
        **escalations.definition(kept.escalation),
        "version": kept.version,
        "created_at": answers.when(kept.created_ns),
        "updated_at": answers.when(kept.updated_ns),
        "updated_by": kept.updated_by,
    }
