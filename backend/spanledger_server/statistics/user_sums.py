"""Sums by user in arrays: a hundred thousand of them are added to, and ranked, in a few milliseconds.

Given the sums of days by user, which hold as long as these days do, and sums of the lines beside, gives how many users
there are and those who spent most, as exact as the rows.

Never: reads the database, or changes what it was given.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spanledger_server.statistics.spent import COUNTS, TOKENS

TOLD: Final = {"input_tokens": "input_told", "output_tokens": "output_told", "cached_input_tokens": "cached_input_told"}
RANKED: Final = ("calls", "unpriced_calls", "cost_usd")  # sums that say who is first
SUMS: Final = (*COUNTS, "cost_usd", *TOKENS, *TOLD.values())
PLACES: Final = 12  # of a cost, behind the point
MOST_TIED: Final = 4  # times as many as are wanted
NOBODY: Final = 0  # the number of lines without a user

Numbers = NDArray[Any]  # of 64 bits, or of Python's integers where those are too few


@dataclass(slots=True, eq=False, weakref_slot=True)
class Held:
    """The sums of days by user.

    Attributes:
        numbers: The users' numbers, ascending.
        sums: By the names of `SUMS`; costs in 1e-12 USD, what nobody told as 0.
        places: User -> place in the arrays, -1 for one who is not there; of those who were asked for.
        names: Number -> user, of those who were asked for.
    """

    numbers: Numbers
    sums: dict[str, Numbers]
    places: dict[str | None, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        """How much it is, in rows of two kilobytes."""
        return 1 + (self.numbers.nbytes + sum(each.nbytes for each in self.sums.values())) // 2000


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where the users of lines are: in the arrays of days, or beyond them.

    Attributes:
        days: Those.
        places: One for each user.
        beyond: Those who are not in the arrays, of lines before these, too -> their places, ascending.
        end: The first place that nobody has.
    """

    days: weakref.ref[Held]
    places: NDArray[np.int64]
    beyond: dict[str | None, int]
    end: int


@dataclass(slots=True, eq=False)
class Lines:
    """Sums of lines by user.

    Attributes:
        users: Each once.
        sums: By the names of `SUMS`, as those of days.
        placed: Where they were the last time that they were the first beside days.
    """

    users: list[str | None]
    sums: dict[str, Numbers]
    placed: _Placed | None = None

    def __len__(self) -> int:
        """How much it is, in rows of two kilobytes."""
        return 1 + (100 * len(self.users) + sum(each.nbytes for each in self.sums.values())) // 2000


def lines(found: pa.Table) -> Lines:
    """The sums in a table of `user_id` and `SUMS`, each user in one row."""
    return Lines(found["user_id"].to_pylist(), {name: _integers(found[name]) for name in SUMS})


def priced(each: Lines, users: Set[str | None]) -> list[dict[str, Any]]:
    """What some users spent: `user_id`, `cost_usd` and `known_calls`, of calls whose cost is known."""
    rows = [(user, _row(each.sums, place)) for place, user in enumerate(each.users) if user in users]
    return [
        {"user_id": user, "cost_usd": row["cost_usd"], "known_calls": row["calls"] - row["unpriced_calls"]}
        for user, row in rows
    ]


def together(one: Lines, other: Lines) -> Lines:
    """Both, each user once."""
    if not other.users:
        return one
    known = {user: place for place, user in enumerate(one.users)}
    places = np.array([known.setdefault(user, len(known)) for user in other.users], dtype=np.int64)
    return Lines(list(known), {name: _added(one.sums[name], [(other.sums[name], places)], len(known)) for name in SUMS})


def held(found: pa.Table) -> Held:
    """The sums in a table of `user_number` and `SUMS`."""
    numbers = _integers(found["user_number"])
    order = np.argsort(numbers, kind="stable")
    return Held(_narrow(numbers[order]), {name: _narrow(_integers(found[name])[order]) for name in SUMS})


def nothing() -> Held:
    """No days."""
    return _NO_DAYS


_NO_DAYS: Final = Held(np.zeros(0, dtype=np.int32), {name: np.zeros(0, dtype=np.int32) for name in SUMS})


def _narrow(values: Numbers) -> Numbers:
    """The same in half the room, where they fit."""
    fits = values.dtype == np.int64 and (not len(values) or bool((np.abs(values) < 2**31).all()))
    return values.astype(np.int32) if fits else values


def _integers(column: Any) -> Numbers:
    """The values as integers, in the last digit of a decimal's; nulls as 0."""
    if not pa.types.is_decimal(column.type):
        result: Numbers = column.fill_null(0).to_numpy().astype(np.int64)
        return result
    chunks = [_halves(chunk) for chunk in column.chunks if len(chunk)]
    halves = np.concatenate(chunks) if chunks else np.zeros((0, 2), dtype=np.int64)
    low, high = halves[:, 0], halves[:, 1]
    if bool((high == low >> 63).all()):
        return low.copy()
    return np.array([(int(h) << 64) + int(m) for h, m in zip(high, low.view(np.uint64), strict=True)], dtype=object)


def _halves(chunk: Any) -> NDArray[np.int64]:
    """The low and the high half of each 128 bits."""
    data = np.frombuffer(chunk.buffers()[1], dtype=np.int64).reshape(-1, 2)[chunk.offset : chunk.offset + len(chunk)]
    missing = chunk.is_null().to_numpy(zero_copy_only=False)
    return np.where(missing[:, None], 0, data)


def ranked(
    days: Held,
    beside: Sequence[Lines],
    most: int,
    numbers_of: Callable[[Sequence[str]], Mapping[str, int]],
    names_of: Callable[[Sequence[int]], Mapping[int, str]],
) -> list[dict[str, Any]]:
    """The users who spent most: `user_number`, below 0 for one who has none, `user_id`, `users` and `SUMS`.

    Args:
        days: The sums of days by user.
        beside: Those of the lines beside, first what may be remembered.
        most: How many are wanted.
        numbers_of: The numbers of users, as far as they have one.
        names_of: The users of numbers.
    """
    placed: list[_Placed] = []
    for each in beside:
        placed.append(_placed(days, each, placed[-1] if placed else None, numbers_of))
    sums = _Sums(days, list(zip(beside, placed, strict=True)))
    first, users = _first({name: sums.all(name) for name in RANKED}, most)
    chosen = sums.of(first)
    numbers = {place: int(days.numbers[place]) for place in first if place < len(days.numbers)}
    unknown = [number for number in numbers.values() if number != NOBODY and number not in days.names]
    days.names.update(names_of(unknown))
    beyond = list(placed[-1].beyond) if placed else []

    def who(place: int) -> dict[str, Any]:
        if place in numbers:
            return {"user_number": numbers[place], "user_id": days.names.get(numbers[place])}
        return {"user_number": -1 - place, "user_id": beyond[place - len(days.numbers)]}

    rows = [_row(chosen, row) | who(place) for row, place in enumerate(first)]
    rows.sort(key=_order)
    return [row | {"users": users} for row in rows[:most]]


def _placed(
    days: Held, each: Lines, before: _Placed | None, numbers_of: Callable[[Sequence[str]], Mapping[str, int]]
) -> _Placed:
    """Where the users of lines are, beside days and the lines before."""
    if before is None and each.placed is not None and each.placed.days() is days:
        return each.placed
    end = len(days.numbers) if before is None else before.end
    there, beyond = {} if before is None else before.beyond, dict[str | None, int]()
    places = _in_days(days, each.users, numbers_of)
    for row, place in enumerate(places):
        if place < 0:
            user = each.users[row]
            places[row] = there[user] if user in there else beyond.setdefault(user, end + len(beyond))
    found = _Placed(weakref.ref(days), np.array(places, dtype=np.int64), {**there, **beyond}, end + len(beyond))
    if before is None:
        each.placed = found
    return found


def _in_days(
    days: Held, who: Sequence[str | None], numbers_of: Callable[[Sequence[str]], Mapping[str, int]]
) -> list[int]:
    if not len(days.numbers):
        return [-1] * len(who)
    unknown = [user for user in who if user not in days.places]
    if unknown:
        numbers = numbers_of([user for user in unknown if user is not None])
        wanted = np.array([NOBODY if user is None else numbers.get(user, -1) for user in unknown], dtype=np.int64)
        places = np.searchsorted(days.numbers, wanted)
        there = places < len(days.numbers)
        there[there] = days.numbers[places[there]] == wanted[there]
        days.places.update(zip(unknown, np.where(there, places, -1).tolist(), strict=True))
    return [days.places[user] for user in who]


@dataclass(frozen=True, slots=True)
class _Sums:
    """The sums of days and of the lines beside them."""

    days: Held
    beside: Sequence[tuple[Lines, _Placed]]

    def all(self, name: str) -> Numbers:
        """One for each place."""
        end = max((len(self.days.numbers), *(placed.end for _, placed in self.beside)))
        return _added(self.days.sums[name], [(each.sums[name], placed.places) for each, placed in self.beside], end)

    def of(self, places: Sequence[int]) -> dict[str, Numbers]:
        """All of them, of some places."""
        chosen = np.array(places, dtype=np.int64)
        inside = np.flatnonzero(chosen < len(self.days.numbers))
        rows: list[tuple[Lines, NDArray[np.int64], NDArray[np.int64]]] = []
        for each, placed in self.beside:
            within = np.flatnonzero(chosen < placed.end)
            row_of = np.full(placed.end, -1)
            row_of[chosen[within]] = within
            mine = np.flatnonzero(row_of[placed.places] >= 0)
            rows.append((each, mine, row_of[placed.places[mine]]))
        found = {}
        for name, days in self.days.sums.items():
            pieces = [(each.sums[name][mine], at) for each, mine, at in rows]
            found[name] = _added(_NONE, [(days[chosen[inside]], inside), *pieces], len(chosen))
        return found


_NONE: Final[Numbers] = np.zeros(0, dtype=np.int64)


def _added(sums: Numbers, pieces: Sequence[tuple[Numbers, NDArray[np.int64]]], length: int) -> Numbers:
    """Sums with numbers added at places, in each piece once; as Python's integers where 64 bits may be too few."""
    most = _most(sums) + sum(_most(numbers) for numbers, _ in pieces)
    kind = np.dtype(np.int64 if most < 2**63 else object)
    result: Numbers = np.zeros(length, dtype=kind)
    result[: len(sums)] = sums.astype(kind)
    for numbers, places in pieces:
        result[places] += numbers.astype(kind)
    return result


def _most(numbers: Numbers) -> int:
    """No number is further from 0."""
    if not len(numbers):
        return 0
    return 2**31 if numbers.dtype == np.int32 else max(abs(int(numbers.max())), abs(int(numbers.min())))


def _first(sums: Mapping[str, Numbers], most: int) -> tuple[list[int], int]:
    """The places of those who may be among the first `most`, whatever they are called, and how many users there are."""
    called = np.flatnonzero(sums["calls"] > 0)
    known = sums["calls"][called] > sums["unpriced_calls"][called]
    costs = np.where(known, sums["cost_usd"][called], 0)
    if len(called) <= most:
        return called.tolist(), len(called)
    if known.sum() > most:  # some places decide for all others
        least = np.partition(costs[known], -most)[-most]
        leading = np.flatnonzero(known & (costs >= least))
        if len(leading) <= MOST_TIED * most:
            return called[leading].tolist(), len(called)
    calls = sums["calls"][called]
    order = _sorted(known, costs, calls) if costs.dtype.hasobject else np.lexsort((calls, costs, known))
    last = order[-most]
    tied = (known == known[last]) & (costs == costs[last]) & (calls == calls[last])
    chosen = np.union1d(order[-most:], np.flatnonzero(tied))
    return called[chosen].tolist(), len(called)


def _sorted(*keys: Numbers) -> Numbers:
    """The places in ascending order, of keys that are Python's integers."""
    found = list(zip(*keys, strict=True))
    return np.array(sorted(range(len(found)), key=found.__getitem__), dtype=np.int64)


def _row(sums: Mapping[str, Numbers], place: int) -> dict[str, Any]:
    found: dict[str, Any] = {name: int(sums[name][place]) for name in COUNTS}
    known = found["calls"] > found["unpriced_calls"]
    found["cost_usd"] = Decimal(int(sums["cost_usd"][place])).scaleb(-PLACES) if known else None
    return found | {name: int(sums[name][place]) if sums[told][place] > 0 else None for name, told in TOLD.items()}


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The costliest first; among equals the most called, then by name."""
    cost, user = row["cost_usd"], row["user_id"]
    return cost is None, -(cost or 0), -row["calls"], user is None, user or ""
