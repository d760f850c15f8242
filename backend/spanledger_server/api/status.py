"""One sentence on everything, and the figures that stand beside it in a terminal.

Never: a sentence of its own; it is the one the live page shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from spanledger.version import __version__
from spanledger_server.api import answers
from spanledger_server.api.live import Channel


def router(channel: Channel, environment: str, conditions: Callable[[], list[dict[str, str]]]) -> APIRouter:
    """The status route; `conditions` gives what somebody should look at."""
    routes = APIRouter(tags=["live"])

    @routes.get("/api/v1/status")
    def status() -> Response:
        """How everything does: a sentence, its level, the services, and today's figures."""
        state = channel.look(from_s=2**62).state
        counts = Counter(service["state"] for service in state["services"])
        body: dict[str, Any] = {
            "sentence": state["sentence"],
            "level": state["level"],
            "counts": {level: counts.get(level, 0) for level in ("ok", "warning", "critical", "unknown")},
            "tiles": state["tiles"],
            "services": state["services"],
            "loss": state["loss"],
            "conditions": conditions(),
            "complete_to": state["complete_to"],
            "version": __version__,
            "environment": environment,
        }
        return answers.answer(body)

    return routes
