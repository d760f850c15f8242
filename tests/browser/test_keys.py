"""The keyboard: every place, every list, the waterfall, and nothing while somebody types."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Company, Visit


def test_g_and_a_letter_lead_to_every_place(company: Company, visit: Visit) -> None:
    visitor = visit(company.server)
    for keys, title in (("g t", "Traces"), ("g c", "Costs"), ("g ,", "Settings"), ("g l", "Live")):
        expect(visitor.find(".live-label")).to_be_visible()
        visitor.press(keys)
        expect(visitor.find("h1")).to_have_text(title)


def test_slash_searches_from_anywhere_and_keys_do_nothing_while_typing(company: Company, visit: Visit) -> None:
    visitor = visit(company.server)
    expect(visitor.find(".tiles")).to_be_visible()
    visitor.press("/")
    expect(visitor.find("[data-search]")).to_be_focused()
    visitor.page.keyboard.type("g c ? p z")
    expect(visitor.find("h1")).to_have_text("Traces")
    expect(visitor.find(".live-label")).to_contain_text("Live")
    visitor.press("Enter")
    expect(visitor.find(".filter-chip")).to_contain_text("g c ? p z")


def test_the_list_of_traces_is_walked_and_opened_without_a_pointer(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/traces?sort=-cost")
    expect(visitor.find("[data-row='2']")).to_be_visible()
    visitor.press("j j k j ArrowDown ArrowUp")
    expect(visitor.find("[data-row='1']")).to_be_focused()
    visitor.press("Enter")
    expect(visitor.find(".row").first).to_be_visible()


def test_the_waterfall_is_walked_folded_and_searched_without_a_pointer(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, f"/traces/{company.dialogue.hex_id}")
    chosen = visitor.find(".row.selected")
    expect(chosen).to_contain_text("encode")  # opens on the first error that no other explains
    visitor.find("[role=tree]").focus()
    visitor.press("Home")
    expect(chosen).to_contain_text("POST /v1/dialogue")
    visitor.press("ArrowDown ArrowDown")
    expect(chosen).to_contain_text("audio pipeline")
    expect(visitor.find(".row")).to_have_count(23)
    visitor.press("ArrowLeft")
    expect(visitor.find(".row")).to_have_count(19)
    expect(chosen).to_contain_text("Σ $0.0008400")
    visitor.press("ArrowRight e")
    expect(chosen).to_contain_text("speak")
    visitor.press("Home c")
    expect(chosen).to_contain_text("speech_to_text whisper-1")
    assert "sel=" in visitor.page.url
    visitor.press("Escape")
    assert "sel=" not in visitor.page.url


def test_the_details_of_a_span_are_tabs_and_its_attributes_become_filters(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, f"/traces/{company.dialogue.hex_id}")
    visitor.find(".row", has_text="chat claude-sonnet-4-5").click()
    visitor.page.get_by_role("tab", name="Summary").focus()
    visitor.press("ArrowRight")
    expect(visitor.page.get_by_role("tabpanel")).to_contain_text("the harbour shop has three copies")
    visitor.press("ArrowRight")
    visitor.page.get_by_label("Filter attributes").fill("user.id")
    visitor.page.get_by_role("tabpanel").get_by_role("link", name="reader-117").click()
    expect(visitor.find(".filter-chip")).to_have_text("User is reader-117")


def test_the_logs_of_a_span_stand_beside_it(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, f"/traces/{company.dialogue.hex_id}?tab=logs")
    expect(visitor.page.get_by_role("tabpanel")).to_contain_text("encoder gave up after 590 ms")


def test_the_range_is_opened_closed_shifted_and_widened_by_keys(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/traces")
    expect(visitor.find(".traces-table")).to_be_visible()
    visitor.press("t")
    expect(visitor.page.get_by_role("dialog", name="Time range")).to_be_visible()
    visitor.press("Escape")
    expect(visitor.find("#range-button")).to_be_focused()
    visitor.press("z")
    expect(visitor.find("#range-button")).to_contain_text("–")
    before = visitor.page.url
    visitor.press("[")
    assert visitor.page.url != before
    visitor.open("/traces?tz=Asia/Kathmandu")
    expect(visitor.find("#range-button")).to_be_visible()
    visitor.press("t")
    expect(visitor.page.get_by_role("button", name="This month")).to_be_visible()
    visitor.page.get_by_label("Type a range").fill("yesterday 9-17")
    visitor.press("Enter")
    expect(visitor.page).to_have_url(re.compile("from=.*T03:15:00.000Z&to=.*T11:15:00.000Z"))


def test_charts_are_walked_and_a_stretch_of_them_is_chosen_without_a_pointer(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/traces")
    visitor.page.get_by_role("img", name=re.compile("traces match")).focus()
    visitor.press("End")
    expect(visitor.find(".tip")).to_be_visible()
    visitor.press("Shift+ArrowLeft Shift+ArrowLeft")
    expect(visitor.find(".histogram .drag")).to_be_visible()
    expect(visitor.find(".histogram [role=status]")).to_contain_text("Enter opens")
    assert visitor.accessibility() == []
    visitor.press("Enter")
    expect(visitor.page).to_have_url(re.compile("from=20.*&to=20"))
    visitor.open("/trends?period=hour")
    visitor.page.get_by_role("img", name=re.compile("latency over the last hour")).focus()
    visitor.press("ArrowLeft Shift+ArrowLeft Shift+ArrowLeft")
    expect(visitor.find(".tip")).to_be_visible()
    expect(visitor.find(".chart-card [role=status]").first).to_contain_text("Enter opens")
    visitor.press("Enter")
    expect(visitor.page.get_by_role("button", name="All of it")).to_be_visible()


def test_the_groups_of_costs_have_keys_and_the_list_of_keys_opens_and_closes(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/costs?period=today")
    expect(visitor.find(".breakdown")).to_be_visible()
    visitor.press("f")
    expect(visitor.find(".breakdown th").first).to_have_text("Feature")
    visitor.press("?")
    expect(visitor.page.get_by_role("dialog")).to_be_visible()
    assert visitor.accessibility() == []
    visitor.press("Escape")
    expect(visitor.page.get_by_role("dialog")).to_have_count(0)


def test_single_keys_can_be_switched_off_and_the_choice_lasts(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/settings")
    visitor.page.get_by_role("switch", name="Single-key shortcuts").uncheck(force=True)
    visitor.page.reload()
    expect(visitor.page.get_by_role("switch", name="Single-key shortcuts")).not_to_be_checked()
    visitor.press("g c")
    expect(visitor.find("h1")).to_have_text("Settings")


def test_the_theme_is_chosen_and_the_choice_lasts(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/settings")
    visitor.page.get_by_text("Dark", exact=True).click()
    visitor.page.reload()
    expect(visitor.page.get_by_role("radio", name="Dark")).to_be_checked()
    assert visitor.run("getComputedStyle(document.body).backgroundColor") == "rgb(15, 19, 25)"


def test_a_copied_link_has_its_times_made_absolute(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/traces?from=now-15m&f=status:error")
    expect(visitor.find(".traces-table")).to_be_visible()
    visitor.press("y")
    expect(visitor.find(".toast")).to_contain_text("Link copied")
    copied = visitor.run("navigator.clipboard.readText()")
    assert "from=20" in copied
    assert "to=20" in copied
    assert "f=status:error" in copied
