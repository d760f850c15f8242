"""Every provider's bill and export is known by its columns and held against the right lines."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from spanledger_server.bills import names, opening, reconcile
from spanledger_server.bills.tables import Asked
from spanledger_server.errors import Invalid
from spanledger_server.store.database import Database
from tests.backend.bills import samples
from tests.backend.rows import HOUR, insert, line
from tests.support.stores import new_store

FIRST = samples.EPOCHS[0] * 10**9
MODELS = {
    "openai": "gpt-5-2025-08-07",
    "anthropic": "claude-haiku-4-5-20251001",
    "gcp.vertex_ai": "gemini-2.5-flash",
    "aws.bedrock": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
}


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """Ten calls of each provider on each of three days, at ten in the morning UTC: 10 USD, 5.375 M tokens a day."""
    opened = new_store()
    rows = []
    for provider, model in MODELS.items():
        for day in range(3):
            for call in range(10):
                at_ns = FIRST + (24 * day + 10) * HOUR + call
                more = {"provider": provider, "model": model, "cost_usd": "1", "feature": "chat"}
                rows.append(line(len(rows) + 1, at_ns, input_tokens=500_000, output_tokens=37_500, **more))
    insert(opened, "ledger", rows)
    yield opened
    opened.close()


def held(database: Database, content: bytes, project: str | None = None, **asked: Any) -> dict[str, Any]:
    question = reconcile.Question(Asked(**asked), project, file="bill")
    return reconcile.reconcile(database, io.BytesIO(content), question)


@pytest.mark.parametrize(
    ("content", "form", "providers", "compared"),
    [
        (samples.OPENAI_COSTS, "openai-costs", ["openai"], "cost"),
        (samples.OPENAI_COSTS_JSON, "openai-costs", ["openai"], "cost"),
        (samples.OPENAI_USAGE, "openai-usage", ["openai"], "tokens"),
        (samples.OPENAI_USAGE_JSON, "openai-usage", ["openai"], "tokens"),
        (samples.ANTHROPIC_COSTS, "anthropic-costs", ["anthropic"], "cost"),
        (samples.ANTHROPIC_COSTS_JSON, "anthropic-costs", ["anthropic"], "cost"),
        (samples.ANTHROPIC_USAGE, "anthropic-usage", ["anthropic"], "tokens"),
        (samples.ANTHROPIC_USAGE_JSON, "anthropic-usage", ["anthropic"], "tokens"),
        (samples.GOOGLE_COSTS, "google-costs", ["gcp.gemini", "gcp.vertex_ai", "gcp.gen_ai"], "cost"),
        (samples.BIGQUERY, "google-bigquery", ["gcp.gemini", "gcp.vertex_ai", "gcp.gen_ai"], "cost"),
        (samples.AWS_CUR, "aws-cur", ["aws.bedrock"], "cost"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bill_is_known_by_its_columns_and_agrees(
    database: Database, content: bytes, form: str, providers: list[str], compared: str
):
    found = held(database, content)
    assert (found["format"], found["providers"], found["compared"]) == (form, providers, compared)
    whole = Decimal(30) if compared == "cost" else Decimal(3 * 5_375_000)
    assert found["ledger"] == whole
    assert abs(found["bill"] - whole) <= Decimal("0.00003")
    assert found["state"] == "agrees"
    what = "bill" if compared == "cost" else "bill's tokens"
    share = "99.9999" if found["bill"] > whole else "100.0"
    assert found["sentence"] == f"we saw {share} % of the {what}"
    assert (found["from"], found["to"]) == (samples.DAYS[0], samples.DAYS[-1])


def test_what_is_not_about_models_is_left_out_and_told(database: Database):
    google = held(database, samples.GOOGLE_COSTS)
    assert {each["what"]: (each["rows"], each["amount"]) for each in google["left_out"]} == {
        "Compute Engine": (3, 297),
        "tax": (1, 30),
    }
    assert google["credits"] == [{"what": "Gemini 2.5 Flash", "amount": -6}]
    assert google["timezone"] == "America/Los_Angeles"
    aws = held(database, samples.AWS_CUR)
    assert {each["what"]: each["rows"] for each in aws["left_out"]} == {"AmazonEC2": 3, "tax": 3}
    assert sum(each["amount"] for each in aws["credits"]) == -3
    bigquery = held(database, samples.BIGQUERY)
    assert sum(each["amount"] for each in bigquery["credits"]) == -9
    openai = held(database, samples.OPENAI_COSTS)
    assert [each["what"] for each in openai["left_out"]] == ["days without spend"]
    pages = held(database, samples.OPENAI_USAGE_JSON)
    assert "the last page says that there are more: the bill is not whole" in pages["notes"]


@pytest.mark.parametrize(
    "changed",
    [
        gzip.compress,
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: content.decode().encode("utf-16"),
        lambda content: content.decode().encode("utf-16-be"),
        lambda content: content.replace(b",", b";"),
        lambda content: content.replace(b",", b"\t"),
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: b"\n\n" + content + b"\n\n",
        lambda content: (
            content.replace(b"2026-11-1", b'"2026-11-1')
            .replace(b"0,gpt", b'0",gpt')
            .replace(b"1,gpt", b'1",gpt')
            .replace(b"2,gpt", b'2",gpt')
        ),
    ],
    ids=["gzip", "bom", "utf-16", "utf-16 unmarked", "semicolons", "tabs", "windows", "blank lines", "quotes"],
)
def test_it_is_read_however_it_was_saved(database: Database, changed: Any):
    rows = [(day, "gpt-5-2025-08-07", "10.00") for day in samples.DAYS]
    found = held(database, changed(samples.table("Date,Model,Amount", rows)), providers=("openai",))
    assert (found["bill"], found["state"]) == (30, "agrees")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Datum;Modell;Betrag", "{day.2}.11.2026;gpt-5-2025-08-07;1.000,50"),
        ("Day,Model,Cost (USD)", '11/{day}/2026,gpt-5-2025-08-07,"1,000.50"'),
        ("timestamp,model,spend", "2026-11-{day}T23:59:59Z,gpt-5-2025-08-07,$1 000.50"),
        ("date,model,amount", '"Nov {day}, 2026",GPT-5,1000.50 USD'),
        ("date,model,amount", "202611{day},gpt-5,+1000.5"),
    ],
)
def test_numbers_and_dates_are_read_as_people_write_them(database: Database, header: str, row: str):
    days = [13, 14, 15]
    content = "\n".join([header, *(row.replace("{day.2}", str(day)).replace("{day}", str(day)) for day in days)])
    found = held(database, content.encode())
    assert found["bill"] == Decimal("3001.5")
    assert (found["from"], found["to"]) == ("2026-11-13", "2026-11-15")


@pytest.mark.parametrize("title", [b"", b"Usage report,,\nAcme Inc.,,\n"])
@pytest.mark.parametrize("header", ["Date,Model,Amount (USD)", "DAY,Model,Cost ($)", "Datum,Modell,Betrag (US$)"])
def test_a_plain_bill_may_have_a_title_a_currency_in_its_columns_name_and_a_total(title: bytes, header: str):
    content = title + samples.table(header, [("2026-11-01", "gpt-5", "1.50"), ("Total", "", "1.50")])
    bill = reconcile.read(io.BytesIO(content), Asked())
    assert [(key.model, cell.amount) for key, cell in bill.cells.items()] == [("gpt-5", Decimal("1.50"))]
    assert bill.left_out == {"totals": (1, Decimal("1.50"))}


@pytest.mark.parametrize("header", ["Date,Model,Cost (EUR)", "Date,Model,Amount (€)", "Date,Model,Spend (HK$)"])
@pytest.mark.parametrize("named", [True, False])
def test_a_currency_in_a_columns_name_is_never_taken_for_dollars(header: str, named: bool):
    content = samples.table(header, [("2026-11-01", "gpt-5", "1.50")])
    with pytest.raises(Invalid, match="US dollars, or tell what one"):
        reconcile.read(io.BytesIO(content), Asked(columns={"amount": header.rpartition(",")[2]} if named else {}))


def test_what_stands_behind_a_columns_name_is_not_always_a_currency():
    content = samples.table("Date,Model,Cost (net)", [("2026-11-01", "gpt-5", "1.50")])
    bill = reconcile.read(io.BytesIO(content), Asked(columns={"amount": "Cost (net)"}))
    assert [cell.amount for cell in bill.cells.values()] == [Decimal("1.50")]


def test_columns_can_be_named_and_projects_matched(database: Database):
    rows = [(day, "x", "GPT-5", "chat", "9.5") for day in samples.DAYS]
    content = samples.table("When,Nothing,What,Team,How much", rows)
    columns = {"date": "when", "model": "What", "amount": "How much", "project": "Team"}
    found = held(database, content, project="feature", columns=columns, providers=("openai",))
    assert (found["bill"], found["seen"]) == (Decimal("28.5"), 1)
    assert {cell["project"] for cell in found["cells"]} == {"chat"}
    other = held(database, content.replace(b"chat", b"desk"), project="feature", columns=columns, providers=("openai",))
    assert (other["seen"], other["state"]) == (0, "differs")


@pytest.mark.parametrize("between", ["", "\n", "\n\n  "])
@pytest.mark.parametrize("indent", [None, 2])
def test_pages_one_after_another_are_one_bill_however_they_are_laid_out(indent: int | None, between: str):
    def page(day: int) -> str:
        result = {"amount": {"value": 1.5, "currency": "usd"}, "line_item": "gpt-5-mini, input", "project_id": "p"}
        bucket = {"start_time": 1794268800 + day * 86400, "results": [result]}
        return json.dumps({"object": "page", "data": [bucket], "has_more": day < 2}, indent=indent)

    whole = between.join(page(day) for day in range(3)) + between
    bill = reconcile.read(io.BytesIO(whole.encode()), Asked())
    assert (bill.rows, sum(cell.amount or 0 for cell in bill.cells.values()), bill.notes) == (3, Decimal("4.5"), [])


@pytest.mark.parametrize("more", range(3))
def test_a_page_in_one_long_line_is_read_wherever_its_objects_end(more: int):
    start = '{"data": [{"start_time": 1794268800, "results": [{"model": "gpt-5", "input_tokens": 1, "x": "'
    first = start + "x" * (opening.MOST_LINE - len(start) - 3 + more) + '"}'  # the line is cut behind, at and before }
    content = (first + ', {"model": "gpt-5", "input_tokens": 2}]}]}').encode()
    bill = reconcile.read(io.BytesIO(content), Asked())
    assert [cell.input_tokens for cell in bill.cells.values()] == [3]


def test_amounts_add_up_to_the_last_digit():
    amounts = ["100000000000.000000000000000000000000000001", "0.000000000000000000000000000002"]
    content = samples.table("date,model,amount", [("2026-11-01", "gpt-5", amount) for amount in amounts])
    bill = reconcile.read(io.BytesIO(content), Asked())
    assert [str(cell.amount) for cell in bill.cells.values()] == ["100000000000.000000000000000000000000000003"]


def test_what_is_not_unicode_is_read_as_windows_writes_it(database: Database):
    rows = [(day, "gpt-5", "10", "Büro") for day in samples.DAYS]
    content = samples.table("date,model,amount,project", rows).decode().encode("cp1252")
    found = held(database, content, providers=("openai",))
    assert found["state"] == "agrees"
    assert found["notes"] == ["the file is not UTF-8 and was read as Windows-1252"]


def test_the_currency_of_a_google_bill_stands_in_its_columns_name(database: Database):
    zloty = samples.GOOGLE_COSTS.replace(b"Cost ($)", "Cost (zł)".encode())
    found = held(database, zloty, rates={"PLN": Decimal("0.5")})
    assert found["bill"] == 15
    with pytest.raises(Invalid, match="currency_rate=PLN"):
        held(database, zloty)


def test_another_currency_counts_at_the_rate_that_is_given(database: Database):
    content = samples.table("date,model,amount,currency", [(day, "gpt-5", "8", "EUR") for day in samples.DAYS])
    found = held(database, content, rates={"EUR": Decimal("1.25")}, providers=("openai",))
    assert (found["bill"], found["state"]) == (30, "agrees")
    assert found["notes"] == ["3 amounts in EUR at 1.25 USD"]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Claude Haiku 4.5", "claude-haiku-4-5-20251001"),
        ("Claude4.6Opus", "global.anthropic.claude-opus-4-6-20260101-v1:0"),
        ("Gemini 2.5 Flash Lite", "models/gemini-2.5-flash-lite"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4-20250514"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
    ],
)
def test_a_model_is_the_same_by_whatever_name(theirs: str, ours: str):
    found = names.groups([theirs], [ours])
    assert found[theirs] == found[ours]


def test_models_that_are_merely_similar_stay_apart_and_names_that_both_know_stay_what_they_are():
    found = names.groups(["gpt-4o", "gpt-4o-mini", "o3", "gpt-4.1"], ["gpt-4o", "gpt-4o-mini", "o3-mini", "gpt-4"])
    assert len(set(found.values())) == 6
    dated = ["gpt-4o-2024-05-13", "gpt-4o-2024-08-06"]
    assert len(set(names.groups(dated, dated).values())) == 2
