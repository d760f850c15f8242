"""The pages of services: what runs, whether each part answers, and nothing claimed of what nobody saw."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.backend.health.scripted import says, serving
from tests.browser.conftest import Visit
from tests.browser.pledges import people, requests
from tests.browser.scene import HOSTILE
from tests.support.inside import Inside
from tests.support.server import Server
from tests.support.telemetry import NS, ledger_event, ledger_request
from tests.support.waiting import until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A backend with services that are well, ill and silent, and checks in every state."""
    server = Inside(tmp_path_factory.mktemp("watched"), "--tick", "2s").start()
    try:
        with serving(says(OK)) as port:
            watch(server, port)
            yield server
    finally:
        server.stop()


def watch(server: Server, port: int) -> None:
    now_ns = time.time_ns()
    requests(server, "books", now_ns, good=90, bad=1, route="/read")
    for service, errors in (("books", 0), ("mail", 3)):
        calls = [
            ledger_event(cost="0.02", at_ns=now_ns - n * NS, error="timeout" if n < errors else None) for n in range(20)
        ]
        assert server.send("logs", ledger_request(*calls, service=service)).status_code == 200
    checks: tuple[dict[str, Any], ...] = (
        {"name": "books page", "kind": "http", "target": f"http://127.0.0.1:{port}/", "service": "books"},
        {"name": "books cache", "kind": "redis", "target": "redis://:s3cret@127.0.0.1:1", "service": "cellar"},
        {"name": HOSTILE, "kind": "tcp", "target": "127.0.0.1:1", "enabled": False},
    )
    with people(server) as admin:
        for check in checks:
            made = admin.post("/api/v1/health/checks", json={"down_after": 1, "interval_s": 900, **check})
            assert made.status_code == 201, made.text
            admin.post(f"/api/v1/health/checks/{made.json()['id']}/run")
        until(
            lambda: len(admin.get("/api/v1/health/beats").json()["services"]) == 3, called="the minutes are rolled up"
        )


@pytest.mark.parametrize(("phone", "theme"), [(False, "light"), (True, "dark")], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", ["/services", "/services/books"])
def test_services_fit_every_window_and_can_be_used_by_everybody(
    path: str, phone: bool, theme: str, watched: Server, visit: Visit
) -> None:
    visitor = visit(watched, path, phone=phone, theme=theme)
    expect(visitor.find("main .checks-table .beats").first).to_be_visible()
    expect(visitor.find("main [aria-busy=true]")).to_have_count(0)
    assert visitor.accessibility() == []
    for width in (320, 390) if phone else (768, 1024, 1440):
        visitor.page.set_viewport_size({"width": width, "height": 844})
        until(lambda: not visitor.is_wider_than_its_window(), called=f"the page fits into {width} px")


def test_the_worst_comes_first_with_its_reason_and_nothing_is_claimed_of_what_is_silent(
    watched: Server, visit: Visit
) -> None:
    visitor = visit(watched, "/services")
    expect(visitor.find(".sentence h2")).to_contain_text("books cache: not reached: Connection refused")
    rows = visitor.find(".services-table tbody tr")
    expect(rows.locator(".cell-name a")).to_have_text(["cellar", "mail", "books"])
    cellar = rows.first
    expect(cellar.locator(".chip")).to_have_text("Down")
    for claim in ("0/s", "$0", "0 %", "Healthy"):
        expect(cellar).not_to_contain_text(claim)
    paused = visitor.find(".checks-table tbody tr").filter(has_text=HOSTILE[:20])
    expect(paused).to_contain_text("Paused")
    expect(paused.locator(".chip")).to_have_text("Unknown")
    expect(visitor.find("main")).not_to_contain_text("s3cret")
    visitor.run("scrollTo(0, document.body.scrollHeight)")
    system = visitor.page.get_by_role("region", name="System")
    expect(system).to_contain_text("Nobody has told of CPU, memory or queues in the last hour.")
    expect(visitor.page.get_by_role("region", name="This backend")).to_contain_text("Takes data")


def test_a_check_is_looked_at_at_once_and_a_service_is_followed_to_what_changed(watched: Server, visit: Visit) -> None:
    visitor = visit(watched, "/")
    expect(visitor.find(".live-label")).to_contain_text("Live")
    visitor.press("g v")
    visitor.page.get_by_role("button", name="Look at books page now").click()
    expect(visitor.find(".toast")).to_have_text("books page: answered 200")
    visitor.find(".services-table").get_by_role("link", name="books", exact=True).click()
    expect(visitor.find("h1")).to_contain_text("Services / books")
    changes = visitor.page.get_by_role("region", name="What changed: books page")
    expect(changes.locator(".chip").first).to_have_text("Healthy")
    expect(changes).to_contain_text("answered 200")
    expect(visitor.page.get_by_role("region", name="Routes")).to_contain_text("/read")
    visitor.find(".total-card").get_by_role("link", name="Traces", exact=True).click()
    expect(visitor.find(".filter-chip")).to_have_text(["Service is books"])


def test_who_may_only_read_is_not_offered_to_look(watched: Server, visit: Visit) -> None:
    visitor = visit(watched, "/services", token=watched.token_for("viewer"))
    expect(visitor.find(".checks-table tbody tr").first).to_be_visible()
    expect(visitor.find(".cell-run")).to_have_count(0)


def test_services_that_cannot_be_read_say_why_and_one_that_there_is_not_leads_back(
    watched: Server, visit: Visit
) -> None:
    visitor = visit(watched, "/")
    visitor.allowed.append("503")
    expect(visitor.find(".live-label")).to_contain_text("Live")
    visitor.page.route("**/health/services", lambda route: route.fulfill(status=503, body="{}"))
    visitor.press("g v")
    expect(visitor.find(".failure").first).to_contain_text("Could not load the services (503).")
    visitor.page.unroute("**/health/services")
    visitor.page.get_by_role("button", name="Retry").first.click()
    expect(visitor.find(".services-table tbody tr")).to_have_count(3)
    visitor.open("/services/no%2Fsuch")
    visitor.page.get_by_role("link", name="All services").click()
    expect(visitor.find(".services-table tbody tr")).to_have_count(3)


def test_without_services_the_first_steps_are_shown(shared_server: Server, visit: Visit) -> None:
    visitor = visit(shared_server, "/services")
    expect(visitor.find(".steps").first).to_contain_text("pip install spanledger")
    expect(visitor.find(".sentence h2")).to_have_text("Nothing has reported yet")
    assert visitor.accessibility() == []
