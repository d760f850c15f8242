"""Is the server alive, is it ready, and its own counters for Prometheus.

Never: "ready" while a commit just failed, or a counter that nobody keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from spanledger_server.api import answers
from spanledger_server.api.exposition import OPENMETRICS, PLAIN, Sample, exposition, wants_openmetrics


def health_router(unready: Callable[[], list[str]]) -> APIRouter:
    """Liveness and readiness, open to all; `unready` gives the reasons not to send anything here."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz")
    async def alive() -> dict[str, str]:
        """Answers as long as the process can."""
        return {"status": "ok"}

    @routes.get("/readyz")
    async def ready() -> Response:
        """200 when data can be taken and questions answered; else 503 with the reasons."""
        reasons = unready()
        if reasons:
            body = answers.rendered({"status": "not ready", "reasons": reasons})
            return Response(body, 503, {"Cache-Control": "no-store"}, "application/json")
        return answers.answer({"status": "ready"})

    return routes


def metrics_router(samples: Callable[[], Iterable[Sample]]) -> APIRouter:
    """Our own counters."""
    routes = APIRouter(tags=["health"])

    @routes.get("/metrics", response_class=Response)
    def metrics(request: Request) -> Response:
        """The server's own metrics: OpenMetrics, with exemplars, for who accepts it, else Prometheus' text format."""
        openmetrics = wants_openmetrics(request.headers.get("accept"))
        text = exposition(samples(), openmetrics=openmetrics)
        return Response(text, headers={"Content-Type": OPENMETRICS if openmetrics else PLAIN, "Vary": "Accept"})

    return routes
