"""The doors to instrumentations whose libraries are imported only by whoever uses them.

Never: an import of a web framework, or of OpenTelemetry's instrumentations, when the SDK is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI
    from opentelemetry.trace import TracerProvider

    from spanledger.libraries import Instrumented

ANTHROPIC_SENDS = "ANTHROPIC_OPEN_TELEMETRY_PROPAGATION"
STABLE_NAMES = "OTEL_SEMCONV_STABILITY_OPT_IN"
ON, WAITING = "on", "waits until its library is imported"
states: dict[str, str] = {}  # of the instrumentations that were asked for and whose libraries are installed


def instrument(*, include: Iterable[str] | None = None, exclude: Iterable[str] = ()) -> Instrumented:
    """Turn on every instrumentation that is installed; a second call turns on what has come since.

    FastAPI by our own, all others by OpenTelemetry's packages, prompts and answers not captured. Applications, clients
    and engines that are made after the call are instrumented, and FastAPI applications that were made before.
    `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS` holds here too.

    Args:
        include: The only names that are wanted, such as `["fastapi", "httpx", "openai"]`; all where None.
        exclude: Names that are not wanted.

    Returns:
        What is on, and what was left out and why; never an exception because of versions that do not fit.
    """
    from spanledger.configure import enabled
    from spanledger.libraries import Instrumented, turn_on_all

    return turn_on_all(include, exclude) if enabled() else Instrumented((), {})


def instrument_fastapi(
    app: FastAPI,
    *,
    identify: Callable[[Any], Mapping[str, object] | None] | None = None,
    identity_headers: Mapping[str, str] | None = None,
    excluded_urls: str | None = None,
    tracer_provider: TracerProvider | None = None,
) -> None:
    """Give each request a server span, an id (`X-Request-ID`, in and out) and its time (`X-Process-Time`, seconds).

    Args:
        app: The application, before it has begun to serve; a second call does nothing.
        identify: Given a request's ASGI scope, gives who it is for, as any of `user_id`, `user_tier`, `session_id`,
            `feature`, `tenant`. Runs in the event loop, for every request: it must not wait.
        identity_headers: Headers to believe, by what they mean: `{"user_id": "X-User-ID"}`. Only behind a proxy that
            sets them: any client can send any header.
        excluded_urls: Regular expressions with commas between them; requests that match get no span.
        tracer_provider: Where spans go; the global provider where None.
    """
    from spanledger import fastapi

    fastapi.instrument_fastapi(
        app,
        identify=identify,
        identity_headers=identity_headers,
        excluded_urls=excluded_urls,
        tracer_provider=tracer_provider,
    )


def use_stable_names() -> None:
    """Ask OpenTelemetry for the stable HTTP names, unless somebody said otherwise; it reads that only once."""
    said = os.environ.get(STABLE_NAMES, "")
    if not any(part.strip().startswith("http") for part in said.split(",")):
        os.environ[STABLE_NAMES] = f"{said},http" if said else "http"


def keep_clients_from_sending_baggage() -> None:
    """Anthropic's client sends the context of its own spans, baggage and all, to Anthropic: not unless told to."""
    os.environ.setdefault(ANTHROPIC_SENDS, "false")
