"""The live channel in a real page: seconds from sender to figure, and back by itself after whatever happens to the server."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Visit
from tests.support.server import Server
from tests.support.telemetry import ledger_event, ledger_request

SECONDS_MS = 15_000
BACK_MS = 30_000
DOWN = ["WebSocket connection to", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET"]


@pytest.fixture
def fresh(browser: Browser, server: Server) -> Server:
    """A backend of this test's own, with one call."""
    assert browser.is_connected()
    spend(server, "0.000000000001")
    return server


@pytest.fixture
def mortal(browser: Browser, tmp_path: Path) -> Iterator[Server]:
    """A backend that is a process of its own, so that it can be killed; with one call."""
    assert browser.is_connected()
    running = Server(tmp_path).start()
    spend(running, "0.000000000001")
    yield running
    running.stop()


def spend(server: Server, *amounts: str | None) -> None:
    """One call of each amount, now."""
    assert server.send("logs", ledger_request(*(ledger_event(cost=amount) for amount in amounts))).status_code == 200


def test_a_call_is_on_the_page_within_seconds_to_its_last_digit(fresh: Server, visit: Visit) -> None:
    visitor = visit(fresh)
    figure = visitor.find(".tile", has_text="Spend today").locator(".tile-figure")
    expect(figure).to_have_text("$0.000000000001")
    spend(fresh, "0.123456789012")
    expect(figure).to_have_attribute("title", "$0.123456789013", timeout=SECONDS_MS)
    expect(figure).to_have_text("$0.1235")
    expect(visitor.find(".calls-table tbody tr")).to_have_count(2, timeout=BACK_MS)


def test_the_first_call_ever_replaces_the_welcome(server: Server, visit: Visit) -> None:
    visitor = visit(server)
    expect(visitor.find(".waiting")).to_contain_text("Waiting for the first call")
    spend(server, "0.25")
    expect(visitor.find(".tile", has_text="Spend today")).to_contain_text("$0.25", timeout=SECONDS_MS)


def test_a_page_comes_back_by_itself_after_a_restart_with_what_it_missed(mortal: Server, visit: Visit) -> None:
    visitor = visit(mortal)
    visitor.allowed = DOWN
    expect(visitor.find(".live-label")).to_have_text("Live · now")
    mortal.kill()
    expect(visitor.find(".live-label")).to_contain_text("Reconnecting", timeout=BACK_MS)
    expect(visitor.find(".tile", has_text="Spend today")).to_contain_text("$0.000000000001")
    mortal.start()
    spend(mortal, "1.50")
    expect(visitor.find(".live-label")).to_contain_text("Live", timeout=BACK_MS)
    spent = visitor.find(".tile", has_text="Spend today").locator(".tile-figure")
    expect(spent).to_have_attribute("title", "$1.500000000001", timeout=SECONDS_MS)
    table = "View Calls and errors as table"
    visitor.page.get_by_role("button", name=table).click()
    calls = visitor.run(
        "[...document.querySelectorAll('.figure-table td:nth-child(2)')].map((cell) => Number(cell.textContent) || 0)"
    )
    assert sum(calls) == 2


def test_a_server_that_hangs_is_noticed_and_its_figures_are_said_to_be_old(mortal: Server, visit: Visit) -> None:
    visitor = visit(mortal)
    visitor.allowed = DOWN
    expect(visitor.find(".live-label")).to_have_text("Live · now")
    os.kill(mortal.pid, signal.SIGSTOP)
    try:
        expect(visitor.find(".live-label")).to_contain_text("Reconnecting", timeout=BACK_MS)
        expect(visitor.find(".page")).to_have_class(re.compile("dimmed"), timeout=BACK_MS)
    finally:
        os.kill(mortal.pid, signal.SIGCONT)
    expect(visitor.find(".live-label")).to_have_text("Live · now", timeout=2 * BACK_MS)
    expect(visitor.find(".page")).not_to_have_class(re.compile("dimmed"))


def test_a_paused_page_holds_still_and_goes_on_when_asked(fresh: Server, visit: Visit) -> None:
    visitor = visit(fresh)
    spent = visitor.find(".tile", has_text="Spend today").locator(".tile-figure")
    expect(spent).to_have_text("$0.000000000001")
    visitor.press("p")
    expect(visitor.find(".live-label")).to_contain_text("Paused")
    spend(fresh, "2.00")
    expect(visitor.find(".live-label")).to_have_text("Paused · 3\u202fs old")
    expect(spent).to_have_text("$0.000000000001")
    visitor.press("p")
    expect(spent).to_have_text("$2.00", timeout=SECONDS_MS)


def test_figures_go_on_where_no_websocket_gets_through(fresh: Server, visit: Visit) -> None:
    visitor = visit(fresh, "/settings")
    visitor.page.route_web_socket("**/api/v1/live", lambda socket: socket.close())
    visitor.open("/")
    expect(visitor.find(".live-label")).to_contain_text("Live every 5 s", timeout=15_000)
    expect(visitor.find(".tile", has_text="Spend today")).to_contain_text("$0.000000000001")


def test_a_list_holds_still_under_the_pointer(fresh: Server, visit: Visit) -> None:
    visitor = visit(fresh)
    rows = visitor.find(".calls-table tbody tr")
    expect(rows).to_have_count(1)
    rows.first.hover()
    spend(fresh, "0.01", "0.02")
    card = visitor.page.get_by_role("region", name="Slow and failed calls")
    expect(card).to_contain_text("2 new when you leave the list", timeout=BACK_MS)
    expect(rows).to_have_count(1)
    visitor.page.mouse.move(300, 5)
    expect(rows).to_have_count(3)


def test_a_model_without_a_price_is_said_to_have_none_and_never_costs_nothing(
    server: Server, browser: Browser, visit: Visit
) -> None:
    assert browser.is_connected()
    events = [ledger_event(cost=None, model="shelf-ranker", **{"gen_ai.usage.input_tokens": 5}) for _ in range(2)]
    assert server.send("logs", ledger_request(*events)).status_code == 200
    visitor = visit(server)
    tile = visitor.find(".tile", has_text="Spend today")
    expect(tile.locator(".tile-figure")).to_have_text("—unknown")
    expect(tile.locator(".chip")).to_have_text("No data")
    expect(visitor.page.get_by_role("link", name="shelf-ranker").first).to_contain_text("not priced")
    visitor.open("/costs?period=today")
    expect(visitor.find(".total .huge")).to_have_text("—unknown")
    expect(visitor.find(".total-unpriced")).to_have_text("+ 2 unpriced calls")
    expect(visitor.find(".breakdown .cell-figure").first).to_have_text("not priced")
    visitor.find(".total-unpriced").click()
    visitor.open("/costs?period=today&tab=ledger")
    expect(visitor.find(".ledger-table .chip").first).to_have_text("Not priced")
    assert "$0" not in visitor.find("main").inner_text().replace("$0\n", "")


def test_silence_is_unknown_and_drawn_as_a_gap(server: Server, browser: Browser, visit: Visit) -> None:
    assert browser.is_connected()
    old = ledger_event(cost="0.5", at_ns=time.time_ns() - 600 * 10**9)
    assert server.send("logs", ledger_request(old)).status_code == 200
    visitor = visit(server)
    expect(visitor.find(".sentence")).to_contain_text("0 of 1 service healthy, 1 unknown")
    expect(visitor.find(".list .chip")).to_have_text("Unknown")
    for label in ("Calls", "Failed", "Latency p95", "First token", "Tokens"):
        tile = visitor.find(f".tile:has(.tile-label:text-is('{label}'))")
        expect(tile.locator(".tile-figure")).to_have_text("—unknown")
        expect(tile.locator(".chip")).to_have_text("No data")
    expect(visitor.find(".legend li", has_text="no data")).to_have_count(2)
