"""What is slow the first time, asked before anybody does: after a start, and when a day has turned.

Given the time, asks one of a few usual questions a turn, so that its answer of days long gone is remembered
(`remembered`, `dialogues`): a year of ten million lines takes a second of processor, once. Again a quarter of an hour
after midnight, when days by user are recomputed. A store of a day has nothing that is slow.

Never: answers of its own, or two questions in one turn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from spanledger_server import timegrid
from spanledger_server.statistics import calls, cost_cells, costs, dialogues, periods, requests, series, trends
from spanledger_server.store.database import Database, Reader
from spanledger_server.timegrid import DAY_NS, MINUTE_NS, Range
from spanledger_server.traces import filters

AGAIN_NS: Final = 15 * MINUTE_NS  # after midnight: days by user are there by then
YEAR_NS: Final = 364 * DAY_NS  # of days and months one after the other, 52 weeks
COSTS: Final[tuple[tuple[timegrid.Period, str], ...]] = (("year", "model"), ("month", "user"), ("year", "user"))
Ask = Callable[[Reader, int], object]


class Warm:
    """Asks of one database."""

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        """Nothing is asked yet.

        Args:
            database: The store.
            zone: In which most questions are asked.
        """
        self._database = database
        self._zone = zone
        self._asked_at: tuple[int, ...] = ()
        self._left: list[Ask] = []

    def tick(self, now_ns: int) -> None:
        """Ask the next question; after the last one nothing, until a day turns."""
        turned = tuple(
            timegrid.period("today", max(0, at_ns), zone).from_ns
            for at_ns in (now_ns, now_ns - AGAIN_NS)
            for zone in (self._zone, periods.UTC_ZONE)
        )
        if turned != self._asked_at:
            self._asked_at, self._left = turned, _questions(self._zone)
        if self._left:
            with self._database.reader() as reader:
                if cost_cells.is_young(reader, now_ns):
                    self._left.clear()
                    return
                self._left.pop(0)(reader, now_ns)


def _questions(zone: ZoneInfo) -> list[Ask]:
    return [
        *(partial(_costs, zone, *each) for each in COSTS),
        partial(_dialogues, zone),
        partial(_calls, zone),
        partial(_trends, zone),
        partial(_series, zone, "1day", "model"),
        partial(_series, zone, "1month", ""),
    ]


def _costs(zone: ZoneInfo, period: timegrid.Period, by: str, reader: Reader, now_ns: int) -> object:
    everything = filters.parse((), filters.LEDGER)
    return costs.costs(reader, periods.to_date(period, now_ns, zone), by, everything.bound(), ())


def _dialogues(zone: ZoneInfo, reader: Reader, now_ns: int) -> object:
    everything = filters.parse((), dialogues.DIALOGUES)
    return dialogues.dialogues(reader, periods.to_date("year", now_ns, zone), "book", everything.bound())


def _calls(zone: ZoneInfo, reader: Reader, now_ns: int) -> object:
    window = periods.to_date("year", now_ns, zone).window
    requests.report(reader, periods.whole(window))
    return calls.whole(reader, window, filters.parse((), filters.LEDGER))


def _series(zone: ZoneInfo, level: series.Level, by: str, reader: Reader, now_ns: int) -> object:
    minute_ns = now_ns // MINUTE_NS * MINUTE_NS
    asked = series.question(level, Range(minute_ns - YEAR_NS, minute_ns), zone)
    return series.series(reader, asked, filters.parse((), filters.LEDGER), by)


def _trends(zone: ZoneInfo, reader: Reader, now_ns: int) -> object:
    return trends.trends(reader, "week", now_ns, zone)
