"""What entries have in common is found once, is told apart by everything that it says, and does not pile up."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from spanledger import alike, semconv
from spanledger.alike import alike_of
from spanledger.meter import InstrumentMeter, Meter
from spanledger.usage import Usage
from tests.sdk.making import entry

NAMES = st.none() | st.sampled_from(["a", "b", ""])
ENTRIES = st.builds(
    entry,
    st.integers(1, 2**63),
    operation=NAMES,
    provider=NAMES,
    request_model=NAMES,
    response_model=NAMES,
    error_type=NAMES,
    service_tier=NAMES,
    kind=st.sampled_from(["usage", "usage", "cost"]),
    batch=st.booleans(),
    start_ns=st.integers(1_795_000_000_000_000_000 - 10**11, 1_795_000_000_000_000_000),
    usage=st.none() | st.builds(Usage, st.none() | st.integers(0, 10**6), st.none() | st.integers(0, 10**6)),
    context=st.dictionaries(st.sampled_from(semconv.CONTEXT_KEYS), st.sampled_from(["x", "y"])),
)


def told_apart_by(one):
    few = [one.context.get(key) for key in semconv.LOW_CARDINALITY_CONTEXT_KEYS]
    return [getattr(one, field) for field in alike.FIELDS] + few


@given(st.lists(ENTRIES, min_size=2, max_size=6))
@settings(max_examples=25, deadline=None)
def test_entries_are_alike_exactly_where_they_say_the_same(made):
    for first in made:
        for second in made:
            assert (alike_of(first) is alike_of(second)) == (told_apart_by(first) == told_apart_by(second))


def test_kinds_of_entries_do_not_pile_up_and_odd_names_are_kinds_of_their_own(monkeypatch):
    monkeypatch.setattr(alike, "MAX_KEPT", 10)
    for number in range(100):
        alike_of(entry(request_model=f"m-{number}"))
    assert len(alike._kept) <= 10
    odd = entry(provider=["a"])
    assert alike_of(odd) is odd.alike
    assert odd.alike.values[alike.FIELDS.index("provider")] == ["a"]


def test_a_changed_copy_of_an_entry_is_asked_anew():
    first = entry()
    alike_of(first)
    second = replace(first, provider="anthropic")
    assert second.alike is None
    assert alike_of(second) is not first.alike
    assert first == replace(first)


def points(metrics):
    return sorted(
        (
            metric.name,
            sorted((pair.key, pair.value.string_value) for pair in point.attributes),
            point.count,
            round(point.sum, 6),
            list(point.bucket_counts),
            point.min,
            point.max,
        )
        for metric in metrics
        for point in metric.histogram.data_points
    )


def theirs(data):
    return sorted(
        (
            metric.name,
            sorted(point.attributes.items()),
            point.count,
            round(point.sum, 6),
            list(point.bucket_counts),
            point.min,
            point.max,
        )
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    )


@given(st.lists(ENTRIES, max_size=12), st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_our_histograms_are_those_of_opentelemetrys_instruments(made, times):
    reader = InMemoryMetricReader()
    ours, instruments = Meter(), InstrumentMeter(MeterProvider([reader], shutdown_on_exit=False).get_meter("t"))
    for one in made * times:
        ours.observe(one)
        instruments.observe(one)
    assert points(ours.read(1)) == theirs(reader.get_metrics_data())
