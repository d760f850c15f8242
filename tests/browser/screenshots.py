"""The pictures of README and docs from a running server: `python -m tests.browser.screenshots --url … --token …`.

Given a server with data and a token, writes docs/pictures/{live,costs,trace}-{light,dark}.png at 1440 × 900.
Never: the token in a picture; it is gone from the address before the first one is taken.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.browsing import chromium

TARGET = Path(__file__).resolve().parents[2] / "docs" / "pictures"
SIZE = {"width": 1440, "height": 900}
SETTLE_MS = 1500


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="where the server answers, as http://127.0.0.1:8321")
    parser.add_argument("--token", required=True)
    parser.add_argument("--to", type=Path, default=TARGET, help="directory for the pictures")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, chromium(playwright) as browser:
        for theme in ("light", "dark"):
            take(browser, options.url.rstrip("/"), options.token, theme, options.to)


def take(browser: Browser, url: str, token: str, theme: str, to: Path) -> None:
    """The three pictures of one theme."""
    context = browser.new_context(viewport=SIZE, color_scheme=theme, timezone_id="UTC")
    page = context.new_page()
    page.goto(f"{url}/?from=now-5m#token={token}")
    expect(page.locator(".tiles")).to_be_visible(timeout=20_000)
    shoot(page, to / f"live-{theme}.png")
    page.goto(f"{url}/costs?period=today&group=model")
    expect(page.locator(".breakdown tbody tr").first).to_be_visible(timeout=20_000)
    shoot(page, to / f"costs-{theme}.png")
    page.goto(f"{url}/traces?sort=-cost&from=now-24h")
    rows = page.locator(".traces-table tbody a")
    expect(rows.first).to_be_visible(timeout=20_000)
    rows.first.click()
    expect(page.locator(".row").first).to_be_visible(timeout=20_000)
    page.locator("main").focus()
    page.keyboard.press("c")
    expect(page.locator(".cost-box")).to_be_visible()
    shoot(page, to / f"trace-{theme}.png")
    context.close()


def shoot(page: Page, path: Path) -> None:
    """One picture, after charts have been drawn."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=path)
    print(path)


if __name__ == "__main__":
    main()
