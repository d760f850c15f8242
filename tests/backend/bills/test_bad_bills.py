"""Bills that cannot be read: each gets a clear answer, and nothing is kept."""

from __future__ import annotations

import contextlib
import gzip
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.bills import opening, reconcile, written
from spanledger_server.bills.tables import Asked
from spanledger_server.errors import Invalid, Malformed, SpanledgerError, TooLarge
from tests.backend.bills import samples
from tests.support.thorough import examples


def read(content: bytes, **asked: Any) -> Any:
    return reconcile.read(io.BytesIO(content), Asked(**asked))


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"", Invalid, "empty"),
        (b"   \n\n  \n", Invalid, "empty"),
        (b"\xef\xbb\xbf", Invalid, "empty"),
        (b"\x00" * 70_000, Invalid, "nothing but zero bytes"),
        (gzip.compress(b"\x00" * 700_000), Invalid, "nothing but zero bytes"),
        (b"date,model,amount\n", Invalid, "a header without rows"),
        (b'date,model,amount\n2026-11-01,"gpt-5,1.5\n2026-11-02,gpt-5,1.5\n', Malformed, "line 3 is not CSV"),
        (b'date,model,amount\n2026-11-01,gpt-5,1.5\n2026-11-02,"gpt" 5,1.5\n', Malformed, "line 3 is not CSV"),
        (b"[]", Invalid, "no objects"),
        (b"{}", Invalid, "columns"),
        (b'{"data": []}', Invalid, "pages without results"),
        (b'{"data": [{"start_time": 17', Malformed, "is not JSON, or ends too early"),
        (samples.OPENAI_COSTS_JSON[:-20], Malformed, "ends too early"),
        (b"[" * 100_000, Malformed, "not JSON"),
        (b'"just text"', Invalid, "columns"),
        (b"a,b,c\n1,2,3\n", Invalid, "columns=date=DAY"),
        (b"PAR1....", Invalid, "Parquet"),
        (b"PK\x03\x04....", Invalid, "spreadsheet"),
        (b"%PDF-1.7", Invalid, "PDF"),
        (b"date,model,amount\n\x00\x01\x02", Invalid, "binary"),
        (gzip.compress(samples.OPENAI_COSTS)[:-30], Malformed, "unpacked"),
        (b"\x1f\x8bnonsense", Malformed, "unpacked"),
        (b"date,model,amount\nyesterday,gpt-5,1.5\n", Invalid, "line 2: yesterday"),
        (b"date,model,amount\n2026-02-30,gpt-5,1.5\n", Invalid, "line 2: 2026-02-30"),
        (b"date,model,amount\n2026-11-01,gpt-5,lots\n", Invalid, "line 2: lots"),
        (b"date,model,amount\n2026-11-01,gpt-5,1.5\n2026-11-02,gpt-5,1.5.5\n", Invalid, "both . and ,"),
        (b"date,model,amount\n2026-11-01,gpt-5,NaN\n", Invalid, "line 2: NaN"),
        (b"date,model,amount\n2026-11-01,gpt-5,1e999\n", Invalid, "reasonable size"),
        (b'date,model,amount\n2026-11-01,gpt-5,"1,234"\n', Invalid, "two ways: decimal=. or decimal=,"),
        (b'date,model,amount\n2026-11-01,gpt-5,"1,5"\n2026-11-02,gpt-5,1.5\n', Invalid, "both . and ,"),
        (b"date,model,amount\n01/02/2026,gpt-5,1.5\n", Invalid, "two ways: dates=dmy or dates=mdy"),
        (b"date,model,amount\n13/02/2026,gpt-5,1.5\n02/13/2026,gpt-5,1.5\n", Invalid, "dmy and mdy"),
        (b"date,model,amount,currency\n2026-11-01,gpt-5,1.5,EUR\n", Invalid, "currency_rate=EUR=1.08"),
        ("date,model,amount\n2026-11-01,gpt-5,1.50 €\n".encode(), Invalid, "EUR"),
        (b"date,model,amount\n2024-01-01,gpt-5,1\n2026-11-01,gpt-5,1\n", Invalid, "at most 400 days"),
        (b"date,model,amount\n2026-11-01,gpt-5,-3\n", Invalid, "credits alone"),
        (samples.AWS_CUR.replace(b"Bedrock", b"Rock"), Invalid, "a bill with rows about calls to models"),
        (b'{"data": [{"start_time": 1794268800, "results": [7]}]}', Invalid, "page 1, bucket 1"),
        (b'{"data": [{"start_time": 1794268800, "results": [{"amount": {"value": "x"}}]}]}', Invalid, "bucket 1: x"),
        (b'{"data": [{"begin": 1, "results": [{}]}]}', Invalid, "page 1, bucket 1"),
        (b'{"a": 1}\n{"b": \n', Malformed, "not JSON"),
        (b"date,model,amount\n" + b"x" * (opening.MOST_LINE + 5), TooLarge, "longer"),
        ("date,model,amount\n2026-11-01,gpt-5,1\n".encode("utf-16")[:-3], SpanledgerError, ""),
    ],
    ids=lambda value: value if isinstance(value, str) and value else "",
)
def test_what_is_wrong_is_told(content: bytes, kind: type[SpanledgerError], said: str):
    with pytest.raises(kind) as caught:
        read(content)
    assert said in str(caught.value)


def _anthropic_usage(result: str) -> bytes:
    return f'{{"data": [{{"starting_at": "2026-11-01T00:00:00Z", "results": [{result}]}}]}}'.encode()


def _openai(bucket: str, result: str = "{}") -> bytes:
    return f'{{"data": [{{"start_time": 1794268800, "results": [{result}]}}]}}\n{bucket}'.encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_openai("", '{"model": ["gpt-5"], "input_tokens": 1}'), "bucket 1: ['gpt-5']"),
        (_openai("", '{"model": {}, "project_id": {"a": 1}, "input_tokens": 1}'), "bucket 1: {'a': 1}"),
        (_openai("", '{"line_item": true, "amount": {"value": 1}}'), "bucket 1: True"),
        (_openai('{"data": 5}'), "page 2: data 5"),
        (_openai('{"data": {"results": []}}'), "page 2: data"),
        (_anthropic_usage('{"cache_creation": [1], "output_tokens": 1}'), "cache_creation [1]"),
        (_anthropic_usage('{"workspace_id": [], "model": "x"}'), "bucket 1: []"),
        (_anthropic_usage('{"amount": "1", "description": ["x"]}'), "bucket 1: ['x']"),
    ],
)
def test_what_stands_in_place_of_a_text_an_object_or_a_list_is_told(content: bytes, said: str):
    with pytest.raises(Invalid) as caught:
        read(content)
    assert said in str(caught.value)


MUTATED = st.builds(
    lambda content, start, length, inserted: content[:start] + inserted + content[start + length :],
    st.sampled_from([value for name, value in vars(samples).items() if name.isupper() and isinstance(value, bytes)]),
    st.integers(0, 900),
    st.integers(0, 30),
    st.one_of(
        st.binary(max_size=6),
        st.sampled_from([b'"', b"\n", b",,", b"{}", b"[]", b"null", b"-1", b"1e9", b"\xff", b"9" * 30]),
    ),
)


@settings(max_examples=examples(150), deadline=None)
@given(st.one_of(MUTATED, st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_whatever_is_sent_is_read_or_refused(content: bytes):
    with contextlib.suppress(SpanledgerError):
        read(content)


def test_a_wrong_column_or_format_is_told_with_what_there_is():
    content = samples.table("when,what,much", [("2026-11-01", "gpt-5", "1")])
    with pytest.raises(Invalid, match="a column of the file: when, what, much"):
        read(content, columns={"date": "when", "amount": "more"})
    with pytest.raises(Invalid, match="any of date, model"):
        read(content, columns={"colour": "what"})
    with pytest.raises(Invalid, match="columns"):
        read(content, format="aws-cur")


def test_a_packed_bill_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(opening, "MOST_PLAIN", 100_000)
    rows = [("2026-11-01", f"model-{number % 7}", "1.5") for number in range(20_000)]
    with pytest.raises(TooLarge, match="unpacked"):
        read(gzip.compress(samples.table("date,model,amount", rows)))


def test_a_bill_of_too_many_lines_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(opening, "MOST_LINES", 1_000)
    rows = [("2026-11-01", "gpt-5", "1.5")] * 1_000
    with pytest.raises(TooLarge, match="more than 1,000 lines: cut it up"):
        read(samples.table("date,model,amount", rows))
    assert read(samples.table("date,model,amount", rows[1:])).rows == 999


def test_a_long_bill_takes_as_much_memory_as_it_has_cells():
    import tracemalloc

    rows = [("2026-11-01", f"model-{number % 7}", "1.50") for number in range(50_000)]
    content = io.BytesIO(samples.table("date,model,amount", rows))
    tracemalloc.start()
    bill = reconcile.read(content, Asked(duplicates="keep"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(cell.amount or 0 for cell in bill.cells.values()) == 75_000
    assert peak < 8 * 2**20


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1.234,56", ",", "1234.56"),
        ("1,234.56", ".", "1234.56"),
        ("1 234,56 €", ",", "1234.56"),
        ("1'234.50", ".", "1234.50"),
        ("(12.00)", ".", "-12.00"),
        ("12.00-", ".", "-12.00"),
        ("−3,5", ",", "-3.5"),
        ("$0.0000064", ".", "0.0000064"),
        ("6.4e-05", ".", "0.000064"),
        ("USD 3", ".", "3"),
        (".5", ".", "0.5"),
        ("", ".", None),
    ],
)
def test_numbers(text: str, decimal: Any, value: str | None):
    found = written.number(text, decimal, "line 1")
    assert (None if found is None else f"{found:f}") == value
