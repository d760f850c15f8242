"""Budgets over HTTP: their shapes, what bad input gets, who may do what, and money that agrees with the ledger."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest
import simplejson

from tests.support.inside import Inside, Shifted
from tests.support.telemetry import ledger_event, ledger_request

NS = 10**9
STATES = {"under_budget", "on_track", "over_budget", "no_budget", "degraded"}


@pytest.fixture
def client(server: Inside) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def shared(shared_server: Inside) -> Iterator[httpx.Client]:
    """For tests that leave no budget behind."""
    with shared_server.client() as client:
        yield client


def exact(answer: httpx.Response) -> Any:
    return simplejson.loads(answer.text, use_decimal=True)


def made(client: httpx.Client, **more: Any) -> dict[str, Any]:
    body = {"name": "b", "period": "monthly", "limit_amount": 1} | more
    answer = client.post("/api/v1/budgets", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = exact(answer)
    return found


def standing(client: httpx.Client, budget_id: str) -> dict[str, Any]:
    answer = client.get(f"/api/v1/budgets/{budget_id}/status")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = exact(answer)
    return found


def spend(server: Inside, *costs: str | None, **more: Any) -> None:
    service = more.pop("service", "shop")
    events = [ledger_event(cost=cost, at_ns=time.time_ns() - number, **more) for number, cost in enumerate(costs)]
    assert server.send("logs", ledger_request(*events, service=service)).status_code == 200


def test_a_new_server_has_the_default_budget_and_knows_how_it_stands(client: httpx.Client):
    (default,) = client.get("/api/v1/budgets").json()["items"]
    assert (default["id"], default["limit_amount"], default["period"]) == ("default", 500, "monthly")
    found = standing(client, "default")
    assert (found["spent"], found["remaining"], found["percentage"], found["status"]) == (0, 500, 0, "under_budget")
    assert found["coverage"] is None
    assert found["projection"]["method"] == "none"
    assert {"estimated_total", "p10", "p50", "p90", "probability_over_budget", "exhausted_at"} <= set(
        found["projection"]
    )


def test_a_budget_is_made_changed_and_put_away_with_every_version_kept(server: Inside, client: httpx.Client):
    budget = made(client, alert_at_50_percent=True, user_tier="free", limit_amount="12.345678901234")
    assert budget["limit_amount"] == Decimal("12.345678901234")
    assert (budget["version"], budget["alert_at_50_percent"], budget["alert_at_80_percent"]) == (1, True, True)
    assert budget["overlaps"] == [{"id": "default", "name": "default"}]
    path = f"/api/v1/budgets/{budget['id']}"
    changed = client.put(path, json={"name": "b", "period": "weekly", "limit_amount": 2, "version": 1}).json()
    assert (changed["version"], changed["period"], changed["user_tier"]) == (2, "weekly", None)
    stale = client.put(path, json={"name": "b", "period": "weekly", "limit_amount": 3, "version": 1})
    assert stale.status_code == 409
    assert client.delete(path).status_code == 204
    assert [client.delete(path).status_code, client.put(path, json={}).status_code] == [404, 422]
    assert [item["version"] for item in client.get(f"{path}/history").json()["items"]] == [3, 2, 1]
    assert client.get(path).json()["archived_at"] is not None
    assert standing(client, budget["id"])["status"] == "no_budget"
    assert client.post(f"{path}/reserve", json={"amount": 1}).status_code == 404
    assert [item["id"] for item in client.get("/api/v1/budgets").json()["items"]] == ["default"]
    assert len(client.get("/api/v1/budgets", params={"archived": "true"}).json()["items"]) == 2
    actions = [row["action"] for row in client.get("/api/v1/audit").json()["items"]][:3]
    assert actions == ["budget.archived", "budget.changed", "budget.created"]


def test_the_list_pages_by_cursor(client: httpx.Client):
    ids = [made(client, name=name)["id"] for name in ("Ä", "b", "a", "z")]
    assert client.delete(f"/api/v1/budgets/{ids[-1]}").status_code == 204
    everything = client.get("/api/v1/budgets", params={"archived": "true"}).json()
    assert everything["next_cursor"] is None
    paged, cursor = [], None
    while True:
        page = client.get(
            "/api/v1/budgets", params={"archived": "true", "limit": 2} | ({"cursor": cursor} if cursor else {})
        )
        paged += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert paged == everything["items"]
    assert [item["name"] for item in paged] == ["a", "b", "default", "Ä", "z"]
    assert client.get("/api/v1/budgets", params={"cursor": "x"}).status_code == 422


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"limit_amount": 0}, "limit_amount"),
        ({"limit_amount": -1}, "limit_amount"),
        ({"limit_amount": "1e13"}, "limit_amount"),
        ({"limit_amount": 10**400}, "limit_amount"),
        ({"limit_amount": "many"}, "limit_amount"),
        ({"limit_amount": True}, "limit_amount"),
        ({"limit_amount": None}, "limit_amount"),
        ({"limit_amount": "Infinity"}, "limit_amount"),
        ({"currency": "EUR"}, "currency"),
        ({"currency": "XBT"}, "currency"),
        ({"period": "hourly"}, "period"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"model": ""}, "model"),
        ({"forecast_percent": 0}, "forecast_percent"),
        ({"rollover_limit": -1}, "rollover_limit"),
        ({"window": "rolling", "rollover_limit": 1}, "body"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_input_is_refused_by_name_and_changes_nothing(shared: httpx.Client, body: dict[str, Any], parameter: str):
    answer = shared.post("/api/v1/budgets", json={"name": "b", "period": "daily", "limit_amount": 1} | body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["parameter"], bool(answer.json()["allowed"])) == (parameter, True)
    assert parameter != "limit_amount" or "above 0" in answer.json()["allowed"]
    assert len(shared.get("/api/v1/budgets").json()["items"]) == 1


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_none_are_refused(shared: httpx.Client, text: str):
    headers = {"Content-Type": "application/json"}
    content = f'{{"name": "b", "period": "daily", "limit_amount": {text}}}'
    assert shared.post("/api/v1/budgets", content=content, headers=headers).status_code == 422
    reserving = shared.post("/api/v1/budgets/default/reserve", content=f'{{"amount": {text}}}', headers=headers)
    assert reserving.status_code == 422
    assert reserving.json()["parameter"] == "amount"


def test_all_mistakes_are_told_at_once_and_a_name_is_given_once(client: httpx.Client):
    answer = client.post("/api/v1/budgets", json={"name": "", "period": "x", "limit_amount": -1, "currency": "EUR"})
    assert [one["parameter"] for one in answer.json()["errors"]] == ["name", "period", "limit_amount", "currency"]
    made(client)
    twice = client.post("/api/v1/budgets", json={"name": "b", "period": "daily", "limit_amount": 1})
    assert twice.status_code == 409
    assert "'b'" in twice.json()["detail"]
    assert client.get("/api/v1/budgets/nobody").status_code == 404


def test_what_was_spent_is_what_the_statistics_say_also_when_lines_come_late(server: Inside, client: httpx.Client):
    budgets = {
        period: made(client, name=period, period=name, limit_amount=10, model="gpt-5", timezone="Asia/Kathmandu")
        for period, name in (("today", "daily"), ("week", "weekly"), ("month", "monthly"))
    }
    for late in (False, True):
        spend(server, "0.1", "0.000000000001", None)
        spend(server, "5", model="other")
        if late:
            event = ledger_event(cost="0.7", at_ns=time.time_ns() - 36 * 3600 * NS)
            server.send("logs", ledger_request(event))
        for period, budget in budgets.items():
            query = {"period": period, "tz": "Asia/Kathmandu", "f": "model:gpt-5"}
            said = exact(client.get("/admin/statistics/costs", params=query))
            found = standing(client, budget["id"])
            assert found["spent"] == said["total_cost"], period
            assert found["coverage"] == said["coverage"]
            assert found["spent"] + found["remaining"] == 10


def test_calls_without_a_price_make_a_budget_degraded_and_never_green(server: Inside, client: httpx.Client):
    budget = made(client, limit_amount=100)
    spend(server, "1")
    assert standing(client, budget["id"])["status"] == "under_budget"
    spend(server, None, model="no-such-model")
    found = standing(client, budget["id"])
    assert (found["status"], found["coverage"], found["unpriced_calls"]) == ("degraded", Decimal("0.5"), 1)
    assert "no known price" in found["sentence"]
    spend(server, "100")
    found = standing(client, budget["id"])
    assert (found["status"], found["percentage"], found["remaining"]) == ("over_budget", 101, -1)
    assert all(each["reached"] for each in found["thresholds"])
    assert found["projection"]["exhausted_at"]["p10"] is not None
    only = made(client, name="dark", model="no-such-model")
    found = standing(client, only["id"])
    assert (found["spent"], found["remaining"], found["status"], found["coverage"]) == (None, None, "degraded", 0)


def test_64_callers_at_once_spend_no_more_than_one_call_each_too_much(server: Inside):
    with server.client() as client:
        budget = made(client, limit_amount=2, service="shop")
    path, together = f"/api/v1/budgets/{budget['id']}", Barrier(64)
    line = {"content": b"", "headers": {"Content-Type": "application/x-protobuf"}}

    def bill(cost: str) -> None:
        answer = client.post("/v1/logs", **line | {"content": ledger_request(ledger_event(cost=cost))})
        assert answer.status_code == 200

    def call(number: int) -> int:
        calls = 0
        together.wait()
        while True:
            asked = client.post(f"{path}/reserve", json={"amount": "0.05", "ttl_s": 60}).json()
            if not asked["granted"]:
                return calls
            calls += 1
            real = "0.06"  # dearer than it was thought to be
            if number % 2:
                bill(real)
            settle = {"reservation_id": asked["reservation_id"], "amount": real}
            assert client.post(f"{path}/settle", json=settle).json()["first"]
            if not number % 2:
                bill(real)

    with server.client() as client:
        with ThreadPoolExecutor(64) as pool:
            calls = sum(pool.map(call, range(64)))
        found = standing(client, budget["id"])
    assert found["spent"] == calls * Decimal("0.06")
    assert Decimal("1.5") < found["spent"] <= 2 + 64 * Decimal("0.01"), "each was dearer by a cent, and no call more"
    assert found["reserved"] == 0, "each line is there, so that nothing counts twice"


def test_a_reservation_lives_through_a_restart(tmp_path: Path):
    server = Inside(tmp_path).start()
    with server.client() as client:
        budget = made(client)
        first = client.post(f"/api/v1/budgets/{budget['id']}/reserve", json={"amount": 0.8, "ttl_s": 600}).json()
    server.stop()
    server.start()
    try:
        with server.client() as client:
            path = f"/api/v1/budgets/{budget['id']}"
            assert standing(client, budget["id"])["reserved"] == Decimal("0.8")
            assert not client.post(f"{path}/reserve", json={"amount": 0.5}).json()["granted"]
            settle = {"reservation_id": first["reservation_id"], "amount": 0.1}
            for is_first in (True, False):
                settled = client.post(f"{path}/settle", json=settle).json()
                assert (settled["first"], settled["amount"]) == (is_first, 0.1)
            assert client.post(f"{path}/reserve", json={"amount": 0.5}).json()["granted"]
            unknown = client.post(f"{path}/settle", json=settle | {"reservation_id": "nobody"})
            assert unknown.status_code == 404
            half = client.post(f"{path}/settle", json=settle | {"trace_id": "0" * 32})
            assert half.status_code == 422
    finally:
        server.stop()


def test_senders_reserve_viewers_read_and_administrators_change(server: Inside):
    body = {"name": "b", "period": "daily", "limit_amount": 1}
    for role, reading, making in (("ingest", 403, 403), ("viewer", 200, 403), ("admin", 200, 201)):
        with server.client(server.token_for(role)) as client:
            assert client.get("/api/v1/budgets").status_code == reading, role
            assert client.post("/api/v1/budgets", json=body).status_code == making, role
            for path, asked in (("default/reserve", {"amount": 0}), ("leases", {"holder": "p"})):
                assert client.post(f"/api/v1/budgets/{path}", json=asked).status_code == 200, "as for sending: loopback"


def test_a_limited_token_sees_only_budgets_that_its_calls_can_count_for(server: Inside, client: httpx.Client):
    mine, theirs = made(client, name="mine", service="shop"), made(client, name="theirs", service="bank")
    answer = client.post("/api/v1/tokens", json={"name": "t", "role": "viewer", "services": ["shop"]})
    assert answer.status_code == 201, answer.text
    with server.client(answer.json()["token"]) as limited:
        names = {item["name"] for item in limited.get("/api/v1/budgets").json()["items"]}
        assert names == {"mine"}, "the default one's figures are also those of other services"
        assert limited.get(f"/api/v1/budgets/{mine['id']}/status").status_code == 200
        for path in ("", "/status", "/history"):
            assert limited.get(f"/api/v1/budgets/{theirs['id']}{path}").status_code == 404
            assert limited.get(f"/api/v1/budgets/default{path}").status_code == 404
    answer = client.post("/api/v1/tokens", json={"name": "s", "role": "ingest", "services": ["shop"]})
    with server.client(answer.json()["token"]) as sender:
        asked = sender.post("/api/v1/budgets/default/reserve", json={"amount": 1}).json()
        assert (asked["granted"], asked["remaining"]) == (True, None)
        asked = sender.post("/api/v1/budgets/default/reserve", json={"amount": 1000}).json()
        assert (asked["granted"], asked["reason"]) == (False, "the budget 'default' has not enough left")
        assert sender.post(f"/api/v1/budgets/{theirs['id']}/reserve", json={"amount": 1}).status_code == 404
        found = sender.post("/api/v1/budgets/leases", json={"holder": "p"}).json()
        assert {each["name"] for each in found["budgets"]} == {"default", "mine"}


def test_leases_are_slices_and_tell_which_budgets_there_are(server: Inside, client: httpx.Client):
    budget = made(client, limit_amount=16, user_id="u")
    body = {"holder": "p", "leases": [{"budget_id": budget["id"], "want": 0.5}, {"budget_id": "gone", "want": 1}]}
    found = client.post("/api/v1/budgets/leases", json=body).json()
    assert {each["id"]: each["scope"] for each in found["budgets"]} == {"default": {}, budget["id"]: {"user_id": "u"}}
    assert found["leases"] == [{"budget_id": budget["id"], "granted": 1, "remaining": 15}]
    assert standing(client, budget["id"])["reserved"] == 1


def test_a_period_to_come_begins_with_nothing_spent(tmp_path: Path):
    clock = Shifted()
    server = Inside(tmp_path, clock=clock).start()
    try:
        with server.client() as client:
            spend(server, "3")
            assert standing(client, "default")["spent"] == 3
            clock.by_ns = 40 * 86_400 * NS
            found = standing(client, "default")
            assert (found["spent"], found["status"], found["calls"]) == (0, "under_budget", 0)
    finally:
        server.stop()


def test_projections_say_where_it_goes_and_what_changed(server: Inside, client: httpx.Client):
    now_ns = time.time_ns()
    hours = [ledger_event(cost="0.5", at_ns=now_ns - hour * 3600 * NS, feature="f") for hour in range(60)]
    server.send("logs", ledger_request(*hours))
    for group in ("model", "user", "service"):
        found = exact(client.get("/api/v1/projections", params={"period": "week", "group_by": group}))
        goes = found["projection"]
        assert found["spent"] <= goes["p10"] <= goes["p50"] <= goes["p90"]
        assert (goes["estimated_total"], goes["certain"], found["group_by"]) == (goes["p50"], True, group)
        assert goes["backtest"]["origins"] > 0
        assert found["drivers"][0]["calls"] == found["calls"]
        assert found["categories"][0]["estimated_total"] == goes["estimated_total"]
    spend(server, "0.5", model="just-released")
    old = [ledger_event(cost="0.5", at_ns=now_ns - days * 86_400 * NS) for days in range(20, 50)]
    server.send("logs", ledger_request(*old))
    month = exact(client.get("/api/v1/projections"))
    assert any(note.startswith("just-released is new") for note in month["projection"]["notes"])
    assert (month["budget"]["id"], month["status"] in STATES) == ("default", True)
    assert client.get("/api/v1/projections", params={"period": "year"}).status_code == 422
    told = exact(client.get("/admin/statistics/costs"))["projection"]
    assert told["estimated_monthly"] == pytest.approx(month["projection"]["estimated_total"], rel=Decimal("0.01"))
    assert told["budget_status"] in STATES
    assert set(told["interval"]) == {"p10", "p50", "p90"}
    assert told["days_until_budget_limit"] > 0
    for period in ("today", "week", "year"):
        told = exact(client.get("/admin/statistics/costs", params={"period": period}))["projection"]
        assert (told["estimated_monthly"], told["budget_status"]) == (None, "no_budget")
