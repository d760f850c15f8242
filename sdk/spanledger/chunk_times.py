"""When the chunks of one stream came.

Told of each chunk as it arrives, keeps how many there were, when the first and the last came, and how the times between
them are distributed: no list that grows with the stream, and half a microsecond for each chunk.

Never: a time between chunks of a stream that had fewer than two.
"""

from __future__ import annotations

import time
from bisect import bisect_left

from spanledger import semconv

_BOUNDS_NS = tuple(round(bound * 1e9) for bound in semconv.DURATION_BUCKETS_S)


class ChunkTimes:
    """The times of one stream's chunks, on the clock of `time.perf_counter_ns`.

    Attributes:
        count: Chunks that came.
        first_ns: When the first came.
        last_ns: When the last came.
        lowest_ns: The shortest time between two.
        highest_ns: The longest time between two.
        buckets: How many of these times lie between the bounds of OpenTelemetry's durations; None before there is one.
    """

    __slots__ = ("buckets", "count", "first_ns", "highest_ns", "last_ns", "lowest_ns")

    def __init__(self) -> None:
        self.count = self.first_ns = self.last_ns = self.lowest_ns = self.highest_ns = 0
        self.buckets: list[int] | None = None

    def arrived(self) -> None:
        """A chunk is here."""
        now_ns = time.perf_counter_ns()
        gap_ns = now_ns - self.last_ns
        self.last_ns = now_ns
        self.count += 1
        buckets = self.buckets
        if buckets is not None:
            if gap_ns > self.highest_ns:
                self.highest_ns = gap_ns
            elif gap_ns < self.lowest_ns:
                self.lowest_ns = gap_ns
        elif self.count == 1:
            self.first_ns = now_ns
            return
        else:
            buckets = self.buckets = [0] * (len(_BOUNDS_NS) + 1)
            self.lowest_ns = self.highest_ns = gap_ns
        buckets[bisect_left(_BOUNDS_NS, gap_ns)] += 1

    @property
    def gaps(self) -> int:
        """How many times between chunks there are."""
        return max(0, self.count - 1)

    @property
    def total_s(self) -> float:
        """From the first chunk to the last, in seconds: the sum of the times between them."""
        return (self.last_ns - self.first_ns) / 1e9
