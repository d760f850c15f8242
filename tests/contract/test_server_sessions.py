"""Signing in with a browser, and what a page from elsewhere must not be able to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.inside import Inside
from tests.support.server import Server
from tests.support.telemetry import span, span_request


@contextmanager
def signed_in(server: Server, token: str | None = None) -> Iterator[httpx.Client]:
    """A client with a session's cookie and no token."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        answer = client.post("/api/v1/session", json={"token": token or server.token})
        assert answer.status_code == 200, answer.text
        yield client


def own(server: Server) -> dict[str, str]:
    """What a browser adds on a page of ours."""
    return {"Origin": server.url}


def test_the_cookie_of_a_session_is_only_for_the_browser_and_never_the_token(shared_server: Server):
    answer = httpx.post(f"{shared_server.url}/api/v1/session", json={"token": shared_server.token})
    cookie = answer.headers["set-cookie"]
    assert answer.json() == {"role": "admin", "name": "admin token of the settings"}
    for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age="):
        assert part in cookie
    assert "Secure" not in cookie
    assert shared_server.token not in cookie


def test_behind_https_the_cookie_is_secure(shared_server: Server):
    headers = {"X-Forwarded-Proto": "https"}
    answer = httpx.post(f"{shared_server.url}/api/v1/session", json={"token": shared_server.token}, headers=headers)
    assert "Secure" in answer.headers["set-cookie"]


def test_a_session_reads_and_ends_when_it_is_signed_out(shared_server: Server):
    with signed_in(shared_server) as client:
        assert client.get("/api/v1/session").json()["role"] == "admin"
        assert client.delete("/api/v1/session", headers=own(shared_server)).status_code == 204
        assert client.get("/api/v1/session").status_code == 401


def test_a_session_outlives_the_server_and_dies_with_its_token(server: Server):
    viewer = server.token_for("viewer")
    with signed_in(server, viewer) as client:
        server.stop()
        server.start()
        assert client.get("/api/v1/session").json()["role"] == "viewer"
        with server.client() as admin:
            found = [each for each in admin.get("/api/v1/tokens").json()["items"] if each["role"] == "viewer"]
            assert admin.delete(f"/api/v1/tokens/{found[0]['id']}").status_code == 204
        assert client.get("/api/v1/session").status_code == 401
    with server.client(viewer) as client:
        assert client.get("/api/v1/session").status_code == 401


def test_a_forged_session_is_none(shared_server: Server):
    with signed_in(shared_server) as client:
        (name, value), *_ = client.cookies.items()
    token_id, end, signature = value.split(".")
    for forged in (
        f"{token_id}.{int(end) + 1}.{signature}",
        f"{token_id}.{end}.{'0' * 64}",
        f"{token_id}.{end}",
        f"{token_id}.²0.x",
        "..",
        "x" * 4000,
    ):
        headers = {"Cookie": f"{name}={forged}".encode()}
        assert httpx.get(f"{shared_server.url}/api/v1/session", headers=headers).status_code == 401


def test_a_session_changes_something_only_for_a_page_of_the_same_origin(shared_server: Server):
    body = {"name": "new", "role": "viewer"}
    with signed_in(shared_server) as client:
        for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"}):
            assert client.post("/api/v1/tokens", json=body, headers=headers).status_code == 403
        assert client.post("/api/v1/tokens", json=body, headers=own(shared_server)).status_code == 201


def test_a_page_from_elsewhere_can_neither_sign_in_nor_send_telemetry(shared_server: Server):
    elsewhere = {"Origin": "https://evil.example"}
    answer = httpx.post(f"{shared_server.url}/api/v1/session", json={"token": shared_server.token}, headers=elsewhere)
    assert answer.status_code == 403
    headers = {**elsewhere, "Content-Type": "application/x-protobuf"}
    answer = httpx.post(f"{shared_server.url}/v1/traces", content=span_request(span()), headers=headers)
    assert answer.status_code == 403


def test_the_live_channel_opens_for_a_session_of_the_same_origin_only(shared_server: Server):
    with signed_in(shared_server) as client:
        (name, value), *_ = client.cookies.items()
    address = shared_server.url.replace("http", "ws", 1) + "/api/v1/live"
    headers = {"Cookie": f"{name}={value}"}
    for origin in (None, "https://evil.example"):
        with pytest.raises(InvalidStatus) as refused, connect(address, additional_headers=headers, origin=origin):
            pass
        assert refused.value.response.status_code == 403
    with connect(address, additional_headers=headers, origin=shared_server.url) as socket:
        socket.send("{}")
        assert '"hello"' in socket.recv(10)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""])
def test_a_name_that_is_not_ours_in_the_host_header_is_refused(shared_server: Server, host: str):
    for path in ("/", "/assets/app.js", "/metrics"):
        assert httpx.get(shared_server.url + path, headers={"Host": host}).status_code == 403
    assert httpx.get(f"{shared_server.url}/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8321", "LOCALHOST:1", "[::1]:8321", "192.0.2.1", "a.localhost"]
)
def test_names_of_this_machine_and_addresses_are_taken(shared_server: Server, host: str):
    assert httpx.get(f"{shared_server.url}/metrics", headers={"Host": host}).status_code == 200


def test_further_names_can_be_allowed_and_a_token_needs_no_name(tmp_path):
    server = Inside(tmp_path, "--allowed-host", "costs.example.org,.internal").start()
    try:
        for host, status in (("costs.example.org", 200), ("a.internal", 200), ("internal", 200), ("example.org", 403)):
            assert httpx.get(f"{server.url}/metrics", headers={"Host": host}).status_code == status
        with server.client() as client:
            assert client.get("/api/v1/session", headers={"Host": "collector-talks-to:4318"}).status_code == 200
    finally:
        server.stop()


def test_after_ten_failed_sign_ins_the_next_have_to_wait(server: Server):
    with httpx.Client(base_url=server.url) as client:
        for _ in range(10):
            assert client.post("/api/v1/session", json={"token": "sl_wrong"}).status_code == 401
        answer = client.post("/api/v1/session", json={"token": server.token})
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_every_change_by_an_administrator_leaves_a_row_in_the_audit_trail(server: Server):
    token = server.token_for("viewer")
    with server.client() as client:
        made = next(each for each in client.get("/api/v1/tokens").json()["items"] if each["role"] == "viewer")
        assert client.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
        assert client.delete(f"/api/v1/tokens/{made['id']}").status_code == 404
        rows = client.get("/api/v1/audit").json()["items"]
    assert [row["action"] for row in rows] == ["token.revoked", "token.created", "token.created"]
    assert {row["actor"] for row in rows} == {"admin token of the settings", "start of the server"}
    assert token not in str(rows)
    with server.client() as client:
        first = client.get("/api/v1/audit", params={"limit": 2}).json()
        rest = client.get("/api/v1/audit", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert first["items"] + rest["items"] == rows
    assert rest["next_cursor"] is None


def test_a_token_that_has_expired_opens_nothing(server: Server):
    with server.client() as client:
        soon = client.post("/api/v1/tokens", json={"name": "a", "role": "viewer", "expires_at": "2099-01-01T00:00:00Z"})
        past = client.post("/api/v1/tokens", json={"name": "b", "role": "viewer", "expires_at": "2001-01-01T00:00:00Z"})
    assert soon.status_code == 201
    assert soon.json()["expires_at"] == "2099-01-01T00:00:00Z"
    assert past.status_code == 422
    assert past.json()["parameter"] == "expires_at"


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"name": "x", "role": "owner"}, "role"),
        ({"name": " ", "role": "viewer"}, "name"),
        ({"name": "x" * 121, "role": "viewer"}, "name"),
        ({"role": "viewer"}, "name"),
        ({"name": "x", "role": "viewer", "scope": "all"}, "scope"),
    ],
)
def test_a_token_that_cannot_be_made_is_refused_with_the_reason(shared_server: Server, body, parameter: str):
    with shared_server.client() as client:
        answer = client.post("/api/v1/tokens", json=body)
    assert answer.status_code == 422
    assert answer.json()["parameter"] == parameter
