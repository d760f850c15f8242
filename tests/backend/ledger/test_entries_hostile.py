"""Whatever an attribute holds, each candidate is a line, no line, or a counted refusal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.thorough import examples

from spanledger import semconv
from spanledger.pricing import PriceBook, parts
from spanledger.usage import USAGE_FIELDS, Usage
from spanledger_server.ledger import dialect
from spanledger_server.ledger.entries import lines
from spanledger_server.otlp.columns import Candidate

NOON = 1_795_176_000 * 10**9
BOOK = PriceBook.default()
RENAMED = {"cache_read_tokens": "cached_input_tokens", "audio_cache_read_tokens": "audio_cached_input_tokens"}
COLUMNS = {field: RENAMED.get(field, field) for field in USAGE_FIELDS}
names = sorted({name for field in dialect.FIELDS for name in dialect._NAMES[field]})
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(0, 5_000_000),
    st.floats(),
    st.text(st.characters(), max_size=8),
    st.sampled_from(
        ["0", "12", "-3", "1e400", "1e-400", "NaN", "cost", "usage", "estimated", "gpt-4o", "openai", "x" * 300]
    ),
    st.sampled_from(["chat", "LLM", "batch", "priority", "0x10", "１２", "00000000000000ff", "\x00", "\ud800"]),
    st.binary(max_size=4),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
seeds = st.sampled_from(
    [
        {},
        {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"},
        {"openinference.span.kind": "LLM", "llm.provider": "google", "llm.model_name": "gemini-2.5-flash"},
        {
            "gen_ai.operation.name": "speech_to_text",
            "gen_ai.system": "groq",
            "gen_ai.request.model": "whisper-large-v3",
        },
    ]
)
attributes = st.builds(
    lambda seed, known, others: {**seed, **known, **others},
    seeds,
    st.dictionaries(
        st.sampled_from([*names, semconv.OPENINFERENCE_SPAN_KIND, semconv.TRACELOOP_SPAN_KIND, semconv.CALL_SPAN_ID]),
        values,
        max_size=8,
    ),
    st.dictionaries(st.text(max_size=5), values, max_size=3),
)
candidates = st.builds(
    Candidate,
    source=st.sampled_from(["event", "span"]),
    trace_id=st.just(bytes(range(16))),
    span_id=st.integers(1, 2**64 - 1),
    parent_span_id=st.none() | st.integers(1, 2**64 - 1),
    start_ns=st.none() | st.integers(0, 2**63 - 1),
    at_ns=st.integers(0, 2**63 - 1),
    service=st.none() | st.text(max_size=4),
    scope=st.none(),
    error=st.booleans(),
    attributes=attributes,
)


@settings(max_examples=examples(80), deadline=None)
@given(st.lists(candidates, max_size=6))
def test_nothing_raises_and_everything_is_accounted_for(given_candidates: list[Candidate]) -> None:
    before = repr(given_candidates)
    made, refusals = lines(given_candidates, BOOK)
    assert repr(given_candidates) == before
    events = sum(candidate.source == "event" for candidate in given_candidates)
    assert events <= made.num_rows + refusals.total <= len(given_candidates)
    for line in made.to_pylist():
        assert line["state"] in ("priced", "unpriced", "estimated", "free")
        assert (line["cost_usd"] is None) == (line["state"] == "unpriced")
        assert (line["state_reason"] is None) == (line["state"] in ("priced", "free"))
        assert line["usage_state"] in ("reported", "estimated", "unknown")


@settings(max_examples=examples(80), deadline=None)
@given(candidates)
def test_a_stored_line_can_be_taken_apart_again_to_its_cost(candidate: Candidate) -> None:
    made, _ = lines([candidate], BOOK)
    for line in made.to_pylist():
        if line["rate"] is None or line["state"] == "free":
            continue
        usage = Usage(**{field: line[column] for field, column in COLUMNS.items()})
        whole = sum((part.cost for part in parts(usage, line["rate"])), Decimal(0))
        assert abs(whole - line["cost_usd"]) <= Decimal("0.5e-12")


@given(values)
def test_numbers_are_read_or_unknown(value: Any) -> None:
    count = dialect.count(value)
    assert count is None or 0 <= count < 2**63
    seconds = dialect.seconds(value)
    assert seconds is None or (seconds >= 0 and seconds == round(seconds, 6))
    span_id = dialect.span_id(value)
    assert span_id is None or 0 < span_id < 2**64
