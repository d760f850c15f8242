"""Budgets for tests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from spanledger_server.budgets.budget import DIMENSIONS, Budget
from tests.backend.rows import NOON


def values(name: str = "b", limit: Any = "10", **more: Any) -> dict[str, Any]:
    """All that a client says of a budget."""
    given: dict[str, Any] = {
        "name": name,
        "description": None,
        "period": "monthly",
        "time_window": "calendar",
        "timezone": None,
        "limit_usd": Decimal(str(limit)).quantize(Decimal("1e-12")),
        **dict.fromkeys(DIMENSIONS),
        "alert_at_50_percent": False,
        "alert_at_80_percent": True,
        "alert_at_95_percent": True,
        "alert_at_exceeded": True,
        "forecast_percent": None,
        "rollover_usd": None,
        "enabled": True,
    }
    return given | more


def budget(name: str = "b", limit: Any = "10", **more: Any) -> Budget:
    """A budget that no store knows."""
    marks = {"budget_id": name, "version": 1, "created_ns": NOON, "changed_ns": NOON, "changed_by": "me"}
    return Budget(**values(name, limit, **more), **marks, archived_ns=None)
