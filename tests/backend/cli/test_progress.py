"""A bar on a terminal says what goes on, and is never full while something does."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from spanledger_server.cli import progress as module
from spanledger_server.cli.progress import progress


class Watched(io.StringIO):
    """Standard error of somebody who looks."""

    def isatty(self) -> bool:
        return True


def drawn(monkeypatch: pytest.MonkeyPatch, then: str | None) -> list[str]:
    """What the bar says half way, and when all is sent."""
    screen, said = Watched(), []
    monkeypatch.setattr(sys, "stderr", screen)
    console = Console(file=screen, force_terminal=True, width=80, legacy_windows=False)
    monkeypatch.setattr(module, "Console", lambda **_: console)
    bars: list[module.Progress] = []

    class Kept(module.Progress):
        def __init__(self, *columns: object, **more: object) -> None:
            super().__init__(*columns, **{**more, "auto_refresh": False})  # type: ignore[arg-type]  # as it was given
            bars.append(self)

    monkeypatch.setattr(module, "Progress", Kept)
    with progress("sending", then) as tell:
        for done in (5, 10):
            tell(done, 10)
            with console.capture() as found:
                console.print(bars[0].get_renderable())
            said.append(found.get())
    return said


def test_a_bar_of_what_is_sent_gives_way_to_one_of_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    half, whole = drawn(monkeypatch, "comparing")
    assert "sending" in half
    assert "50%" in half
    assert "comparing" in whole
    assert "sending" not in whole
    assert "%" not in whole


def test_a_bar_that_nothing_follows_ends_full(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "100%" in drawn(monkeypatch, None)[1]
