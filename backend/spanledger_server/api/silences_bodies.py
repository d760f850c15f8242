"""What is said of silences, maintenance and inhibitions in bodies, and how they are shown.

Never: a matcher that was silently left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from spanledger_server.api import answers, parameters
from spanledger_server.errors import Conflict, Invalid
from spanledger_server.silences import maintenance, matchers
from spanledger_server.silences.inhibition import Inhibition, Rule
from spanledger_server.silences.maintenance import Plan, Recurrence, Window
from spanledger_server.silences.matchers import Matcher
from spanledger_server.silences.silence import Silence, Wish
from spanledger_server.timegrid import MINUTE_NS

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ID: Final = "0b7c1f7e-5c1e-4c5e-9d57-3f5b8e3b1a11"
MATCHERS: Final = ['team="shop"', 'severity!="critical"']
SILENCE: Final = {
    "id": ID,
    "state": "active",
    "matchers": MATCHERS,
    "starts_at": "2026-11-21T22:00:00Z",
    "ends_at": "2026-11-22T02:00:00Z",
    "comment": "the shop moves",
    "created_by": "ana",
    "created_at": "2026-11-21T21:58:00Z",
    "updated_by": "ana",
    "updated_at": "2026-11-21T21:58:00Z",
}
WINDOW: Final = {
    "id": ID,
    "name": "backups",
    "matchers": ['service="db"'],
    "comment": "the database is slow while it is copied",
    "timezone": "Europe/Berlin",
    "starts_at": "2026-01-01T00:00:00Z",
    "ends_at": None,
    "at": "02:30",
    "minutes": 45,
    "weekdays": ["sun"],
    "month_days": [],
    "now": None,
    "next": {"from": "2026-11-22T01:30:00Z", "to": "2026-11-22T02:15:00Z"},
    "created_by": "ana",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_by": "ana",
    "updated_at": "2026-01-01T00:00:00Z",
}
INHIBITION: Final = {
    "id": ID,
    "name": "a host that is down explains the rest",
    "source": ['alertname="HostDown"'],
    "target": ['severity=~"warning|info"'],
    "equal": ["instance"],
    "created_by": "ana",
    "created_at": "2026-11-21T21:58:00Z",
    "updated_by": "ana",
    "updated_at": "2026-11-21T21:58:00Z",
}
LENGTH: Final = r"^\d{1,9}[smhdw]$"
SEEN: Final = "updated_at as you have seen it: refused when somebody has changed it since"

Texts = Annotated[
    list[str], Field(min_length=1, max_length=matchers.MOST_MATCHERS, description='as team="shop"; all have to match')
]


class SilenceBody(BaseModel):
    """A silence."""

    model_config = ConfigDict(extra="forbid")
    matchers: Texts
    starts_at: str | None = Field(None, description="RFC 3339 or now+1h; default: now")
    ends_at: str | None = Field(None, description="RFC 3339 or now+2h")
    duration: str | None = Field(None, pattern=LENGTH, description="30m, 2h, 1d: in place of ends_at")
    comment: str = Field(description="why")

    def wish(self, now_ns: int) -> Wish:
        """What is to be silenced.

        Raises:
            Invalid: A matcher or a time is none, or it has no end.
        """
        if (self.ends_at is None) == (self.duration is None):
            raise Invalid("ends_at", self.ends_at, "when it ends, or `duration`: one of them, always")
        found, starts_ns = parameters.together(
            lambda: matchers.parse(self.matchers, "matchers"),
            lambda: now_ns if self.starts_at is None else parameters.instant("starts_at", self.starts_at, now_ns),
        )
        if self.duration is None:
            ends_ns = parameters.instant("ends_at", self.ends_at or "", now_ns)
        else:
            ends_ns = parameters.instant("duration", f"now+{self.duration}", starts_ns)
        return Wish(found, starts_ns, ends_ns, self.comment)


class WindowBody(BaseModel):
    """A maintenance window."""

    model_config = ConfigDict(extra="forbid")
    name: str
    matchers: Texts
    comment: str = Field(description="why")
    timezone: str | None = Field(None, description="IANA zone of `at`; default: the server's")
    starts_at: str | None = Field(None, description="when it begins; with `at`: from when that holds. Default: now")
    ends_at: str | None = Field(None, description="when it ends; with `at`: until when that holds, null without end")
    at: str | None = Field(None, description="HH:MM on the clocks of the zone: it comes again and again")
    minutes: int | None = Field(None, description="how long each time")
    duration: str | None = Field(
        None, pattern=LENGTH, description="45m, 2h, 1d: in place of ends_at, with `at` of minutes"
    )
    weekdays: list[str] = Field(default_factory=list, max_length=7, description="mon … sun; none: any")
    month_days: list[int] = Field(default_factory=list, max_length=62, description="1 to 31, -1 is the last; none: any")

    def plan(self, now_ns: int, default_zone: str) -> Plan:
        """The window.

        Raises:
            Invalid: A matcher, a time or a day is none.
        """
        found, starts_ns, ends_ns, again = parameters.together(
            lambda: matchers.parse(self.matchers, "matchers"),
            lambda: now_ns if self.starts_at is None else parameters.instant("starts_at", self.starts_at, now_ns),
            lambda: None if self.ends_at is None else parameters.instant("ends_at", self.ends_at, now_ns),
            self._again,
        )
        if self.duration is not None and again is None:
            if ends_ns is not None:
                raise Invalid("duration", self.duration, "left out where ends_at says it")
            ends_ns = parameters.instant("duration", f"now+{self.duration}", starts_ns)
        return Plan(
            self.name, tuple(found), self.comment, self.timezone or default_zone, starts_ns, ends_ns, recurrence=again
        )

    def _again(self) -> Recurrence | None:
        wrong = [day for day in self.weekdays if day not in DAYS]
        if wrong:
            raise Invalid("weekdays", wrong[0], ", ".join(DAYS))
        if self.at is None:
            if self.minutes is not None or self.weekdays or self.month_days:
                raise Invalid("at", None, "a time of day such as 22:00, for a window that comes again")
            return None
        days = tuple(sorted({DAYS.index(day) for day in self.weekdays}))
        return Recurrence(self.at, self._each_time(), days, tuple(sorted(set(self.month_days))))

    def _each_time(self) -> int:
        """How long each time, in minutes."""
        if (self.minutes is None) == (self.duration is None):
            raise Invalid("minutes", self.minutes, "how long each time, or `duration`: one of them")
        if self.minutes is not None:
            return self.minutes
        length_ns = parameters.instant("duration", f"now+{self.duration}", 0)
        if length_ns % MINUTE_NS:
            raise Invalid("duration", self.duration, "whole minutes where it comes again")
        return length_ns // MINUTE_NS


class InhibitionBody(BaseModel):
    """An inhibition."""

    model_config = ConfigDict(extra="forbid")
    name: str
    source: Texts
    target: Texts
    equal: list[str] = Field(default_factory=list, description="labels whose values are the same on both")

    def rule(self) -> Rule:
        """The inhibition.

        Raises:
            Invalid: A matcher is none.
        """
        source, target = parameters.together(
            lambda: matchers.parse(self.source, "source"), lambda: matchers.parse(self.target, "target")
        )
        return Rule(self.name, tuple(source), tuple(target), tuple(self.equal))


class SilenceChange(SilenceBody):
    """A silence as it is to be."""

    updated_at: str | None = Field(None, description=SEEN)


class WindowChange(WindowBody):
    """A maintenance window as it is to be."""

    updated_at: str | None = Field(None, description=SEEN)


class InhibitionChange(InhibitionBody):
    """An inhibition as it is to be."""

    updated_at: str | None = Field(None, description=SEEN)


def check_seen(seen: str | None, before: Mapping[str, Any]) -> None:
    """Refuse a change of what is not any more what somebody has seen.

    Args:
        seen: When it was changed last, as far as they know; None does not mind.
        before: As it is shown.

    Raises:
        Conflict: It was changed since.
    """
    if seen is not None and seen != before["updated_at"]:
        raise Conflict(f"it was changed by {before['updated_by']} at {before['updated_at']}: look at it again")


def silence(one: Silence, now_ns: int) -> dict[str, Any]:
    """A silence as it is shown."""
    return {
        "id": str(one.silence_id),
        "state": one.state(now_ns),
        "matchers": told(one.matchers),
        "starts_at": answers.when(one.starts_ns),
        "ends_at": answers.when(one.ends_ns),
        "comment": one.comment,
        **_made(one),
    }


def window(one: Window, now_ns: int) -> dict[str, Any]:
    """A maintenance window as it is shown, and when it lasts."""
    plan, again = one.plan, one.plan.recurrence
    spans = {"now": maintenance.now(plan, now_ns), "next": maintenance.following(plan, now_ns)}
    bounds = {
        name: None if span is None else {"from": answers.when(span.from_ns), "to": answers.when(span.to_ns)}
        for name, span in spans.items()
    }
    return {
        "id": str(one.window_id),
        "name": plan.name,
        "matchers": told(plan.matchers),
        "comment": plan.comment,
        "timezone": plan.timezone,
        "starts_at": answers.when(plan.starts_ns),
        "ends_at": answers.when(plan.ends_ns),
        "at": again.at_time if again else None,
        "minutes": again.minutes if again else None,
        "weekdays": [DAYS[day] for day in again.weekdays] if again else [],
        "month_days": again.month_days if again else [],
        **bounds,
        **_made(one),
    }


def inhibition(one: Inhibition) -> dict[str, Any]:
    """An inhibition as it is shown."""
    rule = one.rule
    return {
        "id": str(one.inhibition_id),
        "name": rule.name,
        "source": told(rule.source),
        "target": told(rule.target),
        "equal": rule.equal,
        **_made(one),
    }


def told(found: Sequence[Matcher]) -> list[str]:
    """Matchers as people write them."""
    return [each.told() for each in found]


def _made(one: Silence | Window | Inhibition) -> dict[str, Any]:
    return {
        "created_by": one.created_by,
        "created_at": answers.when(one.created_ns),
        "updated_by": one.updated_by,
        "updated_at": answers.when(one.updated_ns),
    }
