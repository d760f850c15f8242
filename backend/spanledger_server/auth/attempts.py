"""Failed sign-ins, counted by address: after a handful in a minute, the next have to wait.

Never: more than a bounded number of addresses remembered, or a wait for someone who signs in rightly elsewhere.
"""

from __future__ import annotations

from collections import OrderedDict, deque

MOST_FAILURES = 10
WITHIN_NS = 60 * 10**9
MOST_ADDRESSES = 4096


class Attempts:
    """Remembers failures only."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[int]] = OrderedDict()

    def wait_s(self, address: str, now_ns: int) -> int:
        """Seconds until `address` may try again; 0 = now."""
        failures = self._failures.get(address)
        while failures and failures[0] <= now_ns - WITHIN_NS:
            failures.popleft()
        if not failures or len(failures) < MOST_FAILURES:
            return 0
        return max(1, (failures[0] + WITHIN_NS - now_ns) // 10**9)

    def failed(self, address: str, now_ns: int) -> None:
        """Count one failure."""
        self._failures.setdefault(address, deque(maxlen=MOST_FAILURES)).append(now_ns)
        self._failures.move_to_end(address)
        while len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget what `address` did."""
        self._failures.pop(address, None)
