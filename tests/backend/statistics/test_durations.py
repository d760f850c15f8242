"""Durations of many groups: the same as merging and asking each distribution by itself."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.rollups import histogram
from spanledger_server.statistics import durations
from spanledger_server.statistics.durations import Durations
from tests.support.thorough import examples

SCHEMA = pa.schema(
    [("part", pa.int64()), ("category", pa.string()), ("codes", pa.list_(pa.int32())), ("counts", pa.list_(pa.int64()))]
)
NAMES = (None, "", "a", "b")
CODES = st.one_of(
    st.integers(900, 930), st.integers(-64, 2000), st.sampled_from([histogram.ZERO_CODE, histogram.NEGATIVE_CODE - 900])
)
CELLS = st.fixed_dictionaries(
    {
        "part": st.integers(-3, 6),
        "category": st.sampled_from(NAMES),
        "of": st.dictionaries(CODES, st.integers(1, 2**40), min_size=1, max_size=6),
    }
)


def table(cells: list[dict[str, Any]]) -> pa.Table:
    rows = [
        {
            "part": cell["part"],
            "category": cell["category"],
            "codes": list(cell["of"]),
            "counts": [*cell["of"].values()],
        }
        for cell in cells
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@pytest.mark.parametrize("most", [1, 5_000, durations.MOST_COUNTS])
@settings(max_examples=examples(25), deadline=None)
@given(cells=st.lists(CELLS, max_size=30), modulus=st.integers(1, 7))
def test_groups_have_what_their_distributions_merged_have(most: int, cells: list[dict[str, Any]], modulus: int) -> None:
    group_of = {(part, name): (part + NAMES.index(name)) % modulus for part in range(-4, 9) for name in NAMES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(durations, "MOST_COUNTS", most)
        found = durations.merged(table(cells), group_of, modulus)
    expected = []
    for group in range(modulus):
        mine = [cell["of"] for cell in cells if group_of[cell["part"], cell["category"]] == group]
        merged = histogram.merge((tuple(of), tuple(of.values())) for of in mine)
        ranks = {q: histogram.quantile(merged.index, merged.count, q) for q in durations.QUANTILES}
        expected.append((merged.total, ranks if mine else {}))
    assert [(each.timed, {q: histogram.middle(code) for q, code in each.codes.items()}) for each in found] == expected


def test_where_nothing_is_timed_nothing_is_known() -> None:
    assert durations.merged(table([]), {(1, None): 0}, 1) == [Durations()]
