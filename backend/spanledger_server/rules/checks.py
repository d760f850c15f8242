"""Health checks as rules see them: how each stands at the end of a window, and how long its answers took in it.

Given a snapshot and a window, gives rows by check; the state of the past is that of its recorded changes. A check that
is paused or deleted is none.

Never: a state that nobody has looked at lately, or "healthy" for what nobody knows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.errors import Invalid
from spanledger_server.health import register, standing
from spanledger_server.health.answer import CODES, State
from spanledger_server.health.machine import Change, Standing
from spanledger_server.health.register import Kept
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, MINUTE_NS, Range

SQL = sqlfile.load(__package__)

LABELS: Final = ("check", "kind", "service")
NEVER_NS: Final = 2**62
MOST_ROWS: Final = 500_000  # that a replay goes through


@dataclass(frozen=True, slots=True)
class Seen:
    """A check at the end of a time.

    Attributes:
        check_id: Which.
        state: What is believed then; None: it was not there yet.
        latency_ns: How long its answers took within the time, together.
        timed: How many answers that were.
        certificate_days: How long its certificate is valid, as it was last seen; None where it has none.
    """

    check_id: str
    state: State | None
    latency_ns: int = 0
    timed: int = 0
    certificate_days: float | None = None


@dataclass(frozen=True, slots=True)
class Checks:
    """Some checks together."""

    each: tuple[Seen, ...] = ()
    latency_ns: int = 0
    timed: int = 0

    @property
    def worst(self) -> int | None:
        """The state of the one that does worst, of those of which anything is known."""
        return max((CODES[one.state] for one in self.each if one.state not in (None, "unknown")), default=None)

    @property
    def unknown(self) -> int:
        """How many there are of which nobody knows how they do."""
        return sum(one.state == "unknown" for one in self.each)

    @property
    def latency_ms(self) -> float | None:
        """How long an answer took on average."""
        return self.latency_ns / self.timed / 1e6 if self.timed else None

    @property
    def certificate_days(self) -> float | None:
        """How long the certificate is valid that ends first."""
        return min((one.certificate_days for one in self.each if one.certificate_days is not None), default=None)


def together(rows: Iterable[Mapping[str, Any]]) -> Checks:
    """What some rows tell: each check as it was in its last one, and all answers."""
    newest: dict[str, Seen] = {}
    latency_ns = timed = 0
    for row in sorted(rows, key=lambda row: int(row["bucket"])):
        seen: Seen = row["check"]
        newest[seen.check_id] = seen
        latency_ns, timed = latency_ns + seen.latency_ns, timed + seen.timed
    return Checks(tuple(newest.values()), latency_ns, timed)


def rows(
    reader: Reader, window: Range, minutes: int, wanted: Callable[[Mapping[str, str]], bool], *, timed: bool
) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """Labels and row of each check.

    Args:
        reader: One snapshot.
        window: Its minutes are taken whole; how a check stands is asked of its end.
        minutes: Those of each stretch of so many minutes by themselves; 0: all together.
        wanted: Says by its labels whether a check is asked for.
        timed: Whether it is asked how long answers took.

    Raises:
        Invalid: It is too long a time for so many checks.
    """
    kept = [each for each in register.listed(reader) if each.check.enabled and wanted(_labels(each))]
    first, beyond = window.from_ns // MINUTE_NS, -(-window.to_ns // MINUTE_NS)
    if not kept:
        return []
    times = _times(reader, first, beyond, minutes) if timed else {}
    past = standing.changes(reader, [each.check_id for each in kept], window) if minutes or _past(kept, window) else {}
    stretches = range(first // minutes, -(-beyond // minutes)) if minutes else range(1)
    if len(kept) * len(stretches) > MOST_ROWS:
        raise Invalid(
            "from", window.from_ns, f"a shorter time, or a filter: {len(kept)} checks are a lot to go through"
        )
    found = []
    for each in kept:
        labels, changes = _labels(each), past.get(each.check_id, [])
        for number in stretches:
            at_ns = min(window.to_ns, (number + 1) * minutes * MINUTE_NS) if minutes else window.to_ns
            latency_ns, answers = times.get((each.check_id, number), (0, 0))
            seen = Seen(each.check_id, _state(each, changes, at_ns), latency_ns, answers, _certificate(each, at_ns))
            found.append((labels, {"bucket": number, "check": seen}))
    return found


def _labels(each: Kept) -> dict[str, str]:
    return {"check": each.check.name, "kind": each.check.kind, "service": each.check.service or ""}


def _past(kept: Iterable[Kept], window: Range) -> bool:
    return any(window.to_ns < each.standing.since_ns for each in kept)


def _state(each: Kept, changes: Sequence[Change], at_ns: int) -> State | None:
    """What was believed at a time; None before anything was."""
    if at_ns >= each.standing.since_ns:
        return each.standing.at(at_ns, each.check.patience.silent_ns).state
    place = bisect_right(changes, at_ns, key=lambda change: change.at_ns)
    return changes[place - 1].state if place else None


def _certificate(each: Kept, at_ns: int) -> float | None:
    """Of the latest answer, where that had come."""
    answer, seen_ns = each.standing.answer, each.standing.seen_ns
    days = None if answer is None or (seen_ns or NEVER_NS) > at_ns else answer.told.get("certificate_days")
    return float(days) if isinstance(days, int | float) else None


def _times(reader: Reader, first: int, beyond: int, minutes: int) -> dict[tuple[str, int], tuple[int, int]]:
    """Check and stretch -> how long its answers took together, and how many they were."""
    found = reader.tuples(SQL["check_times"], first=first, beyond=beyond, apart=minutes)
    return {(check_id, number): (int(latency_ns), int(timed)) for check_id, number, latency_ns, timed in found}


def known(reader: Reader, labels: Mapping[str, str], now_ns: int) -> tuple[Standing, float | None] | None:
    """How the check stands that an alert is about, and the share of a day that it was up; None: there is none."""
    mine = next((each for each in register.listed(reader) if each.check.name == labels.get("check")), None)
    if mine is None:
        return None
    day = Range(max(0, now_ns - DAY_NS), now_ns)
    up = standing.times(reader, [mine.check_id], day).get(mine.check_id)
    return mine.standing.at(now_ns, mine.check.patience.silent_ns), None if up is None else up.uptime
