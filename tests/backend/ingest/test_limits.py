from __future__ import annotations

from pathlib import Path
from typing import Any

from spanledger_server.ingest import overflow
from spanledger_server.ingest.limits import OVERFLOW_ATTRIBUTES, Cardinality
from tests.backend.ingest.requests import NOON, ingesting, point, request, series, tuples, value

FEW = Cardinality(per_metric=3, per_service=5)
OVERFLOWN = """SELECT s.name, p.value FROM metric_points AS p JOIN metric_series AS s USING (series_id)
    WHERE s.attributes = $attributes"""


def test_points_beyond_the_limit_go_to_one_visible_series_and_are_counted() -> None:
    numbers = range(1, 8)
    with ingesting(cardinality=FEW) as (ingest, database):
        sent = request(
            "metrics",
            [point(n, 10.0 * n, start_ns=1) for n in numbers],
            of=[series(n, kind="sum", temporality="cumulative", monotonic=True) for n in numbers],
        )
        assert ingest.accept(sent, 1).refused == 0
        assert value(database, "SELECT count(*) FROM metric_series") == 4
        assert tuples(database, OVERFLOWN, attributes=OVERFLOW_ATTRIBUTES) == [("depth", 40.0 + 50 + 60 + 70)]
        assert tuples(database, "SELECT service, signal, reason, records FROM loss") == [
            ("shop", "metrics", "cardinality_limit", 4)
        ]
        assert ingest.accept(sent, 1).refused == 0
        assert value(database, "SELECT count(*) FROM metric_points") == 4


def test_an_overflow_series_of_gauges_keeps_the_last_value() -> None:
    with ingesting(cardinality=Cardinality(per_metric=1)) as (ingest, database):
        ingest.accept(request("metrics", [point(n, float(n)) for n in (1, 2, 3)], of=[series(n) for n in (1, 2, 3)]), 1)
        assert tuples(database, OVERFLOWN, attributes=OVERFLOW_ATTRIBUTES) == [("depth", 3.0)]


def test_the_limit_of_a_service_holds_over_all_its_metrics_and_not_over_other_services() -> None:
    mine = [series(n, name=f"metric {n}") for n in range(1, 9)]
    theirs = [series(n, name=f"metric {n}", service="other") for n in range(11, 15)]
    with ingesting(cardinality=FEW) as (ingest, database):
        ingest.accept(
            request("metrics", [point(each["series_id"], 1.0) for each in mine + theirs], of=mine + theirs), 1
        )
        found = tuples(
            database,
            "SELECT service, attributes = $o, count(*) FROM metric_series GROUP BY ALL ORDER BY ALL",
            o=OVERFLOW_ATTRIBUTES,
        )
        assert found == [("other", False, 4), ("shop", False, 5), ("shop", True, 3)]


def test_which_series_are_admitted_is_known_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "spanledger.duckdb"
    for _ in range(2):
        with ingesting(path, cardinality=FEW) as (ingest, database):
            for n in (1, 2, 3, 4):
                ingest.accept(request("metrics", [point(n, 1.0, NOON + n)], of=[series(n)]), 1)
            assert value(database, "SELECT count(*) FROM metric_series") == 4
    with ingesting(path, cardinality=FEW) as (ingest, database):
        ingest.accept(
            request("metrics", [point(2, 1.0, NOON + 20), point(9, 1.0, NOON + 9)], of=[series(2), series(9)]), 1
        )
        stored = tuples(
            database, "SELECT series_id FROM metric_series WHERE attributes <> $o ORDER BY ALL", o=OVERFLOW_ATTRIBUTES
        )
        assert stored == [(1,), (2,), (3,)]
        assert value(database, "SELECT count(*) FROM metric_points WHERE series_id = 2") == 2


def bare(**values: Any) -> dict[str, Any]:
    names = ("value", "count", "min", "max", "scale", "zero_count", "bounds", "bucket_index", "bucket_count")
    return {"series_id": 1, "at_ns": 0, "start_ns": 5, **dict.fromkeys(names), "quantile_values": None, **values}


def test_histograms_add_up_bucket_by_bucket() -> None:
    one = bare(value=3.0, count=2, min=1.0, max=2.0, bounds=[1.5], bucket_count=[1, 1], start_ns=3)
    other = bare(value=4.0, count=1, min=0.5, max=4.0, bounds=[1.5], bucket_count=[0, 1])
    (total,) = overflow.merged([one, other], {1: "histogram"})
    assert total == {**one, "value": 7.0, "count": 3, "min": 0.5, "max": 4.0, "bucket_count": [1, 2]}


def test_histograms_with_other_buckets_keep_their_counts_and_lose_their_shape() -> None:
    one, other = (bare(value=1.0, count=1, bounds=[bound], bucket_count=[1, 0]) for bound in (1.0, 2.0))
    (total,) = overflow.merged([one, other], {1: "histogram"})
    assert (total["value"], total["count"], total["bounds"], total["bucket_count"]) == (2.0, 2, None, None)


def test_exponential_histograms_add_up_at_the_coarser_scale() -> None:
    one = bare(count=3, scale=1, zero_count=1, bucket_index=[-3, 2], bucket_count=[1, 1])
    other = bare(count=2, scale=0, zero_count=0, bucket_index=[-2, 5], bucket_count=[1, 1])
    (total,) = overflow.merged([one, other], {1: "exponential_histogram"})
    assert (total["scale"], total["bucket_index"], total["bucket_count"]) == (0, [-2, 1, 5], [2, 1, 1])
    assert (total["count"], total["zero_count"]) == (5, 1)


def test_what_is_unknown_on_one_side_is_taken_from_the_other() -> None:
    (total,) = overflow.merged([bare(value=None, count=2), bare(value=4.0, count=None)], {1: "summary"})
    assert (total["value"], total["count"]) == (4.0, 2)
