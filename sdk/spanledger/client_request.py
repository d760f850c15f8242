"""HTTP clients: one span for each request that httpx or httpx2 sends, at a fifth of what OpenTelemetry's costs.

Given the instrumentor of OpenTelemetry's package, has what it instruments leave spans of ours: the same name,
attributes, headers and metric, but that failed requests are in the metric too. What ours has no part for goes through
OpenTelemetry's as before: hooks of the program's own, captured headers, the names before the stable ones.

Never: two spans for one request, or a request that is changed or refused because of telemetry.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from opentelemetry import propagate
from opentelemetry.baggage import _BAGGAGE_KEY
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import _SUPPRESS_HTTP_INSTRUMENTATION_KEY, _SUPPRESS_INSTRUMENTATION_KEY, Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation import _SPAN_KEY
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.http import redact_url, sanitize_method

from spanledger import semconv
from spanledger.attached import attach, attached, detach
from spanledger.configure import enabled, tracer
from spanledger.guard import guard
from spanledger.light import Common, LightSpan
from spanledger.outgoing import is_provider, keep_baggage_in, keep_baggage_in_async
from spanledger.request_meter import CLIENT_METER, Labels

THEIRS: Final = "opentelemetry.instrumentation.httpx"  # the scope of OpenTelemetry's spans
METHODS: Final = ("_handle_request_wrapper", "_handle_async_request_wrapper")  # of its instrumentors
_SUPPRESSED: Final = (_SUPPRESS_INSTRUMENTATION_KEY, _SUPPRESS_HTTP_INSTRUMENTATION_KEY, "suppress_instrumentation")
_HOOKS: Final = (None, keep_baggage_in, keep_baggage_in_async)
_UNCOVERED: Final = ("response_hook", "async_response_hook", "captured_request_headers", "captured_response_headers")
_CLIENT = SpanKind.CLIENT
_BAGGAGE = W3CBaggagePropagator()
_begin, _end = guard("client_request.begin"), guard("client_request.end")


class Kind(NamedTuple):
    """What requests have in common that go to one address by one method.

    Attributes:
        name: Of their spans.
        attributes: Of their spans.
        labels: Of the metric.
        is_to_provider: Whether they leave the house for a provider of models.
    """

    name: str
    attributes: Mapping[str, Any]
    labels: Labels
    is_to_provider: bool


class Outcome(NamedTuple):
    """How requests have ended.

    Attributes:
        labels: Of the metric.
        common: Attributes of their spans.
        has_failed: Whether they have.
    """

    labels: Labels
    common: Common
    has_failed: bool


class ClientRequest:
    """A request on its way, while inside; its `response` is set there.

    Args:
        kind: What it has in common with others.
        span: Its span; None where somebody else tells of it.
        around: What is current while it is sent.
    """

    __slots__ = ("_kind", "_span", "_started", "_token", "response")

    def __init__(self, kind: Kind, span: Span | None, around: Context) -> None:
        self._kind, self._span = kind, span
        self.response: Any = None
        self._token = attach(around)
        self._started = time.perf_counter()

    def __enter__(self) -> None:
        """It is sent now."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """It was answered, or has failed."""
        detach(self._token)
        _end.run(self.end, self.response, error)

    def end(self, response: Any, error: BaseException | None) -> None:
        """It was answered, or has failed."""
        took_s, span = time.perf_counter() - self._started, self._span
        if span is None:
            return
        failure = type(error).__qualname__ if isinstance(error, Exception) else None
        answer: Any = getattr(error, "response", None) if response is None else response
        status, version = (answer.status_code, answer.http_version) if hasattr(answer, "status_code") else (0, "")
        outcome = _outcome(status, version, failure)
        if span.is_recording():
            _tell(span, outcome, error)
        span.end()
        CLIENT_METER.add(self._kind.labels + outcome.labels, took_s, span)


def make_light(instrumentor: Any) -> None:
    """Have an instrumentor of OpenTelemetry's package for httpx make spans of ours from its next `instrument` on."""
    plain, asynchronous = (getattr(type(instrumentor), name, None) for name in METHODS)
    if callable(plain) and callable(asynchronous):  # else another version than this was written for
        setattr(instrumentor, METHODS[0], _sending(plain))
        setattr(instrumentor, METHODS[1], _sending_async(asynchronous))


def _sending(theirs: Callable[..., Any]) -> Callable[..., Any]:
    def send(wrapped: Callable[..., Any], transport: Any, args: Any, kwargs: Any, **options: Any) -> Any:
        request = _begin.run(_begun, args, options)
        if request is None:
            return theirs(wrapped, transport, args, kwargs, **options)
        with request:
            request.response = wrapped(*args, **kwargs)
        return request.response

    return send


def _sending_async(theirs: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def send(wrapped: Callable[..., Any], transport: Any, args: Any, kwargs: Any, **options: Any) -> Any:
        request = _begin.run(_begun, args, options)
        if request is None:
            return await theirs(wrapped, transport, args, kwargs, **options)
        with request:
            request.response = await wrapped(*args, **kwargs)
        return request.response

    return send


def _begun(args: tuple[Any, ...], options: Mapping[str, Any]) -> ClientRequest | None:
    """The request with its span and its headers; None where it is OpenTelemetry's to tell of, or nobody's."""
    around = attached()
    request = args[0]
    if not _is_covered(request, options) or any(around.get(key) for key in _SUPPRESSED) or not enabled():
        return None
    url = request.url
    address = str(url)
    excluded = options.get("excluded_urls")
    if excluded is not None and excluded.url_disabled(address):
        return None
    if "@" in address or "?" in address:
        address = redact_url(address)
    kind = _kind(request.method, url.host, url.port)
    if _is_told(around.get(_SPAN_KEY), address):
        return ClientRequest(kind, None, around)
    span = tracer().start_span(kind.name, around, _CLIENT, {**kind.attributes, semconv.URL_FULL: address})
    current = {**around, _SPAN_KEY: span}
    if kind.is_to_provider and _keeps_baggage_in(options):
        current.pop(_BAGGAGE_KEY, None)
    inside = Context(current)
    _inject(request.headers, span, inside)
    return ClientRequest(kind, span, inside)


def _inject(headers: Any, span: Any, inside: Context) -> None:
    """Write the headers that tell of the span and of who it is for; the usual two in a fifth of the time."""
    propagator = propagate.get_global_textmap()
    if type(span) is not LightSpan or not _is_usual(propagator):
        propagate.inject(headers, inside)
        return
    headers["traceparent"] = f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.maker.flags[span.sampled]:02x}"
    if span.state:
        headers["tracestate"] = span.state.to_header()
    if _BAGGAGE_KEY in inside:
        _BAGGAGE.inject(headers, inside)


@lru_cache(maxsize=4)
def _is_usual(propagator: Any) -> bool:
    """Whether it is OpenTelemetry's own for traces and baggage, as by default."""
    parts = getattr(propagator, "_propagators", ())
    return [type(part) for part in parts] == [TraceContextTextMapPropagator, W3CBaggagePropagator]


def _is_covered(request: Any, options: Mapping[str, Any]) -> bool:
    """Whether ours does all that was asked for."""
    if any(map(options.get, _UNCOVERED)) or options.get("duration_histogram_old") is not None:
        return False
    if options.get("request_hook") not in _HOOKS or options.get("async_request_hook") not in _HOOKS:
        return False
    module = options.get("module")
    return module is not None and isinstance(request, module.Request)


def _keeps_baggage_in(options: Mapping[str, Any]) -> bool:
    return options.get("request_hook") is not None or options.get("async_request_hook") is not None


def _is_told(around: Any, address: str) -> bool:
    """Whether the span around it is OpenTelemetry's of the same request: of a client that it was told of by name."""
    if around is None or type(around) is LightSpan:
        return False
    scope = getattr(around, "instrumentation_scope", None)
    return scope is not None and scope.name == THEIRS and around.attributes.get(semconv.URL_FULL) == address


def _tell(span: Any, outcome: Outcome, error: BaseException | None) -> None:
    """Write how it ended onto its span; a light one that nobody has touched becomes no real one for it."""
    if hasattr(span, "is_light") and span._real is None and not outcome.has_failed:
        span.common, span.at_once = outcome.common, True
        return
    span.set_attributes(outcome.common.attributes)
    if isinstance(error, Exception):
        span.record_exception(error)
        span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
    elif outcome.has_failed:
        span.set_status(Status(StatusCode.ERROR))


@lru_cache(maxsize=1024)
def _kind(method: str, host: str, port: int | None) -> Kind:
    known = sanitize_method(method.strip())
    labels: dict[str, Any] = {semconv.HTTP_REQUEST_METHOD: known}
    if host:
        labels[semconv.SERVER_ADDRESS] = host
    if port:
        labels[semconv.SERVER_PORT] = port
    shown = dict(labels)
    if host:
        shown["network.peer.address"] = host
    if port:
        shown["network.peer.port"] = port
    if known != method:
        shown["http.request.method_original"] = method
    return Kind("HTTP" if known == "_OTHER" else known, shown, tuple(labels.items()), is_provider(host))


@lru_cache(maxsize=1024)
def _outcome(status: int, version: str, failure: str | None) -> Outcome:
    found: dict[str, Any] = {}
    if status:
        found[semconv.HTTP_RESPONSE_STATUS_CODE] = status
        if failure is None and not 100 <= status < 400:
            failure = str(status)
    if version:
        found["network.protocol.version"] = version.replace("HTTP/", "")
    if failure is not None:
        found[semconv.ERROR_TYPE] = failure
    return Outcome(tuple(found.items()), Common(found), failure is not None)
