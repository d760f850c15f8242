"""Questions of one's own: statements, log records, the course of a metric."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import expect

from tests.browser.conftest import Company, Visit
from tests.support.waiting import until

ROWS = ".result-grid tbody tr"
FEW = (
    "SELECT * FROM (VALUES ('a', 1234567890.123456789012::DECIMAL(38,12), NULL), ('b', 0, 'x')) AS t(name, cost, other)"
)


def expected(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, were there weeks of calls; of its first part nothing is known."""
    known = {"low": 2000, "middle": 2500, "high": 3000, "season": "week", "samples": 20}
    first, *rest = answer["points"]
    return answer | {"points": [first, *(each | known for each in rest)]}


def test_a_statement_of_a_link_waits_for_run_and_shows_every_digit_and_every_null(
    company: Company, visit: Visit, tmp_path: Path
) -> None:
    visitor = visit(company.server, f"/query?sql={quote(FEW)}")
    editor = visitor.page.get_by_role("textbox", name="SQL statement")
    expect(editor).to_have_value(FEW)
    expect(visitor.find(ROWS)).to_have_count(0)
    editor.press("Control+Enter")
    expect(visitor.find(ROWS)).to_have_count(2)
    expect(visitor.find(ROWS).first).to_contain_text("1234567890.123456789012")
    expect(visitor.find(f"{ROWS} .null")).to_have_text("null")
    visitor.page.get_by_role("button", name="Bars").click()
    expect(visitor.find(".bar-list li")).to_have_count(2)
    with visitor.page.expect_download() as given:
        visitor.page.get_by_role("button", name="CSV").click()
    given.value.save_as(tmp_path / "query.csv")
    assert (tmp_path / "query.csv").read_text().splitlines()[1].startswith("a,1234567890.123456789012,")
    assert visitor.accessibility() == []


def test_every_example_runs_and_a_mistake_is_shown_where_it_is(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/query")
    visitor.allowed = ["400"]
    expect(visitor.find(".example")).to_have_count(6)
    examples = visitor.find(".example b").all_inner_texts()
    for name in examples:
        visitor.open("/query")
        visitor.page.get_by_role("button", name=name).click()
        visitor.page.get_by_role("button", name="Run Ctrl").click()
        expect(visitor.find(".result-card")).to_contain_text("row")
        expect(visitor.find(".query-wrong")).to_have_count(0)
    editor = visitor.page.get_by_role("textbox", name="SQL statement")
    editor.fill("SELECT * FROM tokens")
    visitor.page.get_by_role("button", name="Run Ctrl").click()
    expect(visitor.find(".query-wrong pre")).to_contain_text("^")
    expect(editor).to_have_value("SELECT * FROM tokens")


def test_a_query_is_kept_used_and_forgotten(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, f"/query?sql={quote('SELECT 1 AS one')}")
    visitor.allowed = ["422"]
    visitor.page.get_by_role("button", name="Keep").click()
    visitor.page.get_by_label("Name", exact=True).fill("Not A Name")
    visitor.page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(visitor.find("#keep-wrong")).not_to_be_empty()
    visitor.page.get_by_label("Name", exact=True).fill("one")
    visitor.page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(visitor.find(".kept li")).to_have_count(1)
    visitor.open("/query")
    visitor.find(".kept").get_by_role("button", name="one", exact=True).click()
    expect(visitor.page.get_by_role("textbox", name="SQL statement")).to_have_value("SELECT 1 AS one")
    visitor.page.get_by_role("button", name="Forget one").click()
    expect(visitor.find(".kept")).to_have_count(0)


def test_log_records_are_found_opened_and_lead_to_their_trace(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/logs")
    visitor.find(".log-line").first.click()
    expect(visitor.find(".log-detail .pairs")).to_contain_text("Time")
    visitor.page.get_by_role("link", name="Open the trace").click()
    expect(visitor.find(".row").first).to_be_visible()
    visitor.open("/logs?q=no-record-says-this")
    visitor.page.get_by_role("button", name="Remove all filters").click()
    expect(visitor.find(".log-line").first).to_be_visible()


def test_the_course_of_a_metric_has_percentiles_a_unit_what_was_expected_and_a_table(
    company: Company, visit: Visit
) -> None:
    visitor = visit(company.server, "/trends?period=hour")
    expect(visitor.find(".legend").first).to_contain_text("p95")
    expect(visitor.find(".legend").first).to_contain_text("nothing is expected yet")
    with company.server.client() as client:
        asked = {"metric": "latency", "period": "hour"}
        answer = expected(client.get("/api/admin/monitoring/metrics/expected", params=asked).json())
    visitor.page.route("**/metrics/expected?**", lambda route: route.fulfill(json=answer))
    visitor.page.reload()
    expect(visitor.find(".legend").first).to_contain_text("p95 expected by earlier weeks")
    visitor.page.get_by_role("button", name="View Model calls, time as table").click()
    rows = visitor.page.get_by_role("region", name="Model calls, time, as table").locator("tbody tr")
    expect(rows.filter(has_text="2.00 s to 3.00 s").first).to_be_visible()
    visitor.page.get_by_role("button", name="Model calls, failures").click()
    assert "metric=error_rate" in visitor.page.url
    expect(visitor.page.get_by_role("region", name="Model calls, failures, as table")).to_contain_text("%")
    visitor.page.go_back()
    expect(visitor.find("select").first).to_have_value("latency")


SEARCHES = (
    "",
    "&f=service:chat-api",
    "&f=status:error&f=!service:voice-backend",
    "&f=model:claude-haiku-4-5&f=model:gpt-5-mini&f=duration>300ms",
    "&f=!model:&f=cost>0.0001&sort=-cost",
    "&f=state:unpriced",
    "&q=rate",
)


def test_a_search_edited_as_sql_finds_the_same_traces(company: Company, visit: Visit) -> None:
    bounds = "from=2020-01-01T00:00:00Z&to=now"
    for search in SEARCHES:
        visitor = visit(company.server, f"/traces?{bounds}{search}")
        visitor.page.get_by_role("button", name="Edit as SQL").click()
        editor = visitor.page.get_by_role("textbox", name="SQL statement")
        expect(editor).to_have_value(re.compile("^WITH seen AS"))
        statement = editor.input_value().replace("LIMIT 100", "LIMIT 5000")
        with company.server.client() as client:
            wanted = client.get(f"/api/v1/traces?{bounds}{search}&limit=1000").json()
            body = {
                "sql": statement,
                "params": {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"},
                "limit": 5000,
            }
            answer = client.post("/api/v1/query", json=body)
        assert answer.status_code == 200, answer.text
        rows = answer.json()["rows"]
        assert len(rows) == wanted["matched"], search
        assert {one["trace_id"] for one in wanted["items"]} <= {row[0] for row in rows}
    editor.press("Control+Enter")
    expect(visitor.find(ROWS).first).to_be_visible()


def test_a_statement_is_run_again_until_it_is_told_to_stop(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, f"/query?sql={quote(FEW)}")
    visitor.page.clock.install()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    visitor.find(".query-tools select").last.select_option("10")
    expect(visitor.find(ROWS)).to_have_count(2)
    assert len(asked) == 1
    history = visitor.run("history.length")
    for _ in range(2):
        visitor.page.clock.run_for(10_500)
    until(lambda: visitor.run("1") and len(asked) >= 3, called="it ran again")
    assert visitor.run("history.length") == history
    expect(visitor.find(".query-tools [role=timer]")).to_contain_text("last run")
    visitor.find(".query-tools select").last.select_option("0")
    ran = len(asked)
    visitor.page.clock.run_for(60_000)
    visitor.run("1")
    assert len(asked) == ran
    assert visitor.accessibility() == []
