"""Usage told by the program itself, for calls whose answer cannot be read.

Given units and names, adds them to the traced call in flight, where they win over what is read; outside any call they
make a line in the ledger of their own, below the current span.

Never: raises. What cannot be understood is logged once and left out.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from decimal import Decimal
from typing import TypedDict, Unpack

from opentelemetry.trace import get_current_span

from spanledger.call import Entry, current_call, fresh_span_id, fresh_trace_id
from spanledger.configure import enabled
from spanledger.context import current
from spanledger.guard import guard, say_once
from spanledger.ledger import record
from spanledger.usage import USAGE_FIELDS, Reading, UsageState, named_usage, over

_GUARD = guard("record_usage")


class Units(TypedDict, total=False):
    """The units of `Usage` besides input and output tokens; parts are included in the totals."""

    cache_read_tokens: int
    cache_write_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    reasoning_tokens: int
    audio_input_tokens: int
    audio_output_tokens: int
    audio_cache_read_tokens: int
    audio_seconds: float | Decimal
    characters: int
    requests: int
    web_searches: int


def record_usage(
    *,
    provider: str | None = None,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    response_id: str | None = None,
    operation: str | None = None,
    service_tier: str | None = None,
    batch: bool = False,
    estimated: bool = False,
    **units: Unpack[Units],
) -> None:
    """Say what a model call used, when it cannot be read from its answer.

    Inside a traced call this goes onto that call and wins over what is read; saying it again replaces what was said,
    unit by unit, unless `response_id` is another one: that is another billable call, with a line of its own. Outside
    any traced call it makes a line of its own.

    Args:
        provider: Who answered, under OpenTelemetry's name.
        model: The model that answered.
        input_tokens: All input tokens, cached and audio ones included.
        output_tokens: All output tokens, reasoning and audio included.
        response_id: The provider's id of the answer.
        operation: `chat` unless said otherwise.
        service_tier: The provider's tier, where it changes the rate.
        batch: Whether the call is billed as part of a batch.
        estimated: Whether you counted yourself; it gives way to what the provider reports.
        units: Further units, as `Usage` names them: counts, and `audio_seconds` in seconds.
    """
    if not enabled():
        return
    with _GUARD:
        said = {"input_tokens": input_tokens, "output_tokens": output_tokens, **units}
        unknown = sorted(set(said) - set(USAGE_FIELDS))
        if unknown:
            say_once(f"record_usage {unknown}", logging.WARNING, "record_usage does not know %s", ", ".join(unknown))
        usage = named_usage(said)
        state: UsageState = "estimated" if estimated else "reported"
        told = Reading(usage, provider, model, response_id, service_tier, (), operation, state)
        call = current_call()
        if call is None or not call.open:
            _record_alone(told, batch=batch)
            return
        call.explicit = _with(call.explicit or [], told)
        call.entry.batch = call.entry.batch or batch


def _with(explicit: list[Reading], told: Reading) -> list[Reading]:
    for place, before in enumerate(explicit):
        if told.response_id is None or before.response_id in (None, told.response_id):
            return [*explicit[:place], over(told, before), *explicit[place + 1 :]]
    return [*explicit, told]


def line_of_its_own() -> Entry:
    """A line that has no span, of this moment, below the current span."""
    around = get_current_span().get_span_context()
    now_ns = time.time_ns()
    return Entry(
        around.trace_id or fresh_trace_id(),
        fresh_span_id(),
        around.span_id or None,
        now_ns,
        now_ns,
        around.trace_flags.sampled,
        context=current(),
    )


def _record_alone(told: Reading, *, batch: bool) -> None:
    record(
        replace(
            line_of_its_own(),
            operation=told.operation or "chat",
            provider=told.provider,
            request_model=told.model,
            response_model=told.model,
            response_id=told.response_id,
            usage=told.usage,
            usage_state="unknown" if told.usage is None else told.state,
            service_tier=told.service_tier,
            batch=batch or told.service_tier == "batch",
        )
    )
