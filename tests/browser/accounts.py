"""What the pages of prices and bills look at: nine days of calls, some without a price, and the bill for them.

Given a backend, gives it ledger lines; given the same instant, gives the provider's bill, which differs in ways that have names.

Never: a day that depends on the hour at which the tests run; every call is of a noon, UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from tests.browser.scene import HOSTILE
from tests.support.server import Server
from tests.support.telemetry import NS, ledger_event, ledger_request

DAY_NS = 86_400 * NS
DAYS = 9
UNPRICED = "our-finetune-7"
MODELS = {"gpt-5": (Decimal("0.41"), 9), "gpt-5-mini": (Decimal("0.07"), 14), "gpt-5-nano": (Decimal("0.011"), 5)}


def noons(now_ns: int) -> list[int]:
    """The noons of the last days that are over, the oldest first."""
    today = now_ns // DAY_NS
    return [(today - back) * DAY_NS + DAY_NS // 2 for back in range(DAYS, 0, -1)]


def keep(server: Server, now_ns: int) -> None:
    """Send the calls: of three models with their costs, of one that nobody can price yet, of one with a hostile name."""
    lines = []
    for noon_ns in noons(now_ns):
        for model, (cost, calls) in MODELS.items():
            lines += [ledger_event(cost=str(cost), model=model, at_ns=noon_ns + place * NS) for place in range(calls)]
    usage = {"gen_ai.usage.input_tokens": 9000, "gen_ai.usage.output_tokens": 700}
    lines += [
        ledger_event(cost=None, model=UNPRICED, at_ns=noon_ns + place * NS, **usage)
        for noon_ns in noons(now_ns)[-3:]
        for place in range(4)
    ]
    lines.append(ledger_event(cost=None, model=HOSTILE, at_ns=noons(now_ns)[-1], **usage))
    assert server.send("logs", ledger_request(*lines, service="books")).status_code == 200


def bill(now_ns: int, *, mark: str = ",") -> str:
    """The provider's bill: it also has calls that the ledger lacks, two days of another price, and what had no price."""
    rows = [("date", "model", "amount")]
    for place, noon_ns in enumerate(noons(now_ns)):
        day = _day(noon_ns)
        for model, (cost, calls) in MODELS.items():
            amount = cost * calls
            if model == "gpt-5" and place == DAYS - 2:
                amount += 3
            if model == "gpt-5-mini" and place in (2, 3):
                amount *= Decimal("1.25")
            rows.append((day, model, str(amount)))
        if place >= DAYS - 3:
            rows.append((day, UNPRICED, "0.42"))
        if place == 1:
            rows.append((day, "whisper-1", "0.80"))
    return "".join(mark.join(row) + "\n" for row in rows)


def _day(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / NS, UTC).date().isoformat()
