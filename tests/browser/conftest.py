"""What the browser tests of a worker share: one Chromium, real backends with real data, and a page that nothing wrong escapes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser import pledges, scene
from tests.browser.browsing import Visitor, chromium, executable
from tests.support.server import Server

Visit = Callable[..., Visitor]


@pytest.hookimpl(tryfirst=True)  # before the workers are told what belongs together
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file goes to one worker, which has a Chromium and backends with data of its own."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(f"browser {item.path.stem}"))
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium; gone after the last of these tests, since its driver leaves an event loop running on this thread."""
    if executable() is None:
        pytest.skip("no Chromium on the path; $CHROMIUM may name one")
    expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
    with sync_playwright() as playwright, chromium(playwright) as found:
        yield found


@dataclass(frozen=True, slots=True)
class Company:
    """A backend and what was sent to it."""

    server: Server
    dialogue: scene.Trace
    huge: scene.Trace
    hostile: scene.Trace


@pytest.fixture(scope="package")
def company(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A backend that holds the scene. Nothing in it changes from here on."""
    server = Server(tmp_path_factory.mktemp("company")).start()
    try:
        now_ns = time.time_ns()
        traces = scene.dialogue(now_ns), scene.huge(now_ns), scene.hostile(now_ns)
        scene.send(server, [*scene.quarter_hour(now_ns), *traces], [scene.dialogue_logs(traces[0])])
        yield Company(server, *traces)
    finally:
        server.stop()


@pytest.fixture(scope="package")
def pledged(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A backend with objectives and budgets in every state; a test that makes a budget puts it away."""
    server = Server(tmp_path_factory.mktemp("pledged")).start()
    try:
        pledges.pledge(server)
        yield server
    finally:
        server.stop()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens pages as a person with a browser of their own; at the end none of them may have met anything wrong."""
    visitors: list[Visitor] = []

    def begin(
        server: Server,
        path: str = "/",
        *,
        phone: bool = False,
        theme: str = "light",
        signed_in: bool = True,
        token: str | None = None,
    ) -> Visitor:
        visitor = Visitor(browser, server.url, phone=phone, theme=theme)
        visitors.append(visitor)
        if signed_in:
            visitor.sign_in(token or server.token)
        visitor.open(path)
        return visitor

    yield begin
    for visitor in visitors:
        visitor.leave()
    assert [wrong for visitor in visitors for wrong in visitor.wrong()] == []
