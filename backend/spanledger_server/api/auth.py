"""Signing in and out over HTTP, links that sign in, and who the caller is.

Never: a token in a cookie, or a link that works twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger.version import __version__
from spanledger_server.api import answers
from spanledger_server.api.gate import NOT_KNOWN, Caller
from spanledger_server.api.scoped import CallersScope
from spanledger_server.auth import links
from spanledger_server.auth.attempts import Attempts
from spanledger_server.auth.links import Links
from spanledger_server.auth.sessions import LASTS_S, Sessions
from spanledger_server.auth.tokens import Token, Tokens
from spanledger_server.clock import Clock
from spanledger_server.errors import Forbidden, TooOften, Unauthenticated
from spanledger_server.live.feed import LiveFeed
from spanledger_server.store.database import Database


class SignIn(BaseModel):
    """The body of a sign-in."""

    model_config = ConfigDict(extra="forbid")
    token: str = Field(max_length=200, description="a token, or the code of a link")


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
    jaeger_url: str | None
    attempts: Attempts
    links: Links


def caller_of(request: Request) -> Caller:
    """Who asks, as the gate found."""
    caller: Caller = request.state.caller
    return caller


def session_router(desk: Desk) -> APIRouter:
    """Signing in and out; anybody may try."""
    router = APIRouter(tags=["session"])

    @router.post("/api/v1/session", response_model=None)
    def sign_in(body: SignIn, request: Request, answer: Response) -> dict[str, Any] | Response:
        """Sets the session cookie for a token that works, or for a link that was not used yet."""
        address = request.client.host if request.client else ""
        now_ns = desk.clock.now_ns()
        if wait_s := desk.attempts.wait_s(address, now_ns):
            raise TooOften(f"Too many failed sign-ins: try again in {wait_s} s.", wait_s)
        token = _recognised(desk, body.token.strip(), now_ns)
        if token is None:
            desk.attempts.failed(address, now_ns)
            raise Unauthenticated(NOT_KNOWN)
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


def _recognised(desk: Desk, secret: str, now_ns: int) -> Token | None:
    if secret.startswith(links.PREFIX):
        return desk.links.redeem(secret, now_ns)
    return desk.tokens.recognise(secret, now_ns)


def who_router(desk: Desk) -> APIRouter:
    """Who the caller is, and a link for their browser; for whoever may read."""
    router = APIRouter(tags=["session"])

    @router.get("/api/v1/session")
    def who(request: Request, scope: CallersScope) -> dict[str, Any]:
        """The caller's name, role and reach, the server's version, and how far the ledger is complete."""
        caller = caller_of(request)
        return {
            "role": caller.role,
            "name": caller.name,
            "services": scope.services,
            "tenants": scope.tenants,
            "version": __version__,
            "environment": desk.environment,
            "jaeger_url": desk.jaeger_url,
            "complete_to": answers.when(desk.live.complete_to_ns(desk.clock.now_ns())),
        }

    @router.post("/api/v1/session/link", status_code=201)
    def link(request: Request, _scope: CallersScope) -> dict[str, Any]:
        """A link that signs a browser in as the caller: once, within five minutes."""
        token = caller_of(request).token
        if token is None:
            raise Forbidden("only who has a token can have a link")
        code, ends_ns = desk.links.make(token, desk.clock.now_ns())
        return {"path": f"/#token={code}", "expires_at": answers.when(ends_ns)}

    return router
