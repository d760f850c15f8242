"""Messages in words: values with their units, lengths of time, and parts that say all that has to be said."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.notify import text, text_values
from spanledger_server.notify.channels import clean, sms
from spanledger_server.notify.channels.clean import cleaned
from spanledger_server.notify.text_html import html
from tests.backend.notify.channels.made import PAGES, event, hostile, message
from tests.support.providers import sms_segments

NS = 10**9


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (Decimal("0.0042"), "USD", "$0.0042"),
        (Decimal("0.000000123456"), "usd", "$0.0000001235"),
        (12.3456, "USD", "$12.35"),
        (1204.5, "USD", "$1,204"),
        (-3, "USD", "-$3.00"),
        (0, "USD", "$0"),
        (Decimal("1.5"), "USD/h", "$1.50 an hour"),
        (2412.3, "ms", "2.41 s"),
        (0.2, "ms", "200 µs"),
        (0, "ms", "0 ms"),
        (90, "s", "90 s"),
        (7260, "s", "2 hours 1 minute"),
        (5, "min", "5 minutes"),
        (0.0423, "ratio", "4.23 %"),
        (0.5, "USD", "$0.50"),
        (99.95, "%", "99.95 %"),
        (0.99999, "ratio", "99.999 %"),
        (100, "%", "100 %"),
        (250, "%", "250 %"),
        (99.5, "percent", "99.5 %"),
        (1204, "tokens", "1,204 tokens"),
        (0.1 + 0.2, None, "0.3"),
        (1e300, None, "1.00 × 10^300"),
        (0.05, "1", "5 %"),
        (14.4, "x", "14.4×"),
        (1, "{call}", "1 call"),
        (1204, "{call}", "1,204 calls"),
        (1.5e6, "{token}/h", "1,500,000 tokens an hour"),
        (1536, "By", "1.5 KiB"),
        (12, "bytes", "12 bytes"),
        (None, "ms", "—"),
        (math.nan, "ms", "—"),
        (Decimal("Infinity"), "USD", "—"),
    ],
)
def test_a_value_is_told_with_its_unit_and_no_idle_digits(value: Any, unit: str | None, told: str):
    assert text_values.amount(value, unit) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (3599, "59 minutes"),
        (3600, "1 hour"),
        (11_100, "3 hours 5 minutes"),
        (187_200, "2 days 4 hours"),
    ],
)
def test_lengths_of_time_are_told_in_words(seconds: int, told: str):
    assert text_values.lasted(seconds * NS) == told


def test_a_time_names_its_zone_however_far_away_it_is():
    assert text_values.moment(1_795_000_000 * NS) == "2026-11-18 11:06 UTC"
    assert text_values.moment(-1) == "1970-01-01 00:00 UTC"
    assert text_values.moment(2**63).endswith("UTC")


def test_a_full_text_says_what_where_since_when_how_much_and_what_to_do():
    words = text.full(text.told(message(repeat=2), PAGES))
    for needed in (
        "Critical: Checkout is slow: p95 2.41 s",
        "412 of 1,204 requests took longer than 1 s",
        "Measured     2.41 s, above 1 s",
        "Where        model gpt-5, service checkout",
        ", for 12 minutes",
        "Before       0.61 s a day ago",
        "Told before  2 times",
        "- 71 % model gpt-5",
        "- https://runbooks.example/checkout?a=1&b=2",
        f"- {PAGES}/traces/{'a' * 32}",
        f"Open the alert: {PAGES}/alerts/1?tz=UTC&from=now-1h",
    ):
        assert needed in words
    assert re.search(r"Since        \d{4}-\d\d-\d\d \d\d:\d\d UTC", words)


def test_a_resolve_says_how_long_it_lasted_and_what_the_value_is_now():
    parts = text.told(message(event(kind="resolved", value=612.0, by="alice"), status="resolved"), PAGES)
    rows = dict(parts.rows)
    assert parts.heading == "Resolved: Checkout is slow: p95 2.41 s"
    assert rows["Measured"] == "612 ms (it was told when above 1 s)"
    assert rows["Lasted"].startswith("12 minutes, from 20")
    assert rows["Resolved by"] == "alice"
    assert parts.text.startswith("When it began: ")
    assert "Window" not in rows


def test_a_summary_lists_its_alerts_with_their_values_and_how_many_more_there_are():
    spent = event(
        title="Free tier", severity="warning", value=Decimal("23.75"), threshold=25, unit="USD", operator=">="
    )
    night = message(event(), spent, event(kind="resolved"), status="digest", title="3 alerts", omitted=4)
    parts = text.told(night, PAGES)
    assert parts.heading == "Summary: 3 alerts"
    assert parts.alerts[1] == "Warning: Free tier — $23.75, at or above $25.00, for 12 minutes"
    assert parts.alerts[2].startswith("Resolved: ")
    assert text.full(parts).count("- and 4 more") == 1
    assert text.short(parts).endswith(f"{PAGES}/alerts")
    assert not parts.rows


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("Many: requests is 6,936, above 1", "Critical: Many: requests is 6,936, above 1"),
        ("Many: requests is 16,936", "Critical: Many: requests is 16,936, 6,936 calls, above 1 call"),
        (
            "Many: requests is 6,936.5, above 1.5",
            "Critical: Many: requests is 6,936.5, above 1.5, 6,936 calls, above 1 call",
        ),
    ],
)
def test_a_line_adds_the_figures_that_its_title_does_not_have(title: str, told: str):
    parts = text.told(message(event(title=title, value=6936, threshold=1, unit="{call}"), title=title), PAGES)
    assert text.line(parts).startswith(f"{told}, since ")


def test_a_text_message_leaves_out_since_when_before_it_is_cut():
    title = "Model calls fail: error rate is 21.1 %, above 20 % (service bookshop)"
    address = f"{PAGES}/alerts/3ffb7f09-6091-35ed-b023-8180831c81fa"
    parts = text.told(message(event(title=title, value=0.211, threshold=0.2, unit="1"), title=title), PAGES)
    assert sms._body(parts, address) == f"Critical: {title} {address}"


@pytest.mark.parametrize(
    ("value", "threshold", "unit", "told"),
    [
        (1000.4, 1000, "ms", "1.0004 s, above 1 s"),
        (Decimal("10.000001"), 10, "USD", "$10.000001, above $10.00"),
        (180_001, 180_000, "ms", "180.001 s, above 180 s"),
        (0.99951, 0.9995, "ratio", "99.951 %, above 99.95 %"),
        (5, 5, "ms", "5 ms, above 5 ms"),
        (1e-30, 0, None, "0, above 0"),
    ],
)
def test_a_value_and_its_threshold_are_told_apart(value: Any, threshold: Any, unit: str | None, told: str):
    assert text.measured(event(value=value, threshold=threshold, unit=unit)) == told


@pytest.mark.parametrize("changes", [{"value": None}, {"threshold": None}, {"value": None, "threshold": None}])
def test_what_is_not_known_is_said_or_left_out(changes: dict[str, Any]):
    measured = dict(text.told(message(event(**changes)), PAGES).rows).get("Measured")
    assert measured == (
        "not known, above 1 s" if changes == {"value": None} else None if len(changes) == 2 else "2.41 s"
    )


@pytest.mark.parametrize("status", text.STATUS)
def test_names_that_mean_harm_leave_text_one_can_read(status: str):
    worst = cleaned(message(*hostile().alerts, status=status, title=hostile().title, text=hostile().text))
    parts = text.told(worst, PAGES)
    for words in (text.line(parts), text.full(parts), text.short(parts), html(parts)):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", words)
        assert len(words) < 200_000
    assert "\n" not in text.line(parts)
    assert "<script" not in html(parts)


@settings(max_examples=60, deadline=None)
@given(st.text(), st.integers(1, 50))
def test_a_cleaned_line_is_short_printable_and_stays_as_it_is(words: str, most: int):
    found = clean.line(words, most)
    assert len(found) <= most
    assert clean.line(found, most) == found
    assert "\n" not in found


@settings(max_examples=100, deadline=None)
@given(
    st.text(), st.sampled_from(["", "https://x.example/a", "https://x.example/[a]", "https://x.example/" + "y" * 90])
)
def test_whatever_is_said_costs_one_text_message(words: str, address: str):
    assert sms_segments(sms.segment(words, address)) == 1
