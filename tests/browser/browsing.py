"""Chromium as the browser tests and the pictures use it, and a visitor who notices whatever goes wrong in a page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Playwright, Response

# The shell is the same browser without what only a window needs: a quarter less work.
CANDIDATES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
VIOLATIONS = "addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))"
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def executable() -> str | None:
    """The path of an installed Chromium; None when there is none."""
    return os.environ.get("CHROMIUM") or next((path for name in CANDIDATES if (path := shutil.which(name))), None)


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """A browser without a window. The sandbox is left out only for root, who cannot have one."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=executable(), args=arguments)
    try:
        yield browser
    finally:
        browser.close()


class Visitor:
    """Somebody with a browser of their own, on a desktop or a phone."""

    def __init__(self, browser: Browser, url: str, *, phone: bool = False, theme: str = "light") -> None:
        """Nothing is open yet."""
        self.url = url
        self.allowed: list[str] = []
        self._wrong: list[str] = []
        self._context = browser.new_context(
            viewport=PHONE if phone else DESKTOP,
            is_mobile=phone,
            has_touch=phone,
            color_scheme=theme,
            timezone_id="UTC",
            service_workers="block",
            permissions=["clipboard-read", "clipboard-write"],
        )
        self._context.set_default_timeout(30_000)
        self._context.add_init_script(VIOLATIONS)
        self.page = self._context.new_page()
        self.page.on("console", lambda said: self._note(said.text) if said.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self._note(f"uncaught: {error}"))
        self.page.on("request", lambda request: self._host(request.url))
        self.page.on("websocket", lambda socket: self._host(socket.url))
        self.page.on("response", self._status)

    def sign_in(self, token: str) -> None:
        """Gives this browser the cookie that the sign-in link would give it."""
        answer = self._context.request.post(f"{self.url}/api/v1/session", data={"token": token})
        assert answer.ok, answer.text()

    def open(self, path: str) -> None:
        """Go to a page by its address."""
        self.page.goto(self.url + path, wait_until="commit")

    def find(self, selector: str, **more: Any) -> Locator:
        """What a selector finds in the page."""
        return self.page.locator(selector, **more)

    def press(self, keys: str) -> None:
        """Press keys one after another."""
        for key in keys.split():
            self.page.keyboard.press(key)

    def run(self, script: str, argument: Any = None) -> Any:
        """What a script gives in the page."""
        return self.page.evaluate(script, argument)

    def is_wider_than_its_window(self) -> bool:
        """Whether the page can be scrolled sideways."""
        size = self.page.viewport_size
        assert size is not None
        return bool(self.run("document.documentElement.scrollWidth") > size["width"])

    def accessibility(self) -> list[str]:
        """What axe finds wrong, one line each."""
        self.run(AXE.read_text(encoding="utf-8"))
        found = self.run("(tags) => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", AXE_TAGS)
        return [f"{one['id']}: {node['html'][:160]}" for one in found["violations"] for node in one["nodes"]]

    def wrong(self) -> list[str]:
        """What went wrong in any of the pages, but for what is `allowed`."""
        return [one for one in self._wrong if not any(part in one for part in self.allowed)]

    def leave(self) -> None:
        """Close the browser of this visitor."""
        self._context.close()

    def _note(self, what: str) -> None:
        self._wrong.append(what)

    def _host(self, url: str) -> None:
        at = urlsplit(url)
        if at.scheme in ("http", "https", "ws", "wss") and at.netloc != urlsplit(self.url).netloc:
            self._note(f"left the host: {url}")

    def _status(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f"{response.status} {response.url}")
