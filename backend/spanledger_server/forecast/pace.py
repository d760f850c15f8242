"""How a series of hours goes on: of several simple ways the one that would have done best on its past, and how far off.

Given amounts of whole hours, oldest first, and how many hours are wanted, gives what is expected of each and how wide
the total of them spreads. Every way is tried from origins within the history (rolling origin), on as many hours ahead
as there is room for; the smallest mean absolute error of an hour wins. The spread is the standard deviation of
log(actual / expected) of those totals, held up by a prior as long as there are few.

Never: knows of money, zones or the store, or takes a short history for a sure one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

DAY: Final = 24
WEEK: Final = 7 * DAY
MONTH: Final = 30 * DAY
NONE: Final = "none"  # the method of a series in which nothing was ever spent
ORIGINS: Final = 10
MOST_KEPT: Final = 256
WIDEST: Final = 1.2  # a spread at which P90 is 22 times P10: all that can be said
USUAL: Final = 0.2  # the prior: of the total of a month, from a long history
SOFTENED: Final = 0.05  # of the mean: lets a quiet day have a finite error
Z80: Final = 1.2815515655446004  # an interval of 80 % reaches so many deviations to either side

Way = Callable[[Sequence[float], int], list[float]]


@dataclass(frozen=True, slots=True)
class Backtest:
    """How the chosen way would have done from origins within the history.

    Attributes:
        origins: How many there were.
        hours: How many hours ahead each looked.
        error: Mean of |actual - expected| over the mean of actual, of the totals; None when nothing was spent.
        coverage: The share of the totals that lay within the interval of 80 %.
    """

    origins: int
    hours: int
    error: float | None
    coverage: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What is expected.

    Attributes:
        expected: Of each hour that was asked for.
        spread: Standard deviation of the logarithm of actual total over expected total; None when nothing is known.
        method: Which way was chosen.
        history_hours: How many hours it stands on.
        backtest: None when the history is too short for one.
    """

    expected: tuple[float, ...]
    spread: float | None
    method: str
    history_hours: int
    backtest: Backtest | None


def _mean(amounts: Sequence[float]) -> float:
    return sum(amounts) / len(amounts) if amounts else 0.0


def _flat(past: Sequence[float], hours: int) -> list[float]:
    return [_mean(past)] * hours


def _last_day(past: Sequence[float], hours: int) -> list[float]:
    return _flat(past[-DAY:], hours)


def _repeat(past: Sequence[float], hours: int, season: int) -> list[float]:
    last = past[-season:]
    return [last[hour % season] for hour in range(hours)]


def _profile(past: Sequence[float], hours: int, season: int, most: int) -> list[float]:
    """The mean of the last seasons, at most `most` of them, hour by hour."""
    seasons = min(most, len(past) // season)
    tail = past[len(past) - seasons * season :]
    each = [_mean(tail[hour::season]) for hour in range(season)]
    return [each[hour % season] for hour in range(hours)]


def _weeks_at_level(past: Sequence[float], hours: int) -> list[float]:
    """The hours of the week of the last four weeks, at the level of the last one."""
    usual = _profile(past, WEEK, WEEK, 4)
    level = sum(past[-WEEK:]) / sum(usual) if sum(usual) > 0 else 1.0
    return [usual[hour % WEEK] * level for hour in range(hours)]


def _week_at_days_level(past: Sequence[float], hours: int) -> list[float]:
    """Last week again, half way towards what the last day was against the same day a week before."""
    last, before = sum(past[-DAY:]), sum(past[-WEEK - DAY : -WEEK])
    level = math.sqrt(last / before) if last > 0 and before > 0 else 1.0
    return [amount * level for amount in _repeat(past, hours, WEEK)]


def _day_and_week(past: Sequence[float], hours: int) -> list[float]:
    pairs = zip(_repeat(past, hours, DAY), _repeat(past, hours, WEEK), strict=True)
    return [(day + week) / 2 for day, week in pairs]


WAYS: Final[dict[str, tuple[int, Way]]] = {  # name -> hours of history that it needs, and how
    "mean": (1, _flat),
    "last_day": (DAY, _last_day),
    "same_hour_yesterday": (DAY, lambda past, hours: _repeat(past, hours, DAY)),
    "hours_of_the_day": (2 * DAY, lambda past, hours: _profile(past, hours, DAY, 7)),
    "same_hour_last_week": (WEEK, lambda past, hours: _repeat(past, hours, WEEK)),
    "same_hour_yesterday_and_last_week": (WEEK, _day_and_week),
    "last_week_at_the_last_days_level": (WEEK + DAY, _week_at_days_level),
    "hours_of_the_week": (2 * WEEK, _weeks_at_level),
}


def pace(past: Sequence[float], hours: int) -> Pace:
    """How `past` goes on for `hours`.

    Args:
        past: Amounts of whole hours, none below zero, oldest first.
        hours: How many are wanted, at least one.
    """
    return _pace(tuple(past), hours)


@lru_cache(maxsize=MOST_KEPT)
def _pace(past: tuple[float, ...], hours: int) -> Pace:
    """Kept: whole hours of the past change seldom, and are asked about often."""
    if not any(past):
        return Pace((0.0,) * hours, None, NONE, len(past), None)
    usable = _usable(len(past), hours)
    ahead, origins = _origins(len(past), hours, max(WAYS[name][0] for name in usable))
    tried = {name: _tried(past, WAYS[name][1], origins, ahead) for name in usable}
    chosen = min(usable, key=lambda name: tried[name].hourly_error)
    totals = tried[chosen].totals
    spread = _spread(past, hours, ahead, origins, totals)
    narrow = _spread(past, ahead, ahead, origins, totals)
    expected = tuple(WAYS[chosen][1](past, hours))
    return Pace(expected, spread, chosen, len(past), _backtest(totals, ahead, narrow))


def _usable(length: int, hours: int) -> list[str]:
    """The ways that leave enough of the history to be tried on."""
    room = max(2, min(hours, DAY))
    return [name for name, (least, _) in WAYS.items() if length - least >= room] or ["mean"]


def _origins(length: int, hours: int, least: int) -> tuple[int, list[int]]:
    """How many hours ahead can be tried, and from where: the latest first, overlapping by at least a half."""
    ahead = max(1, min(hours, (length - least) // 2))
    room = length - ahead - least
    if room < 0:
        return ahead, []
    step = max(1, min(max(1, ahead // 2), room // (ORIGINS - 1)))
    return ahead, [origin for place in range(ORIGINS) if (origin := length - ahead - place * step) >= least]


@dataclass(frozen=True, slots=True)
class _Tried:
    hourly_error: float
    totals: tuple[tuple[float, float], ...]  # actual, expected


def _tried(past: Sequence[float], way: Way, origins: Iterable[int], ahead: int) -> _Tried:
    errors, totals = [], []
    for origin in origins:
        actual, expected = past[origin : origin + ahead], way(past[:origin], ahead)
        errors.append(sum(abs(was - said) for was, said in zip(actual, expected, strict=True)))
        totals.append((sum(actual), sum(expected)))
    return _Tried(sum(errors), tuple(totals))


def _spread(
    past: Sequence[float], hours: int, ahead: int, origins: Sequence[int], totals: Sequence[tuple[float, float]]
) -> float:
    """Of the total of `hours`, from errors of totals of `ahead` hours: an error grows with the root of the time.

    A history shorter than a day has not seen a night: it is believed the less, the shorter it is.
    """
    length = len(past)
    prior = USUAL * math.sqrt((1 + WEEK / length) * max(ahead, DAY // 2) / MONTH)
    softening = _mean(past) * ahead * SOFTENED
    errors = [math.log((was + softening) / (said + softening)) for was, said in totals]
    weight = (
        min(len(errors), max(1.0, (length - min(origins)) / ahead)) if origins else 0.0
    )  # those that do not overlap
    seen = _mean([error * error for error in errors])
    variance = (prior * prior + weight * seen) / (1 + weight)
    return min(WIDEST, math.sqrt(variance * max(1.0, hours / ahead) * (1 + DAY / length)))


def _backtest(totals: Sequence[tuple[float, float]], ahead: int, spread: float) -> Backtest | None:
    if not totals:
        return None
    spent = sum(was for was, _ in totals)
    error = sum(abs(was - said) for was, said in totals) / spent if spent > 0 else None
    reach = math.exp(Z80 * spread)
    within = sum(said / reach <= was <= said * reach for was, said in totals)
    return Backtest(len(totals), ahead, error, within / len(totals))
