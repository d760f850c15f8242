"""What is different about some traces: which values they have more often, or less, than the rest.

Given a window, what the traces are and which of them are chosen, counts each value inside and outside of the choice
and tells those whose shares are farther apart than chance would put them.

Never: a difference told that so few traces would show by chance, or a count that is not exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from spanledger_server.errors import Invalid
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.traces import filters, search
from spanledger_server.traces.filters import Conditions, Subject

SQL = sqlfile.load(__package__)

CHOICE: Final = Subject(("status",), {"status": filters.STATUSES}, {"duration": Decimal(1), "cost": Decimal("1e-12")})
KINDS: Final = ("duration", "cost")
MOST_ROWS: Final = 500_000  # spans and lines looked at in one question
FEWEST: Final = 5  # traces with a value, below which nothing could be said of it
MOST_TRIED: Final = 200  # values whose difference is judged
LEVEL: Final = 0.01  # how often chance alone may make any one of all differences that are told


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of the traces are inside.

    Attributes:
        conditions: On status, duration and cost.
        from_ns: Not those that began before; None where it does not matter.
        to_ns: Only those that began before; None where it does not matter.
        ranks: Of duration or cost: above which quantile of all, 0 to 1.
    """

    conditions: Conditions
    from_ns: int | None = None
    to_ns: int | None = None
    ranks: Mapping[str, float] = field(default_factory=dict)

    def bound(self) -> dict[str, Any]:
        """The named parameters of the statement."""
        asked = {f"chosen_{name}": value for name, value in self.conditions.bound().items()}
        ranks = {f"{kind}_rank": self.ranks.get(kind) for kind in KINDS}
        return asked | ranks | {"chosen_from": self.from_ns, "chosen_to": self.to_ns}


@dataclass(frozen=True, slots=True)
class Part:
    """One of the two parts: kept traces, the sum of their weights, and of the squares of these."""

    traces: int
    weight: float
    squares: float

    @property
    def worth(self) -> float:
        """How many traces of equal weight would tell as much (Kish, 1965)."""
        return self.weight**2 / self.squares if self.squares else 0.0


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a key: in how many kept traces of either part, and in which shares of them by weight.

    `chance` is how likely shares so far apart are where nothing is different.
    """

    key: str
    value: str
    inside: int
    outside: int
    inside_share: float
    outside_share: float
    chance: float


@dataclass(frozen=True, slots=True)
class Found:
    """What is different.

    Attributes:
        inside: The chosen traces.
        outside: The rest.
        values: What differs, the farthest apart first.
        compared: How many values were counted.
        bounds: Above which duration (ns) and cost (USD) the ranks of the choice lie.
        lengths: (quarter of a decade of nanoseconds, traces, of which inside).
        searched: The part of the window that was affordable.
    """

    inside: Part
    outside: Part
    values: list[Value]
    compared: int
    bounds: Mapping[str, Any]
    lengths: list[tuple[int, int, int]]
    searched: tuple[int, int]


def choice(texts: Sequence[str], from_ns: int | None, to_ns: int | None) -> Choice:
    """What `texts` choose: filters of status, duration and cost, or ``duration>p90``, the longest tenth.

    Raises:
        Invalid: One is none of these, or nothing is chosen at all.
    """
    ranks, plain = {}, []
    for text in texts:
        kind, _, rank = text.partition(">p")
        if kind in KINDS and rank.isascii() and rank.isdigit() and 0 < float(rank) < 100:
            ranks[kind] = float(rank) / 100
        else:
            plain.append(text)
    conditions = filters.parse(plain, CHOICE, "in")
    if not texts and from_ns is None and to_ns is None:
        raise Invalid(
            "in", None, "what is chosen, such as status:error, duration>2s, duration>p90, or in_from and in_to"
        )
    return Choice(conditions, from_ns, to_ns, ranks)


def find(reader: Reader, from_ns: int, to_ns: int, conditions: Conditions, chosen: Choice, most: int) -> Found:
    """What is different about the chosen ones of the traces of [`from_ns`, `to_ns`) that meet `conditions`.

    Args:
        reader: One snapshot.
        from_ns: Beginning of the window.
        to_ns: Its end, not part of it.
        conditions: What all the traces are.
        chosen: Which of them are inside.
        most: How many values are told.
    """
    searched = search.affordable(reader, from_ns, to_ns, oldest=False, most=MOST_ROWS)
    bound = search.judging(reader, searched, conditions, "start") | chosen.bound()
    bound |= {"duration_ns": True, "cost_usd": True, "most": MOST_TRIED, "fewest": FEWEST}
    sql, parameters = sqlfile.lean(SQL["differences"], bound)
    row = reader.row(sql, **parameters)
    assert row is not None  # noqa: S101 - the statement has no FROM
    inside, outside = (_part(row["totals"], name) for name in ("inside", "outside"))
    tried = [_value(one, inside, outside) for one in row["farthest"] or ()]
    told = [one for one in tried if one.chance * row["compared"] <= LEVEL]
    return Found(
        inside,
        outside,
        told[:most],
        row["compared"],
        row["bounds"],
        [(one["step"], one["traces"], one["inside"]) for one in row["lengths"] or ()],
        searched,
    )


def _part(totals: Mapping[str, Any], name: str) -> Part:
    return Part(totals[name], totals[f"{name}_weight"], totals[f"{name}_squares"])


def _value(one: Mapping[str, Any], inside: Part, outside: Part) -> Value:
    shares = one["inside_weight"] / inside.weight, one["outside_weight"] / outside.weight
    drawn, rest = round(inside.worth), round(outside.worth)
    having = round(shares[0] * drawn), round(shares[1] * rest)
    return Value(one["key"], one["value"], one["inside"], one["outside"], *shares, by_chance(*having, drawn, rest))


def by_chance(inside: int, outside: int, drawn: int, rest: int) -> float:
    """How likely a random choice has so many, or so few, of those with a value (Fisher, 1935; the rarer side twice).

    Args:
        inside: How many of the chosen have it.
        outside: How many of the others have it.
        drawn: How many are chosen.
        rest: How many are not.
    """
    having = inside + outside
    least, most = max(0, having - rest), min(drawn, having)
    here = _hypergeometric(inside, having, drawn, drawn + rest)
    tails = (_tail(inside, here, having, drawn, rest, step, end) for step, end in ((-1, least), (1, most)))
    return min(1.0, 2 * min(tails))


def _hypergeometric(inside: int, having: int, drawn: int, whole: int) -> float:
    def ways(of: int, chosen: int) -> float:
        return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)

    return math.exp(ways(having, inside) + ways(whole - having, drawn - inside) - ways(whole, drawn))


def _tail(inside: int, here: float, having: int, drawn: int, rest: int, step: int, end: int) -> float:
    """The probability of `inside` and of all that lies beyond it, until it adds nothing more."""
    total, each, at = here, here, inside
    while at != end and each > total * 1e-17:
        if step > 0:
            each *= (having - at) * (drawn - at) / ((at + 1) * (rest - having + at + 1))
        else:
            each *= at * (rest - having + at) / ((having - at + 1) * (drawn - at + 1))
        total, at = total + each, at + step
        if total > 0.5:  # twice that is certain, and the other tail is the rarer one
            break
    return total
