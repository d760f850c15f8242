"""Kept views over HTTP: whose they are, who sees them, and what the audit trail says."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from spanledger_server.views import view
from tests.support.inside import Inside

FAILING = {"name": "Failing chats", "page": "/traces", "query": "?f=status%3Aerror&f=operation:chat&cursor=x&sel=1"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    running = Inside(tmp_path_factory.mktemp("views"))
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def admin(server: Inside) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def viewer(server: Inside) -> Iterator[httpx.Client]:
    with server.client(server.token_for("viewer")) as client:
        yield client


def names(client: httpx.Client) -> list[str]:
    return [one["name"] for one in client.get("/api/v1/views").json()["items"]]


def test_a_reader_keeps_a_view_of_their_own_that_nobody_else_sees(admin: httpx.Client, viewer: httpx.Client):
    kept = viewer.post("/api/v1/views", json=FAILING)
    assert kept.status_code == 201
    one = kept.json()
    assert (one["query"], one["mine"], one["shared"]) == ("f=status%3Aerror&f=operation%3Achat", True, False)
    assert viewer.get(f"/api/v1/views/{one['view_id']}").json() == one
    assert names(viewer) == ["Failing chats"]
    assert names(admin) == []
    for method in ("GET", "DELETE"):
        assert admin.request(method, f"/api/v1/views/{one['view_id']}").status_code == 404
    assert viewer.post("/api/v1/views", json=FAILING).status_code == 409
    assert viewer.post("/api/v1/views", json=FAILING | {"page": "/logs"}).status_code == 201
    changed = viewer.put(f"/api/v1/views/{one['view_id']}", json=FAILING | {"name": "Failing", "query": "q=x"}).json()
    assert (changed["name"], changed["query"], changed["created_at"]) == ("Failing", "q=x", one["created_at"])
    assert viewer.delete(f"/api/v1/views/{one['view_id']}").status_code == 204
    assert names(viewer) == ["Failing chats"]
    trail = admin.get("/api/v1/audit", params={"subject": one["view_id"]}).json()["items"]
    assert [entry["action"] for entry in trail] == ["view.removed", "view.changed", "view.kept"]
    detail = json.loads(trail[1]["detail"])
    assert (detail["before"]["name"], detail["after"]["name"]) == ("Failing chats", "Failing")


def test_what_is_shared_is_seen_by_all_and_changed_by_administrators_alone(admin: httpx.Client, viewer: httpx.Client):
    shared = {"name": "Weekly", "page": "/trends", "query": "metric=latency", "shared": True}
    assert viewer.post("/api/v1/views", json=shared).status_code == 403
    one = admin.post("/api/v1/views", json=shared).json()
    assert "Weekly" in names(viewer)
    seen = viewer.get(f"/api/v1/views/{one['view_id']}").json()
    assert (seen["mine"], seen["owner"]) == (False, one["owner"])
    for shared_too in (True, False):
        refused = viewer.put(f"/api/v1/views/{one['view_id']}", json=shared | {"shared": shared_too})
        assert refused.status_code == 403
    assert viewer.delete(f"/api/v1/views/{one['view_id']}").status_code == 403
    assert admin.delete(f"/api/v1/views/{one['view_id']}").status_code == 204


def test_what_cannot_be_kept_is_told_all_at_once(viewer: httpx.Client, monkeypatch: pytest.MonkeyPatch):
    problem = viewer.post("/api/v1/views", json={"name": " ", "page": "/settings", "query": "x" * 4001}).json()
    assert [one["parameter"] for one in problem["errors"]] == ["name", "page", "query"]
    for wrong in ("a\nb", "x" * 81, "a\u202eb"):
        assert viewer.post("/api/v1/views", json=FAILING | {"name": wrong}).json()["parameter"] == "name"
    for wrong in ("a=\n", "a=\x00"):
        assert viewer.post("/api/v1/views", json=FAILING | {"query": wrong}).json()["parameter"] == "query"
    lone = '{"name": "x", "page": "/logs", "query": "q=\\ud800"}'
    assert viewer.post("/api/v1/views", content=lone, headers={"Content-Type": "application/json"}).status_code == 422
    assert viewer.post("/api/v1/views", json=FAILING | {"colour": 1}).json()["parameter"] == "colour"
    monkeypatch.setattr(view, "MOST_VIEWS", 0)
    assert viewer.post("/api/v1/views", json=FAILING | {"name": "One more"}).status_code == 409


def test_views_outlive_a_restart(server: Inside, admin: httpx.Client):
    admin.post("/api/v1/views", json=FAILING | {"name": "Kept for good"})
    server.stop()
    server.start()
    with server.client() as again:
        assert "Kept for good" in names(again)
