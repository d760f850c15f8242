"""How answers about messages, routes, escalations and preferences look, for the API's description.

Never: a member that an answer does not have.
"""

from __future__ import annotations

from typing import Any, Final

from spanledger_server.notify import escalations, routes
from spanledger_server.notify.preferences import DEFAULTS
from spanledger_server.notify.terms import Escalation, Route, Step
from spanledger_server.timegrid import MINUTE_NS

AT: Final = "2026-11-21T09:00:00Z"
NOTIFICATION: Final[dict[str, Any]] = {
    "id": "0b9c3e0f-6c9a-4a63-a5b5-b0a4b8f4f0de",
    "incident_id": "5f1d7e6a0c2b49d8a3e4c5b6d7f80912",
    "channel": {"id": "5d0f3c7be2a14986", "name": "on call", "type": "webhook"},
    "status": "firing",
    "severity": "critical",
    "title": "Slow answers: chat",
    "alerts": 1,
    "state": "delivered",
    "reason": "HTTP 200",
    "made_at": AT,
    "next_attempt_at": None,
    "finished_at": "2026-11-21T09:00:00.412Z",
    "lag_seconds": 0.412,
    "attempts": [
        {"number": 1, "at": AT, "took_ms": 398.2, "outcome": "delivered", "reason": "HTTP 200"},
    ],
}
HELD: Final[dict[str, Any]] = {
    "channel": {"id": "5d0f3c7be2a14986", "name": "on call"},
    "reason": "quiet_hours",
    "detail": "quiet hours",
    "from": AT,
    "to": None,
    "until": "2026-11-21T22:00:00Z",
}
TESTED: Final[dict[str, Any]] = {"delivered": True, "items": [NOTIFICATION | {"status": "test", "alerts": 0}]}
ABOUT: Final[dict[str, Any]] = {"version": 1, "created_at": AT, "updated_at": AT, "updated_by": "admin"}
ROUTE: Final[dict[str, Any]] = {
    "id": "9c2f5a1be0d34871",
    **routes.definition(Route("", "chat", {"service": ("chat-*",)}, ("critical",), ("on call",))),
    "position": 1,
    **ABOUT,
}
ESCALATION: Final[dict[str, Any]] = {
    "id": "1f6b8c2d3e4a5b60",
    **escalations.definition(Escalation("", "on call", (Step(0, ("chat",)), Step(10 * MINUTE_NS, ("sms",))), 2)),
    **ABOUT,
}
PREFERENCES: Final[dict[str, Any]] = {
    "admin_user": "ann",
    **DEFAULTS,
    "quiet_hours_enabled": True,
    "quiet_start_time": "22:00",
    "quiet_end_time": "08:00",
    "timezone": "Europe/Berlin",
    "stored": True,
    "created_at": AT,
    "updated_at": AT,
}


def example(content: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """How an answer looks."""
    return {status: {"content": {"application/json": {"example": content}}}}
