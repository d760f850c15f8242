"""FastAPI: one server span for each request, with the request's id, how long it took, and who it was for.

Given an application, adds OpenTelemetry's instrumentation (without its span for every chunk of a stream, with the
stable HTTP names) and an outermost layer that takes `X-Request-ID` in or makes one, and answers with it and with
`X-Process-Time` (seconds until the answer began). On the span: `spanledger.request_id`, `spanledger.process_time_s`
(until the answer ended, streams included), `client.address`.

Who a request is for comes from baggage that arrives with it, or from a function that is given; a header of the request
is believed only if it is named. WebSockets and the lifespan pass through untouched.

Never: a request that fails because of telemetry, or an answer that waits for it.
"""

from __future__ import annotations

import logging
import secrets
import time
import types
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import fastapi
from opentelemetry.context import attach
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.semconv.attributes.http_attributes import HTTP_ROUTE
from opentelemetry.trace import Span
from starlette.middleware import Middleware

from spanledger import semconv
from spanledger.configure import enabled, held
from spanledger.context import MAX_VALUE_LENGTH, with_values
from spanledger.guard import guard
from spanledger.instrumentation import use_stable_names
from spanledger.logs import REQUESTS

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Identity = Callable[[Scope], Mapping[str, object] | None]

REQUEST_ID_HEADER = b"x-request-id"
PROCESS_TIME_HEADER = b"x-process-time"
MAX_REQUEST_ID = 128
MARK = "_spanledger_instrumented"
STATE = "spanledger.request"  # in the scope
FASTAPIS_OWN = "fastapi.telemetry"  # in the scope: where it is there, FastAPI makes no span of its own
NAMES = dict(zip(("user_id", "user_tier", "session_id", "feature", "tenant"), semconv.CONTEXT_KEYS, strict=True))
_guard = guard("fastapi")
_logger = logging.getLogger(REQUESTS)


def instrument_fastapi(
    app: fastapi.FastAPI,
    *,
    identify: Identity | None = None,
    identity_headers: Mapping[str, str] | None = None,
    excluded_urls: str | None = None,
    tracer_provider: TracerProvider | None = None,
) -> None:
    """Instrument an application; a second call does nothing.

    Args:
        app: The application, before it has begun to serve.
        identify: Given a request's ASGI scope, gives who it is for, as any of `user_id`, `user_tier`, `session_id`,
            `feature`, `tenant`. Runs in the event loop, for every request: it must not wait.
        identity_headers: Headers to believe, by what they mean: `{"user_id": "X-User-ID"}`. Only behind a proxy that
            sets them: any client can send any header.
        excluded_urls: Regular expressions with commas between them; requests that match get no span.
        tracer_provider: Where spans go; the global provider where None.
    """
    with _guard:
        if not enabled() or getattr(app, MARK, False):
            return
        setattr(app, MARK, True)
        use_stable_names()
        if not getattr(app, "_is_instrumented_by_opentelemetry", False):
            FastAPIInstrumentor.instrument_app(
                app,
                server_request_hook=_Hook(identify, identity_headers or {}),
                tracer_provider=tracer_provider,
                excluded_urls=excluded_urls,
                exclude_spans=["send", "receive"],
            )
        _wrap(app)


def _wrap(app: fastapi.FastAPI) -> None:
    """Put one layer around everything, also around what answers 500 when the application fails, and one inside."""
    app.user_middleware.insert(0, Middleware(EndLayer))
    build = app.build_middleware_stack

    def build_middleware_stack(self: fastapi.FastAPI) -> Application:
        del self
        return RequestLayer(build())

    app.build_middleware_stack = types.MethodType(build_middleware_stack, app)  # type: ignore[method-assign]
    if app.middleware_stack is not None:
        app.middleware_stack = app.build_middleware_stack()


class _Request:
    """What is known of one request."""

    __slots__ = ("begun", "id", "span", "started", "status")

    def __init__(self, request_id: str) -> None:
        self.id = request_id
        self.begun = ""  # the line that was logged when it began
        self.status = 0
        self.started = time.perf_counter()
        self.span: Span | None = None


class RequestLayer:
    """The outermost ASGI layer."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = _Request(request_id(scope))
        scope[STATE] = request

        async def send_with_headers(message: Message) -> None:
            with _guard:
                if message["type"] == "http.response.start":
                    request.status = message["status"]
                    _add_headers(message, request)
                    _name_mounted(scope, request)
                elif message["type"] == "http.response.body" and not message.get("more_body", False):
                    _finish(request)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class EndLayer:
    """A layer inside of OpenTelemetry's, for answers that never end: outside of it their span is over already."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the layer around it."""
        failed = ""
        try:
            await self.app(scope, receive, send)
        except BaseException as error:
            failed = type(error).__name__
            raise
        finally:
            request = scope.get(STATE)
            if isinstance(request, _Request):
                _finish(request)
                with _guard:
                    _log_end(request, failed)


class _Hook:
    """Called by OpenTelemetry when the server span has begun, in the request's own context."""

    def __init__(self, identify: Identity | None, headers: Mapping[str, str]) -> None:
        self._identify = identify
        self._headers = {
            NAMES[name]: header.lower().encode("latin-1") for name, header in headers.items() if name in NAMES
        }

    def __call__(self, span: Span, scope: Scope) -> None:
        with _guard:
            request = scope.get(STATE)
            if span.is_recording() and isinstance(request, _Request):
                request.span = span
                span.set_attribute(semconv.REQUEST_ID, request.id)
                client = scope.get("client")
                if client:
                    span.set_attribute(semconv.CLIENT_ADDRESS, str(client[0]))
            if isinstance(request, _Request) and held().logs_requests:
                request.begun = f"{scope['method']} {quote(scope['path'])}"
                _logger.info("%s begins, request %s", request.begun, request.id)
            values = self._values(scope)
            if values:
                span.set_attributes(values)
                attach(
                    with_values(values)
                )  # let go of with the request: OpenTelemetry resets to what was before its own

    def _values(self, scope: Scope) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, wanted in self._headers.items():
            for name, value in scope.get("headers", ()):
                if name == wanted:
                    found[key] = value.decode("latin-1")[:MAX_VALUE_LENGTH]
        if self._identify is not None:
            for name, said in (self._identify(scope) or {}).items():
                if said is not None and name in NAMES:
                    found[NAMES[name]] = str(said)[:MAX_VALUE_LENGTH]
        return found


def request_id(scope: Scope) -> str:
    """The id that came with the request if it is printable ASCII of at most 128 characters, else a new one."""
    for name, value in scope.get("headers", ()):
        if name == REQUEST_ID_HEADER and 0 < len(value) <= MAX_REQUEST_ID and all(32 < byte < 127 for byte in value):
            return str(value, "ascii")
    return secrets.token_hex(16)


def _add_headers(message: Message, request: _Request) -> None:
    took = time.perf_counter() - request.started
    headers = [
        pair for pair in message.get("headers", ()) if pair[0].lower() not in (REQUEST_ID_HEADER, PROCESS_TIME_HEADER)
    ]
    headers.append((REQUEST_ID_HEADER, request.id.encode("ascii")))
    headers.append((PROCESS_TIME_HEADER, f"{took:.6f}".encode("ascii")))
    message["headers"] = headers


def _name_mounted(scope: Scope, request: _Request) -> None:
    """The whole route of what a mounted application answers: OpenTelemetry sees only where it is mounted."""
    mounted_at = scope.get("root_path", "").removeprefix(scope.get("app_root_path", ""))
    path = getattr(scope.get("route"), "path", None)
    if mounted_at and path and request.span is not None and request.span.is_recording():
        request.span.set_attribute(HTTP_ROUTE, mounted_at + path)
        request.span.update_name(f"{scope['method']} {mounted_at}{path}")


def _finish(request: _Request) -> None:
    span, request.span = request.span, None
    if span is not None and span.is_recording():
        span.set_attribute(semconv.PROCESS_TIME_S, time.perf_counter() - request.started)


def _log_end(request: _Request, failed: str) -> None:
    if request.begun:
        took, outcome = time.perf_counter() - request.started, f"by {failed}" if failed else f"with {request.status}"
        _logger.info("%s ends %s after %.3f s, request %s", request.begun, outcome, took, request.id)


class SpanledgerFastAPIInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Instruments every application when it is first called, whenever it was made; one that is mounted is a part."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """The same as OpenTelemetry's."""
        return FastAPIInstrumentor().instrumentation_dependencies()

    def _instrument(self, **kwargs: Any) -> None:
        del kwargs
        use_stable_names()
        fastapi.FastAPI.__call__ = _instrumented_call  # type: ignore[method-assign]

    def _uninstrument(self, **kwargs: Any) -> None:
        del kwargs
        fastapi.FastAPI.__call__ = _plain_call  # type: ignore[method-assign]


_plain_call = fastapi.FastAPI.__call__


async def _instrumented_call(self: fastapi.FastAPI, scope: Scope, receive: Receive, send: Send) -> None:
    if STATE in scope:  # mounted in one that is instrumented: the request has its span
        scope.setdefault(FASTAPIS_OWN, None)
    elif MARK not in vars(self):
        instrument_fastapi(self)
    await _plain_call(self, scope, receive, send)
