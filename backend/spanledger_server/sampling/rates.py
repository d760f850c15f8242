"""How often operations begin traces, from those that were kept.

Given a snapshot and the time, weighs the roots of the last ten minutes by their thresholds, whoever set them. The long
window gives a steady rate; when the last minute differs from it by more than chance allows, the last minute counts. In
the first minute of anything, what came is divided by the time since it began to come.

Never: a rate from spans that do not say how they were sampled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.sampling.allocation import Arrivals
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

SECOND_NS: Final = 10**9
LONG_NS: Final = 600 * SECOND_NS  # an operation lives as long as it was seen within this
LATELY_NS: Final = 60 * SECOND_NS
LEAST_NS: Final = 5 * SECOND_NS  # nothing is divided by less, however short a time ago the first span came
SETTLED_NS: Final = 5 * SECOND_NS  # what ended since may still be on its way
APART_NS: Final = 60 * SECOND_NS  # spans of a trace end within this before its root
BY_CHANCE: Final = 4.0  # standard deviations


@dataclass(frozen=True, slots=True)
class Seen:
    """What arrived lately.

    Attributes:
        operations: By service and operation.
        kept_per_s: How many of each operation's traces were kept, lately.
        new_per_s: Traces a second of operations that were first seen lately.
        spans_per_s: Spans stored, lately.
        counted_per_s: Those of them that say how they were sampled.
    """

    operations: dict[tuple[str, str], Arrivals]
    kept_per_s: dict[tuple[str, str], float]
    new_per_s: float
    spans_per_s: float
    counted_per_s: float

    @property
    def uncounted_share(self) -> float | None:
        """Of the spans stored lately; None when there are none."""
        return 1 - self.counted_per_s / self.spans_per_s if self.spans_per_s else None


def seen(reader: Reader, now_ns: int) -> Seen:
    """What arrived in the ten minutes before `now_ns`."""
    to_ns = now_ns - SETTLED_NS
    lately_ns, from_ns = to_ns - LATELY_NS, to_ns - LONG_NS
    rows = reader.rows(SQL["arrivals"], from_ns=from_ns, lately_ns=lately_ns, to_ns=to_ns)
    sizes = reader.rows(SQL["spans_of_roots"], from_ns=lately_ns, to_ns=to_ns, apart_ns=APART_NS)
    spans_per_trace = {(row["service"], row["operation"]): row["spans"] / row["traces"] for row in sizes}
    stored = reader.row(SQL["kept_spans"], from_ns=lately_ns, to_ns=to_ns) or {"spans": 0, "counted": 0}
    usual = _mean(spans_per_trace.values())
    begun_ns = min((row["first_ns"] for row in rows), default=to_ns)
    lately_s = min(LATELY_NS, max(LEAST_NS, to_ns - begun_ns)) / SECOND_NS
    operations, kept, new = {}, {}, 0.0
    for row in rows:
        key = (row["service"], row["operation"])
        operations[key] = Arrivals(_rate(row, to_ns, lately_s), spans_per_trace.get(key, usual))
        kept[key] = row["lately_kept"] / lately_s
        new += row["lately"] / lately_s if row["first_ns"] >= lately_ns else 0
    return Seen(operations, kept, new, stored["spans"] / lately_s, stored["counted"] / lately_s)


def _rate(row: Mapping[str, Any], to_ns: int, lately_s: float) -> float:
    """Traces a second of an operation; `lately_s` is the length of the last part, in which something had begun."""
    long_s = max((to_ns - row["first_ns"]) / SECOND_NS, lately_s)
    steady, now = row["traces"] / long_s, row["lately"] / lately_s
    deviation = math.sqrt(steady * (row["squares"] / row["traces"]) / lately_s)
    return float(now if abs(now - steady) > BY_CHANCE * deviation else steady)


def _mean(values: Any) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 1.0
