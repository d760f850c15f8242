"""One call in flight, and what is left of it in the ledger.

`Entry` is what the ledger's way out takes: a finished call. `Call` is the mutable record while the user's function
runs or its stream is read; it is found in OpenTelemetry's context (`current_call`), so it follows spans into threads
and tasks.

Never: a reference from a call to the context that holds it, nor work: the work is in `lifecycle`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, cast

from opentelemetry.context import Context, create_key, get_current
from opentelemetry.trace import Span

from spanledger import semconv
from spanledger.alike import Alike
from spanledger.chunk_times import ChunkTimes
from spanledger.settle import Observation
from spanledger.usage import Reading, Usage, UsageState

CURRENT_CALL: Final = create_key("spanledger.call")


@dataclass(slots=True)
class Entry:
    """A finished call as the ledger takes it; not changed after it is made.

    Attributes:
        trace_id: With `span_id` the ledger's key.
        span_id: The call's span, or a fresh id where it has none of its own.
        parent_span_id: The span around it.
        start_ns: Unix time in nanoseconds.
        end_ns: Unix time in nanoseconds.
        sampled: Whether the span is exported too.
        kind: `usage`, or `cost` for an explicit amount.
        operation: OpenTelemetry's name of the operation.
        provider: OpenTelemetry's name of the provider.
        request_model: The model asked for.
        response_model: The model that answered.
        response_id: The provider's id of the answer.
        usage: What was used; `None` if nobody said.
        usage_state: `reported`, `estimated` or `unknown`.
        cost_usd: The explicit amount of kind `cost`.
        service_tier: The provider's tier.
        batch: Whether it was billed as part of a batch.
        time_to_first_chunk_s: Seconds from the start to a stream's first chunk.
        chunks: How many chunks came.
        chunk_times: When they came.
        stream: Whether it was a stream.
        error_type: What went wrong.
        http_status: What the provider answered with instead of an answer, such as 429; it bills nothing for that.
        context: Who and what for, read when the call began.
        attributes: What the user added.
        alike: What it shares with others, once the delivery worker has asked.
    """

    trace_id: int
    span_id: int
    parent_span_id: int | None
    start_ns: int
    end_ns: int
    sampled: bool
    kind: str = "usage"
    operation: str | None = None
    provider: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    usage: Usage | None = None
    usage_state: UsageState = "unknown"
    cost_usd: Decimal | None = None
    service_tier: str | None = None
    batch: bool = False
    time_to_first_chunk_s: float | None = None
    chunks: int = 0
    chunk_times: ChunkTimes | None = None
    stream: bool = False
    error_type: str | None = None
    http_status: int | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Any] | None = None
    alike: Alike | None = field(default=None, init=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Options:
    """What `traced_cost` was told about a function (see there), and what follows from it for every call.

    Attributes:
        span_name: The span's name, but for a model that is only known from the arguments.
        at_start: The attributes that the span starts with, but for what is only known from arguments and context.
    """

    name: str | None = None
    provider: str | None = None
    model: str | None = None
    operation: str = "chat"
    feature: str | None = None
    usage: Callable[[Any], Any] | None = None
    attributes: Mapping[str, Any] | None = None
    capture_content: bool = False
    span_name: str = field(init=False, compare=False)
    at_start: Mapping[str, Any] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        name = self.name or (self.operation if self.model is None else f"{self.operation} {self.model}")
        at_start: dict[str, Any] = {semconv.GEN_AI_OPERATION_NAME: self.operation, **(self.attributes or {})}
        if self.provider is not None:
            at_start[semconv.GEN_AI_PROVIDER_NAME] = self.provider
        if self.model is not None:
            at_start[semconv.GEN_AI_REQUEST_MODEL] = self.model
        if self.feature is not None:
            at_start[semconv.FEATURE] = self.feature
        object.__setattr__(self, "span_name", name)
        object.__setattr__(self, "at_start", at_start)


@dataclass(slots=True)
class Inner:
    """The traced calls made below a call."""

    open: set[int] = field(default_factory=set)
    billed: list[tuple[str | None, int]] = field(default_factory=list)  # response id and span of lines with usage
    spans: list[int] = field(default_factory=list)  # of all lines


@dataclass(eq=False, slots=True)
class Call:
    """The record of one call in flight.

    Attributes:
        options: What its decorator was told.
        span: Its span.
        entry: Its line in the ledger as far as it is known.
        started: Of `time.perf_counter_ns`.
        recording: Whether the span takes attributes.
        own_ids: Whether the ids are ours because no tracer gave a span of its own.
        outer: The traced call around it.
        open: Holds one item until somebody ends the call: taking it out is the right to end it, whatever thread comes
            first.
        inner: The traced calls below it.
        explicit: What `record_usage` said.
        observed: What other instrumentations saw below it.
        messages: What was asked, where content is captured.
        own: What the call itself knew of its usage, once it has ended.
        witness: Whether it only tells the traced call around it what it saw.
    """

    options: Options
    span: Span
    entry: Entry
    started: int
    recording: bool
    outer: Call | None
    open: list[None]
    own_ids: bool = False
    inner: Inner | None = None
    explicit: list[Reading] | None = None
    observed: list[Observation] | None = None
    messages: Any = None
    own: Reading | None = None
    witness: bool = False

    def observe(self, observation: Observation) -> bool:
        """Take note of a model call that another instrumentation saw below this one; gives whether it came in time."""
        if not self.open:
            return False
        if self.observed is None:
            self.observed = []
        self.observed.append(observation)
        return True

    def below(self) -> Inner:
        """The record of the traced calls below this one."""
        if self.inner is None:
            self.inner = Inner()
        return self.inner


def current_call(context: Context | None = None) -> Call | None:
    """The innermost traced call in flight in `context` (the current one), or `None`."""
    return cast("Call | None", (get_current() if context is None else context).get(CURRENT_CALL))


def fresh_span_id() -> int:
    """A span id of our own, for what has no span."""
    return random.getrandbits(64) or 1


def fresh_trace_id() -> int:
    """A trace id of our own, where there is no trace."""
    return random.getrandbits(128) or 1
