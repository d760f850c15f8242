"""Hypothesis strategies for whole OTLP requests: mostly right, often odd, always encodable both ways."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanledger import semconv
from spanledger_server.otlp.limits import HOUR_NS
from tests.backend.otlp.payloads import NOW, any_value, log, pairs, request, span

TEXTS = st.one_of(st.text(max_size=12), st.sampled_from(["", "\0", "a\0b", "é", "😀", "\u2028", "0", "-7", "1" * 19]))
KNOWN_KEYS = st.sampled_from(
    [
        *sorted({name for names in semconv.DIALECTS.values() for name in names}),
        *(semconv.PARENT_SPAN_ID, semconv.DURATION_NS, semconv.EVENT_NAME, semconv.DROPPED_ATTRIBUTES),
    ]
)
KEYS = st.one_of(KNOWN_KEYS, TEXTS)
INT64 = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, 1, -1, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)])
)
UINT64 = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**64 - 1]))
SCALARS = st.one_of(st.none(), st.booleans(), INT64, st.floats(width=64), TEXTS, st.binary(max_size=9))


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)


VALUES = SCALARS | _nested(SCALARS) | _nested(SCALARS | _nested(SCALARS | _nested(SCALARS)))
ATTRIBUTES = st.lists(st.tuples(KEYS, VALUES), max_size=8)
TRACE_IDS = st.one_of(st.binary(min_size=16, max_size=16), st.binary(max_size=20), st.just(bytes(16)))
SPAN_IDS = st.one_of(st.binary(min_size=8, max_size=8), st.binary(max_size=10), st.just(bytes(8)))
TIMES = st.one_of(
    st.integers(NOW - HOUR_NS, NOW),
    st.sampled_from([0, 1, NOW, NOW + HOUR_NS, NOW + HOUR_NS + 1, NOW - 24 * HOUR_NS, NOW - 24 * HOUR_NS - 1]),
    UINT64,
)
UINT32 = st.integers(0, 2**32 - 1)
TRACE_STATES = st.one_of(
    TEXTS, st.from_regex(r"(a=b,)?ot=(rv:[0-9a-f]{14};)?th:[0-9a-f]{1,15}(;x:y)?(,c=d)?", fullmatch=True)
)


@st.composite
def spans(draw: Any) -> Span:
    made = span(
        draw(ATTRIBUTES),
        trace_id=draw(TRACE_IDS),
        span_id=draw(SPAN_IDS),
        parent_span_id=draw(st.one_of(st.just(b""), SPAN_IDS)),
        name=draw(TEXTS),
        kind=draw(st.integers(-1, 9)),
        start_time_unix_nano=draw(TIMES),
        end_time_unix_nano=draw(TIMES),
        flags=draw(UINT32),
        trace_state=draw(TRACE_STATES),
        status=Status(code=draw(st.integers(-1, 4)), message=draw(TEXTS)),
        dropped_attributes_count=draw(st.sampled_from([0, 0, 3])),
        dropped_events_count=draw(st.sampled_from([0, 0, 3])),
        dropped_links_count=draw(st.sampled_from([0, 0, 2**32 - 1])),
    )
    for name, at_ns, attributes in draw(st.lists(st.tuples(TEXTS, UINT64, ATTRIBUTES), max_size=3)):
        made.events.add(name=name, time_unix_nano=at_ns, attributes=pairs(attributes))
    for trace_id, span_id, attributes in draw(st.lists(st.tuples(TRACE_IDS, SPAN_IDS, ATTRIBUTES), max_size=2)):
        made.links.add(trace_id=trace_id, span_id=span_id, attributes=pairs(attributes))
    return made


@st.composite
def log_records(draw: Any) -> Any:
    record = log(
        trace_id=draw(TRACE_IDS),
        span_id=draw(SPAN_IDS),
        time_unix_nano=draw(TIMES),
        observed_time_unix_nano=draw(TIMES),
        severity_number=draw(st.integers(-1, 30)),
        severity_text=draw(TEXTS),
        event_name=draw(st.one_of(TEXTS, st.just(semconv.LEDGER_EVENT))),
        dropped_attributes_count=draw(st.sampled_from([0, 0, 3])),
    )
    record.attributes.extend(pairs(draw(ATTRIBUTES)))
    if draw(st.booleans()):
        record.body.CopyFrom(any_value(draw(VALUES)))
    return record


COUNTS = st.lists(st.one_of(st.integers(0, 5), UINT64), max_size=5)
DOUBLES = st.one_of(st.floats(width=64), st.sampled_from([0.0, 1.0, 2.0]))
OPTIONAL = st.one_of(st.none(), DOUBLES)


def _times(draw: Any) -> dict[str, Any]:
    flags = draw(st.sampled_from([0, 0, 0, 1, 3]))
    return {
        "time_unix_nano": draw(TIMES),
        "start_time_unix_nano": draw(TIMES),
        "flags": flags,
        "attributes": pairs(draw(ATTRIBUTES)),
    }


@st.composite
def numbers(draw: Any) -> otlp.NumberDataPoint:
    value = draw(st.one_of(st.just({}), st.builds(dict, as_int=INT64), st.builds(dict, as_double=DOUBLES)))
    return otlp.NumberDataPoint(**_times(draw), **value)


@st.composite
def distributions(draw: Any, message: Any) -> Any:
    point = message(**_times(draw), count=draw(UINT64))
    for name in ("sum", "min", "max"):
        value = draw(OPTIONAL)
        if value is not None:
            setattr(point, name, value)
    if message is otlp.HistogramDataPoint:
        bounds = draw(st.one_of(st.lists(DOUBLES, max_size=4), st.just([1.0, 2.0])))
        point.explicit_bounds.extend(bounds)
        point.bucket_counts.extend(draw(st.one_of(COUNTS, st.just([1] * (len(bounds) + 1)))))
        return point
    point.scale = draw(st.integers(-10, 20))
    point.zero_count = draw(st.one_of(st.integers(0, 9), UINT64))
    for side in (point.positive, point.negative):
        side.offset = draw(st.one_of(st.integers(-50, 50), st.integers(-(2**31), 2**31 - 1)))
        side.bucket_counts.extend(draw(COUNTS))
    return point


@st.composite
def summaries(draw: Any) -> otlp.SummaryDataPoint:
    values = draw(st.lists(st.tuples(DOUBLES, DOUBLES), max_size=3))
    quantiles = [otlp.SummaryDataPoint.ValueAtQuantile(quantile=one, value=two) for one, two in values]
    return otlp.SummaryDataPoint(**_times(draw), count=draw(UINT64), sum=draw(DOUBLES), quantile_values=quantiles)


@st.composite
def metrics(draw: Any) -> otlp.Metric:
    made = otlp.Metric(name=draw(st.one_of(st.just("m"), TEXTS)), unit=draw(TEXTS), description=draw(TEXTS))
    kind = draw(st.sampled_from(["gauge", "sum", "histogram", "exponential_histogram", "summary", None]))
    if kind is None:
        return made
    points = {
        "gauge": numbers(),
        "sum": numbers(),
        "histogram": distributions(otlp.HistogramDataPoint),
        "exponential_histogram": distributions(otlp.ExponentialHistogramDataPoint),
        "summary": summaries(),
    }[kind]
    data = getattr(made, kind)
    data.SetInParent()
    data.data_points.extend(draw(st.lists(points, max_size=3)))
    if kind not in ("gauge", "summary"):
        data.aggregation_temporality = draw(st.sampled_from([0, 1, 2, 5]))
    if kind == "sum":
        data.is_monotonic = draw(st.booleans())
    return made


def requests(signal: str) -> st.SearchStrategy[Any]:
    """Whole requests of one signal, with several resources and scopes."""
    records = {"traces": spans(), "logs": log_records(), "metrics": metrics()}[signal]
    resource = st.dictionaries(st.one_of(st.just(semconv.SERVICE_NAME), TEXTS), VALUES, max_size=3)
    group = st.builds(lambda r, a, s: request(signal, r, a, s), st.lists(records, max_size=4), resource, TEXTS)
    return st.lists(group, min_size=1, max_size=2).map(_merged)


def _merged(messages: list[Any]) -> Any:
    first, *others = messages
    for other in others:
        first.MergeFrom(other)
    return first
