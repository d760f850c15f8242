"""The gate before every route: which host, which port, who, and whether they may.

Given each request before its body is read, lets it pass with the caller noted in its state, or answers itself. It
stands outside the routes, so that a route cannot be forgotten.

Never: reads a body, or lets a browser change something for a page from elsewhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spanledger.version import __version__
from spanledger_server.api import answers
from spanledger_server.api.doors import SAFE, Doors
from spanledger_server.api.histogram import Histogram
from spanledger_server.api.hosts import Hosts
from spanledger_server.api.pages import NoSuchPage, Nowhere
from spanledger_server.auth import scope as scopes
from spanledger_server.auth.attempts import Attempts
from spanledger_server.auth.roles import Access, Role
from spanledger_server.auth.sessions import Sessions
from spanledger_server.auth.tokens import Token, Tokens
from spanledger_server.clock import Clock
from spanledger_server.errors import Forbidden, NotFound, SpanledgerError, TooOften, Unauthenticated

HEALTH = ("/healthz", "/readyz")
ON_THE_OTLP_PORT = (*HEALTH, "/v1/traces", "/v1/metrics", "/v1/logs")
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"spanledger-version", __version__.encode()),  # the command line tells when it is another one
)
HOW_TO_ENTER = "send 'Authorization: Bearer TOKEN'; `spanledger token create` makes one"
NOT_KNOWN = "this token is not known, has expired, or was revoked"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of their token and its role, or nobody."""

    name: str | None = None
    role: Role | None = None
    token: Token | None = None


@dataclass(slots=True)
class Gate:
    """An ASGI application around the real one."""

    app: ASGIApp
    doors: Doors
    tokens: Tokens
    sessions: Sessions
    clock: Clock
    hosts: Hosts
    loopback: bool
    cookie: str
    nowhere: Nowhere
    otlp_port: int | None = None  # the port on which only telemetry is taken
    attempts: Attempts = field(default_factory=Attempts)  # wrong tokens by address; right ones are never held up
    refused: dict[int, int] = field(default_factory=dict)  # HTTP status -> how often, for /metrics
    questions: Histogram = field(default_factory=Histogram)  # how long answers took to questions of readers, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        try:
            scope.setdefault("state", {})["caller"] = self._caller(scope)
        except NoSuchPage:
            await self._refuse(self.nowhere.answer(), scope, receive, send)
            return
        except SpanledgerError as error:
            await self._refuse(answers.problem_of(error), scope, receive, send)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        await self.app(scope, receive, _with_headers(send))
        if self.doors.asks(scope["method"], scope["path"]) is Access.READ:
            self.questions.observe(time.perf_counter() - started)

    async def _refuse(self, answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
        self.refused[answer.status_code] = self.refused.get(answer.status_code, 0) + 1
        if scope["type"] == "http":
            await answer(scope, receive, _with_headers(send))
        elif "websocket.http.response" in scope.get("extensions", {}):
            await answer(scope, receive, send)
            await asyncio.sleep(0)  # uvicorn closes first, and has then no reason to report an unfinished handshake
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _caller(self, scope: Scope) -> Caller:
        """Who comes, if they may.

        Raises:
            NotFound: The path is not served on this port.
            NoSuchPage: A browser opens a page that is not there.
            Forbidden: Wrong host, a page from elsewhere, or too little role.
            Unauthenticated: A token is needed and there is none, or none that works.
        """
        path: str = scope["path"]
        if self.otlp_port is not None and _port(scope) == self.otlp_port and path not in ON_THE_OTLP_PORT:
            raise NotFound(f"{path} is not served on the OTLP port; use the port of --port")
        if path in HEALTH:
            return Caller()
        headers = Headers(scope=scope)
        method = "WEBSOCKET" if scope["type"] == "websocket" else scope["method"]
        by_bearer, token = self._token(headers)
        if not by_bearer or token is None:
            self._check_browser(headers, method, by_cookie=token is not None)
        asked = self.doors.asks(method, path)
        if asked is None:
            self.nowhere.check(method, path, headers.get("accept", ""))
            asked = Access.ADMINISTER
        try:
            self._check_role(asked, token)
        except Unauthenticated:
            if by_bearer:
                self._count_failure((scope.get("client") or ("",))[0])
                raise Unauthenticated(f"{NOT_KNOWN}; {HOW_TO_ENTER}") from None
            raise
        self._check_scope(asked, token, method, path)
        return Caller() if token is None else Caller(token.name, token.role, token)

    def admit(self, connection: HTTPConnection, access: Access) -> Token | None:
        """Ask once more, for a route that names its own door.

        Raises:
            Unauthenticated: A token is needed and none came.
            Forbidden: Its role does not reach this far.
        """
        caller: Caller = connection.state.caller
        self._check_role(access, caller.token)
        return caller.token

    def authorize_sender(self, metadata: Mapping[str, str], host: str | None) -> scopes.Scope:
        """Whether this gRPC metadata may send telemetry, and for what.

        Raises:
            Unauthenticated: No usable token came.
            TooOften: That happened too often.
            Forbidden: Its role does not reach this far.
        """
        token = self._over_grpc(Access.SEND, metadata, host)
        return scopes.EVERYTHING if token is None else token.scope

    def authorize_reader(self, metadata: Mapping[str, str], host: str | None) -> None:
        """Whether this gRPC metadata may read everything.

        Raises:
            Unauthenticated: No usable token came.
            TooOften: That happened too often.
            Forbidden: Its role does not reach this far, or it is limited to a part.
        """
        token = self._over_grpc(Access.READ, metadata, host)
        if token is not None and token.scope.limited:
            raise Forbidden(f"the token {token.name!r} is limited to {token.scope.told()}, and this tells everything")

    def _over_grpc(self, asked: Access, metadata: Mapping[str, str], host: str | None) -> Token | None:
        by_bearer, token = self._token(Headers(metadata))
        try:
            self._check_role(asked, token)
        except Unauthenticated:
            if by_bearer:
                self._count_failure(host or "")
                raise Unauthenticated(NOT_KNOWN) from None
            raise
        return token

    def _count_failure(self, address: str) -> None:
        """Note a wrong token.

        Raises:
            TooOften: There were too many from this address.
        """
        now_ns = self.clock.now_ns()
        if wait_s := self.attempts.wait_s(address, now_ns):
            raise TooOften(f"too many wrong tokens from {address}: the next one is looked at in {wait_s} s", wait_s)
        self.attempts.failed(address, now_ns)

    def _token(self, headers: Headers) -> tuple[bool, Token | None]:
        """Whether an Authorization header came, and the token that works, from it or from the cookie."""
        now_ns = self.clock.now_ns()
        given = headers.get("authorization")
        if given is not None:
            scheme, _, secret = given.partition(" ")
            return True, self.tokens.recognise(secret.strip(), now_ns) if scheme.lower() == "bearer" else None
        session = cookie_parser(headers.get("cookie", "")).get(self.cookie)
        return False, None if session is None else self.sessions.recognise(session, now_ns)

    def _check_browser(self, headers: Headers, method: str, *, by_cookie: bool) -> None:
        """Refuse what a page from elsewhere could make a browser do.

        Raises:
            Forbidden: The Host header is not ours, or the page is not.
        """
        host = headers.get("host", "")
        if not self.hosts.know(host):
            raise Forbidden(
                f"the Host header names {host[:100]!r}, which is not this server; --allowed-host adds names"
            )
        if method in SAFE and method != "WEBSOCKET":
            return
        origin = headers.get("origin")
        if origin is None and not by_cookie:
            return
        if origin is None or urlsplit(origin).netloc.lower() != host.lower():
            raise Forbidden(f"a page of {(origin or 'unknown origin')[:100]} may not do this here")

    def _check_role(self, asked: Access, token: Token | None) -> None:
        if asked is Access.OPEN or (self.loopback and asked.open_on_loopback):
            return
        if token is None:
            raise Unauthenticated(HOW_TO_ENTER)
        if not asked.admits(token.role):
            needed = " or ".join(role for role in Role if asked.admits(role))
            raise Forbidden(f"the token {token.name!r} has the role {token.role}; this needs the role {needed}")

    def _check_scope(self, asked: Access, token: Token | None, method: str, path: str) -> None:
        if token is None or not token.scope.limited or asked is Access.OPEN or path in ON_THE_OTLP_PORT:
            return
        if not self.doors.keeps_to_scope(method, path):
            limited = f"the token {token.name!r} is limited to {token.scope.told()}"
            raise Forbidden(f"{limited}, and {path} cannot tell that from the rest")


def _port(scope: Scope) -> int | None:
    server = scope.get("server")
    return None if server is None else server[1]


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS]
        await send(message)

    return sending
