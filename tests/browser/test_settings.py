"""Settings on the page: tokens that are shown once, backups, how long data is kept, what this browser prefers, what runs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from spanledger_server.care import storage
from tests.browser import accounts
from tests.browser.conftest import Visit
from tests.support.inside import Inside
from tests.support.telemetry import ledger_event, ledger_request
from tests.support.waiting import until

PLACES = ("/settings", "/settings/tokens", "/settings/data", "/settings/changes", "/settings/about")


@pytest.fixture(scope="module")
def home(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A backend with a few calls, whose days begin in Berlin."""
    flags = ("--timezone", "Europe/Berlin", "--retention-raw", "3d", "--max-disk", "4GiB")
    server = Inside(tmp_path_factory.mktemp("home"), *flags).start()
    try:
        accounts.keep(server, time.time_ns())
        assert server.send("logs", ledger_request(ledger_event())).status_code == 200
        yield server
    finally:
        server.stop()


def works(server: Inside, secret: str) -> bool:
    """Whether somebody with this secret is let in."""
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.get(f"{server.url}/api/v1/session", headers=headers).status_code == 200


def test_a_token_is_made_shown_once_rotated_and_revoked(home: Inside, visit: Visit) -> None:
    visitor = visit(home, "/settings/tokens")
    visitor.allowed = ["422"]
    visitor.page.get_by_role("button", name="New token").press("Enter")
    visitor.page.get_by_role("button", name="Make the token").press("Enter")
    expect(visitor.page.get_by_label("Name")).to_be_focused()
    visitor.page.get_by_label("Name").fill("grafana")
    visitor.page.get_by_label("Role").select_option("viewer")
    visitor.page.get_by_label("Only these services").fill("books, desk")
    visitor.press("Enter")
    once = visitor.page.get_by_role("status", name="The new token")
    expect(once).to_contain_text("it is shown this once")
    once.get_by_role("button", name="Copy").click()
    secret = visitor.run("navigator.clipboard.readText()")
    assert works(home, secret)
    row = visitor.find(".tokens-table tr", has_text="grafana").first
    expect(row).to_contain_text("services books, desk")
    once.get_by_role("button", name="I have it").click()
    assert secret not in visitor.page.content()
    row.get_by_role("button", name="Rotate …").click()
    visitor.page.get_by_label("The old secret goes on for").fill("a while")
    visitor.page.get_by_role("button", name="Make the new secret").click()
    expect(visitor.find("[id^=grace-][id$=-wrong]")).to_contain_text("24h")
    expect(visitor.page.get_by_label("The old secret goes on for")).to_have_value("a while")
    visitor.page.get_by_label("The old secret goes on for").fill("0")
    visitor.press("Enter")
    expect(once).to_contain_text("The old one has ended.")
    assert not works(home, secret)
    visitor.page.reload()
    expect(once).to_have_count(0)
    row.get_by_role("button", name="Revoke …").click()
    expect(row).to_contain_text("It ends at once")
    row.get_by_role("button", name="Revoke it").click()
    expect(visitor.find(".tokens-table tr", has_text="grafana")).to_have_count(0)
    visitor.page.get_by_label("Also those that have ended").check()
    expect(visitor.find(".tokens-table tr", has_text="Revoked")).to_have_count(1)
    assert visitor.accessibility() == []


def test_a_backup_is_made_read_again_and_downloaded(home: Inside, visit: Visit) -> None:
    visitor = visit(home, "/settings/data")
    visitor.allowed = ["422"]
    field = visitor.page.get_by_role("textbox", name="Name")
    field.fill("../away.duckdb")
    field.press("Enter")
    expect(visitor.find("#backup-name-wrong")).to_contain_text("without a directory")
    expect(field).to_have_value("../away.duckdb")
    field.fill("before-upgrade.duckdb")
    field.press("Enter")
    backups = visitor.page.get_by_role("region", name="Backups")
    expect(backups.locator(".job")).to_contain_text("Verified", timeout=20_000)
    with visitor.page.expect_download() as download:
        backups.get_by_role("link", name="Download before-upgrade.duckdb").click()
    assert download.value.suggested_filename == "before-upgrade.duckdb"


def test_how_long_data_is_kept_is_said_by_table_and_days_begin_where_the_owner_is(
    home: Inside, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "FRESH_NS", 0)  # the sizes of this moment, with the lines that have just come
    visitor = visit(home, "/settings/data")
    kept = visitor.page.get_by_role("region", name="How long")
    expect(kept).to_contain_text("3 days --retention-raw")
    expect(kept).to_contain_text("Europe/Berlin --timezone")
    sizes = visitor.page.get_by_role("region", name="Size", exact=True)
    expect(sizes).to_contain_text("4.00\u202fGiB")
    sizes.get_by_role("button", name="Show all").click()
    expect(sizes.get_by_role("row", name="ledger ", exact=False).first).to_contain_text("365 days")
    told = {one["name"]: one["kept_days"] for one in home.get("/api/v1/storage")["tables"]}
    assert (told["spans"], told["cost_1m"], told["tokens"]) == (3, 30, None)


def test_this_browser_keeps_its_tiles_its_density_and_its_time_zone(home: Inside, visit: Visit) -> None:
    visitor = visit(home, "/settings/me")
    tiles = visitor.page.get_by_role("region", name="Tiles of Live")
    expect(tiles.get_by_label("CPU")).to_be_disabled()
    tiles.get_by_label("Tokens a second").uncheck()
    tiles.get_by_label("Calls without a price").check()
    expect(tiles.locator("label", has_text="Calls without a price")).to_contain_text("key 6")
    visitor.page.get_by_text("Dense", exact=True).click()
    field = visitor.page.get_by_label("Times are shown in")
    field.fill("Mars/Olympus")
    field.press("Enter")
    expect(visitor.find("#own-zone-help")).to_contain_text("“Mars/Olympus” is no time zone")
    field.fill("Asia/Tokyo")
    field.press("Enter")
    expect(visitor.find("#own-zone-help")).to_contain_text("GMT+9")
    visitor.open("/")
    labels = visitor.find(".tile-label")
    expect(labels).to_have_text(["Calls", "Failed", "Latency p95", "First token", "Spend today", "Without a price"])
    visitor.press("6")
    expect(visitor.find("h1")).to_have_text("Costs / Price book")
    assert visitor.run("document.documentElement.dataset.density") == "dense"
    visitor.open("/settings?tz=UTC")
    expect(visitor.find("#own-zone-help")).to_contain_text("UTC.")
    visitor.page.get_by_role("button", name="The usual six").click()
    expect(tiles.get_by_label("Tokens a second")).to_be_checked()


def test_what_runs_is_told_with_its_own_work_and_every_licence(home: Inside, visit: Visit) -> None:
    visitor = visit(home, "/settings/about")
    about = home.get("/api/v1/about")
    built = visitor.page.get_by_role("region", name="Built of")
    expect(built).to_contain_text(f"{len(about['packages'])} packages of the server, 5 of the pages")
    expect(built.locator("li", has_text="preact").first).to_contain_text("MIT")
    expect(visitor.page.get_by_role("region", name="This server")).to_contain_text("Ready")
    rollups = visitor.find(".parts-table tr", has_text="rollups")
    expect(rollups).to_contain_text("Works")
    expect(visitor.page.get_by_role("region", name="spanledger", exact=True)).to_contain_text("Europe/Berlin")


def test_a_change_stands_in_the_trail_with_who_made_it(home: Inside, visit: Visit) -> None:
    home.token_for("ingest")
    visitor = visit(home, "/settings/changes?action=token")
    trail = visitor.find(".trail")
    expect(trail).to_contain_text("role: ingest")
    expect(trail.locator("b").first).to_have_text("token created")
    visitor.page.get_by_label("About").select_option("budget")
    expect(visitor.find(".face-title")).to_have_text("Nothing was changed in this range.")
    visitor.page.go_back()
    expect(trail).to_contain_text("role: ingest")


def test_a_viewer_sees_what_is_not_secret_and_why_the_rest_is_closed(home: Inside, visit: Visit) -> None:
    visitor = visit(home, "/settings/tokens", token=home.token_for("viewer"))
    visitor.allowed = ["403"]
    expect(visitor.find("main")).to_contain_text("Needs another role")
    expect(visitor.page.get_by_role("button", name="New token")).to_be_disabled()
    visitor.page.get_by_role("link", name="Data", exact=True).click()
    expect(visitor.page.get_by_role("region", name="Backups")).to_contain_text("Needs another role")
    expect(visitor.page.get_by_role("region", name="Size", exact=True)).to_contain_text("as needed")


def test_its_pages_fit_a_phone_and_can_be_used_by_everybody(home: Inside, visit: Visit) -> None:
    visitor = visit(home, PLACES[0], phone=True, theme="dark")
    for path in PLACES:
        visitor.open(path)
        expect(visitor.find("main .card").first).to_be_visible()
        expect(visitor.find("main .blank")).to_have_count(0)
        assert visitor.accessibility() == []
        for width in (320, 768):
            visitor.page.set_viewport_size({"width": width, "height": 844})
            until(lambda: not visitor.is_wider_than_its_window(), called=f"{path} fits into {width} px")
