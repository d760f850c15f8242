"""Who may pass which door: every route of the running application, every role, and nobody.

The routes are read off the application, so that a new one without an entry here, or without a door, fails.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest
from fastapi.routing import iter_route_contexts
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from spanledger_server.api import pages
from spanledger_server.auth.roles import Access, Role
from spanledger_server.auth.sessions import LASTS_S
from tests.backend.built import Built, built
from tests.support.inside import Inside, Shifted
from tests.support.server import Server
from tests.support.telemetry import span, span_request

SENDING = {("POST", f"/v1/{signal}") for signal in ("traces", "logs", "metrics")} | {
    ("GET", "/sampling"),
    ("POST", "/api/v2/alerts"),
    ("POST", "/api/v1/deployments"),
    ("POST", "/api/v1/budgets/leases"),
    ("POST", "/api/v1/budgets/{budget_id}/reserve"),
    ("POST", "/api/v1/budgets/{budget_id}/settle"),
}
OPEN = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/assets/{path:path}"),
}
SCRAPED = {("GET", "/metrics")}
ADMINISTERED = {
    *(("POST", f"/api/v1/alerts/{what}") for what in ("acknowledge", "unacknowledge", "resolve")),
    *(("POST", f"/api/v1/alerts/{{alert_id}}/{what}") for what in ("acknowledge", "unacknowledge", "resolve")),
    *(("POST", f"/api/v1/alerts/{{alert_id}}/{what}") for what in ("notes", "feedback")),
    ("POST", "/api/admin/monitoring/alerts/{alert_id}/acknowledge"),
    ("POST", "/api/v1/silences"),
    ("PUT", "/api/v1/silences/{silence_id}"),
    ("DELETE", "/api/v1/silences/{silence_id}"),
    ("POST", "/api/v2/silences"),
    ("DELETE", "/api/v2/silence/{silence_id}"),
    ("POST", "/api/v1/maintenance"),
    ("PUT", "/api/v1/maintenance/{window_id}"),
    ("DELETE", "/api/v1/maintenance/{window_id}"),
    ("POST", "/api/v1/inhibitions"),
    ("PUT", "/api/v1/inhibitions/{inhibition_id}"),
    ("DELETE", "/api/v1/inhibitions/{inhibition_id}"),
    ("POST", "/api/v1/incidents/{incident_id}/notes"),
    ("POST", "/api/v1/budgets"),
    ("PUT", "/api/v1/budgets/{budget_id}"),
    ("DELETE", "/api/v1/budgets/{budget_id}"),
    ("GET", "/api/v1/tokens"),
    ("POST", "/api/v1/tokens"),
    ("DELETE", "/api/v1/tokens/{token_id}"),
    ("POST", "/api/v1/tokens/{token_id}/rotate"),
    ("GET", "/api/v1/audit"),
    ("POST", "/api/v1/backup"),
    ("GET", "/api/v1/backup"),
    ("GET", "/api/v1/backup/{name}"),
    ("POST", "/api/v1/channels"),
    ("PUT", "/api/v1/channels/{channel_id}"),
    ("DELETE", "/api/v1/channels/{channel_id}"),
    ("POST", "/api/v1/channels/{channel_id}/test"),
    ("POST", "/api/v1/rules"),
    ("POST", "/api/v1/rules/defaults"),
    ("PUT", "/api/v1/rules/{rule_id}"),
    ("DELETE", "/api/v1/rules/{rule_id}"),
    ("POST", "/api/v1/rules/{rule_id}/enable"),
    ("POST", "/api/v1/rules/{rule_id}/disable"),
    ("POST", "/api/admin/monitoring/rules"),
    ("PUT", "/api/admin/monitoring/rules/{rule_id}"),
    ("DELETE", "/api/admin/monitoring/rules/{rule_id}"),
    ("POST", "/api/v1/slos"),
    ("POST", "/api/v1/slos/openslo"),
    ("PUT", "/api/v1/slos/{slo_id}"),
    ("DELETE", "/api/v1/slos/{slo_id}"),
    ("POST", "/api/v1/slos/{slo_id}/adjustments"),
    ("PUT", "/api/v1/slos/{slo_id}/adjustments/{adjustment_id}"),
    ("DELETE", "/api/v1/slos/{slo_id}/adjustments/{adjustment_id}"),
    ("POST", "/api/v1/health/checks"),
    ("PUT", "/api/v1/health/checks/{check_id}"),
    ("DELETE", "/api/v1/health/checks/{check_id}"),
    ("POST", "/api/v1/health/checks/{check_id}/run"),
    ("POST", "/api/v1/prices"),
    ("PUT", "/api/v1/prices"),
    ("POST", "/api/v1/prices/refresh"),
    ("PUT", "/api/v1/prices/{override_id}"),
    ("DELETE", "/api/v1/prices/{override_id}"),
    ("POST", "/api/v1/queries"),
    ("PUT", "/api/v1/queries/{name}"),
    ("DELETE", "/api/v1/queries/{name}"),
    ("POST", "/api/v1/reconcile"),
    ("POST", "/api/v1/reprice"),
    ("DELETE", "/api/v1/reprice/{run_id}"),
    ("PUT", "/api/v1/sampling"),
    ("DELETE", "/api/v1/sampling"),
    ("POST", "/api/v1/routes"),
    ("PUT", "/api/v1/routes/{route_id}"),
    ("DELETE", "/api/v1/routes/{route_id}"),
    ("POST", "/api/v1/escalations"),
    ("PUT", "/api/v1/escalations/{escalation_id}"),
    ("DELETE", "/api/v1/escalations/{escalation_id}"),
    ("PUT", "/api/admin/monitoring/preferences"),
    ("POST", "/api/v1/notifications/{notification_id}/retry"),
    ("POST", "/api/admin/monitoring/notifications/test"),
}
READ = (
    {
        ("GET", path)
        for path in (
            "/api/v1/session",
            "/api/v1/channels",
            "/api/v1/channels/{channel_id}",
            "/api/v1/channels/types",
            "/api/v1/status",
            "/api/v1/ledger",
            "/api/v1/traces",
            "/api/v1/traces/{trace_id}",
            "/api/v1/traces/{trace_id}/typical",
            "/api/v1/traces/{trace_id}/spans/{span_id}/alike",
            "/api/v1/traces/differences",
            *(f"/api/v1/views{what}" for what in ("", "/{view_id}")),
            "/api/v1/logs",
            "/api/v1/metrics",
            "/api/v1/metrics/query",
            "/api/v1/loss",
            "/api/v1/sampling",
            "/api/v1/storage",
            "/api/v1/about",
            "/api/v1/export",
            "/api/v1/export/{view}",
            "/admin/statistics/dialogues",
            "/api/admin/monitoring/health/services",
            "/api/admin/monitoring/metrics/history",
            "/api/admin/monitoring/metrics/expected",
            "/api/admin/monitoring/performance/trends",
            "/api/admin/stats/requests",
            "/api/admin/stats/system",
            "/api/v1/ledger/corrections",
            "/api/v1/prices",
            "/api/v1/prices/history",
            "/api/v1/prices/missing",
            "/api/v1/prices/used",
            "/api/v1/prices/overrides",
            "/api/v1/providers/health",
            "/api/v1/queries",
            "/api/v1/queries/{name}",
            "/api/v1/query/schema",
            "/api/v1/reconcile",
            "/api/v1/reconcile/{reconciliation_id}",
            "/api/v1/reprice",
            "/api/v1/reprice/{run_id}",
            "/api/v1/reprice/{run_id}/corrections",
            *(f"/api/v1/audio/{what}" for what in ("summary", "groups", "series", "distribution", "clips")),
            "/api/v1/audio/differences",
            "/api/v1/audio/overview",
            "/api/v1/statistics/cache",
            "/api/v1/statistics/performance",
            "/api/v1/statistics/rate-limits",
            "/api/v1/statistics/series",
            "/api/v1/statistics/summary",
            "/api/v1/slos",
            "/api/v1/slos/openslo",
            "/api/v1/slos/rules.yaml",
            "/api/v1/slos/{slo_id}",
            "/api/v1/slos/{slo_id}/report",
            "/api/v1/slos/{slo_id}/adjustments",
            "/api/v1/slos/{slo_id}/series",
            "/api/v1/reports/sla",
            "/api/v1/health/kinds",
            "/api/v1/health/beats",
            "/api/v1/health/self",
            "/api/v1/health/checks",
            *(f"/api/v1/health/checks/{{check_id}}{what}" for what in ("", "/history", "/uptime", "/results")),
            "/api/v1/routes",
            "/api/v1/routes/{route_id}",
            "/api/v1/escalations",
            "/api/v1/escalations/{escalation_id}",
            "/api/v1/notifications",
            "/api/v1/notifications/{notification_id}",
            "/api/admin/monitoring/preferences",
            *(
                f"/api/v1/rules{what}"
                for what in ("", "/metrics", "/defaults", "/suggest", "/{rule_id}", "/{rule_id}/history")
            ),
            *(f"/api/admin/monitoring/rules{what}" for what in ("", "/{rule_id}")),
            "/api/v1/alerts",
            "/api/v1/alerts/precision",
            *(f"/api/admin/monitoring/alerts/{what}" for what in ("active", "history")),
            *(f"/api/v1/silences{what}" for what in ("", "/{silence_id}")),
            *(f"/api/v1/maintenance{what}" for what in ("", "/{window_id}")),
            *(f"/api/v1/inhibitions{what}" for what in ("", "/{inhibition_id}")),
            *("/api/v2/silences", "/api/v2/silence/{silence_id}"),
            *("/api/v1/incidents", "/api/v1/incidents/{incident_id}", "/api/v1/deployments"),
            "/api/v1/alerts/{alert_id}",
            "/api/v2/alerts",
            "/api/v2/status",
            "/admin/monitoring/alerts",
            "/admin/statistics/costs",
            "/api/v1/budgets",
            "/api/v1/budgets/{budget_id}",
            "/api/v1/budgets/{budget_id}/history",
            "/api/v1/budgets/{budget_id}/status",
            "/api/v1/projections",
            "/api/services",
            "/api/services/{service:path}/operations",
            "/api/operations",
            "/api/traces",
            "/api/traces/{trace_id}",
            "/api/dependencies",
            "/api/v3/services",
            "/api/v3/operations",
            "/api/v3/traces",
            "/api/v3/traces/{trace_id}",
            "/api/v3/trace-summaries",
            "/api/admin/monitoring/metrics/realtime",
        )
    }
    | {("WEBSOCKET", "/api/v1/live"), ("POST", "/api/v1/session/link"), ("POST", "/api/v1/slos/validate")}
    | {
        ("POST", "/api/v1/rules/backtest"),
        ("POST", "/api/v1/rules/{rule_id}/test"),
        ("POST", "/api/admin/monitoring/rules/{rule_id}/test"),
        ("POST", "/api/v1/slos/simulate"),
        ("POST", "/api/v1/query"),
        ("POST", "/api/v1/queries/{name}/run"),
        ("POST", "/api/v1/views"),
        *((method, "/api/v1/views/{view_id}") for method in ("PUT", "DELETE")),
    }
)


def expected(method: str, path: str) -> Access:
    """What the route must ask, by hand."""
    for routes, access in (
        (SENDING, Access.SEND),
        (OPEN, Access.OPEN),
        (SCRAPED, Access.SCRAPE),
        (ADMINISTERED, Access.ADMINISTER),
        (READ, Access.READ),
    ):
        if (method, path) in routes:
            return access
    assert method == "GET", f"{method} {path} has no entry in this test"
    assert path in pages.PLACES, f"{method} {path} has no entry in this test"
    return Access.OPEN


def routes(application: Built) -> Iterator[tuple[str, str]]:
    """Every method and path that the application answers."""
    for context in iter_route_contexts(application.app.routes):
        route = context.original_route
        if isinstance(route, WebSocketRoute):
            yield "WEBSOCKET", route.path
        else:
            assert isinstance(route, Route), route
            yield from ((method, route.path) for method in route.methods or () if method != "HEAD")


def filled(path: str) -> str:
    """The path with something in place of its parameters."""
    return re.sub(r"\{[^}]+\}", "x", path)


@pytest.fixture(scope="module")
def application() -> Iterator[Built]:
    with built() as application:
        yield application


def test_every_route_has_a_door_and_it_is_the_one_written_here(application: Built):
    found = set(routes(application))
    assert len(found) > 25
    for method, path in found:
        assert application.gate.doors.asks(method, filled(path)) is expected(method, path), f"{method} {path}"


def test_every_door_written_here_belongs_to_a_route(application: Built):
    assert set(routes(application)) >= (SENDING | OPEN | SCRAPED | ADMINISTERED | READ)


def test_what_has_no_door_asks_for_an_administrator(shared_server: Server):
    for path in ("/api/v1/nothing", "/admin/nothing", "/nothing/at/all"):
        assert httpx.get(shared_server.url + path).status_code == 401
        with shared_server.client() as client:
            assert client.get(path).status_code == 404


@dataclass(frozen=True)
class Person:
    """Somebody at the door: what they show, and the role that it gives them, None for none."""

    headers: dict[str, str]
    role: Role | None
    token: str = ""


class World:
    """A server that other machines can reach, and everybody who may come."""

    def __init__(self, server: Inside, clock: Shifted) -> None:
        self.server, self.clock = server, clock
        with server.client() as admin:
            for_a_minute = {"name": "short", "role": "admin", "expires_at": "now+1m"}
            self.expired = admin.post("/api/v1/tokens", json=for_a_minute).json()["token"]
            old_cookie = self._cookie(server.token_for("admin"))
            clock.by_ns += (LASTS_S + 60) * 10**9
            gone = admin.post("/api/v1/tokens", json={"name": "gone", "role": "admin"}).json()
            gone_cookie = self._cookie(gone["token"])
            assert admin.delete(f"/api/v1/tokens/{gone['id']}").status_code == 204
        tokens = {role: server.token_for(role) for role in Role}
        bearer = {role: self._bearer(token) for role, token in tokens.items()}
        self.people = {
            "nobody": Person({}, None),
            "an unknown token": Person(self._bearer("sl_" + "x" * 43), None, "sl_" + "x" * 43),
            "another scheme": Person({"Authorization": f"Basic {tokens[Role.ADMIN]}"}, None),
            "a revoked token": Person(self._bearer(gone["token"]), None, gone["token"]),
            "an expired token": Person(self._bearer(self.expired), None, self.expired),
            "an expired session": Person(old_cookie, None),
            "a session of a revoked token": Person(gone_cookie, None),
            "an unknown token beside an admin's session": Person(
                {**self._bearer("sl_wrong"), **self._cookie(tokens[Role.ADMIN])}, None
            ),
            "a sender's token beside a viewer's session": Person(
                {**bearer[Role.INGEST], **self._cookie(tokens[Role.VIEWER])}, Role.INGEST
            ),
            **{f"a token for {role}": Person(bearer[role], role, tokens[role]) for role in Role},
            **{f"a session for {role}": Person(self._cookie(tokens[role]), role) for role in Role},
        }

    @staticmethod
    def _bearer(token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    def _cookie(self, token: str) -> dict[str, str]:
        """What the browser of somebody who signed in with `token` sends from a page of ours."""
        answer = httpx.post(f"{self.server.url}/api/v1/session", json={"token": token}, verify=False)
        assert answer.status_code == 200
        return {"Cookie": answer.headers["set-cookie"].partition(";")[0], "Origin": self.server.url}


PEOPLE = (
    "nobody",
    "an unknown token",
    "another scheme",
    "a revoked token",
    "an expired token",
    "an expired session",
    "a session of a revoked token",
    "an unknown token beside an admin's session",
    "a sender's token beside a viewer's session",
    *(f"a token for {role}" for role in Role),
    *(f"a session for {role}" for role in Role),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    clock = Shifted()
    running = Inside(tmp_path_factory.mktemp("far"), "--host", "0.0.0.0", clock=clock)
    try:
        yield World(running.start(), clock)
    finally:
        running.stop()


@pytest.fixture(scope="module")
def far_server(world: World) -> Server:
    return world.server


@pytest.fixture(autouse=True)
def a_minute_later(world: World) -> None:
    """Wrong tokens of the test before are forgotten."""
    world.clock.by_ns += 61 * 10**9


def status_at(server: Server, client: httpx.Client, method: str, path: str, headers: dict[str, str]) -> int:
    """401 or 403 when the gate refuses; else whatever the route says to a request without sense."""
    if method == "WEBSOCKET":
        origin = headers.get("Origin")
        more = {name: value for name, value in headers.items() if name != "Origin"}
        try:
            with connect(server.url.replace("http", "ws", 1) + filled(path), additional_headers=more, origin=origin):
                return 101
        except InvalidStatus as refused:
            return 401 if refused.response.status_code == 429 else refused.response.status_code
    answer = client.request(method, server.url + filled(path), headers=headers)
    if answer.status_code in (401, 403, 429):
        assert answer.headers["content-type"] == "application/problem+json"
    return 401 if answer.status_code == 429 else answer.status_code  # 429: the same, and too often


def wanted(access: Access, role: Role | None) -> int | None:
    """The refusal that is due; None when they may pass."""
    if access is Access.OPEN:
        return None
    if role is None:
        return 401
    return None if access.admits(role) else 403


def test_everybody_of_the_world_is_asked_in_the_tests_below(world: World):
    assert set(world.people) == set(PEOPLE)


@pytest.mark.parametrize("who", PEOPLE)
def test_every_route_lets_in_whom_it_should_and_nobody_else(world: World, application: Built, who: str):
    person = world.people[who]
    with httpx.Client(verify=False, timeout=30) as client:
        for method, path in sorted(routes(application)):
            if (method, path) == ("POST", "/api/v1/session"):
                continue  # it answers 401 itself; see the tests of signing in
            status = status_at(world.server, client, method, path, person.headers)
            refusal = wanted(expected(method, path), person.role)
            assert (status if status in (401, 403) else None) == refusal, f"{who} {method} {path}: {status}"
        for path in () if "Cookie" in person.headers else ("/v1/traces", "/v1/logs", "/v1/metrics"):
            address = f"http://127.0.0.1:{world.server.otlp_port}{path}"
            status = client.post(address, headers=person.headers).status_code
            status = 401 if status == 429 else status
            assert (status if status in (401, 403) else None) == wanted(Access.SEND, person.role), f"{who} {address}"


@pytest.mark.parametrize("who", PEOPLE)
def test_signing_in_works_with_a_token_of_any_role_and_with_nothing_else(world: World, who: str):
    person = world.people[who]
    with httpx.Client(base_url=world.server.url, verify=False) as client:
        answer = client.post("/api/v1/session", json={"token": person.token})
    assert answer.status_code == (200 if person.role and person.token else 401)
    assert ("set-cookie" in answer.headers) == (answer.status_code == 200)


@pytest.mark.parametrize("who", PEOPLE)
def test_over_grpc_only_senders_are_taken(world: World, who: str):
    person = world.people[who]
    metadata = tuple((name.lower(), value) for name, value in person.headers.items() if name != "Origin")
    request = ExportTraceServiceRequest.FromString(span_request(span()))
    with grpc.insecure_channel(f"127.0.0.1:{world.server.grpc_port}") as channel:
        try:
            TraceServiceStub(channel).Export(request, metadata=metadata, timeout=10)
            refusal = None
        except grpc.RpcError as error:
            refusal = {grpc.StatusCode.UNAUTHENTICATED: 401, grpc.StatusCode.PERMISSION_DENIED: 403}[error.code()]
    assert refusal == wanted(Access.SEND, person.role)


def test_on_loopback_only_sending_and_scraping_are_open_without_a_token(shared_server: Server, application: Built):
    with httpx.Client(verify=False, timeout=30) as client:
        for method, path in sorted(routes(application)):
            if (method, path) == ("POST", "/api/v1/session"):
                continue
            status = status_at(shared_server, client, method, path, {})
            assert (status != 401) is expected(method, path).open_on_loopback, f"{method} {path}: {status}"


@pytest.mark.parametrize("secret", ["-", "sl_not-a-token", "sl_" + "x" * 5000, "ü"])
def test_a_token_that_is_not_one_opens_nothing(far_server: Server, secret: str):
    headers = {"Authorization": b"Bearer " + secret.encode()}
    for path in ("/api/v1/session", "/metrics", "/api/v1/tokens"):
        answer = httpx.get(far_server.url + path, headers=headers)
        assert answer.status_code == 401
        assert "not known, has expired, or was revoked" in answer.json()["detail"]
    assert httpx.post(f"{far_server.url}/v1/traces", headers=headers).status_code == 401


def test_another_scheme_than_bearer_is_no_token(far_server: Server):
    answer = httpx.get(f"{far_server.url}/api/v1/session", headers={"Authorization": f"Basic {far_server.token}"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_sender_is_refused_before_its_body_is_read(far_server: Server):
    with socket.create_connection(("127.0.0.1", far_server.otlp_port), timeout=10) as connection:
        connection.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 67108864\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 401 ")


def test_the_directory_of_a_server_that_others_reach_holds_no_token(far_server: Server):
    assert not (Path(far_server.data) / "admin-token").exists()


def test_a_refused_socket_is_told_why_and_leaves_no_error_in_the_log(
    far_server: Server, caplog: pytest.LogCaptureFixture
):
    address = far_server.url.replace("http", "ws", 1) + "/api/v1/live"
    for _ in range(5):
        with pytest.raises(InvalidStatus) as refused, connect(address):
            pass
        assert refused.value.response.status_code == 401
        assert b"Authorization: Bearer TOKEN" in (refused.value.response.body or b"")
    assert caplog.records == []
