"""Who may pass which door: every route of the running application, every role, and nobody.

The routes are read off the application, so that a new one without an entry here, or without a door, fails.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from spanledger_server.api import pages
from spanledger_server.auth.roles import Access, Role
from tests.backend.built import Built, built
from tests.support.server import Server

SENDING = {("POST", f"/v1/{signal}") for signal in ("traces", "logs", "metrics")}
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
    ("GET", "/api/v1/tokens"),
    ("POST", "/api/v1/tokens"),
    ("DELETE", "/api/v1/tokens/{token_id}"),
    ("GET", "/api/v1/audit"),
}
READ = {
    ("GET", path)
    for path in (
        "/api/v1/session",
        "/api/v1/status",
        "/api/v1/ledger",
        "/api/v1/traces",
        "/api/v1/traces/{trace_id}",
        "/api/v1/logs",
        "/api/v1/metrics",
        "/api/v1/metrics/query",
        "/api/v1/loss",
        "/admin/statistics/costs",
        "/api/admin/monitoring/metrics/realtime",
    )
} | {("WEBSOCKET", "/api/v1/live")}


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


def passes(server: Server, method: str, path: str, token: str | None) -> bool:
    """Whether the gate lets the request through; what the route then says does not matter."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if method == "WEBSOCKET":
        try:
            with connect(server.url.replace("http", "ws", 1) + filled(path), additional_headers=headers):
                pass
        except InvalidStatus as refused:
            status = refused.response.status_code
            return status not in (401, 403)
        return True
    answer = httpx.request(method, server.url + filled(path), headers=headers, timeout=30)
    if answer.status_code in (401, 403):
        assert answer.status_code == (401 if token is None else 403)
        assert answer.headers["content-type"] == "application/problem+json"
        return False
    return True


@pytest.fixture(scope="module")
def far_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that other machines could reach."""
    running = Server(tmp_path_factory.mktemp("far"), "--host", "0.0.0.0")
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.mark.parametrize("role", [*Role, None])
def test_every_route_lets_in_whom_it_should_and_nobody_else(far_server: Server, application: Built, role: Role | None):
    token = None if role is None else far_server.token_for(role)
    for method, path in sorted(routes(application)):
        if (method, path) == ("POST", "/api/v1/session"):
            continue  # it answers 401 itself; see the tests of signing in
        access = expected(method, path)
        may = access is Access.OPEN or (role is not None and access.admits(role))
        assert passes(far_server, method, path, token) is may, f"{role} {method} {path}"


def test_on_loopback_only_sending_and_scraping_are_open_without_a_token(shared_server: Server, application: Built):
    for method, path in sorted(routes(application)):
        if (method, path) == ("POST", "/api/v1/session"):
            continue
        assert passes(shared_server, method, path, None) is expected(method, path).open_on_loopback, f"{method} {path}"


@pytest.mark.parametrize("secret", ["-", "sl_not-a-token", "sl_" + "x" * 5000, "ü"])
def test_a_token_that_is_not_one_opens_nothing(far_server: Server, secret: str):
    headers = {"Authorization": b"Bearer " + secret.encode()}
    for path in ("/api/v1/session", "/metrics", "/api/v1/tokens"):
        assert httpx.get(far_server.url + path, headers=headers).status_code == 401
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
