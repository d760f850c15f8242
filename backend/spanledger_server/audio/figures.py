"""Figures of audio: counts, measures with their quantiles and coverage, problems, as a whole, by group and over time.

Given a snapshot and a question, reads the spans themselves, each as heavy as the number of spans that it stands for.
Quantiles are exact. Spans that do not say what they stand for count once; how many they are is told.

Never: a value for what was not measured, or a share whose whole is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from spanledger_server import estimates
from spanledger_server.audio.measures import BY_NAME, MEASURES, PLACES, PROBLEMS, Measure
from spanledger_server.audio.question import OF_CLIPS, SQL, Question
from spanledger_server.errors import Invalid
from spanledger_server.estimates import Estimate
from spanledger_server.statistics import periods
from spanledger_server.statistics.periods import Period
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS

MOST_GROUPS: Final = 50
MOST_POINTS: Final = 120
SPAN_DIMENSIONS: Final = ("stage", "service", "name", "format", "source", "feature", "tenant", "user_tier")
_STEPS_NS: Final = (
    *(minutes * MINUTE_NS for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * HOUR_NS for hours in (1, 2, 3, 6)),
)
_ALL: Final = list(PLACES.values())
_LENGTH: Final = "duration_s"
_SPEEDS: Final = ("took_s", "real_time_factor", "speed_factor")


@dataclass(slots=True)
class Cell:
    """The spans of one part and category."""

    counts: Mapping[str, Any] = field(default_factory=dict)
    figures: dict[int, Mapping[str, Any]] = field(default_factory=dict)  # by the measure's place

    def measure(self, measure: Measure) -> dict[str, Any]:
        """How many have a measure, of how many, and its quantiles; null where nobody has it."""
        found = self.figures.get(PLACES[measure.name])
        whole = float(self.counts.get(f"{measure.of}_weight", 0))
        quantiles = {} if found is None else found["quantiles"]
        return {
            "measured": 0 if found is None else found["measured"],
            "of": self.counts.get(measure.of, 0),
            "coverage": None if not whole else (0.0 if found is None else min(1.0, found["weight"] / whole)),
            "mean": None if found is None else found["total"] / found["weight"],
            **{name: quantiles.get(q) for name, q in (("p5", 0.05), ("p50", 0.5), ("p95", 0.95))},
        }

    @property
    def audio_s(self) -> float | None:
        """Seconds of audio; None where no clip told its length."""
        found = self.figures.get(PLACES[_LENGTH])
        return None if found is None else float(found["total"])

    def share(self, part: str, whole: str) -> float | None:
        """One count of another, both by weight."""
        return float(self.counts[part]) / self.counts[whole] if self.counts.get(whole) else None


@dataclass(slots=True)
class Whole:
    """All audio of a window."""

    cell: Cell
    variance: Mapping[str, float]
    kept_s: float
    problems: Mapping[int, Mapping[str, Any]]
    reasons: Sequence[Mapping[str, Any]]

    @property
    def clips(self) -> Estimate:
        """How many clips there were."""
        counts = self.cell.counts
        return estimates.total(counts.get("clips_weight", 0.0), counts.get("clips", 0), self.variance["n"])

    @property
    def minutes(self) -> Estimate | None:
        """How many minutes of audio; None where there are clips and none told its length."""
        seconds = self.cell.audio_s
        if seconds is None:
            return None if self.cell.counts else Estimate(0.0, 0.0, 0.0)
        found = estimates.total(seconds, self.kept_s, self.variance["s"])
        return Estimate(found.value / 60, found.low / 60, found.high / 60)

    @property
    def sampled(self) -> bool:
        """Whether there is a span that stands for more than itself."""
        counts = self.cell.counts
        return bool(counts) and counts["weight"] != counts["spans"]


def whole(reader: Reader, question: Question) -> Whole:
    """All of a window as one."""
    row = reader.row(
        SQL["summary"], **question.bound(), wanted=_ALL, of_clips=OF_CLIPS, apart=False, length=PLACES[_LENGTH]
    )
    assert row is not None  # noqa: S101 - the statement has no FROM
    cell = next(iter(_gathered(row).values()), Cell())
    problems = {each["problem"]: each for each in row["problems"] or ()}
    return Whole(cell, row["variance"], float(row["kept_s"]), problems, row["reasons"] or ())


def problems(now: Whole, before: Whole | None) -> list[dict[str, Any]]:
    """What is wrong with how many, the commonest first; a share is null where nobody could be judged."""
    found = []
    for number, problem in enumerate(PROBLEMS, 1):
        here = now.problems.get(number)
        earlier = None if before is None else before.problems.get(number)
        found.append(
            {
                "problem": problem.name,
                "metric": problem.metric,
                "meaning": problem.meaning,
                "clips": 0 if here is None else here["clips"],
                "judged": 0 if here is None else here["judged"],
                "share": _part(here),
                "previous_share": _part(earlier),
            }
        )
    return sorted(found, key=lambda each: (each["share"] is None, -(each["share"] or 0.0)))


def _part(found: Mapping[str, Any] | None) -> float | None:
    return None if found is None or not found["judged_weight"] else found["weight"] / found["judged_weight"]


def measures(now: Whole, before: Whole | None) -> list[dict[str, Any]]:
    """Every measure, whether anybody has it or not."""
    return [
        each.shown()
        | now.cell.measure(each)
        | {"previous_p50": None if before is None else before.cell.measure(each)["p50"]}
        for each in MEASURES
    ]


def groups(reader: Reader, question: Question, dimension: str, measure: Measure) -> tuple[list[dict[str, Any]], int]:
    """Spans by a dimension, the heaviest first, and how many values there are of it in all."""
    period = periods.whole(question.window)
    wanted = [PLACES[name] for name in {_LENGTH, *_SPEEDS, measure.name}]
    cells, categories = _cells(reader, question, period, wanted, dimension)
    return [{"value": category, **_group(cell, measure)} for (_, category), cell in cells.items()], categories


def _group(cell: Cell, measure: Measure) -> dict[str, Any]:
    return {
        "spans": cell.counts["spans"],
        "count": cell.counts["weight"],
        "uncounted": cell.counts["uncounted"],
        "failed_share": cell.share("failed", "weight"),
        "audio_minutes": None if cell.audio_s is None else cell.audio_s / 60,
        **{name: cell.measure(BY_NAME[name]) for name in _SPEEDS},
        "measure": cell.measure(measure),
    }


def series(reader: Reader, question: Question, zone: ZoneInfo, measure: Measure) -> list[dict[str, Any]]:
    """A measure over time, in parts that begin at round times, in days where the window is long.

    Raises:
        Invalid: The window is longer than a year.
    """
    period = parts(question, zone)
    cells, _ = _cells(reader, question, period, [PLACES[measure.name]], "")
    by_part = {part: cell for (part, _), cell in cells.items()}
    points = []
    for part in period.parts:
        cell = by_part.get(part.number, Cell())
        points.append(
            {
                "from_ns": part.from_ns,
                "to_ns": part.to_ns,
                "complete": part.from_ns >= question.window.from_ns and part.to_ns <= question.window.to_ns,
                "clips": cell.counts.get("clips_weight", 0.0),
                **cell.measure(measure),
            }
        )
    return points


def parts(question: Question, zone: ZoneInfo) -> Period:
    """The window in parts of the first width of which at most `MOST_POINTS` cover it.

    Raises:
        Invalid: It is longer than a year.
    """
    window = question.window
    for step_ns in _STEPS_NS:
        if window.length_ns <= step_ns * MOST_POINTS:
            return periods.stepped("window", window, step_ns, zone)
    if window.length_ns > 366 * DAY_NS:
        raise Invalid("from", f"{window.length_ns / DAY_NS:.0f} days before", "at most 366 days before `to`")
    return periods.in_days("window", window, zone)


def distribution(reader: Reader, question: Question, measure: Measure, before: Question | None) -> list[dict[str, Any]]:
    """How many clips have which value, in this window and in the one before; the outer bars are open."""
    bounds = (None, *measure.edges, None)
    now, earlier = ({} if asked is None else _bins(reader, asked, measure) for asked in (question, before))
    whole_now, whole_before = sum(now.values()), sum(earlier.values())
    return [
        {
            "at_least": low,
            "below": high,
            "share": now.get(number, 0.0) / whole_now if whole_now else None,
            "previous_share": earlier.get(number, 0.0) / whole_before if whole_before else None,
            "count": now.get(number, 0.0),
        }
        for number, (low, high) in enumerate(pairwise(bounds))
    ]


def _bins(reader: Reader, question: Question, measure: Measure) -> dict[int, float]:
    found = reader.rows(
        SQL["distribution"],
        **question.bound(),
        metric=PLACES[measure.name],
        edges=list(measure.edges),
        of_clips=OF_CLIPS,
    )
    return {row["bin"]: row["weight"] for row in found}


def _cells(
    reader: Reader, question: Question, period: Period, wanted: Sequence[int], dimension: str
) -> tuple[dict[tuple[int, str], Cell], int]:
    row = reader.row(
        SQL["cells"],
        **question.bound(),
        p=period.bound(),
        dimension=dimension,
        wanted=sorted(wanted),
        of_clips=OF_CLIPS,
        apart=dimension != "",
        most=MOST_GROUPS,
    )
    assert row is not None  # noqa: S101 - the statement has no FROM
    return _gathered(row), row["categories"] or 0


def _gathered(row: Mapping[str, Any]) -> dict[tuple[int, str], Cell]:
    found = {(each["part"], each["category"]): Cell(each) for each in row["counts"] or ()}
    for each in row["figures"] or ():
        found[each["part"], each["category"]].figures[each["metric"]] = each
    return found
