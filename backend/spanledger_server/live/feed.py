"""What is new, each second, for all pages at once.

Ingest says after each commit which seconds it touched. While somebody looks, those seconds are worked out again from
the store by one query for all who look; each tick does so between two looks, so that the next one finds little to
read. After ten minutes in which nobody looked nothing is read and nothing kept.

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
FUTURE_S = 3600  # as far ahead as clocks of senders are let go
PULSE_S = 15  # how often signals that touch no second of the ledger (metrics, logs) are looked for
PULSE_BACK_S = 60
AWAKE_S = 600  # how long after the last question the window is kept up to date


@dataclass(frozen=True, slots=True)
class Update:
    """The state at one instant, and the points that were asked for."""

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
        self._changed = False  # since the last look, in what was read already
        self._awake_until_s = 0
        self._refreshing = threading.Lock()
        self._window = Window()
        self._readings = snapshot.Readings()
        self._state: dict[str, Any] = {}
        self._state_of_s = 0
        self._pulse_read_s = 0

    def touched(self, seconds: Iterable[int]) -> None:
        """Called after a commit with the seconds since 1970 in which something changed."""
        if not self._awake_until_s:
            return
        with self._touching:
            self._touched.update(seconds)

    def complete_to_ns(self, now_ns: int) -> int:
        """The instant up to which the figures hold all that was acknowledged: now, since that waits for the commit."""
        return now_ns

    def look(self, now_ns: int, *, after_version: int = -1, from_s: int = 0) -> Update:
        """The newest state, and the points that changed after a version, from a second on; reads only what is new."""
        now_s = now_ns // NS
        with self._refreshing:
            if self._state_of_s != now_s or self.news:
                self._refresh(now_ns)
            return Update(
                self._window.version,
                self._window.points(after_version=after_version, from_s=from_s),
                self._state,
                now_s,
            )

    @property
    def news(self) -> bool:
        """Whether something was stored since the last look."""
        return self._changed or bool(self._touched)

    def rest(self, now_ns: int) -> None:
        """Bring the window up to date between two questions, and let go of it when nobody asked for a while."""
        now_s = now_ns // NS
        with self._refreshing:
            if now_s < self._awake_until_s:
                with self._database.reader() as reader:
                    self._bring_up_to_date(reader, now_s, fresh=False)
            elif self._awake_until_s:
                self._awake_until_s = self._state_of_s = 0
                self._changed = False
                self._window = Window(version=self._window.version)
                self._readings = snapshot.Readings()
                self._take_touched()

    def _take_touched(self) -> set[int]:
        with self._touching:
            taken, self._touched = self._touched, set()
        return taken

    def _refresh(self, now_ns: int) -> None:
        now_s = now_ns // NS
        fresh = now_s >= self._awake_until_s
        self._awake_until_s = now_s + AWAKE_S
        with self._database.reader() as reader:
            self._bring_up_to_date(reader, now_s, fresh=fresh)
            today_s = self._day_start_ns(now_ns) // NS
            self._readings.read(reader, now_s, today_s, changed=fresh or self._changed)
        self._changed = False
        self._state = self._described(now_ns)
        self._state_of_s = now_s

    def _bring_up_to_date(self, reader: Reader, now_s: int, *, fresh: bool) -> None:
        """Read what was touched; what could not be read stays touched, a window that was not filled is filled anew."""
        oldest = now_s - LENGTH_S + 1
        taken = self._take_touched()
        try:
            self._reread(reader, oldest, now_s, taken, fresh=fresh)
        except BaseException:
            if fresh:
                self._awake_until_s = 0
            self.touched(taken)
            raise
        self._changed |= bool(taken)
        self._window.forget_before(oldest)

    def _reread(self, reader: Reader, oldest: int, now_s: int, taken: set[int], *, fresh: bool) -> None:
        touched = [t for t in taken if t >= oldest]
        if fresh:
            self._window = Window(version=self._window.version)
            self._fill(reader, oldest, now_s + FUTURE_S)
            self._pulse_read_s = now_s
            return
        if now_s - self._pulse_read_s >= PULSE_S:
            touched += [now_s - PULSE_BACK_S, now_s]
            self._pulse_read_s = now_s
        if touched:
            self._fill(reader, min(touched), max(touched) + 1)

    def _fill(self, reader: Reader, first: int, end: int) -> None:
        stretch = {"from_ns": first * NS, "to_ns": end * NS}
        reports = by_second(reader.rows(snapshot.SQL["reports"], **stretch))
        rows = {row["t"]: row for row in reader.rows(snapshot.SQL["seconds"], **stretch)}
        spans = {t: sum(report.spans for report in told) for t, told in reports.items()}
        happened = rows.keys() | {t for t, count in spans.items() if count}
        points = {t: point({**rows.get(t, {}), "t": t, "spans": spans.get(t, 0)}) for t in happened}
        self._window.replace(first, end, points, reports)

    def _described(self, now_ns: int) -> dict[str, Any]:
        now_s = now_ns // NS
        readings = self._readings
        found = health.services(self._window, readings.usual, now_s)
        failing = self._failing()
        sentence, level = health.sentence(found, ever=readings.ever or bool(found), failing=failing)
        services = snapshot.shown_services(found, readings)
        slow = snapshot.slow(readings)
        for service in services:
            service["last_seen"] = self._spelled(service["last_seen"] * NS)
        for call in slow:
            call["at"] = self._spelled(call["at"])
        return {
            "sentence": sentence,
            "level": level,
            "failing": failing,
            "tiles": snapshot.tiles(self._window, readings, now_s),
            "audio": snapshot.audio(readings, now_s),
            "services": services,
            "models": snapshot.models(readings),
            "slow": slow,
            "complete_to": self._spelled(self.complete_to_ns(now_ns)),
            "loss": {"dropped": None, "refused": readings.refused},
        }
