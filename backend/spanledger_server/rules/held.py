"""What is too much to read at every tick: read again when it is old, a few at a time, the oldest first.

Never: a reading that is given as newer than it is, or one of something that was changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from spanledger_server.timegrid import DAY_NS

Reading = TypeVar("Reading")
FORGOTTEN_NS: Final = DAY_NS


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Reading]):
    reading: Reading
    at_ns: int


class Held(Generic[Reading]):
    """Readings by key. One tick reads at most `most` of them anew; `turn` begins a tick."""

    def __init__(self, fresh_ns: int, most: int) -> None:
        """Hold nothing yet.

        Args:
            fresh_ns: How old a reading may be before it is read again.
            most: How many are read again within a tick.
        """
        self._fresh_ns, self._most, self._left = fresh_ns, most, most
        self._kept: dict[Hashable, _Kept[Reading]] = {}

    def turn(self, now_ns: int) -> None:
        """A tick begins."""
        self._left = self._most
        self._kept = {key: one for key, one in self._kept.items() if abs(now_ns - one.at_ns) < FORGOTTEN_NS}

    def get(self, key: Hashable, now_ns: int, read: Callable[[], Reading]) -> Reading | None:
        """The reading of a key, taken now where it is old and there is room; None where it was never taken."""
        kept = self._kept.get(key)
        if kept is not None and 0 <= now_ns - kept.at_ns < self._fresh_ns:
            return kept.reading
        if self._left > 0:
            self._left -= 1
            kept = _Kept(read(), now_ns)
            self._kept[key] = kept
        return None if kept is None else kept.reading
