"""From a call that has ended to its lines in the ledger.

Given the call and what was read of its answer, fills its entry, makes further ones where `settle` says so, and records
them. Tells the call around it what was billed.

Never: waits, or keeps an entry back because a span was not sampled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from spanledger.call import Call, Entry, fresh_span_id
from spanledger.guard import guard
from spanledger.ledger import hand_over
from spanledger.settle import Line, Observation, settle
from spanledger.usage import Reading, over

_LATE = guard("traced_cost.bill_late")


def bill(call: Call, read: Reading | None) -> tuple[Reading | None, int | None]:
    """Record the call's lines.

    Args:
        call: The call; its entry has its end and its error by now.
        read: What was read of its answer.

    Returns:
        What its span shows, and the span that bills for it if it does not bill itself.
    """
    alone = call.observed is None and call.explicit is None and call.inner is None
    if alone and (read is None or not read.further):
        call.own = read
        entry = call.entry
        if read is not None:
            fill(entry, read, call)
        hand_over(entry)
        if call.outer is not None:
            _tell(call.outer, entry)
        return read, None
    return _bill_settled(call, read)


def fill(entry: Entry, read: Reading, call: Call) -> None:
    """Write what was read into an entry."""
    usage, provider, entry.response_model, entry.response_id, tier, _, operation, state, _ = read
    if operation is not None and call.options.operation == "chat":
        entry.operation = operation
    if entry.provider is None:
        entry.provider = provider
    if tier is not None:
        entry.service_tier = tier
        entry.batch = entry.batch or tier == "batch"
    if usage is not None:
        entry.usage = usage
        entry.usage_state = state


def bill_late(call: Call, observation: Observation) -> None:
    """Record a model call that was seen below a call which has ended already, unless that call billed for it."""
    with _LATE:
        if call.witness and call.outer is not None:
            if not call.outer.observe(observation):
                bill_late(call.outer, observation)
            return
        known = call.own is not None and call.own.usage is not None
        lines = settle(call.own, (observation,)) if known else [Line(observation, observation.reading)]
        for line in lines:
            if line.observation is not None:
                hand_over(_beside(call, line.observation))


def _bill_settled(call: Call, read: Reading | None) -> tuple[Reading | None, int | None]:
    if call.witness and call.outer is not None:
        _testify(call, call.outer, read)
        return read, None
    own, observed = read, call.observed or []
    if call.explicit:
        own, told = _explicit(call, read)
        observed = [*observed, *told]
    if own is not None and own.further:
        observed = [*observed, *_further(call, own.further, own)]
    inner, outer = call.inner, call.outer
    billed = () if inner is None else [response_id for response_id, _ in inner.billed]
    billed_by = inner.spans[-1] if inner is not None and inner.spans else None
    call.own = own
    for line in settle(own, observed, billed, inner=inner is not None):
        if line.observation is None:
            entry, call.own, billed_by = call.entry, line.reading, None
            if line.reading is not None:
                fill(entry, line.reading, call)
            if call.explicit and call.explicit[0].provider is not None:
                entry.provider = call.explicit[0].provider  # said at run time: it beats the decorator's
        else:
            entry = _beside(call, line.observation)
        hand_over(entry)
        if outer is not None:
            _tell(outer, entry)
    return call.own, billed_by


def _testify(call: Call, outer: Call, read: Reading | None) -> None:
    """Tell the traced call around what was seen; a call without usage is nothing to tell of."""
    entry = call.entry
    call.own = read = over(call.explicit[0], read) if call.explicit else read
    for line in settle(read, call.observed or ()):
        seen = line.observation
        if seen is None and line.reading is not None and line.reading.usage is not None:
            around = () if entry.parent_span_id is None else (entry.parent_span_id,)
            asked, times = entry.request_model, (entry.start_ns, entry.end_ns)
            told = line.reading._replace(provider=entry.provider or line.reading.provider)
            seen = Observation(told, fresh_span_id(), around, asked, *times, entry.sampled, entry.error_type)
        if seen is not None and not outer.observe(seen):
            bill_late(outer, seen)


def _tell(outer: Call, entry: Entry) -> None:
    below = outer.below()
    below.spans.append(entry.span_id)
    if entry.usage is not None:
        below.billed.append((entry.response_id, entry.span_id))


def _explicit(call: Call, read: Reading | None) -> tuple[Reading, list[Observation]]:
    """What `record_usage` said, over what was read; other responses than the first become observations."""
    told, *others = call.explicit or [Reading()]
    if read is not None and read.response_id and told.response_id and read.response_id != told.response_id:
        others.append(read)
        read = None
    return over(told, read), _further(call, others, told)


def _further(call: Call, readings: Iterable[Reading], first: Reading) -> list[Observation]:
    """Other responses of the same call, as lines beside it; another operation was made with another model."""
    entry = call.entry
    found = []
    for one in readings:
        if one.usage is not None:
            same = one.operation == first.operation or one.operation is None or first.operation is None
            model = entry.request_model if same else None
            found.append(Observation(one, fresh_span_id(), (), model, entry.start_ns, entry.end_ns, entry.sampled))
    return found


def _beside(call: Call, seen: Observation) -> Entry:
    """An entry for a model call below the call, under that one's own span."""
    entry = dataclasses.replace(
        call.entry,
        span_id=seen.span_id,
        parent_span_id=seen.ancestors[0] if seen.ancestors else call.entry.span_id,
        start_ns=seen.start_ns,
        end_ns=seen.end_ns,
        sampled=seen.sampled,
        provider=None,
        request_model=seen.request_model,
        service_tier=None,
        batch=False,
        time_to_first_chunk_s=None,
        chunks=0,
        chunk_times=None,
        stream=False,
        error_type=seen.error_type,
        http_status=None,
        usage=None,
        usage_state="unknown",
    )
    fill(entry, seen.reading, call)
    entry.provider = entry.provider or call.options.provider
    return entry
