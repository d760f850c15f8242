"""The dashboard's files as a browser gets them."""

from __future__ import annotations

import base64
import hashlib
import re

import httpx
import pytest

from spanledger_server.api import docs, pages
from tests.support.server import Server

ROOT = pages.directory()


@pytest.mark.parametrize(
    "path", ["/", "/traces", "/traces/" + "a" * 32, "/costs", "/settings/tokens", "/alerts/rules/7"]
)
def test_every_place_is_the_one_page(shared_server: Server, path: str):
    answer = httpx.get(shared_server.url + path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"


def test_the_policy_allows_the_import_map_by_its_hash_and_nothing_else_inline(shared_server: Server):
    answer = httpx.get(shared_server.url)
    found = re.findall(r'<script type="importmap">(.*?)</script>', answer.text, re.DOTALL)
    assert len(found) == 1
    digest = base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def test_every_file_of_the_dashboard_is_served_as_what_it_is_and_asked_for_again(shared_server: Server):
    assert ROOT is not None
    kinds = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    with httpx.Client(base_url=shared_server.url) as client:
        for file in ROOT.rglob("*"):
            if file.suffix not in kinds:
                continue
            path = f"/assets/{file.relative_to(ROOT).as_posix()}"
            answer = client.get(path)
            assert answer.content == file.read_bytes()
            assert answer.headers["content-type"].split(";")[0] == kinds[file.suffix]
            assert answer.headers["cache-control"] == "no-cache"
            again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            assert client.head(path).headers["content-length"] == str(file.stat().st_size)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../../pyproject.toml",
        "/assets/..%2f..%2fpyproject.toml",
        "/assets/%2e%2e/%2e%2e/pyproject.toml",
        "/assets//etc/passwd",
        "/assets/none.js",
        "/assets/",
        "/assets/%00",
        "/assets/vendor",
        "/assets/" + "a/" * 500,
    ],
)
def test_nothing_outside_of_the_dashboard_is_served(shared_server: Server, path: str):
    address = httpx.URL(shared_server.url).copy_with(raw_path=path.encode())
    assert httpx.get(address).status_code in (401, 404)


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "accept", "page"),
    [
        ("/nowhere", BROWSER["Accept"], True),
        ("/costs/budgets/of/last/year", BROWSER["Accept"], True),
        ("/%00/<script>", "text/html", True),
        ("/nowhere", "*/*", False),
        ("/nowhere", "application/json, text/html", False),
        ("/nowhere", "text/html;q=0.5, application/json;q=0.9", False),
        ("/api/v1/nowhere", BROWSER["Accept"], False),
        ("/v1/nowhere", BROWSER["Accept"], False),
    ],
)
def test_a_browser_is_shown_that_there_is_no_such_page_and_a_program_is_told(
    shared_server: Server, path: str, accept: str, page: bool
):
    with shared_server.client() as client, shared_server.client("") as nobody:
        answer = client.get(path, headers={"Accept": accept})
        anonymous = nobody.get(path, headers={"Accept": accept})
        home = nobody.get("/")
    assert (answer.status_code, anonymous.status_code) == (404, 404 if page else 401)
    if page:
        assert answer.content == anonymous.content == home.content
        assert answer.headers["content-security-policy"] == home.headers["content-security-policy"]
    else:
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_page_of_the_api_needs_nothing_from_elsewhere(shared_server: Server):
    answer = httpx.get(f"{shared_server.url}/docs")
    assert "/admin/statistics/costs" in answer.text
    assert "<script" not in answer.text
    assert "http" not in answer.text.replace("HTTP", "")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_what_routes_say_about_themselves_cannot_become_markup():
    document = {
        "info": {"title": "<b>", "version": "1"},
        "paths": {
            "/<i>": {"get": {"summary": "<u>", "parameters": [{"name": "<s>", "in": "query", "description": "<q>"}]}}
        },
    }
    for tag in ("<b>", "<i>", "<u>", "<s>", "<q>"):
        assert tag not in docs.rendered(document)
