"""Figures over time, by level: minutes, hours, days, weeks and months, of the ledger, its caches and rate limits.

Given a snapshot, a window, a level and filters, gives one entry a bucket with every figure. Days, weeks (ISO, from
Monday) and months are those of a zone; a bucket at an edge of the window holds what lies within the window.

Never: a bucket left out because nothing happened in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

from spanledger_server.errors import Invalid
from spanledger_server.lasting import Lasting
from spanledger_server.rollups import stretches
from spanledger_server.statistics import calls, periods, remembered, told
from spanledger_server.statistics.periods import Period
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range
from spanledger_server.traces.filters import Conditions

Level = Literal["1min", "1hour", "1day", "1week", "1month"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
USUAL_NS: Final[dict[Level, int]] = {
    "1min": HOUR_NS,
    "1hour": DAY_NS,
    "1day": 30 * DAY_NS,
    "1week": 182 * DAY_NS,
    "1month": 365 * DAY_NS,
}
MOST_BUCKETS: Final = 2000
MOST_DAYS: Final = 366
MOST_CATEGORIES: Final = 20  # by calls; the rest is one
OTHER: Final = "other"
_Buckets = Mapping[Any, Mapping[str, Lasting]]  # category -> name of a bucket -> it
SHARED: Final = ("service", "provider", "feature", "tenant", "user_tier")  # keys that tracking calls know too


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a level, what to read it by, and the name of the bucket of each part."""

    level: Level
    period: Period
    bucket_of: Mapping[int, str]

    def name(self, part: int) -> str:
        """The bucket of a part; the first one where rollups are kept that are wider than it."""
        return self.bucket_of.get(part) or next(iter(self.bucket_of.values()))


def question(level: Level, window: Range, zone: ZoneInfo) -> Question:
    """`window` cut into buckets of `level`.

    Raises:
        Invalid: There would be too many.
    """
    if level in ("1min", "1hour"):
        step_ns = MINUTE_NS if level == "1min" else HOUR_NS
        if window.length_ns > MOST_BUCKETS * step_ns:
            raise Invalid("from", periods.rfc3339(window.from_ns), f"at most {MOST_BUCKETS} buckets of {level}")
        period = periods.stepped(level, window, step_ns, zone)
    else:
        if window.length_ns > MOST_DAYS * DAY_NS:
            raise Invalid("from", periods.rfc3339(window.from_ns), f"at most {MOST_DAYS} days before the end")
        period = periods.in_days(level, window, zone)
    name = _NAMES.get(level)
    buckets = {part.number: part.name if name is None else name(part.name) for part in period.parts}
    return Question(level, period, buckets)


def _week(day: str) -> str:
    found = date.fromisoformat(day)
    return (found - timedelta(days=found.weekday())).isoformat()


_NAMES: Final[dict[Level, Callable[[str], str]]] = {"1week": _week, "1month": lambda day: f"{day[:7]}-01"}


def series(reader: Reader, asked: Question, conditions: Conditions, dimension: str = "") -> list[dict[str, Any]]:
    """One list of buckets for each category, the most called first; one list, of category None, without a dimension."""
    order, pieces = _remembered(reader, asked, conditions, dimension) or _read(reader, asked, conditions, dimension)
    beside = {} if dimension else _told(reader, asked, conditions)
    names = list(dict.fromkeys(asked.bucket_of.values()))
    nothing = calls.Calls().shown()
    empty = {name: Lasting({"bucket": name, **nothing}) for name in names}

    def buckets(category: Any) -> list[dict[str, Any]]:
        found = dict(empty)
        for piece in pieces:
            found.update(piece.get(category, {}))
        return [{**found[name], **beside[name]} for name in names] if beside else [*found.values()]

    return [{"category": each, "buckets": buckets(each)} for each in order or [None]]


def _read(reader: Reader, asked: Question, conditions: Conditions, dimension: str) -> tuple[list[Any], list[_Buckets]]:
    """Categories, the most called first, and the buckets of each; those beyond the most as one."""
    found = calls.cells(reader, asked.period, conditions, dimension)
    order = _ordered(_counted(found))
    shown = order[:MOST_CATEGORIES] if len(order) > MOST_CATEGORIES else None
    return (order if shown is None else [*shown, OTHER]), [_buckets(found, asked, shown).each]


def _remembered(
    reader: Reader, asked: Question, conditions: Conditions, dimension: str
) -> tuple[list[Any], list[_Buckets]] | None:
    """The same, of which buckets that are long gone are read once; None where it must be read whole."""
    parted = remembered.parted(asked.period, asked.name)
    if parted is None or not calls.rolled(conditions, dimension):
        return None
    gone = parted.gone
    if not all(stretches.told_apart(reader, "cost", edge_ns) for edge_ns in (gone.from_ns, gone.to_ns)):
        return None

    def read(period: Period) -> calls.Cells:
        return calls.cells(reader, period, conditions, dimension)

    question = ("series", asked.level, dimension, repr((sorted(conditions.bound().items()), gone.bound(), gone.window)))
    bounds: dict[str, Any] = {"family": "cost", "window": gone.window, "unless": remembered.MINUTES}

    def read_gone() -> calls.Cells:
        return reader.once(question, lambda: read(gone))

    counts = remembered.rows(reader, (*question, "counts"), read=lambda: _counted(read_gone()), **bounds)
    if counts is None:
        return None
    others = [read(period) for period in parted.others]
    order = _ordered([*counts, *(each for found in others for each in _counted(found))])
    shown = order[:MOST_CATEGORIES] if len(order) > MOST_CATEGORIES else None
    mine = None if shown is None else [category for category, _ in counts if category in shown]
    which = None if mine is None or len(mine) == len(counts) else repr(sorted(mine, key=str))  # as the rest is one
    before = remembered.rows(reader, (*question, which), read=lambda: _buckets(read_gone(), asked, mine), **bounds)
    if before is None:
        return None
    late = [_buckets(cells, asked, shown).each for cells in others]
    return (order if shown is None else [*shown, OTHER]), [before.each, *late]


def _counted(found: calls.Cells) -> list[tuple[Any, int]]:
    """How many calls each category has."""
    called: Counter[Any] = Counter()
    for cell in found.rows:
        called[cell["category"]] += int(cell["calls"])
    return list(called.items())


@dataclass(frozen=True, slots=True)
class _Held:
    """Buckets, and how many there are."""

    each: _Buckets
    number: int

    def __len__(self) -> int:
        return self.number


def _buckets(found: calls.Cells, asked: Question, shown: Sequence[Any] | None) -> _Held:
    """The buckets of each category, those that are not shown as one; None: all are."""
    chosen = None if shown is None else frozenset(shown)

    def key(cell: Mapping[str, Any]) -> tuple[Any, str]:
        named = chosen is None or cell["category"] in chosen
        return cell["category"] if named else OTHER, asked.name(cell["part"])

    grouped = calls.grouped(found, key)
    each: defaultdict[Any, dict[str, Lasting]] = defaultdict(dict)
    for (category, name), figures in grouped.items():
        each[category][name] = Lasting({"bucket": name, **figures.shown()})
    return _Held(dict(each), len(grouped))


def _ordered(counted: Iterable[tuple[Any, int]]) -> list[Any]:
    """Categories, the most called first."""
    called: Counter[Any] = Counter()
    for category, number in counted:
        called[category] += number
    return sorted(called, key=lambda category: (-called[category], str(category)))


def summary(reader: Reader, window: Range, conditions: Conditions) -> dict[str, Any]:
    """All of a window as one."""
    period = periods.whole(window)
    found = calls.whole(reader, window, conditions).shown()
    cache, limits = told.Cache(), told.RateLimit()
    if set(SHARED).issuperset(conditions.asked()):
        for cell in told.cells(reader, period, ("cache", "rate_limit"), _shared(conditions)):
            (cache if cell["event"] == "cache" else limits).add(cell)
        return found | _figures(cache, limits)
    return found | dict.fromkeys(_figures(cache, limits))


def _told(reader: Reader, asked: Question, conditions: Conditions) -> dict[str, dict[str, Any]]:
    """What caches and rate limits did, by bucket; None where a filter is none of theirs."""
    names = list(dict.fromkeys(asked.bucket_of.values()))
    nothing = _figures(told.Cache(), told.RateLimit())
    if not set(SHARED).issuperset(conditions.asked()):
        return dict.fromkeys(names, dict.fromkeys(nothing))
    found: defaultdict[str, tuple[told.Cache, told.RateLimit]] = defaultdict(lambda: (told.Cache(), told.RateLimit()))
    for cell in told.cells(reader, asked.period, ("cache", "rate_limit"), _shared(conditions)):
        found[asked.name(cell["part"])][cell["event"] == "rate_limit"].add(cell)
    return {name: _figures(*found[name]) if name in found else nothing for name in names}


def _shared(conditions: Conditions) -> dict[str, Any]:
    bound = conditions.bound()
    return {key: bound[key] for name in SHARED for key in (name, f"not_{name}")}


def _figures(cache: told.Cache, limits: told.RateLimit) -> dict[str, Any]:
    asked, decided = cache.shown(), limits.shown()
    return {
        "cache_hits": asked["hits"],
        "cache_misses": asked["misses"],
        "cache_hit_rate": asked["hit_rate"],
        "cache_saved_cost": asked["saved_cost"],
        "cache_saved_tokens": asked["saved_tokens"],
        "rate_limit_denied": decided["denied"],
        "rate_limit_denial_rate": decided["denial_rate"],
    }
