"""Dialogues counted by category and user, in arrays to which later ones are added without counting again.

Given sums by category and user, gives those of each category, of all together, and how many users either has.

Never: reads the database, or changes what it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

SUMS: Final = (
    *("dialogues", "users_told", "messages", "messages_told", "seconds", "seconds_told"),
    *("ratings", "ratings_told", "feedbacks"),
)
WHOLE: Final = tuple(name for name in SUMS if name == "dialogues" or name.endswith(("told", "backs")))
USER_BITS: Final = 32  # of a pair of a category and a user

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Talks:
    """Dialogues of some time.

    Attributes:
        categories: What they are told apart by, None for those that have none.
        sums: By the names of `SUMS`, one for each category.
        users: Everybody who had one.
        pairs: Place of a category and of a user of it, each pair once, ascending.
        parts: Number of a part of the period -> dialogues and users.
    """

    categories: list[str | None]
    sums: dict[str, NDArray[Any]]
    users: Any
    pairs: Integers
    parts: dict[int, tuple[int, int]]

    def __len__(self) -> int:
        """How much it is, in rows of two kilobytes."""
        return 1 + (self.pairs.nbytes + 20 * len(self.users)) // 2000


def of(found: pa.Table, parts: Mapping[int, tuple[int, int]]) -> Talks:
    """Those of a table of `category`, `user_id` and `SUMS`, each category and user in one row."""
    category = _encoded(found["category"])
    told = found.filter(pc.is_valid(found["user_id"]))
    user, of_user = _encoded(told["user_id"]), _encoded(told["category"])
    places = {name: place for place, name in enumerate(category.dictionary.to_pylist())}
    mapped = np.array([places[name] for name in of_user.dictionary.to_pylist()], dtype=np.int64)
    groups, width = category.indices.to_numpy(), len(places)
    pairs = (mapped[of_user.indices.to_numpy()] << USER_BITS) + user.indices.to_numpy() if len(user) else _NONE
    sums = {name: np.bincount(groups, _filled(found[name]), width) for name in SUMS}
    return Talks(list(places), sums, user.dictionary, np.sort(pairs), dict(parts))


_NONE: Final[Integers] = np.zeros(0, dtype=np.int64)


def _encoded(column: Any) -> Any:
    return pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")


def _filled(column: Any) -> NDArray[np.float64]:
    """Whole numbers are exact up to 2^53."""
    result: NDArray[np.float64] = pc.fill_null(pc.cast(column, pa.float64()), 0.0).to_numpy()
    return result


def together(one: Talks, other: Talks) -> Talks:
    """Both; no part of the period is in both."""
    places = {name: place for place, name in enumerate(one.categories)}
    mapped = np.array([places.setdefault(name, len(places)) for name in other.categories], dtype=np.int64)
    sums = {name: np.zeros(len(places)) for name in SUMS}
    for name, mine in sums.items():
        mine[: len(one.categories)] = one.sums[name]
        mine[mapped] += other.sums[name]
    known = pc.index_in(other.users, value_set=one.users)
    new = pc.is_null(known)
    numbers = np.where(new, np.cumsum(new) - 1 + len(one.users), pc.fill_null(known, 0).to_numpy(zero_copy_only=False))
    pairs = (
        (mapped[other.pairs >> USER_BITS] << USER_BITS) + numbers[other.pairs & _USER] if len(other.pairs) else _NONE
    )
    at = np.searchsorted(one.pairs, pairs)
    there = np.zeros(len(pairs), dtype=np.bool_)
    there[at < len(one.pairs)] = one.pairs[at[at < len(one.pairs)]] == pairs[at < len(one.pairs)]
    users = pa.concat_arrays([one.users, other.users.filter(new)])
    return Talks(list(places), sums, users, np.concatenate([one.pairs, pairs[~there]]), {**one.parts, **other.parts})


_USER: Final = (1 << USER_BITS) - 1


def rows(talks: Talks, most: int) -> list[dict[str, Any]]:
    """All together (rank 0), the most frequent categories (1, 2, …), and, where there are more, the others (None)."""
    users = np.bincount(talks.pairs >> USER_BITS, minlength=len(talks.categories)).tolist()
    count = talks.sums["dialogues"].tolist()
    order = sorted(range(len(count)), key=lambda place: (-count[place], *_named(talks.categories[place])))
    first, folded = order[:most], np.array(order[most:], dtype=np.int64)
    each = {name: sums.tolist() for name, sums in talks.sums.items()}
    found = [_row(_added(talks, range(len(count))), len(talks.users)) | {"rank": 0, "category": None}]
    found += [
        _row({name: each[name][place] for name in SUMS}, users[place])
        | {"rank": rank, "category": talks.categories[place]}
        for rank, place in enumerate(first, 1)
    ]
    if len(folded):
        out = np.zeros(len(count), dtype=np.bool_)
        out[folded] = True
        of_them = np.zeros(len(talks.users), dtype=np.bool_)
        of_them[talks.pairs[out[talks.pairs >> USER_BITS]] & _USER] = True
        found.append(_row(_added(talks, folded), int(of_them.sum())) | {"rank": None, "category": None})
    return [row | {"categories": len(count)} for row in found]


def _named(category: str | None) -> tuple[bool, str]:
    return category is None, category or ""


def _added(talks: Talks, places: Any) -> dict[str, float]:
    """The sums of some categories together."""
    chosen = np.asarray(places, dtype=np.int64)
    return {name: float(talks.sums[name][chosen].sum()) for name in SUMS}


def _row(found: Mapping[str, float], users: int) -> dict[str, Any]:
    counts = {name: int(found[name]) for name in WHOLE}
    return {**found, **counts, "users": users}
