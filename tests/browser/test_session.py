"""Signing in and out: the printed link, a pasted token, a session that ends while a page is open."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Company, Visit

REFUSED = ["401"]


def test_the_printed_link_signs_in_and_its_token_is_nowhere_afterwards(company: Company, visit: Visit) -> None:
    token = company.server.token
    visitor = visit(company.server, f"/costs?period=today#token={token}", signed_in=False)
    expect(visitor.find(".breakdown")).to_be_visible()
    assert visitor.page.url.endswith("/costs?period=today")
    kept = visitor.run(
        "JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}, document.documentElement.outerHTML])"
    )
    assert token not in kept
    visitor.page.reload()
    expect(visitor.find(".breakdown")).to_be_visible()


def test_a_link_that_does_not_work_says_so_and_a_token_can_be_pasted(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/#token=sl_wrong", signed_in=False)
    visitor.allowed = REFUSED
    expect(visitor.find("#signin-error")).to_contain_text("The sign-in link did not work")
    assert visitor.page.url.endswith("/")
    assert visitor.accessibility() == []
    visitor.page.get_by_label("Token").fill("sl_also_wrong")
    visitor.press("Enter")
    expect(visitor.find("#signin-error")).to_contain_text("This token does not work")
    visitor.page.get_by_label("Token").fill(company.server.token)
    visitor.press("Enter")
    expect(visitor.find(".tiles")).to_be_visible()


def test_a_viewer_may_look_and_signing_out_ends_it_for_every_page(company: Company, visit: Visit) -> None:
    viewer = company.server.token_for("viewer")
    visitor = visit(company.server, f"/settings#token={viewer}", signed_in=False)
    visitor.allowed = REFUSED
    expect(visitor.page.get_by_role("region", name="Session")).to_contain_text("viewer")
    visitor.page.get_by_role("button", name="Sign out").click()
    expect(visitor.page.get_by_role("heading", name="Sign in")).to_be_visible()
    visitor.open("/costs")
    expect(visitor.page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_session_that_ends_elsewhere_leads_to_the_sign_in_and_back_to_the_same_view(
    company: Company, visit: Visit
) -> None:
    visitor = visit(company.server, "/traces?f=status:error")
    visitor.allowed = REFUSED
    expect(visitor.find(".traces-table")).to_be_visible()
    visitor.page.context.clear_cookies()
    visitor.find(".sort-button", has_text="Duration").click()
    expect(visitor.page.get_by_role("heading", name="Sign in")).to_be_visible()
    visitor.page.get_by_label("Token").fill(company.server.token)
    visitor.press("Enter")
    expect(visitor.find(".filter-chip")).to_have_text("Status is error")
    assert "sort=-duration" in visitor.page.url
