"""Signing in and out, tokens, and the audit trail over HTTP.

Never: a secret in an answer but the one that is new, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger.version import __version__
from spanledger_server.api import answers
from spanledger_server.api.gate import Caller
from spanledger_server.auth import audit
from spanledger_server.auth.attempts import Attempts
from spanledger_server.auth.roles import Role
from spanledger_server.auth.sessions import LASTS_S, Sessions
from spanledger_server.auth.tokens import Token, Tokens
from spanledger_server.clock import Clock
from spanledger_server.errors import Unauthenticated
from spanledger_server.live.feed import LiveFeed
from spanledger_server.store.database import Database

FAR_NS = 2**62


class SignIn(BaseModel):
    """The body of a sign-in."""

    model_config = ConfigDict(extra="forbid")
    token: str = Field(max_length=200)


class NewToken(BaseModel):
    """The body that asks for a token."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=1000)
    role: Role
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What these routes work with."""

    database: Database
    tokens: Tokens
    sessions: Sessions
    live: LiveFeed
    clock: Clock
    cookie: str
    environment: str
    attempts: Attempts


def _shown(token: Token) -> dict[str, Any]:
    return {
        "id": token.token_id,
        "name": token.name,
        "role": token.role,
        "created_at": answers.when(token.created_ns),
        "expires_at": answers.when(token.expires_ns),
        "revoked_at": answers.when(token.revoked_ns),
        "last_used_at": answers.when(token.last_used_ns),
    }


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


def session_router(desk: Desk) -> APIRouter:
    """Signing in and out; anybody may try."""
    router = APIRouter(tags=["session"])

    @router.post("/api/v1/session", response_model=None)
    def sign_in(body: SignIn, request: Request, answer: Response) -> dict[str, Any] | Response:
        """Sets the session cookie for a token that works."""
        address = request.client.host if request.client else ""
        now_ns = desk.clock.now_ns()
        if wait_s := desk.attempts.wait_s(address, now_ns):
            return answers.problem(
                429, f"Too many failed sign-ins: try again in {wait_s} s.", headers={"Retry-After": str(wait_s)}
            )
        token = desk.tokens.recognise(body.token.strip(), now_ns)
        if token is None:
            desk.attempts.failed(address, now_ns)
            raise Unauthenticated("this token is not known, has expired, or was revoked")
        desk.attempts.succeeded(address)
        answer.set_cookie(
            desk.cookie,
            desk.sessions.begin(token, now_ns),
            max_age=LASTS_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return {"role": token.role, "name": token.name}

    @router.delete("/api/v1/session", status_code=204)
    def sign_out(request: Request) -> Response:
        """Clears the session cookie."""
        answer = Response(status_code=204)
        answer.delete_cookie(desk.cookie, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer

    return router


def who_router(desk: Desk) -> APIRouter:
    """Who the caller is; for whoever may read."""
    router = APIRouter(tags=["session"])

    @router.get("/api/v1/session")
    def who(request: Request) -> dict[str, Any]:
        """The caller's name and role, the server's version, and how far the ledger is complete."""
        caller = _caller(request)
        return {
            "role": caller.role,
            "name": caller.name,
            "version": __version__,
            "environment": desk.environment,
            "complete_to": answers.when(desk.live.complete_to_ns(desk.clock.now_ns())),
        }

    return router


def admin_router(desk: Desk) -> APIRouter:
    """Tokens and the audit trail; for administrators."""
    router = APIRouter(tags=["administration"])

    @router.get("/api/v1/tokens")
    def tokens() -> dict[str, Any]:
        """All tokens, without their secrets."""
        return {"items": [_shown(token) for token in desk.tokens.listed()], "next_cursor": None}

    @router.post("/api/v1/tokens", status_code=201)
    def create(body: NewToken, request: Request) -> dict[str, Any]:
        """A new token; its secret stands only in this answer."""
        expires_ns = None if body.expires_at is None else int(_aware(body.expires_at).timestamp()) * 10**9
        token, secret = desk.tokens.create(
            body.name, body.role, desk.clock.now_ns(), _caller(request).name or "", expires_ns=expires_ns
        )
        return {**_shown(token), "token": secret}

    @router.delete("/api/v1/tokens/{token_id}", status_code=204)
    def revoke(token_id: str, request: Request) -> Response:
        """Makes a token useless at once."""
        desk.tokens.revoke(token_id, desk.clock.now_ns(), _caller(request).name or "")
        return Response(status_code=204)

    @router.get("/api/v1/audit")
    def trail(limit: int = Query(100, ge=1, le=1000), cursor: int | None = Query(None, ge=0)) -> dict[str, Any]:
        """What administrators changed, newest first."""
        rows = audit.page(desk.database, FAR_NS if cursor is None else cursor, limit)
        items = [
            {"at": answers.when(row["at_ns"]), **{key: row[key] for key in ("actor", "action", "subject", "detail")}}
            for row in rows
        ]
        return {"items": items, "next_cursor": str(rows[-1]["at_ns"]) if len(rows) == limit else None}

    return router


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
