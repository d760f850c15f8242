"""Numbers in the terminal: the table of the pages, row by row."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_server.cli import format as shown_as

THIN = "\u202f"


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("4820.4", "$4,820"),
        ("1234567.89", "$1,234,568"),
        ("189.99", "$189.99"),
        ("1", "$1.00"),
        ("0.04894", "$0.04894"),
        ("0.0489", "$0.04890"),
        ("0.5", "$0.5000"),
        ("0.000008240", "$0.000008240"),
        ("0.00000824049", "$0.000008240"),
        ("8.24E-6", "$0.000008240"),
        ("0", "$0"),
        ("-0.00", "$0"),
        ("999.994", "$999.99"),
        ("999.996", "$1,000"),
        ("0.99996", "$1.00"),
        ("1000.5", "$1,000"),
        ("1001.5", "$1,002"),
        ("0.000000000001", "$0.000000000001"),
        ("0.0000000000001", "<$0.000000000001"),
        ("-12.5", "\u2212$12.50"),
        (None, "—"),
    ],
)
def test_money_is_made_from_its_decimal_digits(amount: str | None, shown: str):
    assert shown_as.money(None if amount is None else Decimal(amount)) == shown


@given(st.decimals(min_value=0, max_value=10**12, places=12))
def test_money_is_never_a_zero_that_it_is_not_and_never_off_by_more_than_its_last_digit(amount: Decimal):
    shown = shown_as.money(amount)
    if amount == 0:
        assert shown == "$0"
        return
    value = Decimal(shown.lstrip("<$").replace(",", ""))
    assert value > 0
    assert abs(value - amount) <= max(
        amount / 1000, Decimal("0.5") if amount >= 999 else Decimal("0.005") if amount >= 1 else 0
    )


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("1E-9", "$0.000000001"), ("0.250000000000", "$0.25"), ("1200", "$1200"), ("-0.5", "\u2212$0.5"), (None, "—")],
)
def test_exact_money_has_every_digit_and_no_exponent(amount: str | None, shown: str):
    assert shown_as.exact_money(None if amount is None else Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (412, "412"),
        (0, "0"),
        (9_920, "9.92k"),
        (99_200, "99.2k"),
        (999_600, "1.00M"),
        (1_200_000, "1.20M"),
        (3.2e9, "3.20G"),
        (2e12, "2.00T"),
        (None, "—"),
    ],
)
def test_counts_have_three_digits_from_a_thousand_on(number: float | None, shown: str):
    assert shown_as.count(number) == shown


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (0.000012, "12 ns"),
        (0.486, "486 µs"),
        (84, "84.0 ms"),
        (614, "614 ms"),
        (999.9, "1.00 s"),
        (1650, "1.65 s"),
        (125_000, "2 min 5 s"),
        (3_600_000, "1 h"),
        (273_600_000, "3 d 4 h"),
        (0, "0 ms"),
        (-1650, "\u22121.65 s"),
        (None, "—"),
    ],
)
def test_durations_take_the_unit_that_fits(milliseconds: float | None, shown: str):
    assert shown_as.duration(milliseconds).replace(THIN, " ") == shown


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        (0.618, "61.8 %"),
        (0.0231, "2.31 %"),
        (1, "100 %"),
        (0, "0 %"),
        (0.99999, "99.9 %"),
        (0.00001, "<0.01 %"),
        (None, "—"),
    ],
)
def test_a_percentage_is_never_rounded_up_to_all(ratio: float | None, shown: str):
    assert shown_as.percent(ratio).replace(THIN, " ") == shown


@pytest.mark.parametrize(
    ("octets", "shown"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.50 KiB"), (1_857_000_000, "1.73 GiB"), (None, "—")]
)
def test_sizes_count_by_1024(octets: int | None, shown: str):
    assert shown_as.size(octets).replace(THIN, " ") == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(39.9, "39.9/s"), (0, "0/s"), (0.001, "<0.01/s"), (1500, "1.50k/s"), (None, "—")]
)
def test_rates_carry_their_unit(value: float | None, shown: str):
    assert shown_as.rate(value) == shown
