"""The levels and families of the rollups, as data: widths, what each is made of, and the names of the statements.

Never: a width or a statement's name anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from spanledger_server import measures
from spanledger_server.rollups.dirty import Family, Level
from spanledger_server.timegrid import DAY_NS, Range

DAYS_FROM_NS: Final = 8 * DAY_NS  # a window longer than this is read from days
WIDTH_NS: Final[dict[Level, int]] = {"1m": 60 * 10**9, "1h": 3_600 * 10**9, "1d": 86_400 * 10**9}
FINER: Final[dict[Level, Level | None]] = {"1m": None, "1h": "1m", "1d": "1h"}
COARSER: Final[dict[Level, Level | None]] = {"1m": "1h", "1h": "1d", "1d": None}
LEVELS: Final[tuple[Level, ...]] = ("1m", "1h", "1d")

# How many buckets one transaction recomputes at most: more are quicker, since most of its cost is its statements, and
# take more memory. The writer does not wait.
TOGETHER: Final[dict[Level, int]] = {"1m": 60, "1h": 4, "1d": 1}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a family is made.

    Attributes:
        family: Its name; its tables are ``{family}_{level}``.
        raw: The table its finest level is made of.
        from_raw: Statement that computes buckets of any width from the raw table.
        from_finer: Statement that computes buckets from the slice of the next finer level.
        slices: Finer level -> statement that takes the slice.
        clear: Level -> statement that deletes buckets; the levels that it has no statement for do not exist.
        fill: Level -> statement that inserts the computed ones.
        bound: Further parameters of `from_raw`.
        before_ns: From how long before a bucket raw rows are needed too.
        noted: Statement that notes what recomputed minutes hold, of rows that are numbered by commit.
    """

    family: Family
    raw: str
    from_raw: str
    from_finer: str
    slices: dict[Level, str]
    clear: dict[Level, str]
    fill: dict[Level, str]
    bound: Mapping[str, Any] = field(default_factory=dict)
    before_ns: int = 0
    noted: str | None = None


COST: Final = Recipe(
    family="cost",
    raw="ledger",
    from_raw="cost_from_ledger",
    from_finer="cost_from_finer",
    slices={"1m": "slice_cost_1m", "1h": "slice_cost_1h"},
    clear={"1m": "clear_cost_1m", "1h": "clear_cost_1h", "1d": "clear_cost_1d"},
    fill={"1m": "fill_cost_1m", "1h": "fill_cost_1h", "1d": "fill_cost_1d"},
    noted="log_recomputed_costs",
)
SPAN: Final = Recipe(
    family="span",
    raw="spans",
    from_raw="span_from_spans",
    from_finer="span_from_finer",
    slices={"1m": "slice_span_1m", "1h": "slice_span_1h"},
    clear={"1m": "clear_span_1m", "1h": "clear_span_1h", "1d": "clear_span_1d"},
    fill={"1m": "fill_span_1m", "1h": "fill_span_1h", "1d": "fill_span_1d"},
    noted="log_recomputed_spans",
)
METRIC: Final = Recipe(
    family="metric",
    raw="metric_points",
    from_raw="metric_from_points",
    from_finer="metric_from_finer",
    slices={"1m": "slice_metric_1m", "1h": "slice_metric_1h"},
    clear={"1m": "clear_metric_1m", "1h": "clear_metric_1h", "1d": "clear_metric_1d"},
    fill={"1m": "fill_metric_1m", "1h": "fill_metric_1h", "1d": "fill_metric_1d"},
)
TOLD: Final = Recipe(
    family="told",
    raw="logs",
    from_raw="told_from_logs",
    from_finer="told_from_finer",
    slices={"1m": "slice_told_1m", "1h": "slice_told_1h"},
    clear={"1m": "clear_told_1m", "1h": "clear_told_1h", "1d": "clear_told_1d"},
    fill={"1m": "fill_told_1m", "1h": "fill_told_1h", "1d": "fill_told_1d"},
)
AUDIO: Final = Recipe(
    family="audio",
    raw="audio_spans",
    from_raw="audio_from_spans",
    from_finer="audio_from_finer",
    slices={"1h": "slice_audio_1h"},
    clear={"1h": "clear_audio_1h", "1d": "clear_audio_1d"},
    fill={"1h": "fill_audio_1h", "1d": "fill_audio_1d"},
    bound=measures.counted_by(tuple(measures.PLACES.values())),
    before_ns=WIDTH_NS["1h"],
)
RECIPES: Final = (COST, SPAN, METRIC, TOLD, AUDIO)


def runs(buckets: Iterable[int], most: int) -> list[list[int]]:
    """The buckets in runs of neighbours, none longer than `most`."""
    found: list[list[int]] = []
    for bucket in sorted(buckets):
        if found and bucket == found[-1][-1] + 1 and len(found[-1]) < most:
            found[-1].append(bucket)
        else:
            found.append([bucket])
    return found


def days_read(window: Range, hours_kept_ns: int, *, wanted: bool) -> range:
    """Whole days within the window, where that is long; where hours are deleted, every day that has a part in it.

    Args:
        window: Nanoseconds UTC.
        hours_kept_ns: Since when all hours are kept.
        wanted: Whether days may be read where hours are kept.
    """
    first, end = -(-window.from_ns // DAY_NS), window.to_ns // DAY_NS
    if not wanted or window.length_ns <= DAYS_FROM_NS or end <= first:
        first = end = window.from_ns // DAY_NS
    if window.from_ns < hours_kept_ns:
        first = window.from_ns // DAY_NS
        end = max(end, -(-min(hours_kept_ns, window.to_ns) // DAY_NS))
    return range(first, end)
