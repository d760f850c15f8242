"""Prices, lines priced anew and bills over HTTP: what an administrator does, what stays, what is refused."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import simplejson

from spanledger_server.api import uploads
from tests.support.inside import Inside
from tests.support.telemetry import NS, ledger_event, ledger_request

DAY_NS = 86_400 * NS
FILE = 'as_of: 2026-11-01\nprices:\n- {provider: acme, model: a, rates: {input_mtok: "1"}}\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    running = Inside(tmp_path_factory.mktemp("prices"))
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def client(server: Inside) -> Iterator[httpx.Client]:
    with server.client() as opened:
        yield opened


def call(model: str, at_ns: int, **more: Any) -> Any:
    usage = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100} | more
    return ledger_event(cost=None, model=model, at_ns=at_ns, **usage)


def send(server: Inside, model: str, *ages_s: int) -> None:
    events = [call(model, time.time_ns() - age_s * NS) for age_s in ages_s]
    assert server.send("logs", ledger_request(*events)).status_code == 200


def told(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return simplejson.loads(answer.text, use_decimal=True)


def set_price(client: httpx.Client, model: str, rate: object, **more: Any) -> Any:
    body = {"provider": "openai", "model": model, "rates": {"input_mtok": rate, "output_mtok": rate}} | more
    return told(client.post("/api/v1/prices", json=body), 201)


def test_prices_are_searched_by_model_provider_and_instant(server: Inside, client: httpx.Client):
    page = server.get("/api/v1/prices", model="gpt-5-mini", provider="openai", at="2026-11-20T00:00:00Z")
    (price,) = [item for item in page["items"] if item["model"] == "gpt-5-mini"]
    assert (price["rates"]["input_mtok"], price["source"], price["match"]) == (Decimal("0.25"), "genai-prices", "exact")
    first = server.get("/api/v1/prices", provider="openai", limit=2)
    second = server.get("/api/v1/prices", provider="openai", limit=2, cursor=first["next_cursor"])
    assert [item["model"] for item in first["items"]] < [item["model"] for item in second["items"]]
    assert server.get("/api/v1/prices", model="nobody-knows-it")["items"] == []
    assert any(item["match"] == "prefix" for item in server.get("/api/v1/prices", provider="deepgram")["items"])
    tiered = server.get("/api/v1/prices", provider="google", model="gemini-2.5-pro")["items"][0]
    assert tiered["tiers"]["input_mtok"][0]["above_input_tokens"] == 200_000
    refused = client.get("/api/v1/prices", params={"at": "yesterday"})
    assert told(refused, 422)["parameter"] == "at"


def test_a_price_is_set_changed_and_deleted_and_each_is_audited(server: Inside, client: httpx.Client):
    made = set_price(client, "audited", "1.5", valid_from="2026-11-01T00:00:00Z")
    assert (made["rates"]["input_mtok"], made["version"]) == (Decimal("1.5"), f"override:server r{made['revision']}")
    body = {"provider": "openai", "model": "audited", "rates": {"input_mtok": "2"}, "valid_from": None}
    changed = told(client.put(f"/api/v1/prices/{made['id']}", json=body))
    assert (changed["id"], changed["valid_from"]) == (made["id"], None)
    assert changed["revision"] > made["revision"]
    history = server.get("/api/v1/prices/history", provider="openai", model="audited")
    assert [stretch["version"] for stretch in history["stretches"]] == [changed["version"]]
    assert [each["ended_at"] is None for each in history["overrides"]] == [False, True]
    told(client.delete(f"/api/v1/prices/{made['id']}"))
    assert told(client.delete(f"/api/v1/prices/{made['id']}"), 404)["detail"]
    assert told(client.put(f"/api/v1/prices/{made['id']}", json=body), 404)["detail"]
    rows = [row for row in server.get("/api/v1/audit")["items"] if row["subject"] == made["id"]]
    assert [row["action"] for row in rows] == ["price.delete", "price.change", "price.set"]
    change = rows[1]["detail"] if isinstance(rows[1]["detail"], dict) else simplejson.loads(rows[1]["detail"])
    assert (change["before"]["revision"], change["after"]["revision"]) == (made["revision"], changed["revision"])


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"provider"}),
        ({"provider": "a", "rates": {"input_mtok": 1}}, {"model"}),
        ({"provider": "a", "model": "b", "model_prefix": "c", "rates": {"input_mtok": 1}}, {"model"}),
        (
            {"provider": " ", "model": "b", "rates": {"parsecs": 1, "output_mtok": -1}},
            {"provider", "rates.parsecs", "rates.output_mtok"},
        ),
        ({"provider": "a", "model": "b", "rates": {"input_mtok": 0.1234567890123456}}, {"rates.input_mtok"}),
        ({"provider": "a", "model": "b", "rates": {"cache_read_mtok": 1}}, {"rates"}),
        ({"provider": "a", "model": "b", "rates": {"input_mtok": 1}, "valid_from": "soon"}, {"valid_from"}),
        (
            {
                "provider": "a",
                "model": "b",
                "rates": {"input_mtok": 1},
                "valid_from": "2026-11-02T00:00:00Z",
                "valid_to": "2026-11-01T00:00:00Z",
            },
            {"valid_to"},
        ),
        ({"provider": "a", "model": "b", "rates": {"input_mtok": 1}, "colour": "red"}, {"colour"}),
        ({"provider": "a", "model": "b", "rates": {"input_mtok": 1}, "audio_seconds_step": 1}, {"audio_seconds_step"}),
    ],
)
def test_a_price_that_is_none_is_refused_with_every_mistake(
    client: httpx.Client, body: dict[str, Any], wrong: set[str]
):
    before = told(client.get("/api/v1/prices/overrides"))
    refused = told(client.post("/api/v1/prices", json=body), 422)
    found = {each["parameter"] for each in refused.get("errors", [refused])}
    assert wrong <= found
    assert told(client.get("/api/v1/prices/overrides")) == before


def test_a_second_price_for_the_same_moment_is_a_conflict(client: httpx.Client):
    made = set_price(client, "twice", "1", valid_from=None)
    body = {"provider": "openai", "model": "twice", "rates": {"input_mtok": "2"}, "valid_from": None}
    assert made["id"] in told(client.post("/api/v1/prices", json=body), 409)["detail"]
    replaced = told(client.put("/api/v1/prices", json=body))
    assert (replaced["id"], replaced["rates"]) == (made["id"], {"input_mtok": 2})
    other = told(client.put("/api/v1/prices", json=body | {"model": "thrice"}))
    assert other["id"] != made["id"]


def test_a_price_file_takes_the_place_of_the_one_before(client: httpx.Client):
    def refresh(content: str) -> Any:
        return client.post("/api/v1/prices/refresh", json={"name": "acme.yml", "content": content})

    counts = ("added", "changed", "unchanged", "ended")
    more = '- {provider: acme, model: b, rates: {input_mtok: "3"}, valid_from: 2026-01-01}\n'
    for content, expected in (
        (FILE + more, (2, 0, 0, 0)),
        (FILE + more, (0, 0, 2, 0)),
        (FILE.replace('"1"', '"7"'), (0, 1, 0, 1)),
        ("as_of: 2026-11-02\nprices: []\n", (0, 0, 0, 1)),
    ):
        found = told(refresh(content))
        assert tuple(found[name] for name in counts) == expected
    wrong = FILE + '- {provider: acme, model: c, rates: {input_mtok: 1.5}}\n- {model: d, rates: {requests: "1"}}\n'
    refused = told(refresh(wrong), 422)
    assert [each["value"] for each in refused["errors"]] == ["acme.yml:4", "acme.yml:5"]
    for bomb in ("a: &a [x]\nb: [*a, *a]\n", "[" * 5000, "\t", "{}"):
        assert refresh(bomb).status_code == 422
    assert (
        told(client.post("/api/v1/prices/refresh", json={"name": "../x", "content": FILE}), 422)["parameter"] == "name"
    )


def test_what_waits_for_a_price_is_listed_with_what_helps(server: Inside, client: httpx.Client):
    send(server, "waiting", 10, 20, 30)

    def row() -> Any:
        return next(item for item in server.get("/api/v1/prices/missing")["items"] if item["model"] == "waiting")

    found = row()
    assert (found["calls"], found["input_tokens"], found["reason"]) == (3, 3000, "model_unknown")
    assert found["has_price_now"] is False
    set_price(client, "waiting", "1", valid_from=None)
    assert row()["has_price_now"] is True


def test_models_that_were_called_are_listed_with_what_they_cost_now(server: Inside, client: httpx.Client):
    send(server, "called", 10, 20)

    def row() -> Any:
        return next(item for item in server.get("/api/v1/prices/used")["items"] if item["model"] == "called")

    found = row()
    assert (found["calls"], found["cost_usd"], found["unpriced_calls"]) == (2, None, 2)
    assert (found["rates"], found["reason"]) == (None, "model_unknown")
    made = set_price(client, "called", "1000", valid_from=None)
    send(server, "called", 5)
    found = row()
    assert (found["calls"], found["cost_usd"], found["unpriced_calls"]) == (3, Decimal("1.1"), 2)
    assert (found["version"], found["rates"]["input_mtok"]) == (made["version"], 1000)
    send(server, "called-too", 5)
    assert server.get("/api/v1/prices/used", limit=1)["more"] > 0
    assert server.get("/api/v1/prices/used", to="now-29d")["items"] == []


def test_lines_are_priced_anew_everywhere_and_their_history_is_read(server: Inside, client: httpx.Client):
    send(server, "corrected", 60, 50, 40)
    first = server.get("/api/v1/ledger", f="model:corrected")["items"]
    assert {line["state"] for line in first} == {"unpriced"}
    made = set_price(client, "corrected", "1000", valid_from="now-55s")
    asked = {"from": "now-1h", "filters": ["model:corrected"]}
    dry = told(client.post("/api/v1/reprice", json=asked))
    assert (dry["state"], dry["apply"], dry["changed"], dry["newly_priced"]) == ("done", False, 2, 2)
    assert (dry["old_total"], dry["new_total"], dry["unpriced"]) == (None, Decimal("2.2"), 1)
    assert server.get("/api/v1/ledger", f="model:corrected")["items"] == first
    stale = told(client.post("/api/v1/reprice", json=asked | {"apply": True, "prices": "others"}), 409)
    assert dry["prices"] in stale["detail"]
    assert server.get("/api/v1/ledger", f="model:corrected")["items"] == first
    run = told(client.post("/api/v1/reprice", json=asked | {"apply": True, "prices": dry["prices"]}))
    assert (run["changed"], run["difference"]) == (2, Decimal("2.2"))
    assert told(client.get(f"/api/v1/reprice/{run['run']}")) == run
    lines = server.get("/api/v1/ledger", f="model:corrected")["items"]
    assert [line["cost_usd"] for line in lines] == [Decimal("1.1"), Decimal("1.1"), None]
    assert lines[0]["price_version"] == made["version"]
    shown = told(client.get(f"/api/v1/traces/{lines[0]['trace_id']}"))
    assert "1.1" in simplejson.dumps(shown, use_decimal=True)
    costs = server.get("/admin/statistics/costs", period="year", f="model:corrected")
    assert (costs["total_cost"], costs["calls"], costs["unpriced_calls"]) == (Decimal("2.2"), 3, 1)
    whose = {"trace_id": lines[0]["trace_id"], "span_id": lines[0]["span_id"]}
    (correction,) = told(client.get("/api/v1/ledger/corrections", params=whose))["items"]
    whose.pop("span_id")
    assert told(client.get("/api/v1/ledger/corrections", params=whose))["items"] == [correction]
    assert (correction["before"]["state"], correction["after"]["cost_usd"]) == ("unpriced", Decimal("1.1"))
    pages = [told(client.get(f"/api/v1/reprice/{run['run']}/corrections", params={"limit": 1}))]
    pages.append(
        told(
            client.get(
                f"/api/v1/reprice/{run['run']}/corrections", params={"limit": 1, "cursor": pages[0]["next_cursor"]}
            )
        )
    )
    assert [len(page["items"]) for page in pages] == [1, 1]
    actions = [row["action"] for row in server.get("/api/v1/audit")["items"][:2]]
    assert actions == ["reprice.end", "reprice.begin"]
    assert server.get("/api/v1/reprice", limit=1)["items"][0]["run"] == run["run"]


@pytest.mark.parametrize(
    ("body", "status", "parameter"),
    [
        ({}, 422, "from"),
        ({"from": "now-1h", "to": "now-2h"}, 422, "from"),
        ({"from": "tomorrow"}, 422, "from"),
        ({"from": "now-1h", "filters": ["colour:red"]}, 422, "f"),
        ({"from": "now-1h", "filters": ["model:\ud800"]}, 422, "filters"),
        ({"from": "now-1h", "apply": "perhaps"}, 422, "apply"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(client: httpx.Client, body: dict[str, Any], status: int, parameter: str):
    answer = client.post(
        "/api/v1/reprice", content=simplejson.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert told(answer, status)["parameter"] == parameter
    assert told(client.get("/api/v1/reprice/nobody"), 404)
    assert told(client.delete("/api/v1/reprice/nobody"), 404)
    assert told(client.get("/api/v1/ledger/corrections", params={"trace_id": "xyz"}), 422)["parameter"] == "trace_id"


def test_a_bill_is_held_against_the_ledger_and_kept(server: Inside, client: httpx.Client):
    at_ns = time.time_ns() - 3 * DAY_NS
    event = ledger_event(cost="9.97", model="billed", at_ns=at_ns)
    assert server.send("logs", ledger_request(event)).status_code == 200
    day = time.strftime("%Y-%m-%d", time.gmtime(at_ns // NS))
    content = f"date,model,amount\n{day},billed,10.00\n".encode()
    asked = {"name": "october.csv", "provider": "openai"}
    found = told(client.post("/api/v1/reconcile", content=content, params=asked), 201)
    assert found["sentence"] == "we saw 99.7 % of the bill"
    assert (found["state"], found["file"], found["difference"]) == ("agrees", "october.csv", Decimal("0.03"))
    strict = told(
        client.post("/api/v1/reconcile", content=gzip.compress(content), params=asked | {"tolerance": "0.1"}), 201
    )
    assert strict["state"] == "differs"
    kept = server.get("/api/v1/reconcile")["items"]
    assert [each["id"] for each in kept[:2]] == [strict["id"], found["id"]]
    assert "cells" not in kept[0]
    assert told(client.get(f"/api/v1/reconcile/{found['id']}")) == found
    assert told(client.get("/api/v1/reconcile/bill_nobody"), 404)
    assert server.get("/api/v1/audit")["items"][0]["action"] == "reconcile"


@pytest.mark.parametrize(
    ("content", "parameters", "status"),
    [
        (b"", {}, 422),
        (b"a,b\n1,2\n", {}, 422),
        (b'{"data": [', {}, 400),
        (b"\x1f\x8bxx", {}, 400),
        (b"date,model,amount\n2026-11-01,gpt-5,1\n", {"format": "napkin"}, 422),
        (b"date,model,amount\n2026-11-01,gpt-5,1\n", {"tz": "Mars/Olympus"}, 422),
        (b"date,model,amount\n2026-11-01,gpt-5,1\n", {"columns": "date"}, 422),
        (b"date,model,amount\n2026-11-01,gpt-5,1\n", {"currency_rate": "EUR=0"}, 422),
        (b"date,model,amount\n2026-11-01,gpt-5,1\n", {"tolerance": "101"}, 422),
        (b"date,model,amount\n2026-11-01,gpt-5,1\n", {"decimal": ";"}, 422),
        (b"date,model,amount\n2026-11-01,gpt-5,1\n", {"dates": "ymd"}, 422),
        (b"date,model,amount\n2026-11-01,gpt-5,1\n", {"duplicates": "twice"}, 422),
        (b"date,model,amount\n2026-11-01,gpt-5,1\n", {"project": "colour"}, 422),
    ],
)
def test_a_bill_that_cannot_be_read_changes_nothing(
    server: Inside, client: httpx.Client, content: bytes, parameters: dict[str, str], status: int
):
    before = server.get("/api/v1/reconcile")
    refused = told(client.post("/api/v1/reconcile", content=content, params=parameters), status)
    assert refused["detail"]
    assert server.get("/api/v1/reconcile") == before


def test_a_bill_that_is_too_large_or_a_form_is_refused(client: httpx.Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "MOST_SENT", 100_000)

    def pieces() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 1000

    assert "cut it up" in told(client.post("/api/v1/reconcile", content=b"x" * 100_001), 413)["detail"]
    assert told(client.post("/api/v1/reconcile", content=pieces()), 413)["detail"]
    form = client.post("/api/v1/reconcile", files={"file": b"date,model,amount\n"})
    assert "--data-binary" in told(form, 415)["detail"]


def test_ten_gigabytes_are_refused_before_they_are_sent(server: Inside):
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    head = (
        f"POST /api/v1/reconcile HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {server.token}\r\n"
        f"Content-Length: {10 * 2**30}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_only_an_administrator_changes_anything(server: Inside):
    with server.client(server.token_for("viewer")) as viewer:
        assert viewer.get("/api/v1/prices").status_code == 200
        assert viewer.get("/api/v1/reprice").status_code == 200
        assert viewer.get("/api/v1/reconcile").status_code == 200
        for method, path in (
            ("POST", "/api/v1/prices"),
            ("PUT", "/api/v1/prices/x"),
            ("DELETE", "/api/v1/prices/x"),
            ("POST", "/api/v1/prices/refresh"),
            ("POST", "/api/v1/reprice"),
            ("DELETE", "/api/v1/reprice/x"),
            ("POST", "/api/v1/reconcile"),
        ):
            assert viewer.request(method, path).status_code == 403
    with server.client(server.token_for("ingest")) as sender:
        assert sender.get("/api/v1/prices").status_code == 403


def test_prices_that_were_set_are_there_after_a_restart(tmp_path: Path):
    server = Inside(tmp_path)
    server.start()
    with server.client() as client:
        made = set_price(client, "kept", "3", valid_from=None)
    server.stop()
    server.start()
    try:
        send(server, "kept", 5)
        (line,) = server.get("/api/v1/ledger", f="model:kept")["items"]
        assert (line["cost_usd"], line["price_version"]) == (Decimal("0.0033"), made["version"])
    finally:
        server.stop()
