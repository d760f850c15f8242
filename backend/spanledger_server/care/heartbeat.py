"""The watcher of the watcher: an address outside that is told, again and again, that all is well, or what is not.

Given the reasons that something is wrong (none: all is well), asks the address with GET, or tells its `/fail` with
POST. The tick decides when and what, a thread of its own sends: a tick that hangs sends nothing, which is what the
watcher waits for. Failures are counted and tried again sooner, with growing pauses.

Never: a tick that waits for the network, two messages under way at once, or the address in a log.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 10.0
FIRST_PAUSE_NS: Final = 10 * 10**9
MOST_TOLD: Final = 2000  # characters
STOP_PATIENCE_S: Final = 2 * TIMEOUT_S


@dataclass(slots=True)
class Counters:
    """What became of the messages; times in ns since 1970."""

    sent: int = 0
    failed: int = 0
    in_a_row: int = 0
    sent_ns: int | None = None
    reason: str | None = None  # why the latest one failed; None when it did not


class Heartbeat:
    """Tells one address. `start`, then `tick` again and again, then `stop`."""

    def __init__(self, url: str, every_ns: int, wrong: Callable[[], list[str]]) -> None:
        """Nothing is sent yet.

        Args:
            url: The address; a path `/fail` below it is told of failures.
            every_ns: How often.
            wrong: What is wrong now; must not wait.
        """
        self.counters = Counters()
        self._url = httpx.URL(url)
        self._every_ns = every_ns
        self._wrong = wrong
        self._last_ns: int | None = None
        self._messages: queue.Queue[tuple[int, list[str]] | None] = queue.Queue(1)
        self._thread = threading.Thread(target=self._work, name="spanledger-heartbeat", daemon=True)

    def start(self) -> None:
        """Begin."""
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it would write the address down
        self._thread.start()

    def stop(self) -> None:
        """End, after the message that is under way."""
        if not self._thread.is_alive():
            return
        self._messages.put(None)
        self._thread.join(STOP_PATIENCE_S)

    def tick(self, now_ns: int) -> None:
        """Say how things are, when it is time to; at once when the clock was set back."""
        last_ns = self._last_ns
        if last_ns is not None and 0 <= now_ns - last_ns < self._pause_ns():
            return
        try:
            self._messages.put_nowait((now_ns, self._wrong()))
        except queue.Full:
            return  # one is under way
        self._last_ns = now_ns

    def condition(self) -> str | None:
        """For people: that the watcher was not reached, and why; None when it was, or was not tried yet."""
        counters = self.counters
        if counters.reason is None:
            return None
        return f"the outside watcher was not reached {counters.in_a_row} times in a row: {counters.reason}"

    def _pause_ns(self) -> int:
        """From the last message to the next: sooner after a failure, then later and later, up to the usual."""
        failures = self.counters.in_a_row
        return self._every_ns if not failures else min(self._every_ns, FIRST_PAUSE_NS * 2 ** min(failures - 1, 20))

    def _work(self) -> None:
        with httpx.Client(timeout=TIMEOUT_S) as client:
            while (message := self._messages.get()) is not None:
                self._note(message[0], self._sent(client, message[1]))

    def _sent(self, client: httpx.Client, wrong: list[str]) -> str | None:
        """Why it was not sent; None when it was."""
        try:
            if wrong:
                url = self._url.copy_with(path=self._url.path.rstrip("/") + "/fail")
                answer = client.post(url, content="\n".join(wrong)[:MOST_TOLD].encode())
            else:
                answer = client.get(self._url)
        except httpx.HTTPError as error:
            return type(error).__name__ if self._url.host in str(error) else f"{type(error).__name__}: {error}"
        return None if answer.is_success else f"it answered {answer.status_code}"

    def _note(self, at_ns: int, reason: str | None) -> None:
        counters = self.counters
        if reason is None:
            counters.sent, counters.in_a_row, counters.sent_ns = counters.sent + 1, 0, at_ns
        else:
            if counters.reason is None:
                log.warning("the outside watcher was not reached", extra={"reason": reason})
            counters.failed, counters.in_a_row = counters.failed + 1, counters.in_a_row + 1
        counters.reason = reason
