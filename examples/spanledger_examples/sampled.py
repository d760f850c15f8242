"""What sampling did in the demo: spans kept against the budget, failed traces, and what the kept ones stand for.

Given the backend, gives a line while the traffic runs and a table when it is over; all of it is what the API says.

Never: a figure of the bookshop's own. What it kept is what arrived.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import httpx
from rich.table import Table

from spanledger_examples import check
from spanledger_examples.backend import Backend
from spanledger_examples.driver import Tally

LATELY_S: Final = 10.0
READY_WITHIN_S: Final = 20.0


class Watch:
    """Looks at how many spans are stored while the traffic runs.

    Args:
        backend: Where they are.
        budget: Spans a second that may be; None: no budget is held.
    """

    def __init__(self, backend: Backend, budget: float | None) -> None:
        self._backend, self.budget = backend, budget
        self._began = time.monotonic()
        self._seen: deque[tuple[float, int]] = deque([(self._began, 0)])
        self.seconds = 0.0

    def line(self) -> str:
        """The spans a second of late; nothing where there is no budget."""
        if self.budget is None:
            return ""
        try:
            now_s, stored = time.monotonic(), self._backend.spans()
        except httpx.HTTPError:
            return ""
        self._seen.append((now_s, stored))
        while len(self._seen) > 2 and now_s - self._seen[0][0] > LATELY_S:
            self._seen.popleft()
        then_s, before = self._seen[0]
        return f" · {(stored - before) / (now_s - then_s):.0f} spans/s kept, budget {self.budget:g}"

    def end(self) -> None:
        """The traffic is over."""
        self.seconds = time.monotonic() - self._began


def summed_up(watch: Watch, backend: Backend, tally: Tally, comparison: check.Comparison) -> Table | None:
    """What sampling did, or None where there is no budget; a failed trace that is missing is a difference."""
    if watch.budget is None:
        return None
    failed = sum(trace["error_count"] > 0 for trace in backend.failed_traces())
    comparison.compare("failed traces, all of them kept", tally.refused_of(failed), failed)
    found = _settled(backend.sampling)
    shown = Table(title="What sampling kept", title_justify="left")
    shown.add_column("")
    shown.add_column("there were", justify="right")
    shown.add_column("kept", justify="right")
    shown.add_column("which stand for", justify="right")
    per_s = f"{backend.spans() / watch.seconds:.1f} a second"
    shown.add_row(f"spans, with a budget of {watch.budget:g} a second", "", per_s, "")
    if found is not None and found["requests"] is not None:
        stand_for = {name: float(value) for name, value in found["requests"].items()}
        off = max(stand_for["high"] - stand_for["value"], stand_for["value"] - stand_for["low"])
        shown.add_row("requests", f"{tally.sent}", f"{found['kept']}", f"{stand_for['value']:.0f} ± {off:.0f}")
    shown.add_row("failed requests", f"{tally.refused_of(failed)}", f"{failed}", f"{failed}")
    return shown


def _settled(ask: Callable[[], dict[str, Any] | None]) -> dict[str, Any] | None:
    """What is said when it has stopped changing: rollups follow within seconds."""
    deadline = time.monotonic() + READY_WITHIN_S
    before, found = None, ask()
    while time.monotonic() < deadline and (found is None or found != before):
        time.sleep(1.5)
        before, found = found, ask()
    return found
