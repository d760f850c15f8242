"""Is the server alive, is it ready, and its own counters in Prometheus' text format.

Never: "ready" while a commit just failed, or a counter that nobody keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from spanledger_server.api import answers

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one of our own metrics."""

    name: str
    kind: Literal["counter", "gauge"]
    meaning: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def exposition(samples: Iterable[Sample]) -> str:
    """Samples as Prometheus reads them; those of one name stand together."""
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        by_name.setdefault(sample.name, []).append(sample)
    lines: list[str] = []
    for name, group in by_name.items():
        lines += [f"# HELP {name} {group[0].meaning}", f"# TYPE {name} {group[0].kind}"]
        lines += [f"{name}{_labels(sample.labels)} {_number(sample.value)}" for sample in group]
    return "\n".join(lines) + "\n"


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    escaped = ((key, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")) for key, value in labels)
    return "{" + ",".join(f'{key}="{value}"' for key, value in escaped) + "}"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


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
    def metrics() -> Response:
        """The server's own metrics in Prometheus' text format."""
        return Response(exposition(samples()), media_type=PROMETHEUS)

    return routes
