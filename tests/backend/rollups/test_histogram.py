from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spanledger_server.rollups import histogram
from spanledger_server.rollups.histogram import RELATIVE_ERROR, ZERO_CODE, code, merge, middle, of, quantile
from spanledger_server.store.database import Database
from tests.support.stores import new_store

finite = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
durations = st.integers(0, 10**15)


@pytest.fixture(scope="module")
def database() -> Database:
    return new_store()


@given(value=finite)
@example(value=1.0)
@example(value=-1.0)
@example(value=0.0)
@example(value=1.7976931348623157e308)
def test_a_value_is_within_the_stated_error_of_what_stands_for_its_bucket(value: float) -> None:
    stands = middle(code(value))
    if math.isinf(stands):  # the last bucket of all reaches beyond what a float can hold
        assert abs(value) > 1.7e308
    else:
        assert abs(stands - value) <= abs(value) * (RELATIVE_ERROR + 1e-12)


def test_the_stated_error_is_below_one_point_one_percent() -> None:
    assert RELATIVE_ERROR < 0.011


@given(values=st.lists(finite, min_size=2, max_size=20))
def test_codes_keep_the_order_of_the_values(values: list[float]) -> None:
    assert all(code(low) <= code(high) for low, high in pairwise(sorted(values)))


def test_powers_of_two_are_upper_ends_of_their_buckets() -> None:
    assert [code(2.0**n) for n in (-3, 0, 1, 10)] == [-97, -1, 31, 319]
    assert code(math.nextafter(2.0, 3.0)) == 32
    assert code(0) == ZERO_CODE


@given(st.lists(finite, min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_the_macro_in_sql_numbers_values_as_python_does(database: Database, values: list[float]) -> None:
    with database.reader() as reader:
        found = reader.tuples("SELECT value_code(unnest($values::DOUBLE[]))", values=values)
    assert [each for (each,) in found] == [code(value) for value in values]


@given(st.lists(durations, min_size=1, max_size=40), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_the_quantile_in_sql_is_the_one_in_python(database: Database, values: list[int], q: float) -> None:
    distribution = of(values)
    with database.reader() as reader:
        found = reader.value(
            "SELECT distribution_quantile($index::INTEGER[], $count::BIGINT[], $q)",
            index=list(distribution.index),
            count=list(distribution.count),
            q=q,
        )
    assert found == pytest.approx(quantile(distribution.index, distribution.count, q), rel=1e-12)


parts = st.lists(st.lists(finite, max_size=15), min_size=3, max_size=3)


@given(parts)
def test_merging_is_associative_commutative_and_the_same_as_never_having_been_apart(values: list[list[float]]) -> None:
    a, b, c = (of(each) for each in values)

    def pair(one: histogram.Distribution) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return one.index, one.count

    together = of([value for part in values for value in part])
    left = merge([pair(merge([pair(a), pair(b)])), pair(c)])
    right = merge([pair(a), pair(merge([pair(c), pair(b)]))])
    assert left == right == together == merge([pair(c), (None, None), pair(b), pair(a)])
    assert together.total == sum(len(part) for part in values)


@given(st.lists(durations, min_size=1, max_size=200), st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_the_stated_error_of_the_nearest_rank(values: list[int], q: float) -> None:
    exact = sorted(values)[max(1, math.ceil(q * len(values))) - 1]
    distribution = of(values)
    found = quantile(distribution.index, distribution.count, q)
    assert found is not None
    assert abs(found - exact) <= exact * (RELATIVE_ERROR + 1e-12)
    bounded = quantile(distribution.index, distribution.count, q, least=min(values), most=max(values))
    assert bounded is not None
    assert min(values) <= bounded <= max(values)


@pytest.mark.parametrize(("index", "count"), [(None, None), ([], []), ([5], [0])])
def test_nothing_has_no_quantile(index: list[int] | None, count: list[int] | None) -> None:
    assert quantile(index, count, 0.5) is None
