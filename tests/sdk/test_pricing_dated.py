"""Prices that hold for a stretch of time: within it they go before everything else, outside of it they say nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from spanledger.pricing import DatedEntry, DatedPrices, MalformedPricesError, PriceBook
from spanledger.pricing.files import made, stated_in
from spanledger.pricing.published import FOREVER_NS
from spanledger.usage import Usage

NOON = 1_795_176_000 * 10**9  # 2026-11-20T12:00:00Z
HOUR = 3_600 * 10**9
CALL = Usage(input_tokens=1_000_000, output_tokens=0)
PUBLISHED = Decimal("0.15")  # of gpt-4o-mini, a million input tokens


def dated(rate: str, from_ns: int = -FOREVER_NS, until_ns: int = FOREVER_NS, **stated: Any) -> DatedEntry:
    named = {} if "model_prefix" in stated else {"model": "gpt-4o-mini"}
    rates = {"input_mtok": rate, "output_mtok": rate}
    entry = made({"provider": "openai", "rates": rates, **named, **stated})
    return DatedEntry(replace(entry, from_ns=from_ns), until_ns, "override:server", f"override:server {rate}")


def cost(book: PriceBook, at_ns: int = NOON, model: str = "gpt-4o-mini", **how: Any) -> Decimal | None:
    return book.price(CALL, provider="openai", model=model, at_ns=at_ns, **how).cost_usd


def test_outside_of_its_stretch_what_is_published_holds() -> None:
    book = PriceBook.default().with_dated(DatedPrices((dated("7", NOON, NOON + HOUR),), "set"))
    before, first, last, after = (cost(book, NOON + shift) for shift in (-1, 0, HOUR - 1, HOUR))
    assert (before, first, last, after) == (PUBLISHED, 7, 7, PUBLISHED)
    assert cost(book, NOON - 1) == PUBLISHED
    stretch = book.stretch("openai", "gpt-4o-mini", NOON - 1)
    assert stretch.until_ns == NOON
    assert book.version.endswith(" + set")


def test_the_one_that_began_last_holds_and_of_two_that_begin_together_the_later_one() -> None:
    entries = (dated("1"), dated("2", NOON), dated("3", NOON), dated("4", NOON + HOUR, NOON + 2 * HOUR))
    book = PriceBook.default().with_dated(DatedPrices(entries))
    assert [cost(book, NOON + shift) for shift in (-1, 0, HOUR, 2 * HOUR)] == [1, 3, 4, 3]


def test_a_name_goes_before_what_it_begins_with_only_while_it_holds() -> None:
    entries = (dated("1", model_prefix="gpt-"), dated("2", NOON, NOON + HOUR), dated("3", model_prefix="gpt-4o"))
    book = PriceBook.default().with_dated(DatedPrices(entries))
    assert [cost(book, NOON + shift) for shift in (-1, 0, HOUR)] == [3, 2, 3]
    assert cost(book, model="gpt-9") == 1


def test_an_entry_for_batches_alone_says_nothing_of_other_calls() -> None:
    book = PriceBook.default().with_dated(DatedPrices((dated("2", batch=True),)))
    assert cost(book) == PUBLISHED
    assert cost(book, batch=True) == 2
    ordinary = PriceBook.default().with_dated(DatedPrices((dated("3"),)))
    stands_in = ordinary.price(CALL, provider="openai", model="gpt-4o-mini", at_ns=NOON, batch=True)
    assert (stands_in.state, stands_in.cost_usd) == ("estimated", 3)


def test_a_model_that_nobody_else_knows_gets_a_price_and_loses_it_with_the_entry() -> None:
    book = PriceBook.default().with_dated(DatedPrices((dated("2", NOON, model="mine"),)))
    assert cost(book, model="mine") == 2
    assert cost(book, NOON - 1, "mine") is None
    assert cost(book.with_dated(DatedPrices()), model="mine") is None
    assert ("openai", "mine", False) in book.known()
    assert ("openai", "gpt-4o-mini", False) in PriceBook.default().known()


def test_the_text_of_a_file_is_read_with_every_mistake_and_its_line() -> None:
    text = "as_of: 2026-11-01\nprices:\n- {provider: a, model: b, rates: {requests: 1}}\n"
    as_of, (entry,) = stated_in(text, "mine.yml")
    assert (as_of, entry["provider"]) == ("2026-11-01", "a")
    with pytest.raises(MalformedPricesError) as caught:
        stated_in(text + "- {provider: a, model: b, rates: {requests: 1}}\n- {provider: 3}\n", "mine.yml")
    assert any(mistake.startswith("mine.yml:4: prices[1]: a b: two entries") for mistake in caught.value.mistakes)
    assert any(mistake.startswith("mine.yml:5: prices[2].provider") for mistake in caught.value.mistakes)
    for wrong in ("as_of: 2026-13-45\nprices: []", "[" * 2000, "- just a list", ""):
        with pytest.raises(MalformedPricesError):
            stated_in(wrong, "mine.yml")
