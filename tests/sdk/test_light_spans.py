"""Light spans, written by hand, against OpenTelemetry's own encoder; and what is left to it."""

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, TraceState, set_span_in_context

from spanledger import traced_cost
from spanledger.configure import replaced
from spanledger.context import context
from spanledger.delivery.encode import span_encoder
from spanledger.delivery.light_spans import SpanEncoder, SpanWriter
from spanledger.light import Common, LightSpan, light_tracer
from spanledger.processors import LaneSpanProcessor
from spanledger.redaction import Redaction
from spanledger.sampling.sampler import RatioSampler
from spanledger.version import __version__

ANSWER = {"id": "r1", "model": "gpt-4o-2024-08-06", "usage": {"prompt_tokens": 11, "completion_tokens": 7}}
FAR = NonRecordingSpan(
    SpanContext(
        7 << 100, 8, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("ot", "th:8"), ("a", "b")])
    )
)


def made(resource=None, limits=None, ended=None):
    limits = {} if limits is None else {"span_limits": SpanLimits(**limits)}
    provider = TracerProvider(
        sampler=RatioSampler(1.0),
        resource=Resource(resource or {"service.name": "shop"}),
        shutdown_on_exit=False,
        **limits,
    )
    ended = [] if ended is None else ended
    tracer = light_tracer(provider, (), ended.append)
    assert tracer is not None
    return tracer, ended


def never(name, value):
    return False


def same_as_opentelemetry(span):
    by_hand = SpanMessage.FromString(SpanWriter(never)(span))
    (group,) = encode_spans([span.readable()]).resource_spans
    assert by_hand == group.scope_spans[0].spans[0]
    return by_hand


@pytest.mark.parametrize("kind", SpanKind)
def test_a_span_is_written_as_opentelemetry_writes_it_whatever_its_kind(kind):
    tracer, ended = made()
    given = {
        "text": "ü",
        "empty": "",
        "int": -5,
        "big": 2**40,
        "float": 1.5,
        "yes": True,
        "no": False,
        "list": ("a", "b"),
    }
    outer = tracer.start_span("outer", kind=kind, attributes=given, start_time=1_795_000_000_000_000_001)
    inner = tracer.start_span("inner", set_span_in_context(outer), kind)
    inner.end()
    outer.end(1_795_000_000_000_000_999)
    assert [type(span) for span in ended] == [LightSpan, LightSpan]
    assert same_as_opentelemetry(inner).parent_span_id == outer.span_id.to_bytes(8, "big")
    same_as_opentelemetry(outer)


def test_values_that_are_equal_and_not_of_one_type_stay_what_they_are():
    tracer, ended = made()
    write = SpanWriter(never)
    for value in (1, 1.0, True, "1", 0, False, 0.0):
        tracer.start_span("call", attributes={"value": value, "of_each": [f"{value}"]}).end()
    for span in ended:
        (group,) = encode_spans([span.readable()]).resource_spans
        expected = group.scope_spans[0].spans[0]
        del span.__dict__["_real"]
        assert SpanMessage.FromString(write(span)) == expected


def test_a_parent_elsewhere_and_its_tracestate_are_told():
    tracer, ended = made()
    tracer.start_span("GET", set_span_in_context(FAR), SpanKind.SERVER).end()
    message = same_as_opentelemetry(ended[0])
    assert message.trace_state == "ot=th:8,a=b"
    assert message.flags & 0x200


def test_a_traced_call_is_written_with_everything_that_became_known_at_its_end():
    tracer, ended = made()
    with replaced(tracer, lambda entry: None), context(user_id="u7", feature="search"):
        traced_cost(lambda: ANSWER)()
    message = same_as_opentelemetry(ended[0])
    written = {pair.key for pair in message.attributes}
    assert {"gen_ai.response.model", "gen_ai.usage.input_tokens", "user.id", "spanledger.feature"} <= written
    assert message.name == "chat gpt-4o-2024-08-06"


def of_request(tracer, ended, finds=never):
    payload, good = SpanEncoder(span_encoder(), finds).encode(ended, lambda: None)
    request = ExportTraceServiceRequest.FromString(payload)
    names = [span.name for group in request.resource_spans for scope in group.scope_spans for span in scope.spans]
    assert sorted(names) == sorted(span.name for span in good)
    return request, names


def test_all_spans_of_a_batch_are_sent_once_whoever_writes_them():
    tracer, ended = made()
    for number in range(100):
        span = tracer.start_span(f"span {number}")
        if number % 3 == 0:
            span.set_attribute("touched", number)
        if number % 5 == 0:
            span.add_event("something")
        span.end()
    real = []
    provider = TracerProvider(resource=Resource({"service.name": "shop"}), shutdown_on_exit=False)
    kept = LaneSpanProcessor(real.append)
    provider.add_span_processor(kept)
    provider.get_tracer("spanledger", __version__).start_span("heavy").end()
    foreign, others = made({"service.name": "other"})
    foreign.start_span("foreign").end()
    ended += [*real, *others]
    request, names = of_request(tracer, ended)
    assert sorted(names) == sorted([*(f"span {number}" for number in range(100)), "heavy", "foreign"])
    services = {group.resource.attributes[0].value.string_value for group in request.resource_spans}
    assert services == {"shop", "other"}
    (scope,) = {(s.scope.name, s.scope.version) for g in request.resource_spans for s in g.scope_spans}
    assert scope[0] == "spanledger"


@pytest.mark.parametrize(
    "attributes",
    [
        {"none": None},
        {"mixed": ("a", 1)},
        {"bytes": b"x"},
        {"map": {"a": 1}},
        {"long": "x" * 9_000},
        {"api_key": "sk-1"},
    ],
    ids=lambda attributes: next(iter(attributes)),
)
def test_what_is_not_plain_or_not_to_be_seen_takes_the_way_of_all_spans(attributes):
    tracer, ended = made()
    tracer.start_span("call", attributes=attributes).end()
    assert SpanWriter(Redaction().finds)(ended[0]) is None
    assert of_request(tracer, ended, Redaction().finds)[1] == ["call"]


def test_where_a_limit_holds_it_holds():
    tracer, ended = made(limits={"max_span_attribute_length": 3})
    tracer.start_span("call", attributes={"long": "four and more"}).end()
    request, _ = of_request(tracer, ended)
    (pair,) = request.resource_spans[0].scope_spans[0].spans[0].attributes
    assert pair.value.string_value == "fou"
    tracer, ended = made(limits={"max_span_attributes": 2})
    tracer.start_span("call", attributes={"a": 1, "b": 2, "c": 3}).end()
    request, _ = of_request(tracer, ended)
    assert request.resource_spans[0].scope_spans[0].spans[0].dropped_attributes_count == 1


def test_a_resource_that_is_not_to_be_seen_whole_takes_the_way_of_all_spans():
    tracer, ended = made({"service.name": "shop", "secret": "sk-12345678901234567890"})
    tracer.start_span("call").end()
    seen = []
    encoder = SpanEncoder(
        type("Others", (), {"encode": lambda self, items, breathe: (seen.extend(items) or b"", items)})(),
        Redaction().finds,
    )
    assert encoder.encode(ended, lambda: None)[1] == seen == ended


def test_a_span_that_is_written_where_it_ends_is_sent_like_all_others_and_says_the_same():
    tracer, ended = made({"service.name": "shop"})
    common = Common({"http.route": "/books/{id}", "server.port": 80, "http.response.status_code": 200})
    encoder = SpanEncoder(span_encoder(), Redaction().finds)
    items = []
    for request_id in ("4f" * 16, "one of a client's", "sk-12345678901234567890", "", "ü"):
        span = tracer.start_span("GET", kind=SpanKind.SERVER, attributes={"url.path": "/books/7", "user.id": "u7"})
        span.common, span.at_once = common, True
        span.given = {"spanledger.request_id": request_id, "spanledger.process_time_s": 0.25, **span.given}
        span.end()
        items.append(encoder.written(span) or span)
    assert [type(item) for item in items] == [bytes, bytes, LightSpan, bytes, bytes]
    payload, good = encoder.encode(items, lambda: None)
    assert len(good) == len(items)
    found = ExportTraceServiceRequest.FromString(payload)
    (resource,) = {group.resource.attributes[0].value.string_value for group in found.resource_spans}
    spans = [span for group in found.resource_spans for scope in group.scope_spans for span in scope.spans]
    assert resource == "shop"
    assert {span.span_id for span in spans} == {span.span_id.to_bytes(8, "big") for span in ended}
    for span in ended[:2] + ended[3:]:
        (group,) = encode_spans([span.readable()]).resource_spans
        assert group.scope_spans[0].spans[0] in spans


def test_what_was_written_where_it_ended_is_counted_as_lost_where_it_may_not_leave_any_more():
    tracer, _ = made()
    encoder = SpanEncoder(span_encoder(), never)
    assert encoder.encode([b"\x12\x00"], lambda: None) == (b"", [])
    limited, _ = made(limits={"max_span_attribute_length": 3})
    span = limited.start_span("GET")
    span.end()
    assert SpanEncoder(span_encoder(), never).written(span) is None
    whole = tracer.start_span("GET")
    whole.end()
    assert encoder.written(whole) is not None
