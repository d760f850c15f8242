"""Price files: ours, the owner's, and what is said of a file that is wrong."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.pricing import MalformedPricesError, PriceBook, parts
from spanledger.pricing.seconds import AudioBilling
from spanledger.usage import Usage

NOON = 1_795_176_000 * 10**9  # 2026-11-20T12:00:00Z
CHAT = Usage(input_tokens=1_000_000, output_tokens=100_000)


def day_ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def book(folder: Path, *texts: str) -> PriceBook:
    paths = [folder / f"prices{number}.yml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text("as_of: 2026-10-01\nprices:\n" + text)
    return PriceBook.default(paths)


@pytest.mark.parametrize(
    ("provider", "model", "usage", "cost"),
    [
        ("deepgram", "nova-3", Usage(audio_seconds=Decimal(90)), "0.00645"),
        ("Deepgram", "nova-3-general", Usage(audio_seconds=Decimal("0.1")), "0.000007166667"),
        ("deepgram", "nova-2-phonecall", Usage(audio_seconds=Decimal(60)), "0.0043"),
        ("deepgram", "aura-2-thalia-en", Usage(characters=1234), "0.03702"),
        ("deepgram", "aura-asteria-en", Usage(characters=1000), "0.015"),
        ("assemblyai", "universal-2", Usage(audio_seconds=Decimal(3600)), "0.15"),
        ("cartesia", "sonic-3", Usage(characters=100), "0.005"),
        ("cartesia", "ink-whisper", Usage(audio_seconds=Decimal(10)), "0.0005"),
    ],
)
def test_speech_that_the_publisher_lacks_is_estimated_from_our_own_file(
    provider: str, model: str, usage: Usage, cost: str
) -> None:
    priced = PriceBook.default().price(usage, provider=provider, model=model, at_ns=NOON)
    assert (priced.state, priced.cost_usd) == ("estimated", Decimal(cost))
    assert (priced.source, priced.version) == ("spanledger", "spanledger 2026-11-01")
    assert priced.reason is not None
    assert priced.reason.startswith("list_price: ")


def test_the_owners_file_goes_before_everything_else(tmp_path: Path) -> None:
    ours = book(
        tmp_path,
        """
  - {provider: openai, model: gpt-4o, rates: {input_mtok: "2", output_mtok: "8"}}
  - {provider: deepgram, model: nova-3, rates: {audio_minutes: "0.0036"}}
""",
    )
    chat = ours.price(CHAT, provider="OpenAI", model="GPT-4o", at_ns=NOON)
    assert (chat.state, chat.cost_usd, chat.source) == ("priced", Decimal("2.8"), "override:prices0.yml")
    assert chat.version == "override:prices0.yml 2026-10-01"
    speech = ours.price(Usage(audio_seconds=Decimal(60)), provider="deepgram", model="nova-3", at_ns=NOON)
    assert (speech.state, speech.cost_usd) == ("priced", Decimal("0.0036"))
    assert ours.price(CHAT, provider="openai", model="gpt-4o-mini", at_ns=NOON).source == "genai-prices"
    assert ours.version == "genai-prices 0.2.3 + spanledger 2026-11-01 + override:prices0.yml 2026-10-01"


def test_a_later_file_goes_before_an_earlier_one(tmp_path: Path) -> None:
    entry = '  - {provider: acme, model: acme-7b, rates: {requests: "%s"}}\n'
    ours = book(tmp_path, entry % "1", entry % "2")
    assert ours.price(Usage(requests=3), provider="acme", model="acme-7b", at_ns=NOON).cost_usd == 6


def test_the_exact_name_goes_before_the_longest_prefix(tmp_path: Path) -> None:
    ours = book(
        tmp_path,
        """
  - {provider: acme, model_prefix: "", rates: {requests: "1"}}
  - {provider: acme, model_prefix: fast-, rates: {requests: "2"}}
  - {provider: acme, model: fast-1, rates: {requests: "3"}}
""",
    )
    costs = [
        ours.price(Usage(requests=1), provider="acme", model=name, at_ns=NOON).cost_usd
        for name in ("slow", "fast-2", "fast-1")
    ]
    assert costs == [1, 2, 3]


def test_rates_begin_on_their_day_and_are_unknown_before(tmp_path: Path) -> None:
    ours = book(
        tmp_path,
        """
  - {provider: acme, model: m, valid_from: 2026-02-01, rates: {requests: "2"}}
  - {provider: acme, model: m, valid_from: 2026-01-01, rates: {requests: "1"}}
""",
    )
    moments = (day_ns("2026-01-01") - 1, day_ns("2026-01-01"), day_ns("2026-02-01") - 1, day_ns("2026-02-01"))
    priced = [ours.price(Usage(requests=1), provider="acme", model="m", at_ns=at) for at in moments]
    assert [one.cost_usd for one in priced] == [None, 1, 1, 2]
    assert priced[0].reason == "no_rate: none was valid yet"


def test_batch_and_tiers_have_entries_of_their_own_or_borrow_the_ordinary_one(tmp_path: Path) -> None:
    ours = book(
        tmp_path,
        """
  - {provider: acme, model: m, rates: {requests: "4"}}
  - {provider: acme, model: m, batch: true, rates: {requests: "2"}}
  - {provider: acme, model: m, service_tier: flex, rates: {requests: "3"}}
""",
    )

    def cost(service_tier: str | None, batch: bool) -> tuple[str, Decimal | None]:
        one = Usage(requests=1)
        priced = ours.price(one, provider="acme", model="m", at_ns=NOON, service_tier=service_tier, batch=batch)
        return priced.state, priced.cost_usd

    assert cost(None, False) == ("priced", 4)
    assert cost("default", False) == ("priced", 4)
    assert cost(None, True) == ("priced", 2)
    assert cost("batch", False) == ("priced", 2)
    assert cost("Flex", False) == ("priced", 3)
    assert cost("priority", False) == ("estimated", 4)


def test_a_model_of_several_providers_is_not_guessed(tmp_path: Path) -> None:
    ours = book(
        tmp_path,
        """
  - {provider: acme, model: shared-7b, rates: {requests: "1"}}
  - {provider: other, model: shared-7b, rates: {requests: "2"}}
  - {provider: acme, model: own-7b, rates: {requests: "3"}}
""",
    )
    one = Usage(requests=1)
    assert ours.price(one, provider=None, model="shared-7b", at_ns=NOON).reason == "model_unknown"
    assert ours.price(one, provider=None, model="own-7b", at_ns=NOON).cost_usd == 3


def test_rates_of_many_units_are_charged_to_the_closest(tmp_path: Path) -> None:
    ours = book(
        tmp_path,
        """
  - provider: acme
    model: m
    rates: {input_mtok: "1", cache_read_mtok: "0.1", input_audio_mtok: "10", cache_audio_read_mtok: "0.5",
            output_mtok: 4, cache_write_mtok: "1.25", cache_write_1h_mtok: "2", web_searches: "0.01", requests: "0.001"}
""",
    )
    usage = Usage(
        input_tokens=1000,
        output_tokens=10,
        cache_read_tokens=300,
        audio_input_tokens=200,
        audio_cache_read_tokens=100,
        cache_write_tokens=50,
        cache_write_1h_tokens=20,
        web_searches=2,
    )
    priced = ours.price(usage, provider="acme", model="m", at_ns=NOON)
    # text 1000-300-200+100-50, cached text 200, audio 100, cached audio 100, written 30, and 20 for an hour, output
    micro = Decimal(550) + 20 + 1000 + 50 + Decimal("37.5") + 40 + 40
    expected = micro / 1_000_000 + Decimal("0.02") + Decimal("0.001")
    assert priced.cost_usd == expected
    assert priced.rate is not None
    assert sum(part.cost for part in parts(usage, priced.rate)) == expected


def test_every_mistake_in_every_file_is_reported_at_once_with_file_and_key(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first.yml", "second.yml", "third.yml"))
    first.write_text(
        """
as_of: yesterday
extra: 1
prices:
  - 7
  - {provider: "", model: m, rates: {requests: "1"}}
  - {provider: acme, rates: {requests: "1"}}
  - {provider: acme, model: m, model_prefix: n, rates: {requests: "1"}}
  - {provider: acme, model: m, colour: red, valid_from: soon, batch: 1, source: 3, rates: {}}
  - provider: acme
    model: m
    rates: {parsecs: "1", input_mtok: 2.5, output_mtok: "-1", audio_hours: "NaN", requests: lots}
  - {provider: acme, model: a, rates: {cache_read_mtok: "1"}}
  - {provider: acme, model: b, rates: {audio_hours: "1", audio_minutes: "1"}}
  - {provider: acme, model: c, rates: {input_mtok: "1", cache_read_mtok: "1", input_audio_mtok: "1"}}
  - {provider: acme, model: d, rates: {requests: "1"}}
  - {provider: acme, model: d, rates: {requests: "2"}}
"""
    )
    second.write_text("prices: [")
    with pytest.raises(MalformedPricesError) as caught:
        PriceBook.default([first, second, third])
    said = re.sub(r"\.yml:\d+: ", ".yml: ", "\n".join(caught.value.mistakes))
    for part in (
        f"{first}: as_of: must be a date",
        f"{first}: extra: not a key here",
        f"{first}: prices[0]: must be a mapping",
        f"{first}: prices[1].provider: must be a name",
        f"{first}: prices[2]: give exactly one of model and model_prefix",
        f"{first}: prices[3]: give exactly one of model and model_prefix",
        f"{first}: prices[4].colour: not a key here",
        f"{first}: prices[4].valid_from: must be a date",
        f"{first}: prices[4].batch: must be true or false",
        f"{first}: prices[4].source: must be text",
        f"{first}: prices[4].rates: must be a mapping",
        f"{first}: prices[5].rates.parsecs: not a unit; units are input_mtok",
        f"{first}: prices[5].rates.input_mtok: must be a decimal in quotes",
        f"{first}: prices[5].rates.output_mtok: must be a decimal in quotes",
        f"{first}: prices[5].rates.audio_hours: must be a decimal in quotes",
        f"{first}: prices[5].rates.requests: must be a decimal in quotes",
        f"{first}: prices[6].rates: cache_read_mtok is a part of input_mtok: give a rate for input_mtok too",
        f"{first}: prices[7].rates: audio_hours and audio_minutes count the same: keep one",
        "cache_read_mtok and input_audio_mtok overlap: give a rate for cache_audio_read_mtok too",
        "]: acme d: two entries for the same model",
        f"{second}: cannot be read",
        f"{third}: cannot be read",
    ):
        assert part in said
    assert all(mistake in str(caught.value) for mistake in caught.value.mistakes)


@pytest.mark.parametrize("text", ["", "[]", "as_of: 2026-01-01", "as_of: 2026-01-01\nprices: {}"])
def test_a_file_that_is_no_list_of_prices_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.yml"
    path.write_text(text)
    with pytest.raises(MalformedPricesError, match="must be a mapping with as_of and a list prices"):
        PriceBook.default([path])


def test_a_mistake_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "prices.yml"
    path.write_text(
        """as_of: 2026-10-01
prices:
  - provider: acme
    model: fine
    rates: {audio_hours: "1"}
  - provider: acme
    model: m
    rates:
      audio_minutes: "1"
      parsecs: "1"
    audio_seconds_step: 0
    audio_seconds_minimum: 1.5
    audio_channels: true
  - {provider: acme, model: n, rates: {requests: "1"}, audio_channels: 2}
  - <<: {provider: ""}
    model: o
    rates: {requests: "1"}
"""
    )
    with pytest.raises(MalformedPricesError) as caught:
        PriceBook.default([path])
    assert [
        mistake.removeprefix(str(path)).partition(", ")[0].partition(";")[0] for mistake in caught.value.mistakes
    ] == [
        ":10: prices[1].rates.parsecs: not a unit",
        ":12: prices[1].audio_seconds_minimum: must be seconds above 0",
        ":11: prices[1].audio_seconds_step: must be seconds above 0",
        ":13: prices[1].audio_channels: must be a whole number from 1 to 64",
        ":14: prices[2].audio_channels: only beside a rate for audio_seconds",
        ":15: prices[3].provider: must be a name",
    ]


@pytest.mark.parametrize(
    ("seconds", "billed", "told"),
    [
        ("0", "0", {}),
        ("0.000001", "60", {"audio_seconds_minimum": "30", "audio_seconds_step": "15", "audio_channels": "2"}),
        ("30", "60", {"audio_seconds_step": "15", "audio_channels": "2"}),
        ("30.000000000000000001", "90", {"audio_seconds_step": "15", "audio_channels": "2"}),
        ("45", "90", {"audio_seconds_step": "15", "audio_channels": "2"}),
    ],
)
def test_a_minimum_started_steps_and_channels_are_billed_and_stand_in_the_line(
    tmp_path: Path, seconds: str, billed: str, told: dict[str, str]
) -> None:
    ours = book(
        tmp_path,
        """
  - {provider: acme, model: m, rates: {audio_seconds: "0.001"}, audio_seconds_minimum: 30, audio_seconds_step: "15",
     audio_channels: 2}
""",
    )
    usage = Usage(audio_seconds=Decimal(seconds))
    priced = ours.price(usage, provider="acme", model="m", at_ns=NOON)
    assert priced.cost_usd == Decimal(billed) / 1000
    assert priced.rate is not None
    assert json.loads(priced.rate) == ({"audio_seconds": "0.001"} | told if seconds != "0" else {})
    assert sum(part.cost for part in parts(usage, priced.rate)) == priced.cost_usd
    assert [part.amount for part in parts(usage, priced.rate)] == ([Decimal(billed)] if seconds != "0" else [])


@given(
    st.decimals("0.000000001", 100_000, places=9),
    st.decimals(0, 3600, places=3),
    st.decimals(0, 3600, places=3),
    st.integers(1, 8),
)
def test_what_is_billed_is_the_least_that_the_rules_allow(
    seconds: Decimal, minimum: Decimal, step: Decimal, channels: int
) -> None:
    billed = AudioBilling(minimum, step, channels).billed(seconds)
    one = Fraction(billed) / channels
    assert one >= seconds
    assert one >= minimum
    least = Fraction(max(seconds, minimum))
    assert one == (ceil(least / Fraction(step)) * Fraction(step) if step else least)
    more = AudioBilling(minimum, step, channels).billed(seconds + 1)
    assert more >= billed
