"""FastAPI: one server span for each request, with the request's id, how long it took, and who it was for.

Given an application, has each of its requests served by `server_request`, around everything that the application is
made of; FastAPI's own telemetry stands back. What is mounted in an application is a part of it.

Who a request is for comes from baggage that arrives with it, or from a function that is given; a header of the request
is believed only if it is named.

Never: a span of its own where OpenTelemetry's instrumentation is in the application already; then only the headers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MethodType
from typing import TYPE_CHECKING, Any

import fastapi
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.util.http import get_excluded_urls, parse_excluded_urls

from spanledger.configure import enabled, held
from spanledger.guard import guard
from spanledger.instrumentation import use_stable_names
from spanledger.server_request import NAMES, STATE, Identity, Receive, Rules, Scope, Send, serve
from spanledger.version import __version__

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

RULES = "_spanledger_rules"  # in an application
FASTAPIS_OWN = "fastapi.telemetry"  # in the scope: where it is there, FastAPI makes no span of its own
_guard = guard("fastapi")
_plain_call = fastapi.FastAPI.__call__
_every: list[bool] = []  # whether applications are instrumented that nobody has named


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
        app: The application.
        identify: Given a request's ASGI scope, gives who it is for, as any of `user_id`, `user_tier`, `session_id`,
            `feature`, `tenant`. Runs in the event loop, for every request: it must not wait.
        identity_headers: Headers to believe, by what they mean: `{"user_id": "X-User-ID"}`. Only behind a proxy that
            sets them: any client can send any header. The setting of this name is what holds for other names.
        excluded_urls: Regular expressions with commas between them; requests that match get no span.
        tracer_provider: Where spans go; the global provider where None.
    """
    with _guard:
        if not enabled() or RULES in vars(app):
            return
        use_stable_names()
        headers = {**(held().identity_headers or {}), **(identity_headers or {})}
        rules = Rules(
            identify,
            {header.lower().encode("latin-1"): NAMES[name] for name, header in headers.items() if name in NAMES},
            get_excluded_urls("FASTAPI") if excluded_urls is None else parse_excluded_urls(excluded_urls),
            None if tracer_provider is None else tracer_provider.get_tracer("spanledger", __version__),
            not getattr(app, "_is_instrumented_by_opentelemetry", False),
        )
        setattr(app, RULES, rules)
        fastapi.FastAPI.__call__ = _instrumented_call  # type: ignore[method-assign]


async def _instrumented_call(self: fastapi.FastAPI, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] not in ("http", "websocket") or STATE in scope:  # or mounted: the request has its span
        await _plain_call(self, scope, receive, send)
        return
    if _every and RULES not in vars(self):
        instrument_fastapi(self)
    rules: Rules | None = vars(self).get(RULES)
    if rules is None:
        await _plain_call(self, scope, receive, send)
        return
    scope.setdefault(FASTAPIS_OWN, None)
    await serve(MethodType(_plain_call, self), rules, scope, receive, send)


class SpanledgerFastAPIInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Instruments every application when it is first called, whenever it was made."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """The versions that this was written for."""
        return ("fastapi >= 0.92",)

    def _instrument(self, **kwargs: Any) -> None:
        del kwargs
        use_stable_names()
        _every.append(True)
        fastapi.FastAPI.__call__ = _instrumented_call  # type: ignore[method-assign]

    def _uninstrument(self, **kwargs: Any) -> None:
        del kwargs
        _every.clear()
        fastapi.FastAPI.__call__ = _plain_call  # type: ignore[method-assign]
