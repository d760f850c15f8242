"""What is decided when a local trace ends: which are kept, with which weight, and that no span goes another way."""

import asyncio
import random
import threading
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags, TraceState, set_span_in_context

from spanledger.call import Options
from spanledger.light import light_tracer
from spanledger.processors import LaneSpanProcessor
from spanledger.sampling.sampler import ConsistentSampler, RatioSampler
from spanledger.sampling.strategies import TracesPerSecond
from spanledger.sampling.tail import (
    LONGEST_S,
    MOST_OF_ONE,
    MOST_REMEMBERED,
    MOST_SPANS,
    REMEMBER_S,
    Keep,
    Tail,
    ids,
)
from spanledger.sampling.thresholds import ALL
from tests.sdk.making import entry

SECOND = 1_000_000_000


class Process:
    """A provider whose spans, dropped ones too, go into a tail; `light` makes our own spans, `heavy` the SDK's."""

    def __init__(self, ratio=0.1, keep=None, cost=None, sampler=None):
        self.kept, self.now, self.turned_away = [], 0.0, 0
        sampler = sampler or RatioSampler(ratio)
        sampler.records_dropped = True
        self.tail = Tail(
            self.kept.append,
            keep or Keep(),
            "ratio",
            cost or (lambda entry: None),
            most_arrived=50_000,
            turn_away=self._turn_away,
        )
        self.provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        ours = LaneSpanProcessor(self.tail.put, dropped_too=True)
        self.provider.add_span_processor(ours)
        self.light, self.heavy = light_tracer(self.provider, [ours], ours.put), self.provider.get_tracer("heavy")

    def _turn_away(self, count):
        self.turned_away += count

    def sort(self, seconds=0.0):
        self.now += seconds
        self.tail.sort(self.now)

    def spans(self):
        return [span if isinstance(span, ReadableSpan) else span.readable() for span in self.kept]

    def names(self):
        return sorted(span.name for span in self.spans())


def th(span):
    found = [part[3:] for part in (span.context.trace_state.get("ot") or "").split(";") if part.startswith("th:")]
    return found[0] if found else None


def dropped(process, tracer):
    """A root that the head decision drops."""
    while True:
        root = getattr(process, tracer).start_span("root", start_time=0)
        if not root.get_span_context().trace_flags.sampled:
            return root


def below(process, tracer, parent, name="child", seconds=0.1):
    span = getattr(process, tracer).start_span(name, set_span_in_context(parent), start_time=0)
    span.set_attribute("n", 1)
    return span


@pytest.mark.parametrize("tracer", ["light", "heavy"])
@pytest.mark.parametrize("failed", ["root", "child"])
def test_a_trace_that_failed_is_kept_whole_and_stands_for_itself(tracer, failed):
    process = Process(ratio=0.001)
    root = dropped(process, tracer)
    child = below(process, tracer, root)
    (root if failed == "root" else child).set_status(StatusCode.ERROR, "no")
    child.end(SECOND)
    process.sort()
    assert process.kept == []
    root.end(2 * SECOND)
    process.sort()
    assert process.names() == ["child", "root"]
    for span in process.spans():
        assert span.context.trace_flags.sampled
        assert th(span) == "0"
        assert span.context.span_id in (root.get_span_context().span_id, child.get_span_context().span_id)
    (root,) = (span for span in process.spans() if span.name == "root")
    assert root.attributes["spanledger.sampling.stratum"] == "error"
    assert root.attributes["spanledger.sampling.strategy"] == "ratio"


@pytest.mark.parametrize("tracer", ["light", "heavy"])
def test_a_kept_trace_says_the_threshold_of_its_stratum(tracer):
    process = Process(ratio=0.5)
    for number in range(200):
        root = getattr(process, tracer).start_span(f"root {number}", start_time=0)
        if number % 4 == 0:
            root.set_status(StatusCode.ERROR)
        root.end(SECOND)
    process.sort()
    stated = {(span.attributes["spanledger.sampling.stratum"], th(span)) for span in process.spans()}
    assert stated == {("error", "0"), ("head", "8")}
    assert sum(span.status.status_code is StatusCode.ERROR for span in process.spans()) == 50


def test_slow_and_expensive_traces_are_kept_by_their_own_limits():
    costs = {"dear": Decimal("0.2"), "cheap": Decimal("0.1999")}
    keep = Keep(errors=False, slow_s=2.0, expensive_usd=Decimal("0.2"))
    process = Process(0.0001, keep, cost=lambda entry: costs.get(entry.response_model))
    for name, took in (("quick", 1), ("slow", 2), ("dear", 1), ("cheap", 1)):
        root = dropped(process, "light")
        root.update_name(name)
        root.told = (entry(response_model=name), Options(), None, None, (), None, None)
        root.end(took * SECOND)
    process.sort()
    strata = {span.name: span.attributes["spanledger.sampling.stratum"] for span in process.spans()}
    assert strata == {"dear": "expensive", "slow": "slow"}


@pytest.mark.parametrize("outcome", [StatusCode.ERROR, StatusCode.UNSET])
def test_spans_that_end_after_the_root_go_the_way_of_their_trace(outcome):
    process = Process(ratio=0.001)
    root = dropped(process, "heavy")
    late, later = below(process, "heavy", root, "late"), None
    later = below(process, "light", late, "later")
    root.set_status(outcome)
    root.end(SECOND)
    process.sort()
    late.end(2 * SECOND)
    process.sort(1)
    later.end(3 * SECOND)
    process.sort(1)
    assert process.names() == (["late", "later", "root"] if outcome is StatusCode.ERROR else [])


def test_two_local_roots_of_one_trace_are_decided_apart():
    process = Process(ratio=0.001)
    outer = dropped(process, "heavy")
    mine = below(process, "heavy", outer, "of outer")
    far = SpanContext(outer.get_span_context().trace_id, 77, is_remote=True, trace_flags=TraceFlags(0))
    inner = process.heavy.start_span("inner", set_span_in_context(NonRecordingSpan(far)), start_time=0)
    of_inner = below(process, "heavy", inner, "of inner")
    mine.end(SECOND)
    of_inner.end(SECOND)
    inner.end(SECOND)
    process.sort()
    assert process.names() == []
    outer.set_status(StatusCode.ERROR)
    outer.end(2 * SECOND)
    process.sort()
    assert process.names() == ["of outer", "root"]


def test_a_trace_that_is_open_for_long_is_decided_early_and_for_good():
    process = Process(ratio=0.5)
    roots = dict.fromkeys((True, False))
    while None in roots.values():
        root = process.heavy.start_span("root", start_time=0)
        roots[root.get_span_context().trace_flags.sampled] = root
    for sampled, root in roots.items():
        outer = below(process, "heavy", root, f"outer {sampled}")
        below(process, "heavy", outer, f"first {sampled}").end(SECOND)
        process.sort()
        process.sort(LONGEST_S)
        second = below(process, "heavy", outer, f"second {sampled}")
        second.set_status(StatusCode.ERROR)
        second.end(SECOND)
        outer.end(SECOND)
        root.set_status(StatusCode.ERROR)
        root.end(SECOND)
        process.sort(1)
    assert process.names() == ["first True", "outer True", "root", "second True"]
    assert {th(span) for span in process.spans()} == {"8"}
    (root,) = (span for span in process.spans() if span.name == "root")
    assert root.attributes["spanledger.sampling.stratum"] == "early"


def test_what_is_held_is_bounded_by_trace_and_in_all():
    process = Process(ratio=0.001)
    root = dropped(process, "light")
    for _ in range(MOST_OF_ONE + 10):
        below(process, "light", root).end(1)
    process.sort()
    assert process.tail._held <= MOST_OF_ONE
    for _ in range(150):
        root = dropped(process, "light")
        for _ in range(200):
            below(process, "light", root).end(1)
        process.sort()
    assert process.tail._held <= MOST_SPANS
    process.sort(1000)
    assert process.tail._held == 0
    process.sort(1000)
    assert process.tail._open == {}


def test_a_flood_of_traces_and_one_without_end_are_remembered_within_bounds():
    process = Process(ratio=0.001, keep=Keep(slow_s=None))
    job = dropped(process, "light")
    for number in range(MOST_REMEMBERED + 5_000):
        process.light.start_span("root").end()
        if number % 2:
            below(process, "light", job).end(1)
        if number % 1_000 == 0:
            process.sort(0.1)
            assert len(process.tail._decided) <= MOST_REMEMBERED
    process.sort(LONGEST_S)
    assert process.tail._held == 0
    assert len(process.tail._early) == 1
    for number in range(MOST_REMEMBERED + 100):
        far = SpanContext(number + 10, 5, is_remote=False, trace_flags=TraceFlags(0))
        process.light.start_span("lost", set_span_in_context(NonRecordingSpan(far)), start_time=0).end(1)
        if number % 1_000 == 0:
            process.sort(LONGEST_S)
    process.sort(1_000)
    process.sort(1_000)
    assert len(process.tail._early) <= MOST_REMEMBERED
    process.sort(1_000)
    assert process.tail._open == {}


def test_a_stream_of_hours_goes_one_way_also_after_a_silence():
    process = Process(ratio=0.5)
    ends = {}
    for sampled in (True, False):
        while (
            root := process.heavy.start_span("root", start_time=0)
        ).get_span_context().trace_flags.sampled != sampled:
            pass
        ends[root] = sampled
    for second in range(120):
        for root in ends:
            chunk = below(process, "light", root, "chunk")
            if second == 100:
                chunk.set_status(StatusCode.ERROR)
            chunk.end(SECOND)
        process.sort(1)
    process.sort(10 * REMEMBER_S)
    for root in ends:
        root.set_status(StatusCode.ERROR)
        root.end(3600 * SECOND)
    process.sort(1)
    assert process.names() == ["chunk"] * 120 + ["root"]
    assert {th(span) for span in process.spans()} == {"8"}
    (kept,) = (span for span in process.spans() if span.name == "root")
    assert kept.attributes["spanledger.sampling.stratum"] == "early"


class Clock:
    """As many seconds as it was moved by."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_threads_and_tasks_at_once_keep_every_failed_trace_and_the_rate():
    clock = Clock()
    strategy = TracesPerSecond(50, clock)
    process = Process(sampler=ConsistentSampler(strategy), keep=Keep(slow_s=10))
    rounds, at_once, lock, special = 200, 16, threading.Lock(), {"error": set(), "slow": set()}

    def step():
        clock.now += 0.1
        process.sort(0.1)

    barrier = threading.Barrier(at_once + 1, action=step)

    def trace(chance, tracer):
        root = getattr(process, tracer).start_span("root", start_time=0)
        child = below(process, tracer, root)
        ends = {child: SECOND, root: SECOND}
        kind = chance.choices(["", *special], (96, 2, 2))[0]
        if kind:
            with lock:
                special[kind].add(root.get_span_context().trace_id)
        if kind == "error":
            child.set_status(StatusCode.ERROR)
        elif kind == "slow":
            ends[root] = 11 * SECOND
        return ends

    def work(number):
        chance = random.Random(number)
        for _ in range(rounds):
            barrier.wait()
            for span, end_ns in (trace(chance, "light") | trace(chance, "heavy")).items():
                span.end(end_ns)

    async def task(chance, opened):
        for span, end_ns in trace(chance, "light").items():
            span.end(end_ns)
            await opened.wait()

    async def tasks():
        chance = random.Random(99)
        for _ in range(rounds):
            await asyncio.to_thread(barrier.wait)
            opened = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for _ in range(16):
                    group.create_task(task(chance, opened))
                opened.set()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(at_once)]
    for thread in threads:
        thread.start()
    asyncio.run(tasks())
    for thread in threads:
        thread.join()
    step()
    kept = [span for span in process.spans() if span.name == "root"]
    strata = {
        name: [span for span in kept if span.attributes["spanledger.sampling.stratum"] == name] for name in special
    }
    for name, spans in strata.items():
        assert len(special[name]) > 100
        assert {span.context.trace_id for span in spans} == special[name]
        assert {th(span) for span in spans} == {"0"}
    assert len(process.spans()) == 2 * len(kept)
    by_chance = [span for span in kept if span.attributes["spanledger.sampling.stratum"] == "head"]
    thresholds = [int(th(span).ljust(14, "0"), 16) for span in by_chance[-600:]]  # of the last of twenty seconds
    arriving = 10 * (2 * at_once + 16)
    assert sum((ALL - each) / ALL for each in thresholds) / len(thresholds) * arriving == pytest.approx(50, rel=0.1)


def test_more_than_the_worker_can_take_is_counted_where_it_would_have_been_kept():
    process = Process(ratio=1)
    process.tail._most_arrived = 3
    for _ in range(5):
        process.heavy.start_span("root").end()
    assert process.turned_away == 2


def test_at_the_end_of_the_program_everything_is_decided():
    process = Process(ratio=1)
    root = process.heavy.start_span("root")
    below(process, "heavy", root).end()
    process.tail.close(0.0)
    assert process.names() == ["child"]


def test_ids_that_are_all_the_same_hold_nobody_up():
    process = Process(ratio=1)
    same = SpanContext(5, 6, is_remote=False, trace_flags=TraceFlags(1))
    process.provider.id_generator.generate_span_id = lambda: 6
    for _ in range(3):
        process.heavy.start_span("child", set_span_in_context(NonRecordingSpan(same))).end()
    far = SpanContext(5, 6, is_remote=True, trace_flags=TraceFlags(1))
    process.heavy.start_span("root", set_span_in_context(NonRecordingSpan(far))).end()
    process.sort()
    assert process.names() == ["child"] * 3 + ["root"]


def test_vendors_keep_their_tracestate_and_remote_errors_are_kept():
    process = Process(ratio=1)
    state = TraceState([("ot", "th:c;rv:00000000000001"), ("vendor", "x")])
    far = SpanContext(5, 6, is_remote=True, trace_flags=TraceFlags(0), trace_state=state)
    for tracer in (process.light, process.heavy):
        span = tracer.start_span("root", set_span_in_context(NonRecordingSpan(far)))
        span.set_status(StatusCode.ERROR)
        span.end()
    process.sort()
    for span in process.spans():
        assert span.context.trace_state.get("vendor") == "x"
        assert span.context.trace_state.get("ot") == "th:0;rv:00000000000001"
        assert span.parent.span_id == 6


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.floats(0.05, 0.9))
def test_whatever_the_order_a_local_trace_goes_one_way(chance, ratio):
    process = Process(ratio=ratio)
    spans, failed, of_root = [], set(), {}
    for number in range(12):
        root = process.heavy.start_span(f"r{number}", start_time=0)
        tree = [root]
        for _ in range(chance.randrange(6)):
            tracer = chance.choice(["light", "heavy"])
            tree.append(below(process, tracer, chance.choice(tree)))
        for span in tree:
            of_root[span.get_span_context().span_id] = number
        if chance.random() < 0.3:
            before = list(tree)
            chance.choice(before[:1]).set_status(StatusCode.ERROR)
            failed.add(number)
        spans.append(tree)
    todo = [span for tree in spans for span in tree]
    chance.shuffle(todo)
    for span in todo:
        span.end(SECOND)
        if chance.random() < 0.2:
            process.sort(0.1)
    process.sort()
    process.sort(LONGEST_S + 1)
    out = {ids(span)[1] for span in process.kept}
    for number, tree in enumerate(spans):
        of_it = [span.get_span_context().span_id in out for span in tree]
        assert all(of_it) or not any(of_it)
        assert all(of_it) == (number in failed or tree[0].get_span_context().trace_flags.sampled)


def test_sums_over_what_is_kept_are_right_on_average():
    chance = random.Random(3)
    truth = estimate = errors = error_estimate = 0.0
    process = Process(ratio=0.05)
    for _ in range(6_000):
        root = process.light.start_span("root", start_time=0)
        truth += 1
        if chance.random() < 0.02:
            root.set_status(StatusCode.ERROR)
            errors += 1
        root.end(SECOND)
    process.sort()
    for span in process.spans():
        weight = ALL / (ALL - int(th(span).ljust(14, "0"), 16))
        estimate += weight
        error_estimate += weight * (span.status.status_code is StatusCode.ERROR)
    assert error_estimate == pytest.approx(errors)
    assert abs(estimate - truth) < 4 * (truth * 0.95 / 0.05) ** 0.5
