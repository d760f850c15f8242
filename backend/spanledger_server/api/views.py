"""Kept views over HTTP: one's own, and those that an administrator shares with everybody.

A reader keeps views too: what a page shows is theirs to choose. Sharing, and changing what is shared, is an
administrator's. The body that keeps one is what the list gives of it, so that a view can be taken elsewhere.

Never: a change without its row in the audit trail.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger_server.api import answers
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.auth import audit
from spanledger_server.auth.roles import Role
from spanledger_server.errors import Forbidden
from spanledger_server.views import view
from spanledger_server.views.view import View

EXAMPLE: Final[dict[str, Any]] = {
    "view_id": "b1946ac92492d234",
    "name": "Failing chats",
    "page": "/traces",
    "query": "from=now-24h&f=status%3Aerror&f=operation%3Achat",
    "owner": "admin",
    "mine": True,
    "shared": True,
    "created_at": "2026-11-21T12:00:00Z",
    "updated_at": "2026-11-21T12:00:00Z",
}
Id = Annotated[str, Path(description="view_id of the list")]

router = APIRouter(tags=["views"])


class Kept(BaseModel):
    """The body that keeps a view."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(description=f"1 to {view.MOST_NAME} characters")
    page: str = Field(description="the page's path: " + ", ".join(view.PAGES))
    query: str = Field("", description="what stands behind the question mark of the page's address")
    shared: bool = Field(False, description="whether everybody sees it; an administrator's choice")


def _example(value: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status: {"content": {"application/json": {"example": value}}}}


@router.get("/api/v1/views", responses=_example({"items": [EXAMPLE], "next_cursor": None}))
def listed(request: Request, store: Store) -> Response:
    """Your own views and those that are shared, by name."""
    with store.reader() as reader:
        found = view.listed(reader, _who(request))
    return answers.answer({"items": [_shown(each, request) for each in found], "next_cursor": None})


@router.get("/api/v1/views/{view_id}", responses=_example(EXAMPLE))
def one(view_id: Id, request: Request, store: Store) -> Response:
    """A view that is yours or shared."""
    with store.reader() as reader:
        return answers.answer(_shown(view.found(reader, view_id, _who(request)), request))


@router.post("/api/v1/views", status_code=201, responses=_example(EXAMPLE, 201))
def keep(body: Kept, request: Request, store: Store, now_ns: NowNs) -> Response:
    """Keep a view of a page under a name."""
    content = view.content(body.name, body.page, body.query)
    new = View(secrets.token_hex(8), *content, _who(request), body.shared, now_ns, now_ns)
    _check(new, request)
    with store.transaction() as tx:
        view.keep(tx, new)
        audit.record(tx, now_ns, new.owner, "view.kept", new.view_id, {"before": None, "after": new.told()})
    return answers.answer(_shown(new, request), 201)


@router.put("/api/v1/views/{view_id}", responses=_example(EXAMPLE))
def change(view_id: Id, body: Kept, request: Request, store: Store, now_ns: NowNs) -> Response:
    """Keep another name, page or address for a view; its owner stays the same."""
    name, page, query = view.content(body.name, body.page, body.query)
    with store.transaction() as tx:
        old = view.found(tx, view_id, _who(request))
        new = replace(old, name=name, page=page, query=query, shared=body.shared, updated_ns=now_ns)
        _check(old, request)
        _check(new, request)
        view.keep(tx, new)
        audit.record(tx, now_ns, _who(request), "view.changed", view_id, {"before": old.told(), "after": new.told()})
    return answers.answer(_shown(new, request))


@router.delete("/api/v1/views/{view_id}", status_code=204)
def remove(view_id: Id, request: Request, store: Store, now_ns: NowNs) -> Response:
    """Forget a view."""
    with store.transaction() as tx:
        old = view.found(tx, view_id, _who(request))
        _check(old, request)
        view.remove(tx, view_id)
        audit.record(tx, now_ns, _who(request), "view.removed", view_id, {"before": old.told(), "after": None})
    return Response(status_code=204)


def _check(one: View, request: Request) -> None:
    """Whether the caller may change this view, or make it.

    Raises:
        Forbidden: Everybody sees it, and the caller is no administrator.
    """
    if one.shared and request.state.caller.role is not Role.ADMIN:
        raise Forbidden("a view that everybody sees is kept, changed and forgotten with the role admin")


def _who(request: Request) -> str:
    """The owner: a token's name, which stays when the token is rotated."""
    return request.state.caller.name or "nobody"


def _shown(one: View, request: Request) -> dict[str, Any]:
    return {
        "view_id": one.view_id,
        "name": one.name,
        "page": one.page,
        "query": one.query,
        "owner": one.owner,
        "mine": one.owner == _who(request),
        "shared": one.shared,
        "created_at": answers.when(one.created_ns),
        "updated_at": answers.when(one.updated_ns),
    }
