"""The price book against genai-prices itself, and against twenty worked cases."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from genai_prices.data import providers
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import Usage as PublishedUsage
from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st

from spanledger.pricing import PriceBook, parts
from spanledger.usage import USAGE_FIELDS, Usage, noughts

CASES = json.loads((Path(__file__).parent / "data/costs/cases.json").read_text())["cases"]
NOON = 1_795_176_000 * 10**9  # 2026-11-20T12:00:00Z
BOOK = PriceBook.default()
SNAPSHOT = DataSnapshot(providers=providers, from_auto_update=False)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PUBLISHED_NAMES = {
    "reasoning_tokens": ("output_reasoning_tokens",),
    "audio_input_tokens": ("input_audio_tokens",),
    "audio_output_tokens": ("output_audio_tokens",),
    "audio_cache_read_tokens": ("cache_audio_read_tokens",),
    "audio_seconds": ("audio_seconds", "input_audio_seconds"),
    "characters": ("input_characters",),
}
OUR_NAMES = {published: ours for ours, names in PUBLISHED_NAMES.items() for published in names}


def ns(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1) * 1000


def twelve_places(value: Decimal) -> Decimal:
    with localcontext(prec=60):
        return value.quantize(Decimal("1e-12"), ROUND_HALF_EVEN)


def published_cost(
    usage: Usage, provider: str | None, model: str, at_ns: int, context: dict[str, str] | None
) -> Decimal | None:
    """What genai-prices says; None where it knows no price or finds the usage unusable."""
    given_values: dict[str, Any] = {}
    for field in USAGE_FIELDS:
        value = getattr(usage, field)
        if value is not None and field != "requests":
            given_values.update(dict.fromkeys(PUBLISHED_NAMES.get(field, (field,)), value))
    try:
        found = SNAPSHOT.calc(
            PublishedUsage(**given_values),
            model,
            provider,
            None,
            EPOCH + timedelta(microseconds=at_ns // 1000),
            context,
        )
    except (LookupError, ValueError):
        return None
    return twelve_places(found.total_price)


@pytest.mark.parametrize("case", CASES, ids=[f"{case['id']} {case['shows']}" for case in CASES])
def test_worked_cases_come_out_to_the_last_digit(case: dict[str, Any]) -> None:
    values = {OUR_NAMES.get(name, name): value for name, value in case["usage"].items()}
    if "audio_seconds" in values:
        values["audio_seconds"] = Decimal(values["audio_seconds"])
    context = case.get("context", {})
    priced = BOOK.price(
        Usage(**values),
        provider=case["provider"],
        model=case["model"],
        at_ns=ns(case["at"]),
        service_tier=context.get("service_tier"),
        batch=context.get("processing") == "batch",
    )
    if case["expected_usd"] is None:
        assert (priced.state, priced.cost_usd) == ("unpriced", None)
        assert priced.reason in ("model_unknown", "provider_unknown")
    else:
        assert priced.state == "priced"
        assert priced.cost_usd == twelve_places(Decimal(case["expected_usd"]))
        assert (priced.source, priced.version) == ("genai-prices", "genai-prices 0.2.3")


MODELS = [(provider.id, model.id) for provider in providers for model in provider.models]
SPECIAL = [
    (provider.id, model.id)
    for provider in providers
    for model in provider.models
    if model.price_variants
    or isinstance(model.prices, list)
    or any(
        "audio" in key or "tool" in key or "chars" in key or hasattr(value, "tiers")
        for key, value in getattr(model.prices, "__dict__", {}).items()
    )
]
SPEECH = [
    (provider.id, model.id)
    for provider in providers
    for model in provider.models
    if any("hours" in key or "chars" in key or "audio" in key for key in getattr(model.prices, "__dict__", {}))
]
tokens = st.one_of(
    st.integers(0, 30), st.integers(0, 500_000), st.sampled_from([0, 128_000, 200_000, 200_001, 272_001])
)
moments = st.one_of(
    st.integers(ns("2024-01-01T00:00:00+00:00"), ns("2027-06-01T00:00:00+00:00")),
    st.sampled_from(
        [
            ns(f"{day}T{clock}+00:00")
            for day in ("2025-06-10", "2026-10-14", "2026-10-15", "2027-01-01")
            for clock in ("00:00:00", "00:30:00", "04:00:00", "16:29:59.999999", "23:59:59.999999")
        ]
    ),
)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Mostly usage as providers report it (parts within their totals), sometimes nonsense."""
    values: dict[str, Any] = {}
    if draw(st.booleans()):
        read, write, rest = draw(tokens), draw(tokens), draw(tokens)
        values["input_tokens"] = read + write + rest
        values["output_tokens"] = draw(tokens)
        if draw(st.booleans()):
            values["cache_read_tokens"] = read
        if draw(st.booleans()):
            values["cache_write_tokens"] = write
            if draw(st.booleans()):
                values["cache_write_5m_tokens"] = draw(st.integers(0, write))
                values["cache_write_1h_tokens"] = write - values["cache_write_5m_tokens"]
        if draw(st.booleans()):
            values["reasoning_tokens"] = draw(st.integers(0, values["output_tokens"]))
        if draw(st.booleans()):
            values["audio_input_tokens"] = draw(st.integers(0, rest))
            values["audio_output_tokens"] = draw(st.integers(0, values["output_tokens"]))
            if draw(st.booleans()):
                values["audio_cache_read_tokens"] = 0
    else:
        for field in USAGE_FIELDS:
            if field not in ("audio_seconds", "requests") and draw(st.integers(0, 3)) == 0:
                values[field] = draw(tokens)
    if draw(st.integers(0, 2)) == 0:
        values["audio_seconds"] = draw(st.decimals(0, 100_000, places=6))
    if draw(st.integers(0, 3)) == 0:
        values["characters"] = draw(tokens)
    if draw(st.integers(0, 3)) == 0:
        values["web_searches"] = draw(st.integers(0, 9))
    return Usage(**values)


@settings(max_examples=1500, deadline=None)
@given(
    usages(),
    st.one_of(st.sampled_from(MODELS), st.sampled_from(SPECIAL), st.sampled_from(SPEECH)),
    moments,
    st.sampled_from(["", "", "", "", "batch", "batch as a tier", "default", "flex", "priority", "fast"]),
)
@example(Usage(audio_seconds=Decimal("0.5")), ("groq", "whisper-large-v3"), NOON, "")
@example(Usage(audio_seconds=Decimal("3.999999")), ("groq", "whisper-large-v3-turbo"), NOON, "batch")
@example(Usage(input_tokens=10, cache_read_tokens=5, audio_input_tokens=5), ("google", "gemini-2.5-flash"), NOON, "")
def test_every_price_equals_the_published_calculation(
    usage: Usage, seller: tuple[str, str], at_ns: int, way: str
) -> None:
    provider, model = seller
    context = {"processing": "batch", "service_tier": "batch"} if way.startswith("batch") else {"service_tier": way}
    expected = published_cost(usage, provider, model, at_ns, context if way else None)
    tier = "batch" if way == "batch as a tier" else way or None
    priced = BOOK.price(
        usage,
        provider=provider,
        model=model,
        at_ns=at_ns,
        service_tier=None if way == "batch" else tier,
        batch=way == "batch",
    )
    event(priced.state if expected is not None else "not priced by either")
    if expected is None:
        assert priced.cost_usd is None
    elif priced.state == "unpriced":  # published as 0, but nothing that was used has a rate: not known, therefore not 0
        assert expected == 0
        assert priced.reason is not None
        assert priced.reason.startswith("no_rate: ") or priced.reason == "usage_unknown"
    else:
        assert priced.cost_usd == expected
        assert priced.rate is not None
        whole = sum((Fraction(part.cost) for part in parts(usage, priced.rate)), Fraction(0))
        assert twelve_places(Decimal(whole.numerator) / Decimal(whole.denominator)) == expected
        if priced.state == "estimated":
            assert priced.reason is not None
            assert priced.reason.startswith("no_rate: ")


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(MODELS),
    tokens,
    tokens,
    st.lists(st.sampled_from([None, 0, 0, 7, False, 0.0, Decimal(0), 2**60]), min_size=12, max_size=12),
    st.integers(0, 3),
)
@example(("openai", "gpt-4o"), 10, 5, [False] * 12, 0)
@example(("openai", "gpt-4o"), 2**53 + 1, 5, [0] * 12, 0)
def test_the_short_way_to_a_price_leads_to_that_of_the_long_way(
    seller: tuple[str, str], given_tokens: int, made_tokens: int, rest: list[Any], common: int
) -> None:
    others = [value if common == 0 or value is None else 0 for value in rest]
    usage = Usage(given_tokens, made_tokens, *others)
    rates = BOOK.stretch(*seller, NOON).rates
    assume(rates is not None)
    assert rates is not None
    for _ in range(2):  # the second time by what was kept of the first
        assert rates.price(usage) == rates._price_any(usage)
    cost = rates.price(usage).cost_usd
    pico = rates.pico(usage, noughts(usage))
    assert pico == (None if cost is None else cost * 10**12)
    simple = rates.by_token(noughts(usage), 10**9)
    if simple is not None and 0 < given_tokens <= 10**9 and 0 < made_tokens <= 10**9:
        assert given_tokens * simple[0] + made_tokens * simple[1] + simple[2] == pico


@pytest.mark.parametrize("provider", [p.id for p in providers])
def test_every_model_of_every_provider_has_its_published_price(provider: str) -> None:
    usage = Usage(input_tokens=210_007, output_tokens=1_003, cache_read_tokens=10_001, reasoning_tokens=7)
    for _, model in (known for known in MODELS if known[0] == provider):
        expected = published_cost(usage, provider, model, NOON, None)
        priced = BOOK.price(usage, provider=provider, model=model, at_ns=NOON)
        if priced.cost_usd is None:
            assert not expected, model
        else:
            assert priced.cost_usd == expected, model


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(MODELS), tokens, tokens)
def test_a_model_without_a_provider_is_matched_as_the_publisher_matches_it(
    seller: tuple[str, str], given_tokens: int, made_tokens: int
) -> None:
    usage = Usage(input_tokens=given_tokens, output_tokens=made_tokens)
    expected = published_cost(usage, None, seller[1], NOON, None)
    priced = BOOK.price(usage, provider=None, model=seller[1], at_ns=NOON)
    assume(priced.source != "spanledger")
    assert priced.cost_usd == expected or (priced.state == "unpriced" and not expected)


@pytest.mark.parametrize(
    ("names", "model"),
    [
        (("openai", "OpenAI", " openai "), "gpt-4o"),
        (("anthropic", "Anthropic"), "claude-sonnet-4-5"),
        (("azure.ai.openai", "azure.ai.inference", "azure", "Azure"), "gpt-4o"),
        (("gcp.gemini", "gcp.gen_ai", "gcp.vertex_ai", "google", "Gemini", "vertex_ai"), "gemini-2.5-pro"),
        (("aws.bedrock", "aws", "bedrock"), "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        (("mistral_ai", "mistral", "mistralai"), "mistral-large-latest"),
        (("x_ai", "x-ai", "xai"), "grok-4"),
        (("moonshot_ai", "moonshotai"), "kimi-k2.6"),
        (("deepseek",), "deepseek-chat"),
        (("groq",), "whisper-large-v3"),
        (("cohere",), "command-r-plus"),
        (("perplexity",), "sonar"),
    ],
)
def test_a_provider_is_known_by_all_its_names(names: tuple[str, ...], model: str) -> None:
    usage = Usage(input_tokens=1000, output_tokens=100, audio_seconds=Decimal(30))
    costs = {BOOK.price(usage, provider=name, model=model, at_ns=NOON).cost_usd for name in names}
    assert len(costs) == 1
    assert costs.pop() is not None


def test_prices_change_at_the_nanosecond_of_their_date_and_back_again() -> None:
    usage = Usage(input_tokens=10_000, output_tokens=2_000)
    midnight = ns("2025-06-10T00:00:00+00:00")
    costs = [BOOK.price(usage, provider="openai", model="o3", at_ns=midnight + step).cost_usd for step in (-1, 0, -1)]
    assert costs == [Decimal("0.18"), Decimal("0.036"), Decimal("0.18")]


def test_prices_follow_the_hour_of_the_day_over_many_days() -> None:
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    day, start = 86_400 * 10**9, ns("2025-03-01T00:30:00+00:00")
    for number in range(40):
        cheap = BOOK.price(usage, provider="deepseek", model="deepseek-chat", at_ns=start + number * day - 1)
        dear = BOOK.price(usage, provider="deepseek", model="deepseek-chat", at_ns=start + number * day)
        assert (cheap.cost_usd, dear.cost_usd) == (Decimal("0.135"), Decimal("0.27"))


def test_models_that_cost_nothing_are_free_and_not_unpriced() -> None:
    usage = Usage(input_tokens=1000, output_tokens=100)
    for provider, model in (("openrouter", "deepseek-r1:free"), ("ollama", "llama3.3"), ("openai", "moderation")):
        priced = BOOK.price(usage, provider=provider, model=model, at_ns=NOON)
        assert (priced.state, priced.cost_usd, priced.reason) == ("free", 0, None)


def test_nothing_used_at_a_known_rate_is_priced_at_zero() -> None:
    priced = BOOK.price(Usage(input_tokens=0, output_tokens=0), provider="openai", model="gpt-4o", at_ns=NOON)
    assert (priced.state, priced.cost_usd) == ("priced", 0)


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        (Usage(), "usage_unknown"),
        (Usage(characters=100), "no_rate: characters"),
        (Usage(input_tokens=-1, output_tokens=5), "usage_negative: input_tokens"),
        (Usage(input_tokens=2**53 + 1, output_tokens=5), "usage_out_of_range: input_tokens"),
        (Usage(input_tokens=5, output_tokens=2**70), "usage_out_of_range: output_tokens"),
        (Usage(input_tokens="7", output_tokens=5), "usage_malformed: input_tokens"),  # type: ignore[arg-type]
        (Usage(input_tokens=True), "usage_malformed: input_tokens"),
        (Usage(input_tokens=1, audio_seconds=Decimal("NaN")), "usage_malformed: audio_seconds"),
        (Usage(input_tokens=1, audio_seconds=Decimal("Infinity")), "usage_malformed: audio_seconds"),
        (Usage(input_tokens=1, audio_seconds=Decimal("1e-999999")), "usage_malformed: audio_seconds"),
        (Usage(input_tokens=1, audio_seconds=Decimal("1e999999")), "usage_malformed: audio_seconds"),
        (Usage(input_tokens=1, audio_seconds=Decimal(-1)), "usage_negative: audio_seconds"),
        (Usage(input_tokens=10, cache_read_tokens=11), "usage_inconsistent: the parts of input_tokens exceed it"),
        (Usage(cache_read_tokens=11), "units_overlap: input_tokens was not reported"),
    ],
)
def test_usage_that_cannot_be_charged_says_why(usage: Usage, reason: str) -> None:
    priced = BOOK.price(usage, provider="openai", model="gpt-4o", at_ns=NOON)
    assert (priced.state, priced.cost_usd, priced.reason) == ("unpriced", None, reason)


def test_overlapping_parts_that_were_not_told_apart_are_named() -> None:
    usage = Usage(input_tokens=100, cache_read_tokens=50, audio_input_tokens=60)
    priced = BOOK.price(usage, provider="google", model="gemini-2.5-flash", at_ns=NOON)
    assert (priced.state, priced.reason) == ("unpriced", "units_overlap: cache_audio_read_tokens was not reported")


@pytest.mark.parametrize(
    ("provider", "model", "reason"),
    [
        ("openai", None, "model_missing"),
        ("openai", "  ", "model_missing"),
        ("openai", "gpt-99-imaginary", "model_unknown"),
        ("openai", "x" * 100_000, "model_unknown"),
        ("acme-inference", "gpt-4o", "provider_unknown"),
        (None, "acme-7b", "model_unknown"),
    ],
)
def test_who_or_what_is_not_known_is_said(provider: str | None, model: str | None, reason: str) -> None:
    priced = BOOK.price(Usage(input_tokens=1), provider=provider, model=model, at_ns=NOON)
    assert (priced.state, priced.cost_usd, priced.reason) == ("unpriced", None, reason)


@pytest.mark.parametrize("at_ns", [2**63, -(2**63) - 1, 10**40])
def test_a_time_beyond_all_calendars_is_no_error(at_ns: int) -> None:
    priced = BOOK.price(Usage(input_tokens=1), provider="openai", model="gpt-4o", at_ns=at_ns)
    assert (priced.state, priced.reason) == ("unpriced", "time_out_of_range")


@pytest.mark.parametrize("at_ns", [2**63 - 1, -(2**63), 0, -1])
def test_any_time_that_can_be_stored_is_priced(at_ns: int) -> None:
    priced = BOOK.price(Usage(input_tokens=1, output_tokens=1), provider="openai", model="gpt-4o", at_ns=at_ns)
    assert priced.state == "priced"


def test_a_cost_the_ledger_cannot_hold_is_unpriced(tmp_path: Path) -> None:
    path = tmp_path / "dear.yml"
    path.write_text("as_of: 2026-11-01\nprices: [{provider: acme, model: gold, rates: {requests: '1000000000000'}}]")
    book = PriceBook.default([path])
    assert book.price(Usage(requests=1), provider="acme", model="gold", at_ns=NOON).reason == "cost_out_of_range"


def test_an_ordinary_rate_that_stands_in_for_a_batch_or_a_tier_is_an_estimate() -> None:
    usage = Usage(input_tokens=1000, output_tokens=100)
    ordinary = BOOK.price(usage, provider="anthropic", model="claude-2", at_ns=NOON)
    batch = BOOK.price(usage, provider="anthropic", model="claude-2", at_ns=NOON, batch=True)
    tier = BOOK.price(usage, provider="anthropic", model="claude-2", at_ns=NOON, service_tier="priority")
    default = BOOK.price(usage, provider="anthropic", model="claude-2", at_ns=NOON, service_tier="default")
    assert ordinary == default
    assert ordinary.state == "priced"
    assert (batch.state, batch.cost_usd) == ("estimated", ordinary.cost_usd)
    assert batch.reason == "no_rate: batch, the ordinary rate was used"
    assert (tier.state, tier.reason) == ("estimated", "no_rate: service tier priority, the ordinary rate was used")


def test_a_search_without_a_rate_makes_the_price_an_estimate() -> None:
    usage = Usage(input_tokens=1000, output_tokens=100, web_searches=2)
    priced = BOOK.price(usage, provider="openai", model="gpt-4", at_ns=NOON)
    assert (priced.state, priced.reason) == ("estimated", "no_rate: web_searches")


def test_the_rate_says_what_was_used_and_the_parts_add_up() -> None:
    usage = Usage(input_tokens=18_000, output_tokens=4_000, cache_read_tokens=17_920, reasoning_tokens=3_200)
    priced = BOOK.price(usage, provider="openai", model="gpt-5", at_ns=NOON)
    assert priced.rate is not None
    assert json.loads(priced.rate) == {"input_mtok": "1.25", "output_mtok": "10", "cache_read_mtok": "0.125"}
    found = {part.unit: (part.amount, part.quantity, part.cost) for part in parts(usage, priced.rate)}
    assert found == {
        "input_mtok": (80, Decimal("0.00008"), Decimal("0.0001")),
        "output_mtok": (4000, Decimal("0.004"), Decimal("0.04")),
        "cache_read_mtok": (17920, Decimal("0.01792"), Decimal("0.00224")),
    }
    assert sum(part.cost for part in parts(usage, priced.rate)) == priced.cost_usd


def test_short_audio_that_is_billed_as_ten_seconds_shows_so_in_its_parts() -> None:
    usage = Usage(audio_seconds=Decimal("1.5"))
    priced = BOOK.price(usage, provider="groq", model="whisper-large-v3", at_ns=NOON)
    assert priced.rate is not None
    (part,) = parts(usage, priced.rate)
    assert (part.unit, part.amount) == ("input_audio_hours", 10)
    assert twelve_places(part.cost) == priced.cost_usd == Decimal("0.000308333333")


def test_parts_refuse_what_is_not_rates() -> None:
    with pytest.raises(ValueError, match="JSON object"):
        parts(Usage(input_tokens=1), "[]")


def test_costs_do_not_depend_on_the_programs_decimal_context() -> None:
    usage = Usage(input_tokens=123_456_789, output_tokens=987_654_321)
    exact = BOOK.price(usage, provider="openai", model="gpt-4o", at_ns=NOON).cost_usd
    with localcontext(prec=2):
        assert BOOK.price(usage, provider="openai", model="gpt-4o", at_ns=NOON).cost_usd == exact
    assert exact == Decimal("10185.1851825")


def test_the_book_forgets_rather_than_grows() -> None:
    book = PriceBook.default()
    for number in range(4200):
        book.price(Usage(input_tokens=1), provider="ollama", model=f"made-up-{number}", at_ns=NOON)
    assert len(book._kept) <= 4096
    assert len(book._current) <= 4096


def test_odd_shapes_of_usage_are_forgotten_too() -> None:
    for number in range(2**9):
        values = {field: 0 for bit, field in enumerate(USAGE_FIELDS) if number >> bit & 1 and field != "audio_seconds"}
        BOOK.price(Usage(**values), provider="openai", model="gpt-4o", at_ns=NOON)
    rates = BOOK._current["openai", "gpt-4o", None, False].rates
    assert rates is not None
    assert len(rates._plans) <= 256


def test_several_threads_get_the_same_prices() -> None:
    book, seen = PriceBook.default(), set[Decimal | None]()

    def work() -> None:
        for at in (NOON, ns("2025-06-09T00:00:00+00:00")) * 50:
            seen.add(book.price(Usage(input_tokens=10_000), provider="openai", model="o3", at_ns=at).cost_usd)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {Decimal("0.02"), Decimal("0.1")}


def test_importing_the_module_loads_no_price_table() -> None:
    code = (
        "import sys, spanledger.pricing; print([m for m in ('genai_prices', 'pydantic', 'yaml') if m in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert shown.stdout.strip() == "[]"


def test_the_version_names_every_source() -> None:
    assert BOOK.version == "genai-prices 0.2.3 + spanledger 2026-11-01"
