"""What is new, each second, for all pages at once.

Ingest says after each commit which seconds it touched. While somebody looks, those seconds are worked out again from the store by one
query for all who look; while nobody does, nothing is read and nothing kept.

Never: a figure that is not in the store, or work that grows with the number of pages.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from spanledger_server.live import health, snapshot
from spanledger_server.live.window import LENGTH_S, Window, by_second, point
from spanledger_server.store.database import Database, Reader

NS = 10**9
AWAKE_S = 15  # how long after the last question the window is kept up to date


@dataclass(frozen=True, slots=True)
class Update:
    """The window and the state at one instant. `points` changed since the update before."""

    version: int
    points: list[Mapping[str, Any]]
    state: dict[str, Any]
    now_s: int


class LiveFeed:
    """The window, kept while somebody looks."""

    def __init__(
        self,
        database: Database,
        day_start_ns: Callable[[int], int],
        spelled: Callable[[int], str | None],
        failing: Callable[[], str | None] = lambda: None,
    ) -> None:
        """A feed on `database`.

        Args:
            database: The store.
            day_start_ns: For an instant, when its day began, both in nanoseconds since 1970.
            spelled: How instants (nanoseconds) are written in answers.
            failing: Why nothing can be stored at the moment; None when all is well.
        """
        self.epoch = secrets.token_hex(4)
        self._database = database
        self._day_start_ns = day_start_ns
        self._spelled = spelled
        self._failing = failing
        self._touching = threading.Lock()
        self._touched: set[int] = set()
        self._awake_until_s = 0
        self._refreshing = threading.Lock()
        self._window = Window()
        self._readings = snapshot.Readings()
        self._latest: Update | None = None

    def touched(self, seconds: Iterable[int]) -> None:
        """Called after a commit with the seconds since 1970 in which something changed."""
        if not self._awake_until_s:
            return
        with self._touching:
            self._touched.update(seconds)

    def complete_to_ns(self, now_ns: int) -> int:
        """The instant up to which all that this server has acknowledged is in the figures: acknowledging waits for the commit."""
        return now_ns

    def refresh(self, now_ns: int) -> Update:
        """The newest state; points that changed since the refresh before. At most once a second is anything read."""
        now_s = now_ns // NS
        with self._refreshing:
            if self._latest is not None and self._latest.now_s == now_s and not self._touched:
                return self._latest
            fresh = self._latest is None or now_s >= self._awake_until_s
            before = -1 if fresh else self._window.version
            self._latest = self._read(now_ns, fresh=fresh, before=before)
            return self._latest

    def rest(self, now_ns: int) -> None:
        """Let go of the window when nobody asked for a while."""
        with self._refreshing:
            if self._awake_until_s and now_ns // NS >= self._awake_until_s:
                self._awake_until_s = 0
                self._window, self._latest = Window(), None
                self._readings = snapshot.Readings()
                self._take_touched()

    def points(self, *, after_version: int = -1, from_s: int = 0) -> list[Mapping[str, Any]]:
        """Points of the window that changed after a version, from a second on."""
        with self._refreshing:
            return self._window.points(after_version=after_version, from_s=from_s)

    def _take_touched(self) -> set[int]:
        with self._touching:
            taken, self._touched = self._touched, set()
        return taken

    def _read(self, now_ns: int, *, fresh: bool, before: int) -> Update:
        now_s = now_ns // NS
        oldest = now_s - LENGTH_S + 1
        self._awake_until_s = now_s + AWAKE_S
        taken = self._take_touched()
        touched = [t for t in taken if t >= oldest]
        try:
            with self._database.reader() as reader:
                if fresh:
                    self._window = Window()
                    self._fill(reader, oldest, now_s + 3600)
                elif touched:
                    self._fill(reader, min(touched), max(touched) + 1)
                today_s = self._day_start_ns(now_ns) // NS
                self._readings.read(reader, now_s, today_s, changed=fresh or bool(taken))
        except BaseException:
            self.touched(taken)
            raise
        self._window.forget_before(oldest)
        return Update(self._window.version, self._window.points(after_version=before), self._state(now_ns), now_s)

    def _fill(self, reader: Reader, first: int, end: int) -> None:
        stretch = {"from_ns": first * NS, "to_ns": end * NS}
        reports = by_second(reader.rows(snapshot.SQL["reports"], **stretch))
        rows = {row["t"]: row for row in reader.rows(snapshot.SQL["seconds"], **stretch)}
        spans = {t: sum(report.spans for report in told) for t, told in reports.items()}
        happened = rows.keys() | {t for t, count in spans.items() if count}
        points = {t: point({**rows.get(t, {}), "t": t, "spans": spans.get(t, 0)}) for t in happened}
        self._window.replace(first, end, points, reports)

    def _state(self, now_ns: int) -> dict[str, Any]:
        now_s = now_ns // NS
        readings = self._readings
        found = health.services(self._window, readings.usual, now_s)
        sentence, level = health.sentence(found, ever=readings.ever or bool(found), failing=self._failing())
        services = snapshot.shown_services(found, readings)
        slow = snapshot.slow(readings)
        for service in services:
            service["last_seen"] = self._spelled(service["last_seen"] * NS)
        for call in slow:
            call["at"] = self._spelled(call["at"])
        return {
            "sentence": sentence,
            "level": level,
            "tiles": snapshot.tiles(self._window, readings, now_s),
            "services": services,
            "models": snapshot.models(readings),
            "slow": slow,
            "complete_to": self._spelled(self.complete_to_ns(now_ns)),
            "loss": {"dropped": None, "refused": readings.refused},
        }
