"""What the pages of objectives and budgets look at: services that keep their word, one that does not, one that is silent.

Given a backend, gives it spans and ledger lines, objectives in every state, and budgets in every state.

Never: a state that depends on the minute of the day at which the tests run.
"""

from __future__ import annotations

import time
from typing import Any

import httpx

from tests.browser.scene import HOSTILE
from tests.support.server import Server
from tests.support.telemetry import NS, attributes, ledger_event, ledger_request, span, span_request
from tests.support.waiting import until

OBJECTIVES = {"books-answer": "books", "mail-sent": "mail", "maps-drawn": "maps"}
BUDGETS: tuple[dict[str, Any], ...] = (
    {"name": "readers", "period": "monthly", "limit_amount": "2", "service": "books"},
    {"name": "gone", "period": "monthly", "limit_amount": "0.5", "service": "books", "forecast_percent": 100},
    {"name": "unpriced", "period": "monthly", "limit_amount": "9", "service": "mail"},
    {"name": "asleep", "period": "daily", "limit_amount": "1", "enabled": False},
    {"name": HOSTILE, "period": "weekly", "window": "rolling", "limit_amount": "100", "model": HOSTILE},
)


def people(server: Server) -> httpx.Client:
    """Somebody who may change things."""
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token}"}, timeout=30)


def pledge(server: Server) -> None:
    """Send what happened, and say what ought to."""
    now_ns = time.time_ns()
    requests(server, "books", now_ns, good=400, bad=1, route="/read")
    requests(server, "mail", now_ns, good=60, bad=40, route="/send")
    priced = [ledger_event(cost="0.25", at_ns=now_ns - number * NS) for number in range(4)]
    unpriced = [ledger_event(cost=None, model="nobody-knows-it", at_ns=now_ns - NS)]
    for service, events in (("books", priced), ("mail", unpriced)):
        assert server.send("logs", ledger_request(*events, service=service)).status_code == 200
    with people(server) as admin:
        for name, service in OBJECTIVES.items():
            answered = {"kind": "span", "good": {"status": "ok"}}
            made = {"name": name, "service": service, "target": 0.99, "window": "28d", "indicator": answered}
            assert admin.post("/api/v1/slos", json=made).status_code == 201
        for budget in BUDGETS:
            assert admin.post("/api/v1/budgets", json=budget).status_code == 201
        until(lambda: admin.get("/api/v1/slos/mail-sent").json()["total"], called="the spans are rolled up")


def requests(server: Server, service: str, now_ns: int, *, good: int, bad: int, route: str) -> None:
    """Requests of the last minutes, each of which stands for itself."""
    each = [span(f"POST {route}", at_ns=now_ns - number * NS, failed=number < bad) for number in range(good + bad)]
    for one in each:
        one.attributes.extend(attributes({"http.route": route}))
        one.trace_state = "ot=th:0"
    assert server.send("traces", span_request(*each, service=service)).status_code == 200
