"""What was read for forecasts a moment ago, kept for a minute: many ask the same, and a minute changes little in weeks.

Given the store and a question, gives its history, from memory where it was read within the minute and the hour is the
same. What was spent so far is not for this: whoever shows it reads it afresh.

Never: more than so many histories, or one that two threads change at once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final, Protocol, TypeVar, cast

from spanledger_server.forecast import prices, spend
from spanledger_server.forecast.prices import PriceChange
from spanledger_server.forecast.spend import HISTORY_HOURS, Filtered
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, Range

FRESH_NS: Final = 60 * 10**9
MOST: Final = 200
Found = TypeVar("Found")


class Spelled(Filtered, Protocol):
    """Filters that have one spelling."""

    def spelled(self) -> list[str]:
        """All of it, to tell questions apart."""
        ...


class Histories:
    """One store's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[int, Any]] = OrderedDict()

    def changes(self, reader: Reader, now_ns: int) -> list[PriceChange]:
        """The prices that changed within eight weeks."""
        history = Range((now_ns // HOUR_NS - HISTORY_HOURS) * HOUR_NS, now_ns)
        return self._recent("prices", now_ns, lambda: prices.changes(reader, history))

    def history(self, reader: Reader, conditions: Spelled, now_ns: int) -> tuple[float, ...]:
        """What whole hours have cost, as `Spend.history`."""
        this_hour = Range(now_ns, now_ns + HOUR_NS)
        changed = self.changes(reader, now_ns)
        key = tuple(conditions.spelled())
        return self._recent(key, now_ns, lambda: spend.spend(reader, conditions, this_hour, now_ns, changed)).history

    def _recent(self, key: Hashable, now_ns: int, read: Callable[[], Found]) -> Found:
        with self._lock:
            made_ns, found = self._kept.get(key, (None, None))
        if made_ns is not None and 0 <= now_ns - made_ns < FRESH_NS and made_ns // HOUR_NS == now_ns // HOUR_NS:
            return cast("Found", found)
        fresh = read()
        with self._lock:
            self._kept[key] = (now_ns, fresh)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return fresh
