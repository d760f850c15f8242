"""The pages of objectives: worst first, unknown unlike well, and every figure followed to the events behind it."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, Visitor
from tests.support.server import Server
from tests.support.waiting import until

FIRST = "spanledger slo defaults llm --service my-service | spanledger slo import -"


@pytest.mark.parametrize(("phone", "theme"), [(False, "light"), (True, "dark")], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", ["/slos", "/slos/mail-sent", "/slos/maps-drawn?window=7d", "/reports/sla"])
def test_objectives_fit_every_window_and_can_be_used_by_everybody(
    path: str, phone: bool, theme: str, pledged: Server, visit: Visit
) -> None:
    visitor = visit(pledged, path, phone=phone, theme=theme)
    expect(visitor.find("main .level, main .sla-table").first).to_be_visible()
    assert visitor.accessibility() == []
    for width in (320, 390) if phone else (768, 1024, 1440):
        visitor.page.set_viewport_size({"width": width, "height": 844})
        until(lambda: not visitor.is_wider_than_its_window(), called=f"the page fits into {width} px")


def test_the_list_says_the_worst_first_and_claims_nothing_of_what_nobody_saw(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/slos")
    expect(visitor.find(".sentence h2")).to_have_text("1 of 3 objectives has spent the budget")
    rows = visitor.find(".slos-table tbody tr")
    expect(rows.locator(".cell-state .chip")).to_have_text(["Spent", re.compile("On track|At risk"), "Unknown"])
    expect(rows.first.locator(".cell-figure")).to_contain_text("\u2212")
    unseen = rows.last
    expect(unseen).to_contain_text("no events")
    expect(unseen.locator(".level .hatched")).to_be_visible()
    expect(unseen.locator(".cell-pairs")).to_contain_text("Unknown")
    for claim in ("On track", "Quiet", "100", "0\u00d7"):
        expect(unseen).not_to_contain_text(claim)


def test_filters_are_in_the_address_and_one_without_a_match_says_so(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/slos")
    visitor.page.get_by_role("button", name="Unknown").click()
    expect(visitor.find(".slos-table tbody tr")).to_have_count(1)
    assert visitor.page.url.endswith("?show=unknown")
    visitor.page.get_by_role("button", name="Budget spent").click()
    visitor.page.reload()
    expect(visitor.find(".slos-table tbody tr")).to_contain_text(["mail-sent"])
    visitor.page.go_back()
    expect(visitor.find(".slos-table tbody tr")).to_contain_text(["maps-drawn"])


def test_an_objective_is_followed_to_the_requests_that_spent_it(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/slos")
    visitor.find(".slos-table").get_by_role("link", name="mail-sent").click()
    expect(visitor.find(".total-card")).to_contain_text("40 bad of 100 events; 39 more than may be")
    expect(visitor.find(".pairs-table tbody tr")).to_have_count(4)
    expect(visitor.find(".pairs-table .chip").first).to_have_text(re.compile("Firing|Unknown"))
    measured = visitor.page.get_by_role("region", name="How it is measured")
    expect(measured).to_contain_text("service is mail; the span with which a request enters the service")
    expect(measured).to_contain_text("status is ok")
    visitor.page.get_by_role("region", name="What spends it").get_by_role("link", name="/send").first.click()
    expect(visitor.find(".filter-chip")).to_have_text(["Service is mail", "Status is error", "Route is /send"])
    expect(visitor.find(".traces-table tbody tr")).to_have_count(40)
    assert "from=20" in visitor.page.url


def test_another_window_is_in_the_address_and_shows_no_burn_rates_of_now(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/slos/mail-sent")
    expect(visitor.find(".pairs-table")).to_be_visible()
    visitor.page.get_by_role("button", name="7 d").click()
    expect(visitor.find(".card-note")).to_contain_text("Burn rates and pairs of windows are of now")
    expect(visitor.find(".pairs-table")).to_have_count(0)
    assert visitor.page.url.endswith("?window=7d")
    month, told = fullest_month(visitor)
    visitor.page.get_by_label("Month").select_option(month)
    expect(visitor.find(".total-card")).to_contain_text(told)
    assert visitor.page.url.endswith(f"?month={month}")
    visitor.page.get_by_role("link", name="its own window").click()
    expect(visitor.find(".pairs-table")).to_be_visible()


def fullest_month(visitor: Visitor) -> tuple[str, str]:
    """The month in which most of the requests were, which began at most ten minutes ago, and what is told of it."""
    told = {}
    for ago_s in (0, 600):
        month = time.strftime("%Y-%m", time.gmtime(time.time() - ago_s))
        asked = f"fetch('/api/v1/slos/mail-sent/report?month={month}').then((answer) => answer.json())"
        report = visitor.run(asked)
        told[report["total"]] = month, f"{report['bad']:g} bad of {report['total']:g}"
    return told[max(told)]


def test_without_objectives_the_command_that_makes_them_can_be_copied(shared_server: Server, visit: Visit) -> None:
    visitor = visit(shared_server, "/")
    expect(visitor.find(".live-label")).to_contain_text("Live")
    visitor.press("g s")
    expect(visitor.find(".slos-page .command")).to_contain_text(FIRST)
    visitor.page.get_by_role("button", name="Copy").click()
    assert visitor.run("navigator.clipboard.readText()") == FIRST
    assert visitor.accessibility() == []


def test_objectives_that_cannot_be_read_say_why_and_are_asked_for_again(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/")
    visitor.allowed += ["503", "403"]
    expect(visitor.find(".live-label")).to_contain_text("Live")
    visitor.page.route("**/api/v1/slos", lambda route: route.fulfill(status=503, body="{}"))
    visitor.press("g s")
    expect(visitor.find(".failure")).to_contain_text("Could not load the objectives (503).")
    visitor.page.unroute("**/api/v1/slos")
    visitor.page.get_by_role("button", name="Retry").click()
    expect(visitor.find(".slos-table tbody tr")).to_have_count(3)
    body = '{"detail": "this needs the role viewer"}'
    visitor.page.route("**/api/v1/slos/*/report", lambda route: route.fulfill(status=403, body=body))
    visitor.find(".slos-table a").first.click()
    expect(visitor.find("main .face")).to_contain_text("Needs another role: this needs the role viewer")
    assert visitor.accessibility() == []


def test_an_objective_that_there_is_not_leads_back_to_the_list(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/")
    visitor.allowed.append("404")
    visitor.open("/slos/no%20such")
    visitor.page.get_by_role("link", name="All objectives").click()
    expect(visitor.find(".slos-table tbody tr")).to_have_count(3)


def test_the_budget_is_drawn_over_its_window_and_can_be_read_as_a_table(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/slos/mail-sent?window=1d")
    expect(visitor.find(".burndown .left-line.spent")).to_be_attached()
    expect(visitor.find(".burndown")).to_have_attribute("aria-label", re.compile("at the end \u22123,900"))
    visitor.page.get_by_role("button", name="View Budget left over the window as table").click()
    expect(visitor.find(".figure-table tbody tr").last).to_contain_text(re.compile(r"\d of \d"))
    parts = re.findall(r"(\d+) of (\d+)", visitor.find(".figure-table tbody").inner_text())
    assert [sum(int(number) for number in each) for each in zip(*parts, strict=True)] == [40, 100]
    visitor.open("/slos/maps-drawn")
    expect(visitor.find(".chart-card")).to_contain_text("nothing to draw")


def test_a_report_is_a_sheet_of_paper_without_what_only_a_screen_needs(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/slos/mail-sent/report", theme="dark")
    expect(visitor.find(".paper-figures")).to_contain_text("40 of 100")
    expect(visitor.find(".burndown svg")).to_be_visible()
    assert visitor.accessibility() == []
    visitor.page.emulate_media(media="print")
    expect(visitor.find(".rail")).to_be_hidden()
    expect(visitor.page.get_by_role("button", name="Print")).to_be_hidden()
    expect(visitor.find(".signature")).to_be_visible()
    assert visitor.run("getComputedStyle(document.querySelector('.paper h1')).color") == visitor.run(
        "(() => { const found = document.createElement('i'); found.style.color = 'var(--text)';"
        " document.body.append(found); return getComputedStyle(found).color; })()"
    )
    assert len(visitor.page.pdf(format="A4")) > 10_000


def test_an_objective_is_tried_and_made_and_mistakes_stand_beside_their_fields(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/slos/new")
    visitor.allowed.append("422")
    visitor.page.get_by_label("Name", exact=True).fill("Not A Name")
    visitor.page.get_by_label("Service", exact=True).fill("mail")
    visitor.page.get_by_label("Target, %").fill("100")
    visitor.page.get_by_role("button", name="Make it").click()
    expect(visitor.find("#slo-name-wrong")).to_contain_text("lower-case letters")
    expect(visitor.find("#slo-target-wrong")).to_contain_text("below 1")
    assert visitor.accessibility() == []
    visitor.page.get_by_label("Name", exact=True).fill("mail-tried")
    visitor.page.get_by_label("Target, %").fill("99.5")
    visitor.page.get_by_role("button", name="Try it").click()
    expect(visitor.find(".tried")).to_contain_text("of 100 good")
    visitor.page.get_by_role("button", name="Make it").click()
    expect(visitor.find(".total-card")).to_contain_text("99.5")
    visitor.page.get_by_role("link", name="Change").click()
    visitor.page.get_by_label("For people").fill("Mail, tried")
    visitor.page.get_by_role("button", name="Save").click()
    expect(visitor.find(".total-card h2")).to_have_text("Mail, tried")
    put_away(pledged, visitor, "mail-tried")


@pytest.mark.parametrize(("phone", "theme"), [(False, "dark"), (True, "light")], ids=["desktop", "phone"])
def test_what_an_objective_counts_is_chosen_in_rows_and_read_in_words(
    phone: bool, theme: str, pledged: Server, visit: Visit
) -> None:
    visitor = visit(pledged, "/slos/new", phone=phone, theme=theme)
    words = visitor.find("#slo-indicator-words")
    expect(words).to_have_text("Counted: requests. Good: those whose status is ok.")
    filters = visitor.page.get_by_role("group", name="Only those whose")
    filters.get_by_role("button", name="Condition").click()
    filters.get_by_label("Attribute").fill("http.route")
    filters.get_by_label("How").select_option("not")
    filters.get_by_label("Value").fill("/health")
    visitor.page.get_by_label("Which value is good").select_option("duration_ms")
    visitor.page.get_by_label("The limit").fill("800")
    expect(words).to_have_text(
        "Counted: requests whose http.route is not /health. Good: those whose status is ok and duration, ms is at most 800."
    )
    assert visitor.accessibility() == []
    for width in (320, 390) if phone else (768, 1024, 1440):
        visitor.page.set_viewport_size({"width": width, "height": 844})
        until(lambda: not visitor.is_wider_than_its_window(), called=f"the page fits into {width} px")
    visitor.page.get_by_role("button", name="As JSON").click()
    given = json.loads(visitor.page.get_by_label("as JSON", exact=False).first.input_value())
    limit = {"field": "duration_ms", "value": 800}
    assert given == {"kind": "span", "filter": {"http.route": "!/health"}, "good": {"status": "ok"}, "below": limit}
    visitor.page.get_by_role("button", name="As JSON").click()
    visitor.page.get_by_label("Name", exact=True).fill("in-words")
    visitor.page.get_by_label("Service", exact=True).fill("books")
    visitor.page.get_by_role("button", name="Make it").click()
    expect(visitor.find(".total-card")).to_be_visible()
    assert put_away(pledged, visitor, "in-words")["indicator"] == given


@pytest.mark.parametrize(("phone", "theme"), [(False, "light"), (True, "dark")], ids=["desktop", "phone"])
def test_slices_groups_and_pairs_are_rows_and_the_server_points_at_the_one_that_is_wrong(
    phone: bool, theme: str, pledged: Server, visit: Visit
) -> None:
    visitor = visit(pledged, "/slos/new", phone=phone, theme=theme)
    visitor.allowed.append("422")
    page = visitor.page
    page.get_by_label("Name", exact=True).fill("in-rows")
    page.get_by_label("Service", exact=True).fill("books")
    expect(page.get_by_label("Length of a slice")).to_have_count(0)
    page.get_by_label("A budget of", exact=True).select_option("timeslices")
    expect(page.get_by_label("Length of a slice")).to_have_value("1m")
    page.get_by_label("At least", exact=True).fill("99.5")
    page.get_by_label("A budget of its own").select_option("route")
    page.get_by_label("How many groups").fill("20")
    page.get_by_label("Pairs of windows", exact=True).first.select_option("own")
    pairs = page.get_by_role("list", name="Pairs of windows").get_by_role("listitem")
    expect(pairs).to_have_count(4)
    for _ in range(2):
        page.get_by_role("button", name="Remove pair 3").click()
    page.get_by_label("Percent of the budget of pair 2").fill("500")
    assert visitor.accessibility() == []
    for width in (320, 390) if phone else (768, 1024, 1440):
        page.set_viewport_size({"width": width, "height": 844})
        until(lambda: not visitor.is_wider_than_its_window(), called=f"the page fits into {width} px")
    page.get_by_role("button", name="Make it").click()
    expect(visitor.find("#slo-alerting-wrong")).to_contain_text("Pair 2, share of the budget: above 0, at most 100")
    expect(page.get_by_label("Percent of the budget of pair 2")).to_be_focused()
    page.get_by_label("Percent of the budget of pair 2").fill("5")
    page.get_by_role("button", name="Make it").click()
    expect(visitor.find(".total-card")).to_be_visible()
    made = put_away(pledged, visitor, "in-rows")
    assert made["slice"] == {"window": "1m", "target": 0.995}
    assert made["groups"] == {"by": "route", "most": 20}
    long = [(one["severity"], one["budget_percent"], one["long"], one["short"]) for one in made["alerting"]]
    assert long == [("page", 2, "1h", "5m"), ("page", 5, "6h", "30m")]


def test_a_composite_is_made_of_parts_and_json_is_the_other_way(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/slos/new")
    page = visitor.page
    page.get_by_label("Name", exact=True).fill("all-of-it")
    page.get_by_label("Service", exact=True).fill("books")
    page.get_by_label("Counted are").select_option("composite")
    page.get_by_label("Objective of part 1").fill("books-answer")
    page.get_by_label("Weight of part 1").fill("3")
    page.get_by_role("button", name="Part", exact=True).press("Enter")
    page.get_by_label("Objective of part 2").fill("mail-sent")
    expect(visitor.find(".indicator-words")).to_have_text(
        "Good: 75 % of books-answer, 25 % of mail-sent; by weight, whatever each counts."
    )
    assert visitor.accessibility() == []
    page.get_by_role("button", name="As JSON").click()
    page.get_by_label("Who is told when it burns, as JSON").fill("[]")
    page.get_by_label("Groups, as JSON").fill("{")
    expect(page.get_by_role("button", name="As JSON")).to_be_disabled()
    page.get_by_role("button", name="Make it").click()
    expect(visitor.find("#slo-groups-wrong")).to_contain_text("This is not JSON")
    page.get_by_label("Groups, as JSON").fill("")
    page.get_by_role("button", name="As JSON").click()
    expect(page.get_by_label("Pairs of windows", exact=True)).to_have_value("none")
    page.get_by_role("button", name="Make it").click()
    expect(visitor.find(".total-card")).to_be_visible()
    made = put_away(pledged, visitor, "all-of-it")
    assert made["alerting"] == []
    assert made["indicator"]["parts"] == [{"slo": "books-answer", "weight": 3}, {"slo": "mail-sent", "weight": 1}]


def put_away(pledged: Server, visitor: Visitor, name: str) -> Any:
    """Delete an objective once no page asks for it any more; gives how it was defined."""
    visitor.leave()
    with httpx.Client(base_url=pledged.url, headers={"Authorization": f"Bearer {pledged.token}"}) as client:
        definition = client.get(f"/api/v1/slos/{name}").json()["definition"]
        client.delete(f"/api/v1/slos/{name}").raise_for_status()
    return definition


def test_the_report_of_all_fits_a_phone(pledged: Server, visit: Visit) -> None:
    visitor = visit(pledged, "/reports/sla", phone=True)
    expect(visitor.find(".sla-table tbody tr")).not_to_have_count(0)
    wide = "(() => { const found = document.querySelector('.sla-table'); return found.scrollWidth - found.clientWidth; })()"
    for width in (320, 390):
        visitor.page.set_viewport_size({"width": width, "height": 844})
        until(lambda: visitor.run(wide) <= 0, called=f"the table fits into {width} px")
        until(lambda: not visitor.is_wider_than_its_window(), called=f"the page fits into {width} px")
    assert visitor.accessibility() == []
