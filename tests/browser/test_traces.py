"""The list of traces is there before all of them are counted, and stays when they cannot be."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Company, Visit
from tests.support.waiting import until

TOTALS = re.compile(r"/api/v1/traces\?.*limit=0")
REFUSED = {"type": "about:blank", "title": "Busy", "status": 503, "detail": "come again"}


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_list_does_not_wait_until_all_are_counted_and_keeps_its_place(
    phone: bool, company: Company, visit: Visit
) -> None:
    held: list[Route] = []
    visitor = visit(company.server, "/settings", phone=phone)
    visitor.page.route(TOTALS, lambda route: held.append(route))
    visitor.open("/traces")
    card = visitor.page.get_by_role("region", name="Traces", exact=True)
    expect(card.locator("[data-row='0']")).to_be_visible()
    expect(card.locator(".sub")).to_have_text("more than 50 matches")
    expect(visitor.find(".facets")).to_be_visible()
    row = card.locator("[data-row='0']")
    before = row.bounding_box()
    assert before is not None
    assert visitor.accessibility() == []
    until(lambda: visitor.run("1") and len(held) == 1, called="all are counted")
    held[0].continue_()
    expect(visitor.find(".histogram svg.pickable")).to_be_visible()
    expect(visitor.find(".facet").first).to_be_attached()
    expect(card.locator(".sub")).to_contain_text(re.compile(r"^\d[\d,.k]* matches"))
    after = row.bounding_box()
    assert after is not None
    assert (before["x"], before["width"], round(before["y"])) == (after["x"], after["width"], round(after["y"]))
    card.get_by_role("button", name="Show more").click()
    expect(visitor.find(".traces-table")).to_have_attribute("aria-rowcount", re.compile(r"^(?!51$)\d+$"))
    assert not visitor.is_wider_than_its_window()


def test_the_list_stays_where_the_totals_fail_and_they_come_again(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/settings")
    visitor.allowed = ["503"]
    visitor.page.route(TOTALS, lambda route: route.fulfill(status=503, json=REFUSED))
    visitor.open("/traces?f=service:chat-api")
    expect(visitor.find("main [role=alert]")).to_contain_text("Could not load the overview (503). Retrying in")
    expect(visitor.find("[data-row='0']")).to_be_visible()
    visitor.page.unroute(TOTALS)
    visitor.page.get_by_role("button", name="Retry").click()
    expect(visitor.find(".histogram svg.pickable")).to_be_visible()
    expect(visitor.find("main [role=alert]")).to_have_count(0)


def test_what_is_new_is_asked_for_without_counting_and_shown_with_it(company: Company, visit: Visit) -> None:
    asked: list[str] = []
    visitor = visit(company.server, "/settings")
    visitor.page.on("request", lambda request: asked.append(request.url) if "/api/v1/traces?" in request.url else None)
    visitor.page.clock.install()
    visitor.open("/traces")
    expect(visitor.find(".histogram svg.pickable")).to_be_visible()
    asked.clear()
    visitor.page.clock.run_for(10_500)
    until(lambda: visitor.run("1") and bool(asked), called="it looked again")
    assert all("totals=false" in url for url in asked)
