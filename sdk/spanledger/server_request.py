"""One request to a server, from its first byte to its last: its span, its id, its time, who it is for, its figures.

Given an ASGI application and what is to be told of its requests, calls it inside a server span with the stable HTTP
names, answers with `X-Request-ID` and `X-Process-Time` (seconds until the answer began), and counts it. What the span
says is put together when the request is over, and its route is the one that was taken: nothing is matched twice. A span
ends with the last byte of the answer; where the application failed, with its failure.

Never: a request that fails because of telemetry, or an answer that waits for it.
"""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextvars import Token
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.instrumentation.asgi import collect_custom_headers_attributes
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation import _SPAN_KEY
from opentelemetry.util.http import (
    OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS,
    OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST,
    OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE,
    ExcludeList,
    SanitizeValue,
    get_custom_headers,
    normalise_request_header_name,
    normalise_response_header_name,
    redact_query_parameters,
)

from spanledger import semconv
from spanledger.asked import ASKED, repeats
from spanledger.attached import attach, attached, detach
from spanledger.configure import held, tracer
from spanledger.context import MAX_VALUE_LENGTH, with_values
from spanledger.guard import guard
from spanledger.light import Common
from spanledger.logs import REQUESTS
from spanledger.request_meter import METER, Labels
from spanledger.sampling.strategies import OPERATIONS

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Identity = Callable[[Scope], Mapping[str, object] | None]

REQUEST_ID_HEADER: Final = b"x-request-id"
PROCESS_TIME_HEADER: Final = b"x-process-time"
MAX_REQUEST_ID: Final = 128
METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE", "WS"}
)
STATE: Final = "spanledger.request"  # in the scope
NAMES: Final = dict(zip(("user_id", "user_tier", "session_id", "feature", "tenant"), semconv.CONTEXT_KEYS, strict=True))
_NOTHING: Final[Mapping[str, Any]] = {}
_SERVER = SpanKind.SERVER
_LAST_BYTES = ("http.response.body", "http.response.pathsend")
_begin_guard, _send_guard, _end_guard = guard("request.begin"), guard("request.send"), guard("request.end")
_identity_guard = guard("request.identity")
_logger = logging.getLogger(REQUESTS)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is to be told of an application's requests.

    Attributes:
        identify: Given a request's scope, gives who it is for.
        headers: Headers to believe: by name, the key of the context that each of them says.
        excluded: Requests that get no span.
        tracer: Makes the spans; None: the SDK's.
        is_traced: False where somebody else makes the spans already.
        identifies: Whether anything tells who a request is for.
        captures: Whether OpenTelemetry's variables ask for headers.
    """

    identify: Identity | None
    headers: Mapping[bytes, str]
    excluded: ExcludeList
    tracer: Tracer | None
    is_traced: bool = True
    identifies: bool = field(init=False)
    captures: bool = field(init=False)
    _has_excluded: bool = field(init=False)
    _request_headers: list[str] = field(
        default_factory=lambda: get_custom_headers(OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST)
    )
    _response_headers: list[str] = field(
        default_factory=lambda: get_custom_headers(OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE)
    )
    _hidden_headers: SanitizeValue = field(
        default_factory=lambda: SanitizeValue(
            get_custom_headers(OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS)
        )
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "identifies", bool(self.headers) or self.identify is not None)
        object.__setattr__(self, "captures", bool(self._request_headers or self._response_headers))
        object.__setattr__(self, "_has_excluded", bool(self.excluded._excluded_urls))

    def excludes(self, scope: Scope) -> bool:
        """Whether this request gets no span."""
        if not self._has_excluded:
            return False
        host, port = scope.get("server") or ("", None)
        return self.excluded.url_disabled(f"{scope.get('scheme', 'http')}://{host}:{port}{scope['path']}")

    def values(self, scope: Scope, headers: Mapping[bytes, bytes]) -> dict[str, str]:
        """Who a request is for."""
        found: dict[str, str] = {}
        for name, key in self.headers.items():
            if name in headers:
                found[key] = headers[name].decode("latin-1")[:MAX_VALUE_LENGTH]
        if self.identify is not None:
            with _identity_guard:
                said = self.identify(scope) or {}
                found |= {
                    NAMES[name]: str(what)[:MAX_VALUE_LENGTH]
                    for name, what in said.items()
                    if what is not None and name in NAMES
                }
        return found

    def captured(self, scope: Scope, answer: Message | None) -> dict[str, Any]:
        """The headers that OpenTelemetry's variables ask for."""
        found: dict[str, Any] = {}
        if self._request_headers:
            found |= collect_custom_headers_attributes(
                dict(scope), self._hidden_headers, self._request_headers, normalise_request_header_name
            )
        if self._response_headers and answer is not None:
            found |= collect_custom_headers_attributes(
                dict(answer), self._hidden_headers, self._response_headers, normalise_response_header_name
            )
        return found


class Outcome(NamedTuple):
    """What is only known at a request's end.

    Attributes:
        labels: What of it may be a metric's label.
        route: The route that was taken.
        has_failed: Whether the service has, not the client.
    """

    labels: Labels
    route: str | None
    has_failed: bool


async def serve(app: Application, rules: Rules, scope: Scope, receive: Receive, send: Send) -> None:
    """Have `app` answer one request (or hold one WebSocket) and tell of it."""
    request = ServerRequest(rules, scope, send)
    scope[STATE] = True  # not the request, which has the scope: a circle is freed late, and at a price
    token = _begin_guard.run(request.begin)
    try:
        await app(scope, receive, request.send)
    except BaseException as error:
        _end_guard.run(request.end, error)
        raise
    else:
        _end_guard.run(request.end, None)
    finally:
        if token is not None:
            detach(token)


class ServerRequest:
    """What is known of one request."""

    __slots__ = (
        *("_answer", "_asked", "_begun", "_headers", "_kind", "_rules", "_scope", "_send", "_span", "_started"),
        "id",
    )

    def __init__(self, rules: Rules, scope: Scope, send: Send) -> None:
        self._rules, self._scope, self._send = rules, scope, send
        self._started = time.perf_counter()
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._span: Span | None = None
        self._kind: Labels | None = None
        self._answer: Message | None = None
        self._asked: list[None] = []
        self._begun = ""  # the line that was logged when it began
        self.id = request_id(self._headers.get(REQUEST_ID_HEADER, b""))

    # --- the beginning

    def begin(self) -> Token[Context] | None:
        """Start the span and put it on; gives what takes it off again."""
        scope, rules = self._scope, self._rules
        is_http = scope["type"] == "http"
        if not rules.is_traced or rules.excludes(scope):
            return None
        method = scope["method"] if is_http else "WS"
        if method not in METHODS:
            method = "_OTHER"
        context = _extracted(scope["headers"], self._headers)
        if rules.identifies and (values := rules.values(scope, self._headers)):
            context = with_values(values, context)
        maker = rules.tracer or tracer()
        path = {semconv.URL_PATH: scope["path"]}
        span = self._span = maker.start_span("HTTP" if method == "_OTHER" else method, context, _SERVER, path)
        if is_http:
            self._kind = _kind(method, scope.get("scheme", "http"))
            METER.begin(self._kind)
        token = attach(Context({**context, _SPAN_KEY: span, ASKED: self._asked}))
        if is_http and held().logs_requests:
            self._begun = f"{method} {quote(scope['path'])}"
            _logger.info("%s begins, request %s", self._begun, self.id)
        return token

    # --- the answer

    def send(self, message: Message) -> Awaitable[None]:
        """Called by the application, which awaits what it gives."""
        kind = message["type"]
        if kind == "http.response.start":
            _send_guard.run(self._add_headers, message)
        elif kind in _LAST_BYTES and not message.get("more_body", False) and self._status() < 500:
            return self._send_last(message)
        return self._send(message)

    async def _send_last(self, message: Message) -> None:
        await self._send(message)
        _send_guard.run(self._finish, None)

    def _add_headers(self, message: Message) -> None:
        own = (REQUEST_ID_HEADER, PROCESS_TIME_HEADER)
        headers = [pair for pair in message.get("headers", ()) if pair[0].lower() not in own]
        headers.append((REQUEST_ID_HEADER, self.id.encode("ascii")))
        headers.append((PROCESS_TIME_HEADER, b"%.6f" % (time.perf_counter() - self._started)))
        message["headers"] = headers
        self._answer = message

    def _status(self) -> int:
        return 0 if self._answer is None else int(self._answer["status"])

    # --- the end

    def end(self, error: BaseException | None) -> None:
        """The application has returned, or failed."""
        self._finish(error)
        if self._begun:
            took, failed = time.perf_counter() - self._started, error is not None
            outcome = f"by {type(error).__name__}" if failed else f"with {self._status()}"
            _logger.info("%s ends %s after %.3f s, request %s", self._begun, outcome, took, self.id)

    def _finish(self, error: BaseException | None) -> None:
        span, self._span = self._span, None
        withheld = repeats(error) if self._asked and isinstance(error, Exception) else None
        if span is None:
            return
        took_s = time.perf_counter() - self._started
        failure = type(error).__qualname__ if isinstance(error, Exception) else None
        outcome = _outcome(_route(self._scope), self._status(), failure)
        method = self._kind[0][1] if self._kind else "WS"
        began, route = "HTTP" if method == "_OTHER" else method, outcome.route
        name = f"{began} {route}" if route else None
        if name is not None and OPERATIONS.wanted:  # also of a request whose span is dropped
            OPERATIONS.learn(began, name, path=self._scope["path"])
        if span.is_recording():
            self._tell(span, name, outcome.labels, took_s)
            if isinstance(error, Exception):
                span.record_exception(error, None if held().spans_content else withheld)
            if outcome.has_failed:
                span.set_status(Status(StatusCode.ERROR))
        span.end()
        if self._kind is not None:
            METER.end(self._kind, outcome.labels, took_s, span)

    def _tell(self, span: Any, name: str | None, outcome: Labels, took_s: float) -> None:
        """Write what the span is called and says; a light one that nobody has touched becomes no real one for it."""
        scope, host = self._scope, self._headers.get(b"host")
        version, at = scope.get("http_version", "1.1"), tuple(scope.get("server") or ())
        common = _common((self._kind or ()) + outcome, version, scope.get("scheme", "http"), host, at)
        shown = self._shown(took_s)
        if hasattr(span, "is_light") and span._real is None:
            span.common, span.at_once = common, True
            span.given = {**shown, **span.given}
            span.name = name or span.name
            return
        span.set_attributes({**common.attributes, **shown})
        if name is not None:
            span.update_name(name)

    def _shown(self, took_s: float) -> dict[str, Any]:
        """What is this request's own."""
        scope, headers = self._scope, self._headers
        shown: dict[str, Any] = {semconv.PROCESS_TIME_S: took_s}
        if self._kind:
            shown[semconv.REQUEST_ID] = self.id
            if self._kind[0][1] == "_OTHER":
                shown["http.request.method_original"] = scope["method"]
        if scope.get("query_string"):
            shown["url.query"] = redact_query_parameters("?" + scope["query_string"].decode("latin-1"))[1:]
        if b"user-agent" in headers:
            shown["user_agent.original"] = headers[b"user-agent"].decode("latin-1")
        client = scope.get("client")
        if client:
            shown[semconv.CLIENT_ADDRESS] = str(client[0])
        if self._rules.captures:
            shown |= self._rules.captured(scope, self._answer)
        return shown


@functools.lru_cache(maxsize=64)
def _kind(method: str, scheme: str) -> Labels:
    """A request's kind as its metrics have it."""
    return (("http.request.method", method), ("url.scheme", scheme))


@functools.lru_cache(maxsize=1024)
def _common(labels: Labels, version: str, scheme: str, host: bytes | None, listening: tuple[Any, ...]) -> Common:
    """What the spans of all requests say that were made to this address and ended like this."""
    address, port = _server(scheme, host, listening)
    server = {"server.address": address, "server.port": port}
    return Common({"network.protocol.version": version, **server, **dict(labels)})


@functools.lru_cache(maxsize=1024)
def _outcome(route: str | None, status: int, failure: str | None) -> Outcome:
    found: dict[str, Any] = {}
    if route:
        found["http.route"] = route
    if status:
        found[semconv.HTTP_RESPONSE_STATUS_CODE] = status
    if failure is None and status >= 500:
        failure = str(status)
    if failure is not None:
        found[semconv.ERROR_TYPE] = failure
    return Outcome(tuple(found.items()), route, failure is not None)


def request_id(given: bytes) -> str:
    """The id that came with the request if it is printable ASCII of at most 128 characters, else a new one."""
    if 0 < len(given) <= MAX_REQUEST_ID and given.isascii() and b" " not in given and given.decode().isprintable():
        return given.decode()
    return f"{random.getrandbits(128):032x}"


def _extracted(pairs: Any, headers: Mapping[bytes, bytes]) -> Context:
    """The context that came with the request, read by the propagators that are set."""
    around = attached()
    if _fields(propagate.get_global_textmap()).isdisjoint(headers):
        return around
    carrier: dict[str, str] = {}
    for key, value in pairs:  # a header that comes twice is one list
        name, text = key.decode("latin-1"), value.decode("latin-1")
        carrier[name] = f"{carrier[name]},{text}" if name in carrier else text
    return propagate.extract(carrier, around)


@functools.lru_cache(maxsize=4)
def _fields(propagator: TextMapPropagator) -> frozenset[bytes]:
    """The headers that a propagator reads."""
    return frozenset(name.lower().encode() for name in propagator.fields)


def _route(scope: Scope) -> str | None:
    """The route that was taken, with the place where its application is mounted."""
    route = scope.get("route")
    included = scope.get("fastapi", _NOTHING).get("effective_route_context")  # FastAPI: a route of an included router
    if included is not None and included.original_route is route:
        route = included
    path = getattr(route, "path", None)
    if not path:
        return None
    return f"{scope.get('root_path', '').removeprefix(scope.get('app_root_path', ''))}{path}"


def _server(scheme: str, host: bytes | None, listening: tuple[Any, ...]) -> tuple[str, int]:
    """The address that the client asked for, or the one that is listened on."""
    usual = 443 if scheme in ("https", "wss") else 80
    if host is None:
        address, port = listening or ("", None)
        return address, port or usual
    asked = host.decode("latin-1")
    address, colon, digits = asked.rpartition(":")
    return (address, int(digits)) if colon and digits.isdecimal() else (asked, usual)
