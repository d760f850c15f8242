"""The stretches of time in which a group of rows lies, so that looking for duplicates reads little.

Given times, gives closed windows that hold all of them, far-apart times in windows of their own.

Never: leaves a time out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

MINUTE_NS: Final = 60_000_000_000
MOST_WINDOWS: Final = 16  # beyond it one wide window is cheaper than a statement each


class Window(NamedTuple):
    """Nanoseconds UTC, both ends included."""

    from_ns: int
    to_ns: int


def windows(times_ns: Iterable[int], apart_ns: int) -> list[Window]:
    """Windows around the times, split where two neighbours are more than `apart_ns` apart.

    Args:
        times_ns: Any number of times, in any order.
        apart_ns: The longest gap inside one window, at least a minute.
    """
    found: list[Window] = []
    for time_ns in sorted(set(times_ns)):
        if found and time_ns - found[-1].to_ns <= apart_ns:
            found[-1] = Window(found[-1].from_ns, time_ns)
        else:
            found.append(Window(time_ns, time_ns))
    if len(found) > MOST_WINDOWS:
        return [Window(found[0].from_ns, found[-1].to_ns)]
    return found
