"""What a page must bear: hostile texts, ten thousand spans, a server that fails, refuses or is gone."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Company, Visit
from tests.browser.scene import HOSTILE
from tests.support.server import Server

MOST_ROWS = """async () => {
  let most = 0;
  for (let frame = 0; frame < 30; frame += 1) {
    SCROLL;
    await new Promise(requestAnimationFrame);
    most = Math.max(most, document.querySelectorAll('ROWS').length);
  }
  return most;
}"""  # how long a frame takes is for the benchmarks; that few rows are drawn is what makes it short
J_DOWN = "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }));"
PROBLEM = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": "the store is busy"}


OWNED = "globalThis.owned ?? document.querySelectorAll('main img, main script').length"


def test_markup_in_a_trace_is_text_wherever_it_is_shown(company: Company, visit: Visit) -> None:
    root, call = (span.span_id.hex() for _, span in company.hostile.spans[:2])
    visitor = visit(company.server, f"/traces/{company.hostile.hex_id}")
    expect(visitor.find(".trace-head h2")).to_contain_text(HOSTILE)
    for span, tab in (
        (root, "Summary"),
        (root, "Attributes"),
        (root, "Events 1"),
        (call, "Messages"),
        (call, "Attributes"),
    ):
        visitor.find(f"#row-{span}").click()
        visitor.page.get_by_role("tab", name=tab).click()
        expect(visitor.page.get_by_role("tabpanel")).to_contain_text(HOSTILE)
        assert visitor.run(OWNED) == 0
        assert not visitor.is_wider_than_its_window()


def test_markup_and_endless_names_change_no_list(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, phone=True)
    for path in ("/", "/costs?period=today", "/costs?period=today&tab=ledger", "/traces?q=onerror", "/settings/data"):
        visitor.open(path)
        expect(visitor.find("main")).to_contain_text("<img src=x onerror=")
        assert visitor.run(OWNED) == 0
        assert not visitor.is_wider_than_its_window()


def test_an_address_cannot_bring_markup_into_the_page(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/traces?q=<script>owned=1</script>&f=service:<img src=x onerror=owned=1>&from=<b>")
    expect(visitor.find(".filter-chip").first).to_contain_text("<img src=x onerror=owned=1>")
    expect(visitor.find(".notice")).to_contain_text("from=<b>")
    assert visitor.run(OWNED) == 0


def test_ten_thousand_spans_are_opened_walked_and_scrolled_few_at_a_time(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, f"/traces/{company.huge.hex_id}")
    expect(visitor.find(".row").first).to_be_visible()
    expect(visitor.find(".trace-head")).to_contain_text("10,000")
    scroll = "document.querySelector('.water-scroll').scrollTop += 120"
    assert 0 < visitor.run(MOST_ROWS.replace("SCROLL", scroll).replace("ROWS", ".row")) < 60
    visitor.find("[role=tree]").focus()
    visitor.press("End")
    expect(visitor.find(".row.selected")).to_contain_text("paragraph 9998")
    visitor.press("Home ArrowLeft")
    expect(visitor.find(".row")).to_have_count(1)


def test_five_thousand_rows_are_scrolled_and_walked_few_at_a_time(company: Company, visit: Visit) -> None:
    with company.server.client() as client:
        answer = client.get("/api/v1/traces", params={"limit": "1", "f": "service:chat-api"}).json()
    rows = [answer["items"][0] | {"trace_id": f"{number:032x}", "name": f"GET /{number}"} for number in range(5000)]
    visitor = visit(company.server, "/settings")
    visitor.page.route("**/api/v1/traces?**", lambda route: route.fulfill(json=answer | {"items": rows}))
    for phone in (False, True):
        if phone:
            visitor.page.set_viewport_size({"width": 390, "height": 844})
        visitor.open("/traces")
        expect(visitor.find("[data-row='0']")).to_be_visible()
        drawn = MOST_ROWS.replace("SCROLL", "scrollBy(0, 300)").replace("ROWS", ".traces-table tbody tr")
        assert 0 < visitor.run(drawn) < 150
        visitor.run("scrollTo(0, document.body.scrollHeight)")
        expect(visitor.find("[data-row='4999']")).to_be_visible()
        assert not visitor.is_wider_than_its_window()
    visitor.run(f"{J_DOWN}{J_DOWN}")  # both before the row that the first leads to is drawn
    expect(visitor.find("[data-row='1']")).to_be_focused()
    visitor.run("scrollTo(0, document.body.scrollHeight)")
    visitor.press("j j k j")
    expect(visitor.find("[data-row='3']")).to_be_focused()


def test_a_trace_that_is_not_there_is_said_to_be_not_there(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, f"/traces/{'ab' * 16}")
    visitor.allowed = ["404"]
    expect(visitor.find("main")).to_contain_text("No spans and no ledger lines are stored under this id")
    assert visitor.accessibility() == []


def test_a_card_that_fails_keeps_its_figures_says_when_it_tries_again_and_recovers(
    company: Company, visit: Visit
) -> None:
    visitor = visit(company.server, "/costs?period=today")
    visitor.allowed = ["503"]
    expect(visitor.find(".total .huge")).to_contain_text("$")
    visitor.page.route(
        "**/admin/statistics/**",
        lambda route: route.fulfill(status=503, json=PROBLEM, headers={"X-Request-Id": "req-42"}),
    )
    visitor.press("f")
    failure = visitor.page.get_by_role("region", name="Spent today").get_by_role("alert")
    expect(failure).to_contain_text("Could not load spend (503). Retrying in")
    expect(failure).to_contain_text("Request req-42")
    expect(visitor.find(".total .huge")).to_contain_text("$")
    visitor.page.unroute("**/admin/statistics/**")
    failure.get_by_role("button", name="Retry").click()
    expect(failure).to_have_count(0)
    expect(visitor.find(".breakdown th").first).to_have_text("Feature")


def test_a_refusal_names_the_role_that_is_missing(company: Company, visit: Visit) -> None:
    refusal = {**PROBLEM, "status": 403, "title": "Forbidden", "detail": "this needs the viewer role"}
    visitor = visit(company.server, "/settings")
    visitor.allowed = ["403"]
    visitor.page.route("**/api/v1/traces?**", lambda route: route.fulfill(status=403, json=refusal))
    visitor.open("/traces")
    expect(visitor.find("main")).to_contain_text("Needs another role: this needs the viewer role")


def test_a_page_opened_while_the_server_is_gone_waits_with_a_way_to_try_again(server: Server, visit: Visit) -> None:
    visitor = visit(server, "/traces")
    visitor.allowed = ["ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "WebSocket connection to"]
    expect(visitor.find("main")).to_contain_text("No traces in this range yet")
    server.stop()
    visitor.press("g c")
    expect(visitor.find("[role=alert]").first).to_contain_text("could not be loaded")
    server.start()
    visitor.page.get_by_role("button", name="Try again").click()
    expect(visitor.find("h1")).to_have_text("Costs")
