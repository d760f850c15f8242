"""What is said of health checks in bodies, and how a check is shown.

Never: a secret in an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from spanledger_server.api import answers
from spanledger_server.health.check import USUAL
from spanledger_server.health.kinds.all import KINDS
from spanledger_server.health.machine import Standing
from spanledger_server.health.uptime import Beat, Times
from spanledger_server.health.watch import Looked

KIND_NAMES: Final = ", ".join(KINDS)


class CheckBody(BaseModel):
    """A check. What is wrong with it is told by name, all at once."""

    model_config = ConfigDict(extra="forbid")
    name: JsonValue = Field(description="for people; no two checks have the same", examples=["orders database"])
    kind: JsonValue = Field(description=f"one of {KIND_NAMES}", examples=["postgresql"])
    target: JsonValue = Field(
        None,
        description="where, as the kind has it (GET /api/v1/health/kinds); passwords in it are never told again",
        examples=["postgresql://watch:secret@db:5432/orders"],
    )
    options: JsonValue = Field(None, description="what the kind understands beside")
    service: JsonValue = Field(None, description="the service that it belongs to; null: it stands for itself")
    enabled: JsonValue = Field(USUAL["enabled"], description="false: nobody looks")
    interval_s: JsonValue = Field(USUAL["interval_s"], description="how often, seconds: 5 to 86400")
    timeout_s: JsonValue = Field(USUAL["timeout_s"], description="how long a look may take, seconds: 0.1 to 60")
    down_after: JsonValue = Field(USUAL["down_after"], description="worse answers in a row that are believed: 1 to 20")
    up_after: JsonValue = Field(USUAL["up_after"], description="better answers in a row that are believed: 1 to 20")
    slow_ms: JsonValue = Field(None, description="degraded when a look takes longer, milliseconds; null: never")

    def given(self) -> dict[str, Any]:
        """By the names of `health.check.Check`."""
        return self.model_dump(exclude={"version"})


class ChangedCheck(CheckBody):
    """A check in place of one that holds. `***` where it was shown keeps what is secret."""

    version: int | None = Field(None, description="the version you have seen; refused when another one holds")


def shown(looked: Looked, times: Times | None = None, beats: Sequence[Beat] | None = None) -> dict[str, Any]:
    """A check, where it stands, and how it did."""
    kept = looked.kept
    found = {
        "id": kept.check_id,
        **kept.check.told(),
        **standing(looked.standing, kept.check.down_after, kept.check.up_after),
        "version": kept.version,
        "created_at": answers.when(kept.created_ns),
        "changed_at": answers.when(kept.changed_ns),
        "changed_by": kept.changed_by,
    }
    if times is not None:
        found["uptime"] = uptime(times)
    if beats is not None:
        found["beats"] = [beat(each) for each in beats]
    return found


def standing(found: Standing, down_after: int, up_after: int) -> dict[str, Any]:
    """Where a check stands, and what its latest look found."""
    answer = found.answer
    latest = None
    if answer is not None:
        latest = {
            "state": answer.state,
            "reason": answer.reason,
            "latency_ms": answers.milliseconds(answer.latency_ns),
            "at": answers.when(found.seen_ns),
            "told": dict(answer.told),
        }
    return {
        "state": found.state,
        "reason": found.said,
        "since": answers.when(found.since_ns),
        "latest": latest,
        "in_a_row": found.streak,
        "needed": up_after if answer is not None and answer.state == "healthy" else down_after,
    }


def uptime(found: Times) -> dict[str, Any]:
    """Shares of time from 0 to 1, null where nothing is known, and the time in each state, seconds."""
    return {
        "uptime": found.uptime,
        "at_least": found.at_least,
        "known": found.known,
        "seconds": {
            "healthy": found.healthy / 1e9,
            "degraded": found.degraded / 1e9,
            "down": found.down / 1e9,
            "unknown": found.unknown / 1e9,
        },
    }


def beat(found: Beat) -> dict[str, Any]:
    """A part of a window: the worst that it was; null where there was nothing to know."""
    return {
        "from": answers.when(found.window.from_ns),
        "to": answers.when(found.window.to_ns),
        "state": found.state,
        "down_s": found.times.down / 1e9,
    }


def kinds() -> list[dict[str, Any]]:
    """Every kind of check, and what may be said of it."""
    return [
        {
            "kind": kind.name,
            "meaning": kind.meaning,
            "target": kind.target or None,
            "options": {
                name: {"default": option.default, "meaning": option.meaning, "secret": option.secret}
                for name, option in kind.options.items()
            },
        }
        for kind in KINDS.values()
    ]


_STANDS: Final[dict[str, Any]] = {
    "state": "degraded",
    "reason": "slow: 812 ms, more than 500 ms",
    "since": "2026-11-21T09:41:07Z",
    "latest": {
        "state": "degraded",
        "reason": "slow: 812 ms, more than 500 ms",
        "latency_ms": 812.4,
        "at": "2026-11-21T09:42:37Z",
        "told": {"certificate_days": 61.2, "tls": True},
    },
    "in_a_row": 0,
    "needed": 3,
}
_CHECK: Final[dict[str, Any]] = {
    "id": "5f0c1d2e3a4b5c6d",
    "name": "orders database",
    "kind": "postgresql",
    "target": "postgresql://watch:***@db:5432/orders",
    "options": {"tls": "required"},
    "service": "orders",
    "enabled": True,
    "interval_s": 30,
    "timeout_s": 5,
    "down_after": 3,
    "up_after": 1,
    "slow_ms": 500,
    **_STANDS,
    "version": 1,
    "created_at": "2026-11-20T08:00:00Z",
    "changed_at": "2026-11-20T08:00:00Z",
    "changed_by": "ada",
}
_UPTIME: Final[dict[str, Any]] = {
    "uptime": 0.9986,
    "at_least": 0.9951,
    "known": 0.9965,
    "seconds": {"healthy": 85800.0, "degraded": 177.6, "down": 120.4, "unknown": 302.0},
}
_BEAT: Final[dict[str, Any]] = {
    "from": "2026-11-21T09:30:00Z",
    "to": "2026-11-21T10:00:00Z",
    "state": "degraded",
    "down_s": 0.0,
}
EXAMPLES: Final[dict[str, Any]] = {
    "kinds": {
        "items": [
            {
                "kind": "redis",
                "meaning": "Redis lets in and answers PING",
                "target": "redis://user:password@host:6379/0, or rediss:// for TLS",
                "options": {
                    "verify": {
                        "default": True,
                        "meaning": "whether its certificate must be valid for the host",
                        "secret": False,
                    }
                },
            }
        ],
        "next_cursor": None,
    },
    "list": {
        "items": [{**_CHECK, "uptime": _UPTIME, "beats": [_BEAT]}],
        "next_cursor": None,
        "counts": {"healthy": 3, "degraded": 1, "down": 0, "unknown": 0},
    },
    "check": {**_CHECK, "uptime": _UPTIME},
    "history": {
        "items": [
            {"at": "2026-11-21T09:41:07Z", "state": "degraded", "reason": "slow: 812 ms, more than 500 ms"},
            {"at": "2026-11-20T08:00:04Z", "state": "healthy", "reason": "answered SELECT 1"},
        ],
        "next_cursor": None,
    },
    "uptime": {"from": "2026-11-20T10:00:00Z", "to": "2026-11-21T10:00:00Z", **_UPTIME, "beats": [_BEAT]},
    "results": {
        "from": "2026-11-21T09:00:00Z",
        "to": "2026-11-21T10:00:00Z",
        "step_s": 60,
        "items": [
            {
                "at": "2026-11-21T09:41:00Z",
                "healthy": 1,
                "degraded": 1,
                "down": 0,
                "unknown": 0,
                "latency_ms": {"mean": 431.2, "min": 50.1, "max": 812.4},
            }
        ],
        "next_cursor": None,
    },
}
