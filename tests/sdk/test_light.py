"""Our own spans are told from the SDK's by nothing that a program or a backend can see."""

import threading

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from spanledger.context import context as who
from spanledger.light import LightSpan, light_tracer
from spanledger.processors import ContextSpanProcessor, LaneSpanProcessor
from spanledger.providers.instrumented import WitnessSampler
from spanledger.sampling.sampler import RatioSampler
from spanledger.testing import FixedIds

LIMITS = SpanLimits(max_span_attributes=6, max_attribute_length=12, max_events=2)


class Made:
    """A provider with our processors only, a light tracer and what comes out of both."""

    def __init__(self, ratio=1.0, sampler=None, limits=None):
        self.out = []
        self.provider = TracerProvider(
            sampler=sampler or WitnessSampler(RatioSampler(ratio)),
            resource=Resource({"service.name": "s"}),
            id_generator=FixedIds(),
            span_limits=limits,
            shutdown_on_exit=False,
        )
        processors = [ContextSpanProcessor(), LaneSpanProcessor(self.out.append)]
        for processor in processors:
            self.provider.add_span_processor(processor)
        self.light = light_tracer(self.provider, processors, self.out.append)
        self.heavy = self.provider.get_tracer("spanledger")

    def readable(self):
        return [span.readable() if isinstance(span, LightSpan) else span for span in self.out]


class Odd:
    """No value that an attribute may have."""

    def __str__(self):
        return "odd"


def busy(tracer):
    """All that a program may do with a span, below one of its own."""
    with (
        who(user_id="u1", feature="a feature with a long name"),
        tracer.start_as_current_span("outer", kind=SpanKind.SERVER, start_time=5) as outer,
    ):
        outer.set_attribute("list", ["a", "b"])
        outer.set_attributes({"n": 1, "wrong": Odd(), "x": 1.5, "many": "y", "more": True, "most": "z"})
        for at in (6, 7, 8):
            outer.add_event("event", {"k": "a long text that is cut"}, at)
        with pytest.raises(ValueError, match="no"), tracer.start_as_current_span("inner", start_time=9):
            raise ValueError("no")
        with pytest.raises(ValueError, match="managed"), tracer.start_span("managed", start_time=9):
            raise ValueError("managed")
        inner = tracer.start_span("left", attributes={"a": 1}, start_time=10)
        inner.add_link(outer.get_span_context(), {"l": 1})
        inner.update_name("renamed")
        inner.set_status(StatusCode.OK)
        inner.set_status(Status(StatusCode.ERROR, "too late"))
        inner.end(11)
        inner.set_attribute("after", "the end")
        inner.end(12)


@pytest.mark.parametrize("limits", [None, LIMITS])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_whatever_a_program_does_the_same_bytes_are_exported(limits):
    written = []
    for name in ("light", "heavy"):
        made = Made(limits=limits)
        busy(getattr(made, name))
        message = encode_spans(made.readable())
        for span in message.resource_spans[0].scope_spans[0].spans:
            span.end_time_unix_nano = 0  # the real clock's
            for event in span.events:
                event.time_unix_nano = 0 if event.name == "exception" else event.time_unix_nano
                for attribute in event.attributes:
                    if attribute.key == "exception.stacktrace":
                        attribute.value.string_value = ""
        message.resource_spans[0].scope_spans[0].scope.version = ""
        written.append(message)
    assert written[0] == written[1]
    assert len(written[0].resource_spans[0].scope_spans[0].spans) == 4


def test_children_of_other_tracers_are_in_the_same_trace_and_follow_the_decision():
    for ratio in (1.0, 0.0):
        made = Made(ratio)
        with made.light.start_as_current_span("ours") as ours:
            child = made.provider.get_tracer("other").start_span("child")
            assert child.get_span_context().trace_id == ours.get_span_context().trace_id
            assert child.is_recording() == ours.is_recording() == (ratio == 1.0)
            below = made.light.start_span("ours too", trace.set_span_in_context(child))
            assert below.get_span_context().trace_state == ours.get_span_context().trace_state
            assert below.get_span_context().trace_flags == ours.get_span_context().trace_flags
            child.end()
        assert len(made.out) == (2 if ratio else 0)


def test_a_program_can_read_its_current_span_as_if_it_were_the_sdks():
    made = Made()
    with made.light.start_as_current_span("ours", attributes={"a": 1}) as span:
        span.set_attribute("b", 2)
        assert dict(span.attributes) == {"a": 1, "b": 2}
        assert span.kind is SpanKind.INTERNAL
        assert '"name": "ours"' in span.to_json()
        assert not hasattr(span, "what_nobody_has")
    dropped = Made(0.0).light.start_span("ours")
    assert not hasattr(dropped, "attributes")
    dropped.set_attribute("a", 1)
    dropped.record_exception(ValueError())


def test_somebody_elses_processor_sees_every_span_from_the_moment_it_is_added():
    names = []

    class Seen(SpanProcessor):
        def on_start(self, span, parent_context=None):
            names.append(span.name)

    made = Made()
    made.light.start_span("before").end()
    made.provider.add_span_processor(Seen())
    made.light.start_span("after").end()
    assert names == ["after"]
    assert [span.name for span in made.readable()] == ["before", "after"]


def test_a_span_with_links_is_the_sdks():
    made = Made()
    link = Link(made.light.start_span("one").get_span_context())
    two = made.light.start_span("two", links=[link])
    assert not isinstance(two, LightSpan)
    assert two.links[0].context == link.context


def test_no_light_spans_where_somebody_elses_sampler_decides():
    assert Made(sampler=ALWAYS_ON).light is None


def test_a_processor_that_was_there_first_sees_what_is_recorded_and_nothing_else():
    started, ended = [], []

    class Seen(SpanProcessor):
        def on_start(self, span, parent_context=None):
            started.append((span.name, parent_context))

        def on_end(self, span):
            ended.append(span)

    for ratio in (1, 0):
        provider = TracerProvider(sampler=RatioSampler(ratio), shutdown_on_exit=False)
        provider.add_span_processor(Seen())
        light = light_tracer(provider, (), lambda span: None)
        with light.start_as_current_span("outer"), light.start_as_current_span("inner"):
            pass
    assert [name for name, _ in started] == ["outer", "inner"]
    assert trace.get_current_span(started[1][1]).get_span_context().span_id == ended[0].parent.span_id
    assert [span.name for span in ended] == ["inner", "outer"]
    assert {span.context.trace_state.get("ot") for span in ended} == {"th:0"}


def test_threads_that_write_on_one_span_at_once_write_on_the_same_one():
    made = Made()
    span = made.light.start_span("ours")
    gate = threading.Barrier(8)

    def write(number):
        gate.wait()
        span.set_attribute(f"k{number}", number)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    span.end()
    assert dict(made.readable()[0].attributes) == {f"k{n}": n for n in range(8)}
