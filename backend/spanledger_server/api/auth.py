"""Signing in and out, tokens, and the audit trail over HTTP.

Never: a secret in an answer but the one that is new, once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger.version import __version__
from spanledger_server.api import answers, parameters
from spanledger_server.api.gate import Caller
from spanledger_server.auth import audit
from spanledger_server.auth.attempts import Attempts
from spanledger_server.auth.roles import Role
from spanledger_server.auth.sessions import LASTS_S, Sessions
from spanledger_server.auth.tokens import Token, Tokens
from spanledger_server.clock import Clock
from spanledger_server.errors import Invalid, Unauthenticated
from spanledger_server.live.feed import LiveFeed
from spanledger_server.store.database import Database

CURSOR = re.compile(r"(\d{1,18}|[1-8]\d{18})-(\d{1,18})", re.ASCII)


class SignIn(BaseModel):
    """The body of a sign-in."""

    model_config = ConfigDict(extra="forbid")
    token: str = Field(max_length=200)


class NewToken(BaseModel):
    """The body that asks for a token."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=1000)
    role: Role
    expires_at: str | None = Field(None, description="RFC 3339, or now+90d; without it, until it is revoked")


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
        now_ns = desk.clock.now_ns()
        expires_ns = _end_ns(body.expires_at, now_ns)
        token, secret = desk.tokens.create(
            body.name, body.role, now_ns, _caller(request).name or "", expires_ns=expires_ns
        )
        return {**_shown(token), "token": secret}

    @router.delete("/api/v1/tokens/{token_id}", status_code=204)
    def revoke(token_id: Annotated[str, Path(description="the id, not the secret")], request: Request) -> Response:
        """Makes a token useless at once."""
        desk.tokens.revoke(token_id, desk.clock.now_ns(), _caller(request).name or "")
        return Response(status_code=204)

    @router.get("/api/v1/audit")
    def trail(
        limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
        cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    ) -> dict[str, Any]:
        """What administrators changed, newest first."""
        most = parameters.limit(limit)
        rows = audit.page(desk.database, _behind(cursor), most + 1)
        items = [
            {"at": answers.when(row["at_ns"]), **{key: row[key] for key in ("actor", "action", "subject", "detail")}}
            for row in rows[:most]
        ]
        last = rows[most - 1] if len(rows) > most else None
        return {"items": items, "next_cursor": None if last is None else f"{last['at_ns']}-{last['place']}"}

    return router


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
