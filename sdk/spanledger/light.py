"""Our own spans at a tenth of the price, where nobody but us looks at spans as they start and end.

Given OpenTelemetry's provider, makes spans that hold their ids, name, attributes and times and nothing else. A span of
OpenTelemetry's SDK is made of one only when somebody needs it: the delivery worker, to encode it, or a program that
sets attributes or events on its current span. It is then the real thing: limits, cleaning and readable properties are
the SDK's own.

Never: a light span that is recorded while a span processor of somebody else's is installed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from random import getrandbits
from types import TracebackType
from typing import Any

from opentelemetry.baggage import _BAGGAGE_KEY
from opentelemetry.context import Context, get_current
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    use_span,
)
from opentelemetry.trace.propagation import _SPAN_KEY
from opentelemetry.util._decorator import _agnosticcontextmanager

from spanledger.context import current
from spanledger.guard import guard
from spanledger.providers.instrumented import WitnessSampler
from spanledger.sampling.sampler import ConsistentSampler
from spanledger.spans import Told, known, set_checked
from spanledger.version import __version__

_CONCLUDE = guard("light.conclude")
_MAKE: Any = getattr(sdk, "_Span", None)
_NOBODY = SpanProcessor()
_PLAIN = (str, int, float, bool)
_NOTHING: Mapping[str, Any] = {}


class Common:
    """Attributes that many spans have in common, and that are written once for all of them.

    Attributes:
        attributes: By their names.
    """

    __slots__ = ("attributes",)

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        self.attributes = attributes


class LightSpan(Span):
    """One span; a real one is made of it when it is needed.

    Attributes:
        maker: Whose it is.
        name: Its name.
        kind_: Client, server, …
        given: The attributes that it started with, or has of its own.
        common: Those that it shares with others.
        trace_id: Of its trace.
        span_id: Its own.
        around: The span that it is a part of.
        parent_span_id: Its id.
        sampled: Whether it is kept, as it was decided when its trace began.
        recorded: Whether what it says is held: it may be kept in the end.
        state: Its tracestate.
        start_ns: Unix time in nanoseconds.
        end_ns: Unix time in nanoseconds; None while it is open.
        told: What is only known at its end.
        at_once: Whether it is to be written where it ends, and not by the worker. Hundreds of spans that wait are
            memory that is cold when it is needed, which costs a request more than writing its few hundred bytes.
    """

    maker: LightTracer
    name: str
    kind_: SpanKind
    given: Mapping[str, Any]
    common: Common | None = None
    trace_id: int
    span_id: int
    around: Span | None = None
    parent_span_id: int | None = None
    sampled: bool
    recorded: bool
    state: TraceState
    start_ns: int
    end_ns: int | None = None
    told: Told | None = None
    at_once = False
    is_light = True
    _context: SpanContext | None = None
    _real: Any = None

    def get_span_context(self) -> SpanContext:
        """As OpenTelemetry has it, made when it is asked for: children within the process need it, leaves do not."""
        found = self._context
        if found is None:
            flags = self.maker.flags[self.sampled]
            found = self._context = SpanContext(self.trace_id, self.span_id, False, flags, self.state)
        return found

    def is_recording(self) -> bool:
        """Whether attributes set now are kept."""
        return self.recorded and self.end_ns is None

    def end(self, end_time: int | None = None) -> None:
        """End it; a second end does nothing."""
        if self.end_ns is None:
            self.end_ns = time.time_ns() if end_time is None else end_time
            if self.recorded:
                self.maker.put(self)

    def has_failed(self) -> bool:
        """Whether its status will say so."""
        if self.told is not None and self.told[0].error_type is not None:
            return True
        return self._real is not None and self._real.status.status_code is StatusCode.ERROR

    def real(self) -> Any:
        """The SDK's span that this one stands for, made once, whichever thread comes first."""
        found = self._real
        if found is None:
            found = self.__dict__.setdefault("_real", self.maker.real(self))
        return found

    def readable(self) -> ReadableSpan:
        """What is exported: for the worker, after the end."""
        real = self.real()
        if real.is_recording():
            if self.told is not None:
                with _CONCLUDE:
                    shown, name, status = known(*self.told)
                    real.set_attributes(shown)
                    real.update_name(name or real.name)
                    if status is not None:
                        real.set_status(status)
            real.end(self.end_ns)
        found: ReadableSpan = real._readable_span()
        return found

    # --- what a program may do with its current span: rare, so done by the real one

    def set_attribute(self, key: str, value: Any) -> None:
        """As OpenTelemetry has it."""
        if self.is_recording():
            self.real().set_attribute(key, value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """As OpenTelemetry has it."""
        if self.is_recording():
            self.real().set_attributes(attributes)

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        """As OpenTelemetry has it."""
        if self.is_recording():
            self.real().add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Any = None) -> None:
        """As OpenTelemetry has it."""
        if self.is_recording():
            self.real().add_link(context, attributes)

    def update_name(self, name: str) -> None:
        """As OpenTelemetry has it."""
        if self.is_recording():
            self.real().update_name(name)

    def set_status(self, status: Any, description: str | None = None) -> None:
        """As OpenTelemetry has it."""
        if self.is_recording():
            self.real().set_status(status, description)

    def record_exception(
        self, exception: BaseException, attributes: Any = None, timestamp: int | None = None, escaped: bool = False
    ) -> None:
        """As OpenTelemetry has it."""
        if self.is_recording():
            self.real().record_exception(exception, attributes, timestamp, escaped)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As OpenTelemetry has it: what is raised inside `with` is told, and the span ends."""
        if error is not None and self.is_recording():
            self.record_exception(error, escaped=True)
            self.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        super().__exit__(kind, error, trace)


class _OfTheReal:
    """What only the SDK's spans have (`attributes`, `events`, `to_json`, …), for programs that read it.

    `__getattr__` would do as well, but with one Python looks up every attribute of a span three times as slowly.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, span: LightSpan | None, owner: type[LightSpan]) -> Any:
        if span is None:
            return self
        if not span.recorded:
            raise AttributeError(f"{owner.__name__!r} object has no attribute {self._name!r}")
        return getattr(span.real(), self._name)


_HELD = (  # by the SDK's spans themselves, not by their class
    *("_attributes", "_end_time", "_events", "_instrumentation_scope", "_kind", "_limits", "_links", "_name"),
    *("_parent", "_resource", "_span_processor", "_start_time", "_status"),
)
for _name in {*dir(_MAKE or Span), *_HELD} - {*dir(LightSpan), *LightSpan.__annotations__}:
    setattr(LightSpan, _name, _OfTheReal(_name))


class LightTracer(Tracer):
    """Makes light spans for one provider.

    Args:
        provider: Whose resource, limits and ids they have.
        sampler: Decides which are kept.
        ours: The processors that need not see them.
        put: Takes spans that have ended and are kept.

    Attributes:
        flags: Of a span that is dropped, and of one that is kept.
        limits: Of attributes.
        scope: Whose spans they are.
    """

    def __init__(
        self,
        provider: TracerProvider,
        sampler: ConsistentSampler,
        ours: Sequence[SpanProcessor],
        put: Callable[[LightSpan], None],
    ) -> None:
        self._provider, self._sampler, self._decide, self.put = provider, sampler, sampler.decide, put
        ids = provider.id_generator
        self._span_id, self._trace_id = ids.generate_span_id, ids.generate_trace_id
        if type(ids) is RandomIdGenerator:  # the usual one, without its frames
            self._span_id, self._trace_id = partial(getrandbits, 64), partial(getrandbits, 128)
        is_random = getattr(ids, "is_trace_id_random", lambda: False)()
        more = getattr(TraceFlags, "RANDOM_TRACE_ID", 0) if is_random else 0
        self.flags = (TraceFlags(TraceFlags.DEFAULT | more), TraceFlags(TraceFlags.SAMPLED | more))
        self._among: Any = provider._active_span_processor
        there = getattr(self._among, "_span_processors", None)
        self._ours = there if there == tuple(ours) else ()  # the very tuple: it is made anew when one is added
        self.limits, self.scope = provider._span_limits, InstrumentationScope("spanledger", __version__)

    @property
    def resource(self) -> Resource:
        """The provider's, which is another one after a fork."""
        return self._provider.resource

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Any = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """As OpenTelemetry has it; the SDK's where it has links, or is recorded and somebody else looks at spans."""
        del record_exception, set_status_on_exception  # a span of ours used as a context manager does both
        around = get_current() if context is None else context
        parent: Any = around.get(_SPAN_KEY)
        parent_span_id = None
        if type(parent) is LightSpan:
            trace_id, parent_span_id = parent.trace_id, parent.span_id
            decided = self._decide(trace_id, parent.state, parent.sampled, name, attributes)
        else:
            of_it = None if parent is None else parent.get_span_context()
            if of_it is None or not of_it.is_valid:
                parent, trace_id = None, self._trace_id() or 1
                decided = self._decide(trace_id, None, False, name, attributes)
            else:
                trace_id, parent_span_id = of_it.trace_id, of_it.span_id
                decided = self._decide(trace_id, of_it.trace_state, of_it.trace_flags.sampled, name, attributes)
        made = LightSpan()
        made.maker, made.trace_id, made.span_id = self, trace_id, self._span_id() or 1
        made.around, made.parent_span_id = parent, parent_span_id
        made.sampled, made.state = decided
        made.recorded = recorded = decided[0] or self._sampler.records_dropped
        if not recorded:
            return made  # nobody will ask what it is called
        made.name, made.kind_, made.given = name, kind, attributes or _NOTHING
        made.start_ns = time.time_ns() if start_time is None else start_time
        if _BAGGAGE_KEY in around:
            given = made.given
            made.given = {**given, **current(around), **given}  # what was given comes first, and stays
        if links or self._among._span_processors is not self._ours:
            seen: Span = self.real(made, self._among, links, around)
            return seen
        return made

    @_agnosticcontextmanager
    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Any = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[Span]:
        """As OpenTelemetry has it."""
        span = self.start_span(name, context, kind, attributes, links, start_time)
        with use_span(span, end_on_exit, record_exception, set_status_on_exception):
            yield span

    def real(
        self,
        light: LightSpan,
        seen_by: SpanProcessor = _NOBODY,
        links: Sequence[Link] | None = None,
        around: Context | None = None,
    ) -> Any:
        """The SDK's span of a light one.

        Args:
            light: The light one.
            seen_by: Told of its start and end.
            links: Other spans that it has to do with.
            around: The context that it starts in.
        """
        parent = light.around
        attributes = light.given if light.common is None else {**light.common.attributes, **light.given}
        plain = [type(value) in _PLAIN and type(key) is str and key != "" for key, value in attributes.items()]
        is_plain = all(plain)  # else OpenTelemetry cleans them, which takes a tenth of the span's time
        made = _MAKE(
            name=light.name,
            context=light.get_span_context(),
            parent=None if parent is None else parent.get_span_context(),
            resource=self.resource,
            attributes=None if is_plain else attributes,
            span_processor=seen_by,
            kind=light.kind_,
            links=links or (),
            limits=self.limits,
            instrumentation_scope=self.scope,
        )
        if is_plain:
            set_checked(made, attributes)
        made.start(light.start_ns, around)
        return made


def light_tracer(
    provider: TracerProvider, ours: Sequence[SpanProcessor], put: Callable[[LightSpan], None]
) -> LightTracer | None:
    """What makes light spans, or None where somebody else's sampler decides, or the SDK is switched off.

    Args:
        provider: The provider that the other spans are made by.
        ours: The processors that need not see the SDK's own spans.
        put: Takes spans that have ended and are kept.
    """
    sampler: Any = provider.sampler
    if type(sampler) is WitnessSampler:
        sampler = sampler.inner
    if _MAKE is None or not isinstance(sampler, ConsistentSampler) or getattr(provider, "_disabled", False):
        return None
    return LightTracer(provider, sampler, ours, put)
