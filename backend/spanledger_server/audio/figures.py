"""Figures of audio: counts, measures with their quantiles and coverage, problems, as a whole, by group and over time.

Given a snapshot and a question, reads rollups where they know all that is asked, and spans where they do not or wait;
each span is as heavy as the number of spans that it stands for. Quantiles lie in the right bucket of `spread`. Spans
that do not say what they stand for count once; how many they are is told.

Never: a value for what was not measured, or a share whose whole is unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from spanledger_server import estimates, measures
from spanledger_server.audio import sources
from spanledger_server.audio.question import OF_CLIPS, Question
from spanledger_server.audio.sources import EVERY_ROW, SQL
from spanledger_server.audio.spread import Spread
from spanledger_server.errors import Invalid
from spanledger_server.estimates import Estimate
from spanledger_server.measures import BY_NAME, MEASURES, PLACES, PROBLEMS, Measure
from spanledger_server.statistics import periods
from spanledger_server.statistics.periods import Period
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS

MOST_GROUPS: Final = 50
MOST_POINTS: Final = 120
SPAN_DIMENSIONS: Final = ("stage", "service", "name", "format", "source", "feature", "tenant", "user_tier")
_STEPS_NS: Final = (
    *(minutes * MINUTE_NS for minutes in (1, 2, 5, 15, 30)),
    *(hours * HOUR_NS for hours in (1, 2, 3, 6)),
)
_ALL: Final = tuple(PLACES.values())
_LENGTH: Final = "duration_s"
_SPEEDS: Final = ("took_s", "real_time_factor", "speed_factor")
NO_CELLS: Final = dict.fromkeys(("counts", "measured"))

NOTHING: Final = Spread((), {})


@dataclass(slots=True)
class Cell:
    """The spans of one part and category."""

    counts: Mapping[str, Any] = field(default_factory=dict)
    figures: dict[int, Mapping[str, Any]] = field(default_factory=dict)  # by the measure's place

    def measure(self, measure: Measure) -> dict[str, Any]:
        """How many have a measure, of how many, and its quantiles; null where nobody has it."""
        found = self.figures.get(PLACES[measure.name])
        whole = float(self.counts.get(f"{measure.of}_weight", 0))
        spread = self.spread(measure)
        return {
            "measured": 0 if found is None else found["measured"],
            "of": self.counts.get(measure.of, 0),
            "coverage": None if not whole else (0.0 if found is None else min(1.0, found["weight"] / whole)),
            "mean": None if found is None else found["total"] / found["weight"],
            **{name: spread.quantile(q) for name, q in (("p5", 0.05), ("p50", 0.5), ("p95", 0.95))},
        }

    def spread(self, measure: Measure) -> Spread:
        """How its values are spread."""
        found = self.figures.get(PLACES[measure.name])
        return NOTHING if found is None else Spread.of(found)

    @property
    def audio_s(self) -> float | None:
        """Seconds of audio; None where no clip told its length."""
        found = self.figures.get(PLACES[_LENGTH])
        return None if found is None else float(found["total"])

    def share(self, part: str, whole: str) -> float | None:
        """One count of another, both by weight."""
        return float(self.counts[part]) / self.counts[whole] if self.counts.get(whole) else None


@dataclass(frozen=True, slots=True)
class Whole:
    """All audio of a window, and by what it was asked for."""

    cell: Cell
    variance: Mapping[int, float]
    reasons: Sequence[Mapping[str, Any]]
    by: Mapping[str, Cell]
    categories: int

    @property
    def clips(self) -> Estimate:
        """How many clips there were."""
        counts = self.cell.counts
        return estimates.total(counts.get("clips_weight", 0.0), counts.get("clips", 0), self.variance.get(0, 0.0))

    @property
    def minutes(self) -> Estimate | None:
        """How many minutes of audio; None where there are clips and none told its length."""
        seconds = self.cell.audio_s
        if seconds is None:
            return None if self.cell.counts else Estimate(0.0, 0.0, 0.0)
        place = PLACES[_LENGTH]
        found = estimates.total(seconds, self.cell.figures[place]["kept"], self.variance.get(place, 0.0))
        return Estimate(found.value / 60, found.low / 60, found.high / 60)

    @property
    def sampled(self) -> bool:
        """Whether there is a span that stands for more than itself."""
        counts = self.cell.counts
        return bool(counts) and counts["weight"] != counts["spans"]


EMPTY: Final = Whole(Cell(), {}, (), {}, 0)


def whole(
    reader: Reader,
    question: Question,
    dimension: str = "",
    only: Measure | None = None,
    grouped: Measure | None = None,
    *,
    told: bool = True,
) -> Whole:
    """All of a window as one, and by a dimension.

    Args:
        reader: One snapshot.
        question: What.
        dimension: One of `SPAN_DIMENSIONS`; empty: none.
        only: The one measure that is wanted; None: all.
        grouped: Which measure groups have beside their length and speeds; None: all.
        told: Whether to tell how sure counts are, and why there is no measure.
    """
    wanted = _ALL if only is None else (PLACES[only.name],)
    of_groups = _ALL if grouped is None else tuple(PLACES[name] for name in {_LENGTH, *_SPEEDS, grouped.name})
    row = _read(reader, question, periods.whole(question.window), wanted, dimension, of_groups, told=told)
    cells = _gathered(row)
    return Whole(
        cells.get((0, 0, ""), Cell()),
        {each["metric"]: each["variance"] for each in row.get("variances") or ()},
        row.get("reasons") or (),
        {category: cell for (view, _, category), cell in cells.items() if view == 1},
        row.get("categories") or 0,
    )


def problems(now: Whole, before: Whole | None) -> list[dict[str, Any]]:
    """What is wrong with how many, the commonest first; a share is null where nobody could be judged."""
    found = []
    for problem in PROBLEMS:
        here, earlier = (
            None if each is None else each.cell.figures.get(PLACES[problem.metric]) for each in (now, before)
        )
        found.append(
            {
                "problem": problem.name,
                "metric": problem.metric,
                "meaning": problem.meaning,
                "clips": 0 if here is None else here["beyond"],
                "judged": 0 if here is None else here["measured"],
                "share": _part(here),
                "previous_share": _part(earlier),
            }
        )
    return sorted(found, key=lambda each: (each["share"] is None, -(each["share"] or 0.0)))


def _part(found: Mapping[str, Any] | None) -> float | None:
    return None if found is None or not found["weight"] else found["beyond_weight"] / found["weight"]


def shown(now: Whole, before: Whole | None) -> list[dict[str, Any]]:
    """Every measure, whether anybody has it or not."""
    return [
        each.shown()
        | now.cell.measure(each)
        | {"previous_p50": None if before is None else before.cell.measure(each)["p50"]}
        for each in MEASURES
    ]


def groups(now: Whole, measure: Measure) -> list[dict[str, Any]]:
    """Spans by the dimension that was asked for, the heaviest first."""
    return [{"value": category, **_group(cell, measure)} for category, cell in now.by.items()]


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
    period = _parts(question, zone, sources.kept(reader).rows_ns)
    cells = _gathered(_read(reader, question, period, (PLACES[measure.name],)))
    points = []
    for part in period.parts:
        cell = cells.get((0, part.number, ""), Cell())
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


def _parts(question: Question, zone: ZoneInfo, rows_kept_ns: int) -> Period:
    """The window in parts of the first width of which at most `MOST_POINTS` cover it; rollups know but quarters."""
    window = question.window
    finest_ns = sources.QUARTER_NS if window.from_ns < rows_kept_ns else 0
    for step_ns in _STEPS_NS:
        if window.length_ns <= step_ns * MOST_POINTS and step_ns >= finest_ns:
            return periods.stepped("window", window, step_ns, zone)
    if window.length_ns > 366 * DAY_NS:
        raise Invalid("from", f"{window.length_ns / DAY_NS:.0f} days before", "at most 366 days before `to`")
    return periods.in_days("window", window, zone)


def distribution(now: Whole, before: Whole | None, measure: Measure) -> list[dict[str, Any]]:
    """How many clips have which value, in this window and in the one before; the outer bars are open."""
    bounds = (None, *measure.edges, None)
    bars, earlier = ({} if each is None else each.cell.spread(measure).bars for each in (now, before))
    whole_now, whole_before = sum(bars.values()), sum(earlier.values())
    return [
        {
            "at_least": low,
            "below": high,
            "share": bars.get(number, 0.0) / whole_now if whole_now else None,
            "previous_share": earlier.get(number, 0.0) / whole_before if whole_before else None,
            "count": bars.get(number, 0.0),
        }
        for number, (low, high) in enumerate(pairwise(bounds))
    ]


def _read(
    reader: Reader,
    question: Question,
    period: Period,
    wanted: Sequence[int],
    dimension: str = "",
    grouped: Collection[int] = (),
    *,
    told: bool = False,
) -> Mapping[str, Any]:
    """The statement that reads them all; nothing where there is no audio.

    Args:
        reader: One snapshot.
        question: What.
        period: In which parts.
        wanted: Places of the measures.
        dimension: By what groups are; empty: no groups.
        grouped: Places of the measures that groups have.
        told: Whether to tell variances and reasons.
    """
    if not sources.anything(reader, question.window):
        return NO_CELLS
    rolled = question.rolled and period.width_ns >= sources.QUARTER_NS
    found = sources.of(reader, question.window, by_day=period.coarsest == "day") if rolled else EVERY_ROW
    bound = {
        **question.bound(found),
        **found.buckets(),
        **measures.counted_by(wanted),
        "p": period.bound(),
        "read": [0, *wanted],
        "dimension": dimension,
        "by": bool(dimension),
        "grouped": [0, *grouped],
        "told": told,
        "of_clips": OF_CLIPS,
        "least_clip": question.least_clip,
        "most": MOST_GROUPS,
    }
    sql, parameters = sqlfile.lean(SQL["figures"], bound)
    row = reader.row(sql, **parameters)
    assert row is not None  # noqa: S101 - the statement has no FROM
    return row


def _gathered(row: Mapping[str, Any]) -> dict[tuple[int, int, str], Cell]:
    """By view, part and category."""
    found = {(each["view"], each["part"], each["category"]): Cell(each) for each in row["counts"] or ()}
    for each in row["measured"] or ():
        found[each["view"], each["part"], each["category"]].figures[each["metric"]] = each
    return found
