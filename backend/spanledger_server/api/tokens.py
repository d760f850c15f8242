"""Tokens and the audit trail over HTTP.

Never: a secret in an answer but the one that is new, once.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger_server.api import answers, parameters
from spanledger_server.api.auth import Desk, caller_of
from spanledger_server.auth import audit
from spanledger_server.auth.roles import Role
from spanledger_server.auth.scope import Scope, names
from spanledger_server.auth.tokens import Token
from spanledger_server.errors import Invalid
from spanledger_server.settings import duration

CURSOR: Final = re.compile(r"(\d{1,18}|[1-8]\d{18})-(\d{1,18})", re.ASCII)
LONGEST_GRACE: Final = dt.timedelta(days=90)
MOST_NAMES: Final = 1000
EXAMPLE: Final = {
    "id": "3f2a9c10b7de",
    "name": "checkout",
    "role": "ingest",
    "state": "works",
    "services": ["checkout"],
    "tenants": None,
    "created_at": "2026-11-21T09:00:00Z",
    "expires_at": "2027-02-19T09:00:00Z",
    "revoked_at": None,
    "last_used_at": None,
    "replaces": None,
}
NEW_EXAMPLE: Final = {**EXAMPLE, "token": "sl_…"}
CHANGE_EXAMPLE: Final = {
    "at": "2026-11-21T09:00:00Z",
    "actor": "first admin",
    "action": "token.revoked",
    "subject": "3f2a9c10b7de",
    "detail": '{"after": null, "before": {"id": "3f2a9c10b7de", "name": "checkout", "role": "ingest"}}',
}
TokenId = Annotated[str, Path(description="the id, not the secret")]


class NewToken(BaseModel):
    """The body that asks for a token."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=1000)
    role: Role
    expires_at: str | None = Field(None, description="RFC 3339, or now+90d; without it, until it is revoked")
    services: list[str] | None = Field(
        None, max_length=MOST_NAMES, description="what an ingest token may send for, and a viewer see; null: all"
    )
    tenants: list[str] | None = Field(None, max_length=MOST_NAMES, description="the same, by tenant")


class Rotation(BaseModel):
    """The body that asks for a token in the place of another."""

    model_config = ConfigDict(extra="forbid")
    grace: str = Field(default="24h", max_length=40, description="how long the old one goes on, at most 90d")


def example(content: dict[str, Any]) -> dict[str, Any]:
    """How an answer looks, for the API's description."""
    return {"content": {"application/json": {"example": content}}}


def router(desk: Desk) -> APIRouter:
    """Tokens; for administrators."""
    routes = APIRouter(tags=["administration"])

    @routes.get("/api/v1/tokens", responses={200: example({"items": [EXAMPLE], "next_cursor": None})})
    def tokens() -> dict[str, Any]:
        """All tokens, without their secrets."""
        return {"items": [_shown(token, desk.clock.now_ns()) for token in desk.tokens.listed()], "next_cursor": None}

    @routes.post("/api/v1/tokens", status_code=201, responses={201: example(NEW_EXAMPLE)})
    def create(body: NewToken, request: Request) -> dict[str, Any]:
        """A new token; its secret stands only in this answer."""
        now_ns = desk.clock.now_ns()
        scope = Scope(names("services", body.services), names("tenants", body.tenants))
        expires_ns = _end_ns(body.expires_at, now_ns)
        actor = caller_of(request).name or ""
        token, secret = desk.tokens.create(body.name, body.role, now_ns, actor, expires_ns=expires_ns, scope=scope)
        return {**_shown(token, now_ns), "token": secret}

    @routes.post("/api/v1/tokens/{token_id}/rotate", status_code=201, responses={201: example(NEW_EXAMPLE)})
    def rotate(token_id: TokenId, request: Request, body: Rotation | None = None) -> dict[str, Any]:
        """A token in the place of another, whose secret goes on for a while; the new one stands only in this answer."""
        grace_ns = _grace_ns((body or Rotation()).grace)
        actor = caller_of(request).name or ""
        now_ns = desk.clock.now_ns()
        token, secret = desk.tokens.rotate(token_id, grace_ns, now_ns, actor)
        return {**_shown(token, now_ns), "token": secret}

    @routes.delete("/api/v1/tokens/{token_id}", status_code=204)
    def revoke(token_id: TokenId, request: Request) -> Response:
        """Makes a token useless at once."""
        desk.tokens.revoke(token_id, desk.clock.now_ns(), caller_of(request).name or "")
        return Response(status_code=204)

    return routes


def audit_router(desk: Desk) -> APIRouter:
    """The audit trail; for administrators."""
    routes = APIRouter(tags=["administration"])

    @routes.get("/api/v1/audit", responses={200: example({"items": [CHANGE_EXAMPLE], "next_cursor": None})})
    def trail(
        actor: Annotated[str | None, Query(description="the name of a token")] = None,
        action: Annotated[str | None, Query(description="token.revoked, or all of token")] = None,
        subject: Annotated[str | None, Query(description="the id of what was changed")] = None,
        from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-7d")] = None,
        to: Annotated[str | None, Query(description="RFC 3339 or now; not part of the window")] = None,
        limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
        cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    ) -> dict[str, Any]:
        """What administrators changed, newest first; detail holds it before and after."""
        most = parameters.limit(limit)
        now_ns = desk.clock.now_ns()
        asked = {"actor": actor, "action": action, "subject": subject}
        wanted = audit.Wanted(
            **{name: parameters.free_text(name, text) or None for name, text in asked.items()},
            from_ns=parameters.instant("from", from_, now_ns) if from_ else 0,
            to_ns=parameters.instant("to", to, now_ns) if to else parameters.LATEST_NS,
        )
        rows = audit.page(desk.database, _behind(cursor), most + 1, wanted)
        items = [
            {"at": answers.when(row["at_ns"]), **{key: row[key] for key in ("actor", "action", "subject", "detail")}}
            for row in rows[:most]
        ]
        last = rows[most - 1] if len(rows) > most else None
        return {"items": items, "next_cursor": None if last is None else f"{last['at_ns']}-{last['place']}"}

    return routes


def _shown(token: Token, now_ns: int) -> dict[str, Any]:
    return {
        "id": token.token_id,
        "name": token.name,
        "role": token.role,
        "state": _state(token, now_ns),
        "services": token.scope.services,
        "tenants": token.scope.tenants,
        "created_at": answers.when(token.created_ns),
        "expires_at": answers.when(token.expires_ns),
        "revoked_at": answers.when(token.revoked_ns),
        "last_used_at": answers.when(token.last_used_ns),
        "replaces": token.replaces,
    }


def _state(token: Token, now_ns: int) -> str:
    if token.revoked_ns is not None:
        return "revoked"
    return "works" if token.usable(now_ns) else "expired"


def _grace_ns(text: str) -> int:
    try:
        grace = dt.timedelta(0) if text.strip() == "0" else duration(text)
    except (ValueError, OverflowError) as error:
        raise Invalid("grace", text, "0, or a duration such as 10m, 24h, 7d, at most 90d") from error
    if grace > LONGEST_GRACE:
        raise Invalid("grace", text, "at most 90d")
    return grace // dt.timedelta(microseconds=1) * 1000


def _behind(cursor: str | None) -> tuple[int, int] | None:
    if cursor is None:
        return None
    match = CURSOR.fullmatch(cursor)
    if match is None:
        raise Invalid("cursor", cursor, parameters.CURSOR)
    return int(match[1]), int(match[2])


def _end_ns(text: str | None, now_ns: int) -> int | None:
    end_ns = None if text is None else parameters.instant("expires_at", text, now_ns)
    if end_ns is not None and end_ns <= now_ns:
        raise Invalid("expires_at", text, "a time in the future such as now+90d")
    return end_ns
