"""The Audio page: figures with what they are of, the way to the traces, what was not measured, and every face of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import listening
from tests.browser.conftest import Visit
from tests.support.inside import Inside


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A backend that heard a hundred and twenty audios."""
    server = Inside(tmp_path_factory.mktemp("studio")).start()
    try:
        listening.send(server, time.time_ns(), 120)
        yield server
    finally:
        server.stop()


def test_figures_say_of_how_many_they_are_and_what_was_not_measured_is_no_zero(studio: Inside, visit: Visit) -> None:
    visitor = visit(studio, "/audio?from=now-11h")
    tiles = visitor.find(".audio-tile")
    expect(tiles).to_have_count(10)
    pesq = tiles.filter(has_text="PESQ")
    expect(pesq).to_have_attribute("aria-pressed", "true")
    expect(pesq).to_contain_text(re.compile(r"on 3\d\.\d.% of 5\d"))
    unmeasured = tiles.filter(has_text="SI-SDR")
    expect(unmeasured).to_contain_text("not measured")
    expect(unmeasured.locator(".unknown")).to_be_visible()
    expect(tiles.filter(has_text="Speed")).to_contain_text("audio per second of work; RTF 0.0")
    expect(tiles.filter(has_text="A minute costs")).to_contain_text("$0.006000")
    expect(visitor.find(".card", has_text="Not measured").last).to_be_attached()
    expect(visitor.find(".list-row", has_text="DNSMOS")).to_contain_text("the computing limit was reached")
    expect(visitor.find("table.audio-groups tbody tr")).to_have_count(5)
    assert visitor.accessibility() == []
    assert not visitor.is_wider_than_its_window()


def test_a_bar_of_the_spread_chooses_what_is_looked_at_and_back_undoes_it(studio: Inside, visit: Visit) -> None:
    visitor = visit(studio, "/audio?metric=dnsmos")
    card = visitor.find("section.chart-card", has_text="Spread of DNSMOS")
    card.get_by_role("button", name="as table").click()
    card.get_by_role("button", name="1.75 to 2.00").click()
    expect(visitor.page).to_have_url(re.compile(r"at_least=1.75&at_most=1\.99"))
    different = visitor.find("section", has_text="What is different?").last
    expect(different.locator("tbody tr").first).to_contain_text("format mp3")
    visitor.page.go_back()
    expect(different).to_contain_text("Choose a bar")
    card.get_by_role("button", name="as table").click()
    card.get_by_role("img", name=re.compile("DNSMOS")).focus()
    visitor.press("Home ArrowRight ArrowRight Shift+ArrowRight Shift+ArrowRight")
    expect(card.locator("[role=status]")).to_contain_text(re.compile("from .* up to .*, Enter chooses"))
    visitor.press("Enter")
    expect(visitor.page).to_have_url(re.compile(r"at_least=.*&at_most="))
    expect(card.locator(".fill-slot1.faint").first).to_be_visible()


def test_every_figure_leads_to_what_is_behind_it(studio: Inside, visit: Visit) -> None:
    visitor = visit(studio, "/audio?metric=pesq")
    visitor.find(".meter-row", has_text="Clipping").click()
    expect(visitor.find(".filter-chips")).to_contain_text("Problem is clipping")
    row = visitor.find("section", has_text=re.compile("^Worst by Clipping")).locator("tbody tr").first
    expect(row).to_contain_text("Clipping")
    row.locator("a").click()
    expect(visitor.page).to_have_url(re.compile(r"/traces/[0-9a-f]{32}\?.*sel=[0-9a-f]{16}"))
    expect(visitor.find("[role=treeitem]", has_text="audio pipeline").first).to_be_visible()
    visitor.open("/audio")
    visitor.find("table.audio-groups a", has_text="transcription").click()
    expect(visitor.page).to_have_url(re.compile(r"/traces\?.*f=name:transcription"))
    expect(visitor.find(".traces-table tbody tr").first).to_be_visible()


def test_names_of_audio_are_text_and_keys_choose_a_measure(studio: Inside, visit: Visit) -> None:
    visitor = visit(studio, "/audio?metric=real_time_factor&from=now-2h")
    expect(visitor.find("td.cell-name a", has_text="onerror")).to_be_visible()
    assert visitor.run("globalThis.owned") is None
    visitor.press("2")
    expect(visitor.page).to_have_url(re.compile("metric=stoi"))
    expect(visitor.find("h2", has_text="Worst by STOI")).to_be_visible()


def test_a_phone_shows_all_of_it_within_its_width(studio: Inside, visit: Visit) -> None:
    visitor = visit(studio, "/audio?metric=loudness_lufs&at_most=-30", phone=True, theme="dark")
    expect(visitor.find("h2", has_text="Lowest Loudness")).to_be_visible()
    expect(visitor.find("section", has_text="What is different?").last.locator("tbody tr").first).to_be_visible()
    assert not visitor.is_wider_than_its_window()
    assert visitor.accessibility() == []


def test_without_audio_the_page_says_how_to_begin_and_filters_that_match_nothing_can_be_taken_off(
    studio: Inside, visit: Visit
) -> None:
    visitor = visit(studio, "/audio?from=now-15m&f=service:nobody")
    expect(visitor.find("main")).to_contain_text("No audio matches these filters")
    visitor.open("/audio?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z")
    expect(visitor.find("main")).to_contain_text("Wrap the work on it in a pipeline")


def test_a_failure_is_told_and_the_figures_stay(studio: Inside, visit: Visit) -> None:
    visitor = visit(studio, "/audio")
    visitor.allowed += ["503"]
    expect(visitor.find(".audio-tile").first).to_be_visible()
    visitor.page.route("**/api/v1/audio/overview*", lambda route: route.fulfill(status=503, json={"detail": "busy"}))
    visitor.page.get_by_role("combobox", name="Measure").select_option("stoi")
    expect(visitor.find(".failure").first).to_contain_text("Could not load audio (503)")
    expect(visitor.find(".audio-tile").first).to_be_visible()
