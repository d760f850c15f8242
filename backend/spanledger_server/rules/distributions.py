"""Rows of statements on rollups, whose distributions come one bucket behind the other, and each of these added up.

Given a snapshot and a statement, gives rows as dictionaries, their lists as arrays; `added` and `of_calls` make of
these what the rest of the program reads.

Never: a sum of counts that is not exact, up to 2^53.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spanledger_server.statistics.durations import QUANTILES, Durations
from spanledger_server.store.database import Reader

CODES: Final = "codes"
BESIDE: Final = ("counts", "weights", "loose", "kept")  # lists that are as long as the codes
FEW: Final = 15  # buckets whose lists are read sooner one by one than as a table, which is planned twice
DENSE: Final = 65_536  # codes that lie within so many of one another are counted by their distance
Numbers = NDArray[Any]


def rows(reader: Reader, sql: str, **bound: Any) -> list[dict[str, Any]]:
    """The rows of a statement; lists of `CODES` and `BESIDE` are arrays, empty where there is nothing."""
    if bound["beyond"] - bound["first"] <= FEW:
        return [{name: _array(name, value) for name, value in row.items()} for row in reader.rows(sql, **bound)]
    table = reader.arrow(sql, **bound).combine_chunks()
    if not table.num_rows:
        return []
    columns = {name: _column(name, table[name].chunk(0)) for name in table.column_names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _array(name: str, value: Any) -> Any:
    if name not in (CODES, *BESIDE):
        return value
    return np.asarray(value) if value else _NOTHING


def _column(name: str, values: Any) -> list[Any]:
    if name not in (CODES, *BESIDE):
        return _plain(values)
    if not pa.types.is_list(values.type):  # nothing in any row
        return [_NOTHING] * len(values)
    flat, ends = values.values.to_numpy(zero_copy_only=False), values.offsets.to_numpy()
    return [flat[first:beyond] for first, beyond in pairwise(ends)]


def _plain(values: Any) -> list[Any]:
    if pa.types.is_decimal(values.type) and values.type.scale == 0:  # sums of whole numbers
        try:
            values = values.cast(pa.int64())
        except pa.ArrowInvalid:
            return [None if each is None else int(each) for each in values.to_pylist()]
    found: list[Any] = values.to_pylist()
    return found


_NOTHING: Final = np.empty(0, dtype=np.int64)


def added(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row, each code in it once, with what there is of it."""
    codes = row.get(CODES)
    if not isinstance(codes, np.ndarray):
        return row
    names = [name for name in BESIDE if name in row]
    if not len(codes):
        return {**row, CODES: [], **{name: [] for name in names}}
    index, place = _places(codes)
    sums = {name: np.bincount(place, weights=row[name], minlength=len(index)) for name in names}
    there = np.flatnonzero(sum(sums.values()))
    found: dict[str, list[Any]] = {CODES: index[there].tolist()}
    for name in names:
        some = sums[name][there]
        found[name] = (some.astype(np.int64) if np.issubdtype(row[name].dtype, np.integer) else some).tolist()
    return {**row, **found}


def of_calls(rows: Iterable[Mapping[str, Any]]) -> Durations:
    """How long the calls of some rows took, all together."""
    some = [row for row in rows if len(row.get(CODES, ()))]
    if not some:
        return Durations()
    codes = some[0][CODES] if len(some) == 1 else np.concatenate([row[CODES] for row in some])
    counts = some[0]["counts"] if len(some) == 1 else np.concatenate([row["counts"] for row in some])
    index, place = _places(codes)
    below = np.bincount(place, weights=counts, minlength=len(index)).cumsum()
    timed = int(below[-1])
    ranks = [max(1, math.ceil(q * timed)) for q in QUANTILES]
    return Durations(timed, dict(zip(QUANTILES, index[below.searchsorted(ranks)].tolist(), strict=True)))


def _places(codes: Numbers) -> tuple[Numbers, Numbers]:
    """The codes that may occur, ascending, and of each of these codes its place among them."""
    least, most = int(codes.min()), int(codes.max())
    if most - least < DENSE:
        return np.arange(least, most + 1), codes - least
    index, place = np.unique(codes, return_inverse=True)
    return index, place
