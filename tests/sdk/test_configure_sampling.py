import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context

from spanledger.sampling.choose import chosen_sampler, from_argument
from spanledger.sampling.sampler import RatioSampler
from spanledger.sampling.thresholds import ALL, random_value, threshold_text, with_threshold
from spanledger.settings import Settings

TRACE_IDS = st.integers(1, 2**128 - 1)


def below(flags=TraceFlags.SAMPLED, state=(), trace_id=0x1234):
    context = SpanContext(
        trace_id, 0x5678, is_remote=True, trace_flags=TraceFlags(flags), trace_state=TraceState(list(state))
    )
    return set_span_in_context(NonRecordingSpan(context))


def decide(sampler, trace_id, parent=None, **more):
    return sampler.should_sample(parent, trace_id, "name", **more)


@given(TRACE_IDS)
def test_ratio_one_keeps_all_and_ratio_zero_none(trace_id):
    assert decide(RatioSampler(1), trace_id).decision.is_sampled()
    assert decide(RatioSampler(1), trace_id).trace_state.get("ot") == "th:0"
    nothing = decide(RatioSampler(0), trace_id)
    assert not nothing.decision.is_recording()
    assert nothing.trace_state is None


@given(TRACE_IDS, st.floats(0, 1), st.floats(0, 1))
def test_whoever_keeps_less_keeps_a_part_of_what_the_other_keeps(trace_id, one, other):
    low, high = sorted((one, other))
    if decide(RatioSampler(low), trace_id).decision.is_sampled():
        assert decide(RatioSampler(high), trace_id).decision.is_sampled()


def test_a_tenth_is_a_tenth_and_each_kept_trace_says_how_many_it_stands_for():
    chance = random.Random(7)
    results = [decide(RatioSampler(0.1), chance.getrandbits(128)) for _ in range(20_000)]
    kept = [result for result in results if result.decision.is_sampled()]
    assert abs(len(kept) - 2000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5
    (state,) = {result.trace_state.get("ot") for result in kept}
    threshold = int(state.removeprefix("th:").ljust(14, "0"), 16)
    assert abs(ALL / (ALL - threshold) - 10) < 1e-9


@pytest.mark.parametrize(("ratio", "th"), [(1, "0"), (0.5, "8"), (0.25, "c"), (0.125, "e"), (0.1, "e6666666666666")])
def test_thresholds_are_written_as_the_specification_has_them(ratio, th):
    assert threshold_text(ALL - round(ratio * ALL))[:13] == th[:13]


@given(TRACE_IDS, st.floats(0, 1))
def test_a_child_follows_its_parent_and_loses_nothing_of_the_tracestate(trace_id, ratio):
    state = (("ot", "th:c;rv:00000000000001"), ("vendor", "x"))
    kept = decide(RatioSampler(ratio), trace_id, below(TraceFlags.SAMPLED, state), attributes={"k": 1})
    assert kept.decision.is_sampled()
    assert kept.trace_state.to_header() == "ot=th:c;rv:00000000000001,vendor=x"
    assert dict(kept.attributes) == {"k": 1}
    dropped = decide(RatioSampler(ratio), trace_id, below(TraceFlags.DEFAULT, state))
    assert not dropped.decision.is_recording()
    assert dropped.trace_state.to_header() == "ot=th:c;rv:00000000000001,vendor=x"


def test_real_spans_keep_their_attributes_their_vendors_tracestate_and_their_threshold():
    tracer = TracerProvider(sampler=RatioSampler(1), shutdown_on_exit=False).get_tracer("t")
    root = tracer.start_span("root", attributes={"k": 1})
    assert dict(root.attributes) == {"k": 1}
    assert root.get_span_context().trace_state.get("ot") == "th:0"
    child = tracer.start_span("child", below(state=(("ot", "th:8"), ("vendor", "x"))), attributes={"k": 2})
    assert dict(child.attributes) == {"k": 2}
    assert child.get_span_context().trace_state.to_header() == "ot=th:8,vendor=x"


def test_without_parents_the_explicit_random_value_decides_and_only_our_part_of_the_tracestate_changes():
    sampler = RatioSampler(0.25, parent_based=False)
    state = (("vendor", "x"), ("ot", "th:0;rv:00000000000001;k:v"))
    dropped = decide(sampler, 2**56 - 1, below(state=state))
    assert not dropped.decision.is_recording()
    assert dropped.trace_state.get("ot") == "rv:00000000000001;k:v"
    kept = decide(sampler, 1, below(state=(("vendor", "x"), ("ot", "rv:ffffffffffffff"))))
    assert kept.decision.is_sampled()
    assert kept.trace_state.get("ot") == "th:c;rv:ffffffffffffff"
    assert kept.trace_state.get("vendor") == "x"


def test_a_malformed_random_value_counts_as_none():
    assert random_value(TraceState([("ot", "rv:zzzzzzzzzzzzzz")]), 5) == 5
    assert random_value(TraceState([("ot", "rv:1")]), 5) == 5
    assert with_threshold(TraceState([("a", "b")]), None).to_header() == "a=b"
    assert with_threshold(TraceState([("ot", "th:8")]), None).get("ot") is None


def test_arguments_are_a_ratio_with_or_without_its_name():
    assert from_argument("ratio=0.1").ratio == 0.1
    assert from_argument("0.1").ratio == 0.1
    assert from_argument(None).ratio == 1.0
    for wrong in ("2", "ratio=-1", "often"):
        with pytest.raises(ValueError):
            from_argument(wrong)


def test_a_ratio_that_makes_no_sense_keeps_everything_and_is_told():
    environ = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "half"}
    chosen, mistakes = chosen_sampler(Settings(), environ)
    sampler = chosen.sampler
    assert isinstance(sampler, RatioSampler)
    assert sampler.ratio == 1.0
    assert "half" in mistakes[0]
    assert "0.5" in chosen_sampler(Settings(sample_ratio=0.5), environ)[0].sampler.get_description()
