"""How long a window may be: what an objective counts must be kept as long.

Given how long rows and rollups are kept, says whether an objective's window is longer.

Never: a window whose older part is silently empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from spanledger_server.errors import Invalid
from spanledger_server.slos.objective import Objective, duration_ns
from spanledger_server.timegrid import DAY_NS, HOUR_NS


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long everything is kept, nanoseconds.

    Attributes:
        raw_ns: Spans.
        minutes_ns: Minute rollups.
        hours_ns: Hour rollups.
        days_ns: Day rollups and the ledger.
    """

    raw_ns: int
    minutes_ns: int
    hours_ns: int
    days_ns: int

    def too_long(self, objective: Objective) -> Invalid | None:
        """What is wrong with the window; None where all of it is kept."""
        longest_ns, why = self._longest(objective)
        if duration_ns(objective.window.duration) <= longest_ns:
            return None
        allowed = f"at most {longest_ns / DAY_NS:g} days: {why}"
        return Invalid("window", objective.window.duration, allowed)

    def _longest(self, objective: Objective) -> tuple[int, str]:
        kind, slice_ns = objective.indicator.kind, objective.slice_ns
        sliced = objective.method != "occurrences"
        if kind == "span" and not objective.indicator.rolled:
            return self.raw_ns, "what it counts by is told by spans alone, which are kept so long (--retention-raw)"
        if kind in ("span", "metric") and sliced and slice_ns < HOUR_NS:
            return self.minutes_ns, "such slices are counted by minutes, which are kept so long (--retention-minutes)"
        if kind in ("span", "metric") and sliced and slice_ns < DAY_NS:
            return self.hours_ns, "such slices are counted by hours, which are kept so long (--retention-hours)"
        return self.days_ns, "days and ledger lines are kept so long (--retention-days)"
