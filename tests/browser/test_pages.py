"""Every page, on a desktop and a phone, light and dark, full and empty: nothing wrong, nothing too wide, nothing unreachable."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Company, Visit
from tests.support.server import Server
from tests.support.waiting import until

PAGES = {
    "/": ".calls-table tbody tr",
    "/costs?period=today": ".breakdown tbody tr",
    "/costs?tab=ledger": ".ledger-table tbody tr",
    "/traces": ".traces-table tbody tr",
    "/traces/{dialogue}": ".row",
    "/costs/budgets": ".budget-card .level",
    "/query": ".views summary",
    "/logs": ".log-list li",
    "/trends?period=hour": ".against tbody tr",
    "/settings/data": "table tbody tr",
    "/settings/sampling": ".operations-table tbody tr",
}
WIDTHS = (320, 360, 390, 768, 1024, 1440)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_its_figures_fits_its_window_and_can_be_used_by_everybody(
    path: str, phone: bool, company: Company, visit: Visit
) -> None:
    dark = (list(PAGES).index(path) + phone) % 2 == 0
    visitor = visit(
        company.server, path.format(dialogue=company.dialogue.hex_id), phone=phone, theme="dark" if dark else "light"
    )
    expect(visitor.find(PAGES[path]).first).to_be_visible()
    expect(visitor.find(".live-label")).to_contain_text("Live")
    assert visitor.accessibility() == []
    for width in WIDTHS[:3] if phone else WIDTHS[3:]:
        visitor.page.set_viewport_size({"width": width, "height": 844})
        until(lambda: not visitor.is_wider_than_its_window(), called=f"the page fits into {width} px")


@pytest.mark.parametrize("path", ["/", "/costs", "/traces", "/logs", "/trends", "/settings/data", "/settings/sampling"])
def test_a_page_of_an_empty_backend_says_what_to_do_and_claims_nothing(
    path: str, shared_server: Server, visit: Visit
) -> None:
    visitor = visit(shared_server, path, phone=path == "/")
    expect(visitor.find(".face.empty").first).to_be_visible()
    if path != "/settings/data":
        expect(visitor.find(".steps")).to_contain_text(f"OTEL_EXPORTER_OTLP_ENDPOINT={shared_server.url}")
    text = visitor.find("main").inner_text()
    assert not any(claim in text for claim in ("Healthy", "operational", "100 %", "0 ms"))
    assert visitor.accessibility() == []


def test_an_unknown_address_leads_to_what_may_have_been_meant_and_back_to_live(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/money/budget/of-last-year")
    visitor.allowed = ["404"]
    expect(visitor.find("main").get_by_role("link", name="Budgets")).to_be_visible()
    assert visitor.accessibility() == []
    visitor.find("main").get_by_role("link", name="Go to Live").click()
    expect(visitor.find(".tiles")).to_be_visible()


def test_every_chart_can_be_read_as_a_table(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/")
    for name in ("Latency", "Calls and errors"):
        visitor.page.get_by_role("button", name=f"View {name} as table").click()
        expect(visitor.page.get_by_role("region", name=f"{name}, as table").locator("tbody tr").first).to_be_visible()


def test_dragging_over_a_chart_narrows_the_range_and_back_undoes_it(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/traces")
    chart = visitor.find(".histogram svg.pickable")
    expect(chart).to_be_visible()
    box = chart.bounding_box()
    assert box is not None
    visitor.page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 40)
    visitor.page.mouse.down()
    visitor.page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 40, steps=3)
    visitor.page.mouse.up()
    expect(visitor.find("#range-button")).to_contain_text("–")
    assert "from=20" in visitor.page.url
    visitor.page.go_back()
    expect(visitor.find("#range-button")).to_contain_text("Last hour")


def test_a_filter_goes_into_the_address_and_a_reload_shows_the_same(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/traces")
    visitor.find("[data-search]").fill("service:chat-api status:error")
    visitor.press("Enter")
    expect(visitor.find(".filter-chip")).to_have_count(2)
    expect(visitor.find(".traces-table .chip").first).to_have_text("Error")
    rows = visitor.find(".traces-table tbody tr").count()
    assert visitor.page.url.endswith("?f=service:chat-api&f=status:error")
    marks = visitor.find(".histogram .axis-text[text-anchor=end]").all_text_contents()
    assert len(set(marks)) == len(marks), "each mark of the axis is a number of its own"
    visitor.page.reload()
    expect(visitor.find(".traces-table tbody tr")).to_have_count(rows)
    visitor.find(".filter-chip").first.click()
    assert visitor.page.url.endswith("?f=status:error")


def test_what_cannot_be_read_in_an_address_is_named_and_ignored(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/traces?f=foo:bar&from=gibberish&zoom=9&sort=beauty&unheard=of")
    expect(visitor.find(".notice")).to_contain_text("f=foo:bar, from=gibberish")
    expect(visitor.find(".traces-table tbody tr").first).to_be_visible()


def test_filters_without_a_match_name_the_one_most_worth_removing(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/traces?f=status:error&f=service:nobody")
    visitor.find("main").get_by_role("button", name="Without service:nobody").click()
    expect(visitor.find(".traces-table tbody tr").first).to_be_visible()
    assert visitor.page.url.endswith("?f=status:error")
