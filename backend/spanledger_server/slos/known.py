"""What a definition is checked against: for how long everything is kept here, and which metrics were ever sent.

Never: an objective that waits for a misspelled metric, unless it says that the metric comes only later.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from spanledger_server.errors import Invalid
from spanledger_server.slos.keeping import Keeping
from spanledger_server.slos.objective import Indicator, Objective
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

NEIGHBOURS: Final = 20  # in the order of names, that are looked at for one that was meant


@dataclass(frozen=True, slots=True)
class Known:
    """What there is.

    Attributes:
        keeping: How long everything is kept.
        sent: Names of metrics, in order.
    """

    keeping: Keeping
    sent: tuple[str, ...]

    @classmethod
    def of(cls, reader: Reader, keeping: Keeping) -> Known:
        """What a snapshot knows."""
        return cls(keeping, tuple(sorted(name for (name,) in reader.tuples(SQL["sent_metrics"]))))

    def mistakes(self, objective: Objective, *, expected: bool) -> list[Invalid]:
        """What cannot be counted here.

        Args:
            objective: Which.
            expected: Whether its metrics may come only later.
        """
        too_long = self.keeping.too_long(objective)
        found = [] if too_long is None else [too_long]
        return found if expected else [*found, *map(self._unknown, self._never_sent(objective.indicator))]

    def warnings(self, objective: Objective) -> list[str]:
        """What its author should know, though it is taken."""
        missing = self._never_sent(objective.indicator)
        return [f"nothing named {name} has come yet: nobody knows until it does" for _, name in missing]

    def _never_sent(self, indicator: Indicator) -> list[tuple[str, str]]:
        named = {"indicator.metric": indicator.metric, "indicator.good_metric": indicator.good_metric}
        return [(place, name) for place, name in named.items() if name and name not in self._neighbours(name)]

    def _unknown(self, missing: tuple[str, str]) -> Invalid:
        place, name = missing
        near = get_close_matches(name, self._neighbours(name), 3, 0.7)
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        return Invalid(place, name, f"a metric that was sent: {meant}metric_expected: true takes one that comes later")

    def _neighbours(self, name: str) -> tuple[str, ...]:
        at = bisect_left(self.sent, name)
        return self.sent[max(0, at - NEIGHBOURS) : at + NEIGHBOURS]
