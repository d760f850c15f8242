"""What a trace is held against: its own critical path, another trace, the rest; and the ways to come back to a view."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Company, Visit
from tests.browser.scene import HOSTILE


def test_the_critical_path_is_marked_told_and_kept_in_the_address(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, f"/traces/{company.dialogue.hex_id}")
    expect(visitor.find(".row.selected")).to_contain_text("encode")
    visitor.press("w")
    expect(visitor.find(".path-bar")).to_contain_text("19 spans decided when this trace ended, 4.82 s")
    expect(visitor.page).to_have_url(re.compile("path=1"))
    expect(visitor.page.get_by_role("treeitem", name="encode")).to_contain_text("of its own on the critical path")
    expect(visitor.find(".row", has_text="holds.list")).not_to_have_class(re.compile("on-path"))
    visitor.find(".path-bar").get_by_role("button", name="chat gpt-5.4").click()
    expect(visitor.find(".row.selected")).to_contain_text("chat gpt-5.4")
    expect(visitor.find(".detail")).to_contain_text("738 ms of its own")
    assert visitor.accessibility() == []
    visitor.page.get_by_role("button", name="Critical path").click()
    expect(visitor.find(".path-bar")).to_have_count(0)


def test_a_trace_is_compared_with_a_typical_one_and_both_sides_can_be_swapped(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/traces?sort=-duration&f=name:POST /v1/ask")
    visitor.find("[data-row='0']").click()
    visitor.page.get_by_role("button", name="Compare").click()
    visitor.page.get_by_role("button", name="With a typical one").click()
    table = visitor.find(".compared-table")
    expect(table.get_by_text("POST /v1/ask")).to_be_visible()
    expect(visitor.find(".compared .sub")).to_contain_text(re.compile("This one is .* longer"))
    assert visitor.accessibility() == []
    visitor.page.get_by_role("link", name="Swap").click()
    expect(visitor.find(".compared .sub")).to_contain_text(re.compile("This one is .* shorter"))
    visitor.page.get_by_role("link", name="End comparison").click()
    expect(visitor.find(".waterfall")).to_be_visible()


def test_the_second_trace_is_picked_from_the_list_and_what_only_one_has_says_so(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, f"/traces/{company.dialogue.hex_id}", phone=True, theme="dark")
    visitor.page.get_by_role("button", name="Compare").click()
    visitor.page.get_by_label("Trace id").fill("not an id")
    visitor.page.get_by_role("button", name="Compare with this id").click()
    expect(visitor.find("#compare-wrong")).to_contain_text("digits 0–9 and a–f")
    visitor.page.get_by_role("link", name="Pick from the list").click()
    expect(visitor.find(".notice")).to_contain_text("Choose the trace to compare with")
    visitor.open(f"/traces?compare={company.dialogue.hex_id}&q=onerror")
    visitor.find("[data-row='0']").click()
    expect(visitor.find(".compared")).to_contain_text("only this")
    expect(visitor.find(".compared")).to_contain_text(HOSTILE[:20])
    assert not visitor.is_wider_than_its_window()
    assert visitor.accessibility() == []


def test_ten_thousand_spans_have_a_path_and_can_be_compared(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, f"/traces/{company.huge.hex_id}?path=1")
    expect(visitor.find(".path-bar")).to_contain_text("decided when this trace ended")
    assert visitor.find(".row").count() < 60
    visitor.open(f"/traces/{company.huge.hex_id}?with={company.dialogue.hex_id}")
    expect(visitor.find(".compared")).to_contain_text("200 largest differences of")
    assert visitor.find(".compared-table tbody tr").count() == 200


def test_what_is_different_about_the_slow_ones_leads_to_a_filter(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/traces")
    visitor.page.get_by_role("button", name="What is different?").click()
    visitor.page.get_by_role("button", name="Slowest 10 %").click()
    values = visitor.find(".different-list li")
    expect(values.first).to_contain_text("against")
    expect(visitor.find(".different")).to_contain_text("values were compared")
    assert visitor.accessibility() == []
    values.filter(has_text="Model").first.get_by_role("button").click()
    expect(visitor.find(".filter-chip").first).to_contain_text("Model is")
    bars = visitor.find(".histogram svg.pickable")
    box = bars.bounding_box()
    assert box is not None
    visitor.page.mouse.move(box["x"] + box["width"] - 60, box["y"] + 40)
    visitor.page.mouse.down()
    visitor.page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 40)
    visitor.page.mouse.up()
    expect(visitor.page).to_have_url(re.compile("in_from=.*in_to="))
    expect(visitor.find(".different")).to_contain_text(re.compile("traces? chosen"))
    visitor.find(".different").get_by_role("button", name="Close").click()
    expect(visitor.page).not_to_have_url(re.compile("in_from"))


def test_the_palette_goes_anywhere_by_keys_alone(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/traces")
    expect(visitor.find(".traces-table")).to_be_visible()
    visitor.press("Control+k")
    field = visitor.page.get_by_role("combobox", name="Go to, or do")
    expect(field).to_be_focused()
    assert visitor.accessibility() == []
    visitor.page.keyboard.type("whisper")
    expect(visitor.page.get_by_role("option", name="whisper-1 model, its traces")).to_be_visible()
    visitor.press("ArrowDown Enter")
    expect(visitor.find(".filter-chip")).to_have_text("Model is whisper-1")
    visitor.press("Control+k")
    field.fill(company.dialogue.hex_id)
    visitor.press("Enter")
    expect(visitor.find(".trace-head h2")).to_contain_text("POST /v1/dialogue")
    visitor.press("Control+k")
    field.fill("dark")
    visitor.press("Enter")
    expect(visitor.page.get_by_role("dialog")).to_have_count(0)
    assert visitor.run("document.documentElement.dataset.theme") == "dark"
    visitor.press("Control+k")
    field.fill("<img src=x onerror=owned=1>")
    offered = visitor.page.get_by_role("option")
    expect(offered.filter(has_text="Search traces for “<img")).to_have_count(1)
    expect(offered.filter(has_text="model, its traces")).to_have_count(1)  # one is called nearly this
    assert visitor.run("globalThis.owned") is None
    visitor.press("Escape")
    expect(visitor.page.get_by_role("dialog")).to_have_count(0)


def test_a_view_is_kept_opened_again_changed_and_forgotten(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/traces?f=status:error&from=now-6h", token=company.server.token_for("viewer"))
    visitor.allowed = ["409"]
    views = visitor.find(".views-host > button")
    expect(visitor.find(".traces-table")).to_be_visible()
    views.click()
    expect(visitor.page.get_by_role("checkbox", name=re.compile("For everybody"))).to_be_disabled()
    visitor.page.get_by_label("Keep this view as").fill("Failing")
    visitor.page.get_by_role("button", name="Keep", exact=True).click()
    expect(visitor.page).to_have_url(re.compile("view="))
    address = visitor.page.url
    visitor.open("/traces?view=" + address.rpartition("view=")[2])
    expect(visitor.find(".filter-chip")).to_have_text("Status is error")
    visitor.find(".filter-chip").click()
    expect(views).to_contain_text("changed")
    views.click()
    visitor.page.get_by_label("Keep this view as").fill("Failing")
    visitor.page.get_by_role("button", name="Keep", exact=True).click()
    expect(visitor.find("#views-wrong")).to_contain_text("you keep a view 'Failing'")
    expect(visitor.page.get_by_label("Keep this view as")).to_have_value("Failing")
    assert visitor.accessibility() == []
    visitor.page.get_by_role("button", name="Let Failing show this").click()
    expect(views).not_to_contain_text("changed")
    visitor.press("Escape Control+k")
    expect(visitor.page.get_by_role("option", name="Failing")).to_be_visible()
    visitor.press("Escape")
    views.click()
    with visitor.page.expect_download() as begun:
        visitor.page.get_by_role("link", name="Download Failing").click()
    file = begun.value.path()
    visitor.page.get_by_role("button", name="Forget Failing").click()
    expect(visitor.find(".views")).to_have_count(0)
    bring = visitor.page.get_by_label("Bring one from a file")
    bring.set_input_files({"name": "notes.json", "mimeType": "application/json", "buffer": b"{}"})
    expect(visitor.find("#views-wrong")).to_have_text("notes.json holds no view: it is not what Download gives.")
    visitor.open("/logs")
    views.click()
    bring.set_input_files(file)
    expect(visitor.page).to_have_url(re.compile("/traces.view=|/traces.+view="))
    expect(views).to_contain_text("Failing")
