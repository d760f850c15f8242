"""What is said of budgets in bodies, and how a budget is shown.

Given JSON, gives values that were checked: amounts are finite, in USD, and have at most twelve places.

Never: an amount that was silently made another one, but for digits beyond the twelfth place.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from spanledger_server import timegrid
from spanledger_server.api import answers
from spanledger_server.budgets.budget import DIMENSIONS, Budget, PeriodName, Window
from spanledger_server.errors import Invalid

LIMIT: Final = Decimal(10) ** 12
STEP: Final = Decimal("1e-12")
LONGEST_TTL_S: Final = 86_400
NAMED: Final = {"limit_amount": "limit_usd", "rollover_limit": "rollover_usd", "window": "time_window"}
MOST_LEASES: Final = 100


def _amount(value: Any) -> Decimal:
    """USD from 0 to below `LIMIT`."""
    return _usd(value, "USD in digits, from 0 to below 1000000000000")


def _positive(value: Any) -> Decimal:
    """USD above 0 and below `LIMIT`."""
    allowed = "USD in digits, above 0 and below 1000000000000"
    amount = _usd(value, allowed)
    if not amount:
        raise ValueError(allowed)
    return amount


def _usd(value: Any, allowed: str) -> Decimal:
    try:
        amount = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount < LIMIT:
        raise ValueError(allowed)
    return amount.quantize(STEP, ROUND_HALF_EVEN)


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number")
    return value


def _zone(name: str) -> str:
    try:
        return timegrid.zone(name).key
    except Invalid as error:
        raise ValueError(error.allowed) from error


def _in_digits(least: str) -> WithJsonSchema:
    """How the document describes an amount: a number, or the same as text, which keeps every digit."""
    number = {"type": "number", least: 0, "exclusiveMaximum": int(LIMIT)}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,12})?$"}]})


Amount = Annotated[Decimal, BeforeValidator(_amount), _in_digits("minimum")]
Positive = Annotated[Decimal, BeforeValidator(_positive), _in_digits("exclusiveMinimum")]
Percent = Annotated[Decimal, BeforeValidator(_no_truth), Field(gt=0, le=10_000, allow_inf_nan=False)]
Seconds = Annotated[float, BeforeValidator(_no_truth), Field(gt=0, le=LONGEST_TTL_S, allow_inf_nan=False)]
Only = Annotated[str | None, Field(min_length=1, max_length=256)]
Zone = Annotated[str, Field(max_length=100), AfterValidator(_zone)]


class BudgetBody(BaseModel):
    """A budget, in the seed's names."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=200)
    description: str | None = Field(None, max_length=1000)
    period: PeriodName
    limit_amount: Positive = Field(description="USD a period, above zero")
    currency: Literal["USD"] = "USD"
    window: Window = Field("calendar", description="rolling: the last 1, 7 or 30 days")
    timezone: Zone | None = Field(None, description="IANA zone in which days begin; null: the server's")
    provider: Only = Field(None, description="only calls of this provider; null: all. The same for the seven below")
    model: Only = None
    service: Only = None
    feature: Only = None
    user_tier: Only = None
    user_id: Only = None
    session_id: Only = None
    tenant: Only = None
    alert_at_50_percent: bool = False
    alert_at_80_percent: bool = True
    alert_at_95_percent: bool = True
    alert_at_exceeded: bool = True
    forecast_percent: Percent | None = Field(None, description="a threshold for the projection; null: none")
    rollover_limit: Positive | None = Field(
        None, description="USD that are carried over at most from what was left of the calendar period before"
    )
    enabled: bool = True

    @model_validator(mode="after")
    def _of_a_calendar(self) -> BudgetBody:
        if self.window == "rolling" and (self.rollover_limit is not None or self.timezone is not None):
            raise ValueError("rollover_limit and timezone belong to a calendar window")
        return self

    def values(self) -> dict[str, Any]:
        """By the names of `Budget`."""
        given = {name: getattr(self, name) for name in BudgetBody.model_fields if name != "currency"}
        return {NAMED.get(name, name): value for name, value in given.items()}


class ChangedBudget(BudgetBody):
    """A budget in the place of one that holds."""

    version: int | None = Field(None, description="the version you have seen; refused when another one holds")


class Reserve(BaseModel):
    """Who wants to spend."""

    model_config = ConfigDict(extra="forbid")
    amount: Amount = Field(description="USD, as good as you know")
    ttl_s: Seconds = Field(60.0, description="seconds for which it counts if it is not settled, at most a day")


class Settle(BaseModel):
    """What it came to."""

    model_config = ConfigDict(extra="forbid")
    reservation_id: str = Field(min_length=1, max_length=100)
    amount: Amount = Field(description="USD; 0 for a call that was not made")
    trace_id: str | None = Field(
        None, pattern="^[0-9a-f]{32}$", description="with span_id the key of the ledger's line"
    )
    span_id: str | None = Field(None, pattern="^[0-9a-f]{16}$")

    @model_validator(mode="after")
    def _both_or_none(self) -> Settle:
        if (self.trace_id is None) != (self.span_id is None):
            raise ValueError("trace_id and span_id go together")
        return self

    def call(self) -> tuple[str, int] | None:
        """The key of the ledger's line, where it was told."""
        return None if self.trace_id is None or self.span_id is None else (self.trace_id, int(self.span_id, 16))


class LeaseOf(BaseModel):
    """What a process asks of one budget."""

    model_config = ConfigDict(extra="forbid")
    budget_id: str = Field(max_length=100)
    used: Amount = Field(Decimal(0), description="USD since the last renewal")
    want: Amount | None = Field(None, description="USD that it would like to hold; null ends the lease")


class Leases(BaseModel):
    """What a process asks."""

    model_config = ConfigDict(extra="forbid")
    holder: str = Field(min_length=1, max_length=100, description="the process, by a name of its own")
    ttl_s: Seconds = 15.0
    leases: list[LeaseOf] = Field(default_factory=list, max_length=MOST_LEASES)


def shown(budget: Budget) -> dict[str, Any]:
    """A version of a budget as answers have it."""
    return {
        "id": budget.budget_id,
        "version": budget.version,
        "name": budget.name,
        "description": budget.description,
        "period": budget.period,
        "window": budget.time_window,
        "timezone": budget.timezone,
        "limit_amount": budget.limit_usd,
        "currency": "USD",
        **{name: getattr(budget, name) for name in DIMENSIONS},
        "alert_at_50_percent": budget.alert_at_50_percent,
        "alert_at_80_percent": budget.alert_at_80_percent,
        "alert_at_95_percent": budget.alert_at_95_percent,
        "alert_at_exceeded": budget.alert_at_exceeded,
        "forecast_percent": budget.forecast_percent,
        "rollover_limit": budget.rollover_usd,
        "enabled": budget.enabled,
        "created_at": answers.when(budget.created_ns),
        "updated_at": answers.when(budget.changed_ns),
        "updated_by": budget.changed_by,
        "archived_at": answers.when(budget.archived_ns),
    }


_BUDGET: Final[dict[str, Any]] = {
    "id": "9f2c41d07ab35e66",
    "version": 1,
    "name": "free tier, daily",
    "description": None,
    "period": "daily",
    "window": "calendar",
    "timezone": "Europe/Berlin",
    "limit_amount": 25,
    "currency": "USD",
    **dict.fromkeys(DIMENSIONS),
    "user_tier": "free",
    "alert_at_50_percent": False,
    "alert_at_80_percent": True,
    "alert_at_95_percent": True,
    "alert_at_exceeded": True,
    "forecast_percent": 100,
    "rollover_limit": None,
    "enabled": True,
    "created_at": "2026-11-01T08:00:00Z",
    "updated_at": "2026-11-01T08:00:00Z",
    "updated_by": "admin",
    "archived_at": None,
}
_STATUS: Final[dict[str, Any]] = {
    "id": "9f2c41d07ab35e66",
    "name": "free tier, daily",
    "period": "daily",
    "from": "2026-11-20T23:00:00Z",
    "to": "2026-11-21T23:00:00Z",
    "currency": "USD",
    "spent": 14.2113,
    "limit_amount": 25,
    "carried_over": 0,
    "reserved": 0.5,
    "remaining": 10.7887,
    "percentage": 56.8452,
    "status": "on_track",
    "sentence": "57 % used, on pace for 91 %.",
    "calls": 1204,
    "unpriced_calls": 0,
    "coverage": 1,
    "thresholds": [{"percent": 80, "kind": "spent", "enabled": True, "reached": False}],
    "so_far": {
        "at": ["2026-11-20T23:00:00Z", "2026-11-21T06:00:00Z", "2026-11-21T14:00:00Z"],
        "spent": [0, 3.117, 14.2113],
    },
    "projection": {
        "estimated_total": 22.75,
        "p10": 21.1,
        "p50": 22.75,
        "p90": 24.8,
        "probability_over_budget": 0.081,
        "exhausted_at": {"p10": None, "p50": None, "p90": None},
        "days_until_limit": 0.55,
        "method": "hours_of_the_week",
        "history_hours": 1344,
        "certain": True,
        "backtest": {"origins": 10, "hours": 9, "error": 0.064, "coverage": 0.8},
        "course": {
            "at": ["2026-11-21T14:00:00Z", "2026-11-21T18:00:00Z", "2026-11-21T23:00:00Z"],
            "p10": [14.2113, 18.2, 21.1],
            "p50": [14.2113, 19.18, 22.75],
            "p90": [14.2113, 20.4, 24.8],
        },
        "notes": [],
    },
}
EXAMPLES: Final[dict[str, Any]] = {
    "list": {"items": [_BUDGET], "next_cursor": None},
    "budget": {**_BUDGET, "overlaps": [{"id": "default", "name": "default"}]},
    "history": {"items": [_BUDGET], "next_cursor": None},
    "status": _STATUS,
    "reserve": {
        "granted": True,
        "reservation_id": "4b0f6dd07c1e2a90c3a51f22",
        "remaining": 10.2887,
        "expires_at": "2026-11-21T12:01:00Z",
        "reason": "within the budget",
    },
    "settle": {"settled": True, "reservation_id": "4b0f6dd07c1e2a90c3a51f22", "amount": 0.0123, "first": True},
    "leases": {
        "budgets": [{"id": "default", "name": "default", "scope": {}}],
        "leases": [{"budget_id": "default", "granted": 31.25, "remaining": 468.75}],
        "expires_at": "2026-11-21T12:00:15Z",
    },
}
