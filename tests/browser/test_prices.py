"""The price book and the provider's bill on the page: what has no price gets one, sums are said before lines change, bills are compared."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import accounts
from tests.browser.conftest import Visit
from tests.browser.scene import HOSTILE
from tests.support.inside import Inside
from tests.support.waiting import until

NOW_NS = time.time_ns()
FILE = 'as_of: 2026-11-01\nprices:\n- {provider: acme, model: a, rates: {parsecs: "1"}}\n- {model: b, rates: {requests: "1"}}\n'


@pytest.fixture(scope="module")
def booked(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A backend with nine days of calls, some of which wait for a price."""
    server = Inside(tmp_path_factory.mktemp("booked")).start()
    try:
        accounts.keep(server, NOW_NS)
        yield server
    finally:
        server.stop()


def test_a_model_is_priced_and_its_lines_corrected_once_their_sum_was_said(booked: Inside, visit: Visit) -> None:
    visitor = visit(booked, "/costs/prices")
    visitor.allowed = ["422"]
    missing = visitor.page.get_by_role("region", name="Without a price")
    expect(missing).to_contain_text(HOSTILE)
    missing.get_by_role("button", name=f"Price it: {accounts.UNPRICED}").press("Enter")
    rate = visitor.page.get_by_role("textbox", name="Input / M tokens", exact=True)
    rate.fill("a lot")
    visitor.page.get_by_role("textbox", name="Output / M tokens").fill("12")
    visitor.page.get_by_role("button", name="Set the price").press("Enter")
    expect(visitor.find(".form-wrong")).to_contain_text("1 field needs another value")
    expect(rate).to_be_focused()
    expect(rate).to_have_value("a lot")
    rate.fill("3")
    rate.press("Enter")
    missing.get_by_role("button", name=f"Price them anew: {accounts.UNPRICED}").press("Enter")
    run = visitor.page.get_by_role("region", name="The run")
    expect(run).to_contain_text("12 of 12 lines would change: 12 get a price.")
    sums = Decimal(12) * (Decimal(9000) * 3 + Decimal(700) * 12) / 10**6
    expect(run.locator(".run-sums")).to_contain_text(f"${sums:.4f}")
    run.get_by_role("button", name="Correct 12 lines …").press("Enter")
    expect(run.locator(".twice-sure")).to_contain_text(f"a price: ${sums:.4f} in all")
    expect(run.get_by_role("button", name="Correct 12 lines", exact=True)).to_be_focused()
    assert visitor.accessibility() == []
    unpriced = lines_of(booked)
    assert {line["state"] for line in unpriced} == {"unpriced"}, "nothing is corrected by one press"
    visitor.press("Enter")
    expect(run).to_contain_text("12 of 12 lines were corrected")
    expect(missing.get_by_role("row", name=accounts.UNPRICED)).to_have_count(0)
    visitor.page.reload()
    expect(run).to_contain_text("12 of 12 lines were corrected")
    run.get_by_role("button", name="What single lines said before").click()
    expect(run.get_by_role("link", name=accounts.UNPRICED)).to_have_count(12)
    lines = lines_of(booked)
    assert sum(line["cost_usd"] for line in lines) == sums


def lines_of(server: Inside) -> list[dict[str, Any]]:
    """The ledger's lines of the model that had no price."""
    asked = {"f": f"model:{accounts.UNPRICED}", "from": "now-30d"}
    items: list[dict[str, Any]] = server.get("/api/v1/ledger", **asked)["items"]
    return items


def test_a_model_is_found_its_prices_read_and_one_that_was_set_is_deleted(booked: Inside, visit: Visit) -> None:
    with booked.client() as admin:
        body = {"provider": "openai", "model": "gpt-5-nano", "rates": {"input_mtok": "0.071"}, "source": "a contract"}
        assert admin.post("/api/v1/prices", json=body).status_code == 201
    visitor = visit(booked, "/costs/prices")
    visitor.page.get_by_role("searchbox", name="Find a model").fill("gpt-5-nano")
    visitor.page.get_by_role("button", name="Look in all models").click()
    visitor.find(".book-table tr", has_text="openai").get_by_role("button", name="gpt-5-nano", exact=True).first.click()
    history = visitor.find(".price-history")
    expect(history).to_contain_text("Input $0.071 / M tokens")
    expect(history).to_contain_text("a contract")
    assert f"sel={quote('openai/gpt-5-nano', safe='/')}" in visitor.page.url.replace("%2F", "/")
    visitor.page.reload()
    history.get_by_role("button", name="Delete …").click()
    history.get_by_role("button", name="Delete it").click()
    expect(history.locator(".ended")).to_have_count(1)
    expect(history).to_contain_text("Input $0.05 / M tokens")


def test_a_price_file_with_mistakes_is_refused_line_by_line_and_stays_as_it_was_typed(
    booked: Inside, visit: Visit
) -> None:
    visitor = visit(booked, "/costs/prices?edit=file")
    visitor.allowed = ["422"]
    visitor.page.get_by_role("textbox", name="Name").fill("acme.yml")
    text = visitor.page.get_by_role("textbox", name="Its text")
    text.fill(FILE)
    visitor.page.get_by_role("button", name="Take these prices").click()
    expect(visitor.find("#file-content-wrong")).to_contain_text("ine 3:")
    expect(visitor.find("#file-content-wrong")).to_contain_text("line 4:")
    expect(text).to_have_value(FILE)
    text.fill(FILE.replace("parsecs", "requests").replace("{model", "{provider: acme, model"))
    visitor.page.get_by_role("button", name="Take these prices").click()
    expect(visitor.find(".toast")).to_contain_text("acme.yml: 2 new prices")
    assert len([one for one in booked.get("/api/v1/prices/overrides")["items"] if one["file"] == "acme.yml"]) == 2


def test_a_bill_is_compared_and_what_differs_has_a_name(booked: Inside, visit: Visit, tmp_path: Path) -> None:
    bill = tmp_path / "november.csv"
    bill.write_text(accounts.bill(NOW_NS).replace(".42", ".1416"))
    visitor = visit(booked, "/costs/reconcile")
    visitor.page.set_input_files("#bill-file", bill)
    visitor.page.get_by_text("How it is to be read").click()
    visitor.page.get_by_label("Only these providers").fill("openai")
    visitor.page.get_by_role("button", name="Compare").click()
    (kept,) = [one for one in booked_bills(booked, 1) if one["file"] == "november.csv"]
    expect(visitor.find(".sentence h2")).to_have_text(f"We saw {kept['seen'] * 100:.1f}\u202f% of the bill.")
    expect(visitor.find(".bill-card")).to_contain_text("calls that the ledger lacks")
    grid = visitor.page.get_by_role("region", name="By day and model, table")
    expect(grid.locator("tbody th").first).to_have_text("gpt-5")
    expect(grid.locator(".heat.under")).not_to_have_count(0)
    expect(grid.get_by_role("row", name="whisper-1").locator(".heat.under .hidden-text")).to_contain_text(
        "bill $0.8000, ledger nothing; calls that the ledger lacks"
    )
    row = visitor.find(".cells-table tbody tr").first
    expect(row).to_contain_text("+$3.00")
    assert visitor.accessibility() == []
    visitor.page.reload()
    expect(visitor.find(".sentence h2")).to_contain_text("of the bill")
    row.get_by_role("link").click()
    expect(visitor.find(".ledger-table tbody tr")).to_have_count(9)
    visitor.page.go_back()
    visitor.find(".bills-table").get_by_role("link", name="november.csv").click()
    expect(visitor.find(".bill-card h2")).to_have_text("november.csv")


def booked_bills(server: Inside, count: int) -> list[dict[str, Any]]:
    """The results that are kept, once there are so many."""
    until(lambda: len(server.get("/api/v1/reconcile")["items"]) >= count, called="the bill is compared")
    items: list[dict[str, Any]] = server.get("/api/v1/reconcile")["items"]
    return items


def test_a_bill_that_cannot_be_read_says_what_is_wrong_and_keeps_what_was_chosen(
    booked: Inside, visit: Visit, tmp_path: Path
) -> None:
    two_ways = tmp_path / "two-ways.csv"
    two_ways.write_text('date,model,amount\n2026-11-01,gpt-5,"1,234"\n')
    no_bill = tmp_path / "photo.csv"
    no_bill.write_bytes(b"%PDF-1.4")
    visitor = visit(booked, "/costs/reconcile", phone=True)
    visitor.allowed = ["422"]
    compare = visitor.page.get_by_role("button", name="Compare")
    visitor.page.set_input_files("#bill-file", no_bill)
    compare.click()
    expect(visitor.find("#bill-file-wrong")).to_contain_text("CSV or JSON")
    visitor.page.set_input_files("#bill-file", two_ways)
    compare.click()
    expect(visitor.find("#bill-decimal-wrong")).to_have_text("“1,234” can be read in two ways: say which")
    expect(visitor.page.get_by_label("Before decimals")).to_be_focused()
    expect(visitor.find(".drop-name")).to_contain_text("two-ways.csv")
    visitor.page.get_by_label("Before decimals").select_option(",")
    compare.click()
    expect(visitor.find(".bill-card .figures")).to_contain_text("$1.23")
    visitor.page.get_by_role("button", name="Paste it instead").click()
    compare.click()
    expect(visitor.find("#bill-text-wrong")).to_have_text("Paste the bill here")


def test_a_viewer_sees_prices_and_bills_and_why_nothing_can_be_changed(booked: Inside, visit: Visit) -> None:
    visitor = visit(booked, "/costs/prices", token=booked.token_for("viewer"))
    expect(visitor.find("#not-allowed")).to_have_text("Changing prices needs the admin role; yours is viewer.")
    expect(visitor.find(".missing-table tbody tr").first).to_be_visible()
    for name in ("Add a model", "Prices from a file", "See what would change", f"Price it: {HOSTILE}"):
        button = visitor.page.get_by_role("button", name=name)
        expect(button).to_be_disabled()
        expect(button).to_have_attribute("title", "Needs the admin role")
    visitor.page.get_by_role("link", name="Reconcile").click()
    expect(visitor.find("#not-allowed")).to_contain_text("needs the admin role")
    expect(visitor.page.get_by_role("button", name="Compare")).to_be_disabled()


@pytest.mark.parametrize("path", ["/costs/prices", "/costs/reconcile"])
def test_its_pages_fit_every_window_and_one_that_has_nothing_says_so(booked: Inside, visit: Visit, path: str) -> None:
    phone = visit(booked, path, phone=True, theme="dark")
    expect(phone.find("main .card").first).to_be_visible()
    expect(phone.find("main .blank")).to_have_count(0)
    assert phone.accessibility() == []
    for width in (320, 768):
        phone.page.set_viewport_size({"width": width, "height": 844})
        until(lambda: not phone.is_wider_than_its_window(), called=f"the page fits into {width} px")
    phone.allowed = ["404"]
    phone.open(f"{path}?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z&sel=bill_nobody")
    expected = "No call came in this range." if "prices" in path else "there is no reconciliation 'bill_nobody'"
    expect(phone.find("main")).to_contain_text(expected)
