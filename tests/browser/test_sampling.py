"""What the pages say of sampling: what kept traces stand for, why one was kept, the check, and the budget."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.server import Server
from tests.support.telemetry import NS, attributes, span, span_request
from tests.support.waiting import until


@pytest.fixture
def sampled(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A server with sampled and unexplained requests, and one that was kept because it failed; its id."""
    server = Server(tmp_path).start()
    try:
        at_ns = time.time_ns() - 90 * NS
        spans = [span("GET /books", at_ns=at_ns - number) for number in range(40)]
        failed = span("POST /orders", at_ns=at_ns, failed=True)
        failed.attributes.extend(
            attributes({"spanledger.sampling.strategy": "tail", "spanledger.sampling.stratum": "error"})
        )
        for each in spans[:30]:
            each.trace_state = "ot=th:c"
        failed.trace_state = "ot=th:0"
        assert server.send("traces", span_request(*spans, failed)).status_code == 200
        until(lambda: server.get("/api/v1/sampling")["services"], called="the minute is rolled up")
        yield server, failed.trace_id.hex()
    finally:
        server.stop()


def test_sampling_is_said_wherever_it_changes_a_figure(sampled: tuple[Server, str], visit: Visit) -> None:
    server, failed = sampled
    visitor = visit(server, "/traces")
    expect(visitor.find(".stand-for")).to_contain_text("stand for ≈ 121 ± ")
    expect(visitor.find(".stand-for")).to_contain_text("10 of unknown weight")
    visitor.find(".stand-for").click()
    row = visitor.find(".operations-table tbody tr").first
    expect(row).to_contain_text("120 ± ")
    expect(visitor.find(".sampling-table")).to_contain_text("24.4")
    expect(visitor.find("main")).to_contain_text("everything is kept")
    visitor.open(f"/traces/{failed}")
    expect(visitor.find(".kept")).to_have_text("it failed")
    visitor.page.get_by_role("tab", name="Summary").click()
    assert visitor.accessibility() == []


def test_an_administrator_sets_the_budget_on_the_page(sampled: tuple[Server, str], visit: Visit) -> None:
    server, _ = sampled
    visitor = visit(server, "/settings")
    visitor.page.get_by_role("link", name="Sampling").click()
    field = visitor.page.get_by_label("Spans a second")
    field.fill("none")
    visitor.page.get_by_role("button", name="Set", exact=True).click()
    expect(visitor.find("#budget-error")).to_contain_text("above zero")
    field.fill("12.5")
    visitor.page.get_by_role("button", name="Set", exact=True).click()
    expect(visitor.find("main")).to_contain_text("12.5/s set by an administrator")
    assert server.get("/api/v1/sampling")["budget"]["source"] == "administrator"
    visitor.page.get_by_role("button", name="Use the setting").click()
    expect(visitor.find("main")).to_contain_text("everything is kept none set")
    expect(visitor.find(".toast.shown")).to_have_count(0, timeout=15_000)
    assert visitor.accessibility() == []
