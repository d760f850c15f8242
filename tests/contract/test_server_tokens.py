"""Tokens over the wire: what a limited one reaches, rotation, links that sign in, and what wrong ones meet."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from spanledger import semconv
from tests.support.inside import Inside, Shifted
from tests.support.server import Server
from tests.support.telemetry import ledger_event, ledger_request, span, span_request
from tests.support.waiting import until

MINUTE_NS = 60 * 10**9
COSTS = "/admin/statistics/costs"


@pytest.fixture(scope="module")
def clock() -> Shifted:
    return Shifted()


@pytest.fixture(scope="module")
def two_services(tmp_path_factory: pytest.TempPathFactory, clock: Shifted) -> Iterator[Inside]:
    """A server that others can reach, with calls of two services and two tenants."""
    running = Inside(tmp_path_factory.mktemp("two"), "--host", "0.0.0.0", clock=clock).start()
    try:
        for service, tenant, cost in (("shop", "acme", "1"), ("shop", "other", "2"), ("mail", "acme", "4")):
            event = ledger_event(cost=cost, **{semconv.DIALECTS["tenant"][0]: tenant})
            assert running.send("logs", ledger_request(event, service=service)).status_code == 200
        yield running
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def a_minute_later(clock: Shifted) -> None:
    """Wrong tokens of the test before are forgotten."""
    clock.by_ns += MINUTE_NS + 10**9


def made(server: Server, **body: object) -> dict[str, str]:
    with server.client() as client:
        answer = client.post("/api/v1/tokens", json={"name": "limited", "role": "viewer", **body})
    assert answer.status_code == 201, answer.text
    token: dict[str, str] = answer.json()
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def asked(server: Server, token: str, path: str, **query: str) -> httpx.Response:
    with server.client(token) as client:
        return client.get(path, params=query)


@pytest.mark.parametrize(
    ("limits", "total"),
    [
        ({"services": ["shop"]}, 3),
        ({"tenants": ["acme"]}, 5),
        ({"services": ["shop"], "tenants": ["acme"]}, 1),
        ({"services": ["nobody"]}, 0),
        ({"services": ["mail", "shop"]}, 7),
    ],
)
def test_a_limited_viewer_sees_only_its_services_and_tenants(two_services: Inside, limits, total: int):
    token = made(two_services, **limits)["token"]
    answer = asked(two_services, token, COSTS, period="year", group_by="service")
    assert answer.status_code == 200, answer.text
    assert answer.json()["total_cost"] == total
    lines = asked(two_services, token, "/api/v1/ledger", **{"from": "now-6h"}).json()["items"]
    assert sum(line["cost_usd"] for line in lines) == total
    session = asked(two_services, token, "/api/v1/session").json()
    assert (session["services"], session["tenants"]) == (limits.get("services"), limits.get("tenants"))


def test_a_filter_narrows_what_a_limited_viewer_sees_and_never_widens_it(two_services: Inside):
    token = made(two_services, services=["shop"])["token"]
    for filters, total in ((["service:mail"], 0), (["service:mail", "service:shop"], 3), (["!service:shop"], 0)):
        with two_services.client(token) as client:
            assert client.get(COSTS, params={"period": "year", "f": filters}).json()["total_cost"] == total


def test_a_cursor_of_somebody_else_is_none_for_a_limited_viewer(two_services: Inside):
    page = asked(two_services, two_services.token, "/api/v1/ledger", **{"from": "now-6h", "limit": "1"}).json()
    token = made(two_services, services=["shop"])["token"]
    answer = asked(two_services, token, "/api/v1/ledger", cursor=page["next_cursor"])
    assert answer.status_code == 422


def test_where_records_cannot_be_told_apart_a_limited_viewer_is_refused(two_services: Inside):
    token = made(two_services, services=["shop"])["token"]
    for path in ("/api/v1/traces", "/api/v1/status", "/api/v1/loss", "/metrics", "/api/v1/metrics"):
        answer = asked(two_services, token, path)
        assert answer.status_code == 403, path
        assert "service shop" in answer.json()["detail"]
    address = two_services.url.replace("http", "ws", 1) + "/api/v1/live"
    with pytest.raises(InvalidStatus) as closed, connect(address, additional_headers=bearer(token)):
        pass
    assert closed.value.response.status_code == 403
    assert asked(two_services, token, "/api/v1/logs").status_code == 200
    by_tenant = made(two_services, tenants=["acme"])["token"]
    assert asked(two_services, by_tenant, "/api/v1/logs").status_code == 403


def test_no_route_shows_a_limited_viewer_anything_of_other_services(tmp_path: Path):
    """Every route that reads, also those that are made tomorrow: it is refused, or what it says holds nothing else."""
    running = Inside(tmp_path, "--tick", "50ms").start()
    try:
        secret = {"model": "hidden-model", semconv.DIALECTS["tenant"][0]: "hidden-tenant", "cost": "77.125"}
        hidden = ledger_event(user="hidden-user", **secret)
        assert running.send("logs", ledger_request(hidden, service="hidden-service")).status_code == 200
        assert running.send("traces", span_request(span("hidden-span"), service="hidden-service")).status_code == 200
        assert running.send("logs", ledger_request(ledger_event(cost="1"), service="shop")).status_code == 200
        until(lambda: running.get("/api/v1/status")["services"])
        token = made(running, services=["shop"])["token"]
        with running.client(token) as client:
            paths = running.get("/openapi.json")["paths"]
            shown = {}
            for path in (path for path, known in paths.items() if "get" in known and "{" not in path):
                for query in ({}, {"from": "now-1h", "period": "month"}, {"group_by": "service"}):
                    answer = client.get(path, params=query)
                    if answer.status_code == 200 and not path.startswith(("/openapi", "/docs")):
                        shown[path] = answer.text
        assert "/api/v1/ledger" in shown
        for path, text in shown.items():
            assert "hidden" not in text, path
            assert "77.125" not in text, path
            assert "78.125" not in text, path
    finally:
        running.stop()


def stored(server: Inside) -> set[tuple[str, str]]:
    items = server.get("/api/v1/ledger", from_="now-6h", limit=1000)["items"]
    return {(line["service"], line["model"]) for line in items}


def test_a_limited_sender_sends_only_for_its_services(two_services: Inside):
    token = made(two_services, role="ingest", services=["shop"])["token"]
    headers = {"Content-Type": "application/x-protobuf", "Authorization": f"Bearer {token}"}
    mine = ledger_request(ledger_event(cost="0", model="mine"), service="shop")
    theirs = ledger_request(ledger_event(cost="0", model="theirs"), service="mail")

    def send(content: bytes) -> httpx.Response:
        return httpx.post(f"{two_services.url}/v1/logs", content=content, headers=headers, timeout=30)

    assert send(mine).status_code == 200
    assert send(theirs).status_code == 403
    assert "service shop" in send(theirs).text
    both = httpx.post(
        f"{two_services.url}/v1/logs", content=mine.replace(b"mine", b"also") + theirs, headers=headers, timeout=30
    )
    assert both.status_code == 200
    assert b"1 records of mail are not of service shop" in both.content
    assert ("shop", "mine") in stored(two_services)
    assert not any(model == "theirs" for _, model in stored(two_services))


def test_a_sender_limited_to_a_tenant_sends_what_names_that_tenant(two_services: Inside):
    token = made(two_services, role="ingest", tenants=["acme"])["token"]
    headers = {"Content-Type": "application/x-protobuf", "Authorization": f"Bearer {token}"}
    for tenant, status in (("acme", 200), ("other", 403), (None, 403)):
        more = {} if tenant is None else {semconv.DIALECTS["tenant"][0]: tenant}
        content = ledger_request(ledger_event(cost="0", model=f"of {tenant}", **more))
        answer = httpx.post(f"{two_services.url}/v1/logs", content=content, headers=headers, timeout=30)
        assert answer.status_code == status, tenant
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric()]}]}]}
    with two_services.client(token) as client:
        assert client.post("/v1/metrics", json=body).status_code == 403


def metric(service: str | None = None) -> dict[str, object]:
    point = {"asInt": "7", "timeUnixNano": str(time.time_ns())}
    return {"name": "x", "gauge": {"dataPoints": [point]}}


def test_metrics_of_other_services_are_left_out_of_a_limited_senders_request(two_services: Inside):
    token = made(two_services, role="ingest", services=["shop"])["token"]

    def of(service: str, name: str) -> dict[str, object]:
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
        return {"resource": resource, "scopeMetrics": [{"metrics": [{**metric(), "name": name}]}]}

    with two_services.client(token) as client:
        answer = client.post("/v1/metrics", json={"resourceMetrics": [of("shop", "ours"), of("mail", "theirs")]})
    assert answer.json()["partialSuccess"]["rejectedDataPoints"] == "1"
    known = json.dumps(asked(two_services, two_services.token, "/api/v1/metrics").json())
    assert '"ours"' in known
    assert "theirs" not in known


def test_over_grpc_a_limited_sender_meets_the_same(two_services: Inside):
    token = made(two_services, role="ingest", services=["shop"])["token"]
    with grpc.insecure_channel(f"127.0.0.1:{two_services.grpc_port}") as channel:
        for service, refused in (("shop", None), ("mail", grpc.StatusCode.PERMISSION_DENIED)):
            request = ExportTraceServiceRequest.FromString(span_request(span(), service=service))
            try:
                TraceServiceStub(channel).Export(request, metadata=(("authorization", f"Bearer {token}"),), timeout=10)
                found = None
            except grpc.RpcError as error:
                found = error.code()
            assert found is refused


def test_sampling_rates_of_other_services_are_not_for_a_limited_sender(two_services: Inside):
    token = made(two_services, role="ingest", services=["shop"])["token"]
    assert asked(two_services, token, "/sampling", service="shop").status_code == 200
    assert asked(two_services, token, "/sampling", service="mail").status_code == 403


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"role": "admin", "services": ["shop"]}, "role"),
        ({"services": []}, "services"),
        ({"services": [" "]}, "services"),
        ({"tenants": ["x" * 201]}, "tenants"),
        ({"tenants": [str(number) for number in range(101)]}, "tenants"),
        ({"services": "shop"}, "services"),
    ],
)
def test_limits_that_make_no_sense_are_refused(two_services: Inside, body, parameter: str):
    with two_services.client() as client:
        answer = client.post("/api/v1/tokens", json={"name": "x", "role": "viewer", **body})
    assert (answer.status_code, answer.json()["parameter"]) == (422, parameter)


def test_a_rotated_token_goes_on_for_its_grace_and_the_new_one_at_once(two_services: Inside, clock: Shifted):
    old = made(two_services, services=["shop"], name="turning")
    with two_services.client() as client:
        answer = client.post(f"/api/v1/tokens/{old['id']}/rotate", json={"grace": "10m"})
    new = answer.json()
    assert answer.status_code == 201
    assert (new["name"], new["role"], new["services"], new["replaces"]) == ("turning", "viewer", ["shop"], old["id"])
    for token in (old["token"], new["token"]):
        assert asked(two_services, token, "/api/v1/session").json()["services"] == ["shop"]
    clock.by_ns += 10 * MINUTE_NS
    assert asked(two_services, old["token"], "/api/v1/session").status_code == 401
    assert asked(two_services, new["token"], "/api/v1/session").status_code == 200
    with two_services.client() as client:
        assert client.post(f"/api/v1/tokens/{old['id']}/rotate").status_code == 404
        for grace in ("soon", "91d", "-1h", "9" * 30 + "d"):
            answer = client.post(f"/api/v1/tokens/{new['id']}/rotate", json={"grace": grace})
            assert (answer.status_code, answer.json()["parameter"]) == (422, "grace")
        assert client.post(f"/api/v1/tokens/{new['id']}/rotate", json={"grace": "0"}).status_code == 201
    assert asked(two_services, new["token"], "/api/v1/session").status_code == 401


def test_a_rotation_never_lengthens_a_life(two_services: Inside, clock: Shifted):
    old = made(two_services, expires_at="now+5m")
    with two_services.client() as client:
        new = client.post(f"/api/v1/tokens/{old['id']}/rotate", json={"grace": "1h"}).json()
    assert new["expires_at"] == old["expires_at"]
    clock.by_ns += 5 * MINUTE_NS
    for token in (old["token"], new["token"]):
        assert asked(two_services, token, "/api/v1/session").status_code == 401


def test_a_link_signs_a_browser_in_once_and_soon(two_services: Inside, clock: Shifted):
    viewer = two_services.token_for("viewer")

    def link() -> str:
        with two_services.client(viewer) as client:
            answer = client.post("/api/v1/session/link")
        assert answer.status_code == 201
        return str(answer.json()["path"]).removeprefix("/#token=")

    def sign_in(code: str) -> int:
        with httpx.Client(base_url=two_services.url) as browser:
            status = browser.post("/api/v1/session", json={"token": code}).status_code
            if status == 200:
                assert browser.get("/api/v1/session").json()["role"] == "viewer"
            return status

    code = link()
    assert asked(two_services, code, "/api/v1/session").status_code == 401  # it is no token
    assert sign_in(code) == 200
    assert sign_in(code) == 401
    late = link()
    clock.by_ns += 5 * MINUTE_NS
    assert sign_in(late) == 401
    with httpx.Client(base_url=two_services.url) as nobody:
        assert nobody.post("/api/v1/session/link").status_code == 401


def test_a_thousand_wrong_tokens_are_told_to_wait_and_right_ones_are_not_held_up(two_services: Inside):
    right = two_services.token_for("viewer")
    with httpx.Client(base_url=two_services.url) as client:
        answers = [
            client.get("/api/v1/session", headers={"Authorization": f"Bearer sl_wrong{number}"})
            for number in range(1000)
        ]
        assert [answer.status_code for answer in answers].count(401) == 10
        assert {answer.status_code for answer in answers[10:]} == {429}
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert client.get("/api/v1/session", headers={"Authorization": f"Bearer {right}"}).status_code == 200
        assert client.get("/api/v1/session").status_code == 401  # no token is no wrong one
    metadata = (("authorization", "Bearer sl_wrong"),)
    with grpc.insecure_channel(f"127.0.0.1:{two_services.grpc_port}") as channel:
        with pytest.raises(grpc.RpcError) as refused:
            TraceServiceStub(channel).Export(ExportTraceServiceRequest(), metadata=metadata, timeout=10)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_live_channel_ends_when_its_token_is_revoked(two_services: Inside):
    token = made(two_services)
    address = two_services.url.replace("http", "ws", 1) + "/api/v1/live"
    with connect(address, additional_headers={"Authorization": f"Bearer {token['token']}"}) as socket:
        socket.send("{}")
        socket.recv(10)
        socket.recv(10)
        with two_services.client() as client:
            assert client.delete(f"/api/v1/tokens/{token['id']}").status_code == 204
        assert len(list(socket)) <= 1  # what was on its way


def test_the_audit_trail_tells_before_and_after_and_can_be_searched(server: Inside):
    token = made(server, services=["shop"], name="audited")
    with server.client() as client:
        new = client.post(f"/api/v1/tokens/{token['id']}/rotate").json()
        assert client.delete(f"/api/v1/tokens/{token['id']}").status_code == 204

        def found(**query: str) -> list[dict[str, str]]:
            items: list[dict[str, str]] = client.get("/api/v1/audit", params=query).json()["items"]
            return items

        revoked, rotated, created = found(subject=token["id"])
        detail = {row["action"]: json.loads(row["detail"]) for row in (revoked, rotated, created)}
        assert detail["token.created"]["before"] is None
        assert detail["token.created"]["after"]["services"] == ["shop"]
        assert detail["token.rotated"]["before"]["expires_ns"] is None
        assert detail["token.rotated"]["after"]["expires_ns"] > time.time_ns()
        assert detail["token.rotated"]["by"]["id"] == new["id"]
        assert detail["token.revoked"]["before"]["name"] == "audited"
        assert {row["action"] for row in found(action="token")} == {"token.created", "token.rotated", "token.revoked"}
        assert found(action="token.rev") == []
        assert [row["subject"] for row in found(action="token.revoked")] == [token["id"]]
        assert found(actor="nobody") == []
        assert len(found(**{"from": "now-1h", "to": "now+1m"})) == len(found())
        assert found(**{"from": "now+1m"}) == []
        assert client.get("/api/v1/audit", params={"from": "later"}).status_code == 422
    assert token["token"] not in str(found)
