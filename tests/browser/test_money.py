"""Money on the pages: exact to the digit, the same in every place, and followed to the lines behind it."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Company, Visit
from tests.browser.scene import HOSTILE


def shown(amount: object) -> str:
    """An amount as a title spells it: every digit."""
    return f"${Decimal(str(amount)):f}".rstrip("0").rstrip(".")


def test_every_amount_of_the_breakdown_is_the_ledgers_own_to_the_last_digit(company: Company, visit: Visit) -> None:
    costs = company.server.get("/admin/statistics/costs", period="today", group_by="feature", tz="UTC")
    visitor = visit(company.server, "/costs?period=today&group=feature")
    expect(visitor.find(".total .huge")).to_have_attribute("title", shown(costs["total_cost"]))
    rows = visitor.find(".breakdown tbody tr")
    expect(rows).to_have_count(len(costs["breakdown"]))
    for row, told in zip(rows.all(), costs["breakdown"], strict=True):
        if told["cost"] is None:
            expect(row.locator(".cell-figure")).to_have_text("not priced")
        else:
            expect(row.locator(".cell-figure span").first).to_have_attribute("title", shown(told["cost"]))
    assert sum((row["cost"] or Decimal(0) for row in costs["breakdown"]), Decimal(0)) == costs["total_cost"]


def test_the_file_of_a_breakdown_keeps_every_digit_and_is_harmless_in_a_spreadsheet(
    company: Company, visit: Visit, tmp_path: Path
) -> None:
    costs = company.server.get("/admin/statistics/costs", period="today", group_by="model", tz="UTC")
    visitor = visit(company.server, "/costs?period=today")
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "costs.csv")
    with (tmp_path / "costs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == [row["category"] for row in costs["breakdown"]]
    assert [row["cost"] and Decimal(row["cost"]) for row in rows] == [row["cost"] or "" for row in costs["breakdown"]]


def test_the_cost_of_a_call_is_shown_with_the_rate_of_each_part(company: Company, visit: Visit) -> None:
    trace = company.server.get(f"/api/v1/traces/{company.dialogue.hex_id}")
    line = next(span["ledger"] for span in trace["spans"] if span["name"] == "chat claude-sonnet-4-5")
    visitor = visit(company.server, f"/traces/{company.dialogue.hex_id}?sel={line['span_id']}")
    box = visitor.find(".cost-box")
    expect(box.locator(".cost-total .num")).to_have_attribute("title", shown(line["cost_usd"]))
    expect(box.locator("tbody tr")).to_have_count(len(line["parts"]) + 1)
    assert sum(part["cost"] for part in line["parts"]) == line["cost_usd"]
    expect(box).to_contain_text("price book")


def test_a_trace_says_what_its_total_leaves_out(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, f"/traces/{company.dialogue.hex_id}")
    expect(visitor.find(".trace-head")).to_contain_text("+ 1 unpriced")


def test_a_row_of_the_breakdown_leads_to_its_traces(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/costs?period=today")
    visitor.find(".breakdown").get_by_role("link", name="whisper-1").click()
    expect(visitor.find(".traces-table tbody tr")).to_have_count(1)
    expect(visitor.find(".traces-table")).to_contain_text("POST /v1/dialogue")
    expect(visitor.find(".filter-chip")).to_have_text("Model is whisper-1")


def test_what_has_no_price_leads_to_its_ledger_lines(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/costs?period=today&group=feature")
    visitor.page.get_by_role("region", name="Not priced").get_by_role("link", name=HOSTILE).click()
    expect(visitor.find(".ledger-table tbody tr")).to_have_count(1)
    expect(visitor.find(".ledger-table .chip")).to_have_text("Not priced")
