"""Whether what is estimated from spans agrees with what is known of all calls.

Given a snapshot and a window, lays for each service the billable calls and their cost, estimated from the spans that
were kept, beside the ledger's events, which no sampler touches. A ratio that lies outside of what chance allows (three
standard deviations) means that weights are wrong or that spans were lost.

Never: a verdict without spans, without events, or from spans that do not say how they were sampled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from spanledger_server import estimates
from spanledger_server.estimates import Estimate, Moments
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader

SQL = sqlfile.load(__package__)

State = Literal["ok", "outside", "unknown"]
FEWEST_TRACES: Final = 10  # of which only a share was kept; below this many the interval itself is a guess
MOST_UNCOUNTED: Final = 0.01  # of the calls that were seen
ROUNDING: Final = 1e-9
WINDOWS_NS: Final = (1800 * 10**9, 300 * 10**9, 60 * 10**9)  # the first that is not too much work
MOST_LINES: Final = 300_000
SETTLED_NS: Final = 60 * 10**9
APART_NS: Final = 600 * 10**9  # a call's span and its event end within this time of each other


@dataclass(frozen=True, slots=True)
class Compared:
    """What the ledger knows, and what the spans make of it.

    Attributes:
        known: From the events of all calls.
        estimated: From the spans that were kept.
        ratio: The estimate and its band, divided by what is known; None where nothing is.
    """

    known: float
    estimated: Estimate
    ratio: Estimate | None

    @property
    def agree(self) -> bool:
        """Whether what is known lies within the band."""
        return self.ratio is None or (self.ratio.low <= 1 + ROUNDING and self.ratio.high >= 1 - ROUNDING)


@dataclass(frozen=True, slots=True)
class Check:
    """What the check says of a service."""

    service: str
    state: State
    reason: str
    calls: Compared | None = None
    cost: Compared | None = None


class SelfCheck:
    """The newest verdicts; `tick` brings them up to date."""

    def __init__(self, database: Database) -> None:
        self.checks: list[Check] = []
        self.from_ns: int | None = None
        self.to_ns: int | None = None
        self._database = database

    def tick(self, now_ns: int) -> None:
        """Check the last half hour, less where it holds very much, but for what may still be on its way."""
        to_ns = now_ns - SETTLED_NS
        with self._database.reader() as reader:
            from_ns = _window(reader, to_ns)
            self.checks = checks(reader, from_ns, to_ns)
        self.from_ns, self.to_ns = from_ns, to_ns

    def conditions(self) -> list[dict[str, str]]:
        """What somebody should look at: a service whose spans do not tell what its ledger knows."""
        return [
            {"kind": "sampling_estimate", "level": "warning", "service": check.service, "text": check.reason}
            for check in self.checks
            if check.state == "outside"
        ]


def _window(reader: Reader, to_ns: int) -> int:
    """Where the window begins."""
    for length_ns in WINDOWS_NS:
        if reader.value(SQL["lines_within"], from_ns=to_ns - length_ns, to_ns=to_ns) <= MOST_LINES:
            break
    return to_ns - length_ns


def checks(reader: Reader, from_ns: int, to_ns: int) -> list[Check]:
    """One for each service that reported billable calls in the window [`from_ns`, `to_ns`)."""
    return [_check(row) for row in reader.rows(SQL["sampled_calls"], from_ns=from_ns, to_ns=to_ns, apart_ns=APART_NS)]


def _check(row: Mapping[str, Any]) -> Check:
    service, known = row["service"], row["calls"]
    if not row["seen"]:
        return Check(service, "unknown", f"no span of its {known} billable calls was kept or came")
    if row["uncounted"] > MOST_UNCOUNTED * row["seen"]:
        of = f"{row['uncounted']} of {row['seen']} spans"
        return Check(service, "unknown", f"{of} do not say how they were sampled (no th in their trace state)")
    calls, cost = _compared(row, "calls", known), _compared(row, "cost", row["cost"])
    if 0 < row["sampled_traces"] < FEWEST_TRACES:
        return Check(service, "unknown", f"only {row['sampled_traces']} sampled traces to judge by", calls, cost)
    for name, compared in (("calls", calls), ("cost", cost)):
        if not compared.agree and compared.ratio is not None:
            ratio = compared.ratio
            reason = (
                f"{name}: spans tell {ratio.value:.3f} of the ledger, by chance {ratio.low:.3f} to {ratio.high:.3f}"
            )
            return Check(service, "outside", f"{reason}: spans are lost, or their weights are wrong", calls, cost)
    return Check(service, "ok", "what spans tell agrees with the ledger", calls, cost)


def _compared(row: Mapping[str, Any], name: str, known: float) -> Compared:
    moments = Moments(*(row[f"{name}_{part}"] for part in ("total", "seen", "variance", "third", "freedom")))
    found = moments.interval(estimates.BAND)
    ratio = Estimate(found.value / known, found.low / known, found.high / known) if known > 0 else None
    return Compared(known, found, ratio)
