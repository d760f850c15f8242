"""The figures of requests, added up by us: what a reading says."""

from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from spanledger import request_meter
from spanledger.meter import Series
from spanledger.request_meter import BOUNDS, RequestMeter, Seen
from tests.sdk.receiver import attributes

KIND = (("http.request.method", "GET"), ("url.scheme", "http"))
DONE = (("http.route", "/books/{number}"), ("http.response.status_code", 200))
SPAN = NonRecordingSpan(SpanContext(7, 8, is_remote=False, trace_flags=TraceFlags(1)))


@pytest.fixture
def meter():
    made = RequestMeter()
    made.is_read = True
    return made


def test_a_reading_says_how_long_requests_took_by_route_and_status_and_how_many_are_at_work(meter):
    for took_s in (0.003, 0.2, 20.0):
        meter.begin(KIND)
        meter.end(KIND, DONE, took_s, SPAN)
    meter.begin(KIND)
    duration, active = meter.read(5)
    assert (duration.name, duration.unit) == ("http.server.request.duration", "s")
    (point,) = duration.histogram.data_points
    assert attributes(point) == dict(KIND + DONE)
    assert (point.count, point.sum, point.min, point.max) == (3, pytest.approx(20.203), 0.003, 20.0)
    assert [count for count in point.bucket_counts if count] == [1, 1, 1]
    assert (point.bucket_counts[0], point.bucket_counts[-1]) == (1, 1)
    (exemplar,) = point.exemplars
    assert (exemplar.trace_id[-1], exemplar.span_id[-1]) == (7, 8)
    assert (active.name, active.sum.is_monotonic) == ("http.server.active_requests", False)
    (now,) = active.sum.data_points
    assert (attributes(now), now.as_int) == (dict(KIND), 1)


def test_a_request_whose_trace_is_not_kept_is_counted_and_is_no_example(meter):
    meter.begin(KIND)
    meter.end(KIND, DONE, 0.1, trace.INVALID_SPAN)
    (point,) = meter.read(5)[0].histogram.data_points
    assert (point.count, len(point.exemplars)) == (1, 0)


def test_too_many_series_are_one_that_says_so(meter, monkeypatch):
    monkeypatch.setattr(request_meter, "MAX_SERIES", 3)
    for number in range(10):
        meter.begin(KIND)
        meter.end(KIND, (("http.route", str(number)),), 0.1, SPAN)
    points = meter.read(5)[0].histogram.data_points
    assert sorted(point.count for point in points) == [1, 1, 1, 7]
    assert [point.count for point in points if attributes(point) == {"otel.metric.overflow": True}] == [7]


def test_nothing_is_lost_between_threads_and_a_child_starts_at_nought(meter):
    def request(_):
        meter.begin(KIND)
        meter.end(KIND, DONE, 0.1, SPAN)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(request, range(2_000)))
    duration, active = meter.read(5)
    assert duration.histogram.data_points[0].count == 2_000
    assert active.sum.data_points[0].as_int == 0
    meter.clear()
    assert meter.read(6) == []


TAKEN = st.floats(0, 20) | st.sampled_from(BOUNDS) | st.integers(0, 12)


@given(st.lists(TAKEN, min_size=1, max_size=200))
def test_values_are_sorted_in_by_the_dozen_as_they_would_be_one_by_one(values):
    series, buckets, total = Series((), BOUNDS), [0] * (len(BOUNDS) + 1), 0.0
    for value in values:
        series.add(value, Seen(1, 1, False, 0))
        buckets[bisect_left(BOUNDS, value)] += 1
        total += value
    point = series.point(1, 2)
    assert list(point.bucket_counts) == buckets
    assert (point.count, point.sum, point.min, point.max) == (len(values), total, min(values), max(values))


@pytest.mark.parametrize("value", ["12", None, 10**400])
def test_what_is_no_number_fails_alone(value):
    series = Series((), BOUNDS)
    series.add(0.1, Seen(1, 1, False, 0))
    with pytest.raises((TypeError, OverflowError)):
        series.add(value, Seen(1, 1, False, 0))
    assert series.point(1, 2).count == 1
