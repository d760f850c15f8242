"""The page of budgets: spent and forecast, never a good word without prices, and a form that loses nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import pledges
from tests.browser.browsing import Visitor
from tests.browser.conftest import Visit
from tests.browser.scene import HOSTILE
from tests.support.server import Server
from tests.support.waiting import until


def card(visitor: Visitor, name: str) -> Locator:
    """The card of a budget."""
    return visitor.page.get_by_role("region", name=name, exact=True)


@pytest.mark.parametrize(("phone", "theme"), [(False, "dark"), (True, "light")], ids=["desktop", "phone"])
@pytest.mark.parametrize("more", ["?history=default", "?edit=new"])
def test_budgets_fit_every_window_and_can_be_used_by_everybody(
    more: str, phone: bool, theme: str, pledged: Server, visit: Visit
) -> None:
    visitor = visit(pledged, f"/costs/budgets{more}", phone=phone, theme=theme)
    expect(visitor.find(".budget-card")).to_have_count(6)
    expect(visitor.find(".happenings, .budget-edit")).to_be_visible()
    assert visitor.accessibility() == []
    assert visitor.run("globalThis.owned") is None
    for width in (320, 390) if phone else (768, 1024, 1440):
        visitor.page.set_viewport_size({"width": width, "height": 844})
        until(lambda: not visitor.is_wider_than_its_window(), called=f"the page fits into {width} px")


def test_budgets_say_what_was_spent_and_none_looks_good_without_prices(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/costs/budgets")
    expect(visitor.find(".sentence h2")).to_have_text("1 of 5 budgets is used up")
    expect(visitor.find(".budget-card").first).to_contain_text("gone")
    expect(card(visitor, "gone")).to_contain_text("Exceeded by 100 %.")
    expect(card(visitor, "gone").locator(".big")).to_have_attribute("title", "$1")
    expect(card(visitor, "unpriced").locator(".chip")).to_have_text("Degraded")
    expect(card(visitor, "unpriced")).to_contain_text("0 % of 1 call priced")
    expect(card(visitor, "asleep").locator(".chip")).to_have_text("Not watched")
    expect(card(visitor, "readers")).to_contain_text("Too early")
    card(visitor, "readers").locator(".big").click()
    expect(visitor.find(".ledger-table tbody tr")).to_have_count(4)
    expect(visitor.find(".filter-chip")).to_have_text("Service is books")
    visitor.page.go_back()
    card(visitor, "unpriced").get_by_role("link", name="1 unpriced call").click()
    expect(visitor.find(".ledger-table .chip")).to_have_text("Not priced")


def test_a_budget_is_made_changed_and_put_away_and_what_was_typed_stays(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/costs/budgets")
    visitor.allowed += ["422", "409"]
    visitor.page.get_by_role("button", name="New budget").click()
    visitor.page.get_by_label("Limit in USD").fill("ten")
    visitor.page.get_by_label("Time zone").fill("Mars/Base")
    visitor.page.get_by_role("button", name="Make it").click()
    expect(visitor.find("[role=alert]")).to_contain_text("Not saved: 3 fields need another value.")
    expect(visitor.find("#budget-limit_amount-wrong")).to_contain_text("USD in digits")
    expect(visitor.find("#budget-timezone-wrong")).not_to_be_empty()
    expect(visitor.page.get_by_label("Name", exact=True)).to_be_focused()
    expect(visitor.page.get_by_label("Limit in USD")).to_have_value("ten")
    assert visitor.accessibility() == []
    visitor.page.get_by_label("Name", exact=True).fill("gone")
    visitor.page.get_by_label("Limit in USD").fill("12.500000000001")
    visitor.page.get_by_label("Time zone").fill("")
    visitor.page.get_by_role("button", name="Make it").click()
    expect(visitor.find("[role=alert]")).to_contain_text("another budget in use is called 'gone'")
    visitor.page.get_by_label("Name", exact=True).fill("made here")
    visitor.page.get_by_role("button", name="Make it").click()
    mine = card(visitor, "made here")
    expect(mine.locator("[title='$12.500000000001']")).to_be_visible()
    mine.get_by_role("button", name="Change").click()
    mine.get_by_label("Limit in USD").fill("20")
    mine.get_by_role("button", name="Save").click()
    mine.get_by_role("button", name="History").click()
    expect(mine.locator(".happenings > li").first).to_contain_text("limit $12.50 → $20.00")
    mine.get_by_role("button", name="Archive").click()
    mine.get_by_role("button", name="Keep").click()
    mine.get_by_role("button", name="Archive").click()
    mine.get_by_role("button", name="Archive it").click()
    expect(mine).to_have_count(0)
    visitor.page.get_by_label("Also archived ones").check()
    expect(mine.locator(".budget .chip")).to_have_text("Archived")


def test_somebody_elses_change_is_not_overwritten(pledged: Server, visit: Visit) -> None:
    with pledges.people(pledged) as admin:
        made = {"name": "shared", "period": "daily", "limit_amount": "1"}
        budget = admin.post("/api/v1/budgets", json=made).json()
        visitor = visit(pledged, f"/costs/budgets?edit={budget['id']}")
        visitor.allowed.append("409")
        expect(visitor.page.get_by_label("Limit in USD")).to_have_value("1")
        assert admin.put(f"/api/v1/budgets/{budget['id']}", json={**made, "limit_amount": "2"}).status_code == 200
        visitor.page.get_by_label("Limit in USD").fill("3")
        visitor.page.get_by_role("button", name="Save").click()
        expect(visitor.find("[role=alert]")).to_contain_text("version 2 holds")
        expect(visitor.page.get_by_label("Limit in USD")).to_have_value("3")
        admin.delete(f"/api/v1/budgets/{budget['id']}")


def test_a_viewer_sees_what_may_not_be_changed_and_why(pledged: Server, visit: Visit) -> None:
    with pledges.people(pledged) as admin:
        token = admin.post("/api/v1/tokens", json={"name": "guest", "role": "viewer"}).json()["token"]
    visitor = visit(pledged, "/costs/budgets?edit=new", token=token)
    expect(visitor.find(".budget-card")).to_have_count(6)
    expect(visitor.find("main")).to_contain_text("Changing budgets needs the admin role; yours is viewer.")
    expect(visitor.page.get_by_role("button", name="New budget")).to_be_disabled()
    expect(visitor.find(".budget-edit")).to_have_count(0)
    expect(card(visitor, "readers").get_by_role("button", name="Change")).to_be_disabled()
    expect(card(visitor, HOSTILE).get_by_role("button", name="History")).to_be_enabled()
    assert visitor.accessibility() == []


def test_budgets_that_cannot_be_read_and_none_at_all(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/")
    visitor.allowed.append("500")
    expect(visitor.find(".tiles")).to_be_visible()
    visitor.page.route("**/api/v1/budgets?*", lambda route: route.fulfill(status=500, body="no json"))
    visitor.press("g b")
    expect(visitor.find(".failure")).to_contain_text("Could not load the budgets (500).")
    visitor.page.unroute("**/api/v1/budgets?*")
    visitor.page.route("**/api/v1/budgets?*", lambda route: route.fulfill(body='{"items": [], "next_cursor": null}'))
    visitor.page.get_by_role("button", name="Retry").click()
    expect(visitor.find(".face.empty .command")).to_contain_text("spanledger budgets create everything")
    assert visitor.accessibility() == []
