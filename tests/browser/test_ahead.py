"""What is drawn of money and time: where a period ends, a week before, the hours of the week, records over time."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
import simplejson
from playwright.sync_api import Browser, Locator, expect

from tests.browser import scene
from tests.browser.browsing import Visitor
from tests.browser.conftest import Company, Visit
from tests.support.server import Server
from tests.support.waiting import until

WINDOWS = pytest.mark.parametrize(("phone", "theme"), [(False, "dark"), (True, "light")], ids=["desktop", "phone"])
WIDTHS = {True: (320, 390), False: (768, 1024, 1440)}


@pytest.fixture(scope="module")
def grown(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A backend with three weeks of ledger lines and some of today, and a budget that nobody will reach."""
    kept = {f"SPANLEDGER_RETENTION_{level}": "41d" for level in ("RAW", "MINUTES")}
    variables = {"SPANLEDGER_LATE_LIMIT": "40d", **kept}
    server = Server(tmp_path_factory.mktemp("grown"), **variables).start()
    try:
        scene.send(server, logs=scene.month(time.time_ns(), days=21, per_day=120))
        scene.send(server, logs=scene.today(time.time_ns(), calls=5))  # on a Monday the week has no other day
        with server.client() as client:
            made = {"name": "wide", "period": "monthly", "limit_amount": "100000"}
            assert client.post("/api/v1/budgets", json=made).status_code == 201
        yield server
    finally:
        server.stop()


def scroll_to(visitor: Visitor, part: Locator) -> None:
    """What is below the fold is made once it is scrolled to; what comes above it moves it on."""

    def seen() -> bool:
        visitor.run("scrollTo(0, document.body.scrollHeight)")
        return part.count() > 0

    until(seen, called="the part that was scrolled to")


def fits(visitor: Visitor, phone: bool) -> None:
    """The page is usable by everybody and in every window."""
    visitor.run("scrollTo(0, 0)")  # what the bars cover is as small as what is left of it
    assert visitor.accessibility() == []
    for width in WIDTHS[phone]:
        visitor.page.set_viewport_size({"width": width, "height": 844})
        until(lambda: not visitor.is_wider_than_its_window(), called=f"the page fits into {width} px")


@WINDOWS
def test_costs_draw_where_the_period_ends(phone: bool, theme: str, grown: Server, visit: Visit) -> None:
    visitor = visit(grown, "/costs?period=week", phone=phone, theme=theme)
    card = visitor.page.get_by_role("region", name="Where this week ends")
    drawing = card.locator("svg[role=img]")
    expect(drawing).to_have_attribute("aria-label", re.compile(r"^Where this week ends: \$.* at the end, between"))
    expect(card.locator(".course-band")).to_have_attribute("d", re.compile("^M[0-9.]+ [0-9.]+L.*Z$"))
    drawing.focus()
    visitor.press("End")
    expect(card.get_by_role("status")).to_contain_text("P90 $")
    visitor.press("Escape")
    card.get_by_role("button", name="as table").click()
    expect(card.locator("tbody tr").last).to_contain_text("$")
    card.get_by_role("button", name="as table").click()
    fits(visitor, phone)


@WINDOWS
def test_budgets_draw_the_chance_and_the_day_of_breach(phone: bool, theme: str, grown: Server, visit: Visit) -> None:
    visitor = visit(grown, "/costs/budgets", phone=phone, theme=theme)
    card = visitor.page.get_by_role("region", name="wide", exact=True)
    expect(card.locator(".course-band")).to_be_visible()
    expect(card.locator(".legend")).to_contain_text("far above")
    expect(card.locator(".course-reach")).to_have_count(0)
    budgets = grown.get("/api/v1/budgets", standing="true")
    status = next(one for one in budgets["items"] if one["name"] == "wide")["status"]
    goes, way = status["projection"], status["projection"]["course"]
    status["limit_amount"] = (way["p50"][0] + way["p50"][-1]) / 2
    goes["exhausted_at"] = {"p10": way["at"][1], "p50": way["at"][-2], "p90": None}
    told = simplejson.dumps(budgets, use_decimal=True)
    visitor.page.route("**/api/v1/budgets?*", lambda route: route.fulfill(body=told))
    visitor.page.reload()
    expect(card.locator(".course-mark")).to_have_count(1)
    expect(card.locator(".course-reach")).to_have_count(1)
    expect(card.locator("svg[role=img]")).to_have_attribute("aria-label", re.compile("the limit is .* reached about"))
    fits(visitor, phone)


def test_nothing_is_drawn_of_what_is_not_known(company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/costs?period=month")
    card = visitor.page.get_by_role("region", name="Where this month ends")
    expect(card).to_contain_text("Too early")
    expect(card.locator("svg[role=img]")).to_have_count(0)


@WINDOWS
def test_trends_draw_a_week_before_on_either_scale(phone: bool, theme: str, grown: Server, visit: Visit) -> None:
    visitor = visit(grown, "/trends?period=week&metric=requests", phone=phone, theme=theme)
    course = visitor.page.get_by_role("region", name="Model calls", exact=True)
    expect(course.locator("canvas")).to_be_visible()
    visitor.press("c l")
    expect(course.locator(".legend")).to_contain_text("value a week before")
    expect(course.locator(".legend")).to_contain_text("log scale")
    assert "compare=before" in visitor.page.url
    assert "scale=log" in visitor.page.url
    course.get_by_role("button", name="as table").click()
    expect(course.locator("thead")).to_contain_text("value a week before")
    course.get_by_role("button", name="as table").click()
    visitor.page.get_by_role("button", name="Log scale").click()
    expect(course.locator(".legend")).not_to_contain_text("log scale")
    fits(visitor, phone)


@WINDOWS
def test_trends_draw_the_hours_of_the_week_and_charts_side_by_side(
    phone: bool, theme: str, grown: Server, visit: Visit
) -> None:
    visitor = visit(grown, "/trends?period=week&metric=cost&by=model", phone=phone, theme=theme)
    expect(visitor.find(".against")).to_be_visible()
    week = visitor.page.get_by_role("region", name="Hours of the week")
    scroll_to(visitor, week)
    expect(week.locator("svg rect[class^=heat]").first).to_be_visible()
    assert week.locator("svg g rect").count() == 7 * 24
    week.locator("svg[role=img]").focus()
    visitor.press("ArrowDown ArrowDown ArrowRight")
    expect(week.get_by_role("status")).to_have_text(re.compile("^Tue 01:00: "))
    visitor.press("Escape")
    expect(visitor.find(".multiple canvas").first).to_be_visible()
    models = {line["category"] for line in grown.get("/admin/statistics/costs", group_by="model")["breakdown"]}
    expect(visitor.find(".multiple")).to_have_count(min(12, len(models - {None})))
    visitor.find(".apart-card select").select_option("feature")
    expect(visitor.find(".multiple canvas").first).to_be_visible()
    fits(visitor, phone)


@WINDOWS
def test_logs_draw_records_over_time(phone: bool, theme: str, company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/logs?from=now-6h", phone=phone, theme=theme)
    card = visitor.page.get_by_role("region", name="Records over time")
    told = company.server.get("/api/v1/logs", from_="now-6h", histogram="true", limit="1000")
    assert sum(bar["records"] for bar in told["histogram"]) == len(told["items"])
    expect(card.locator("svg[role=img]")).to_have_attribute("aria-label", re.compile(f"^{len(told['items'])} record"))
    card.get_by_role("button", name="as table").click()
    row = card.locator("tbody tr", has=visitor.find("td:nth-child(2)", has_text=re.compile("^[1-9]"))).first
    count = row.locator("td").nth(1).inner_text()
    row.get_by_role("button").click()
    expect(visitor.page).to_have_url(re.compile("from=20"))
    expect(visitor.find(".log-list > li")).to_have_count(int(count))
    fits(visitor, phone)


@WINDOWS
def test_services_draw_who_calls_whom(phone: bool, theme: str, company: Company, visit: Visit) -> None:
    visitor = visit(company.server, "/services", phone=phone, theme=theme)
    expect(visitor.find(".services-table tbody tr").first).to_be_visible()
    card = visitor.page.get_by_role("region", name="Who calls whom")
    scroll_to(visitor, card)
    told = company.server.get("/api/dependencies", endTs=int(time.time() * 1000) + 60_000, lookback=86_400_000)["data"]
    if phone:
        expect(card.locator("tbody tr")).to_have_count(len(told))
    else:
        expect(card.locator(".graph-node")).to_have_count(
            len({one[side] for one in told for side in ("parent", "child")})
        )
        expect(card.locator(".graph > svg path")).to_have_count(len(told))
        node = card.locator(".graph-node[href='/services/chat-api']")
        expect(node).to_have_accessible_name(re.compile("calls .* time"))
        node.focus()
        visitor.press("Enter")
        expect(visitor.page).to_have_url(re.compile("/services/chat-api"))
        visitor.page.go_back()
        scroll_to(visitor, card)
        expect(card.locator(".graph-node").first).to_be_visible()
    fits(visitor, phone)


def test_a_span_is_told_its_place_among_its_like_and_leads_to_jaeger_where_there_is_one(
    company: Company, visit: Visit
) -> None:
    spans = company.server.get("/api/v1/traces", from_="now-6h", f="name:POST /v1/review", limit="1")["items"]
    visitor = visit(company.server, f"/traces/{spans[0]['trace_id']}")
    expect(visitor.find(".alike")).to_have_text(re.compile(r"(Slower|Faster) than [0-9.]+.% of \d+ like it.*median"))
    expect(visitor.page.get_by_role("link", name="Jaeger")).to_have_count(0)
    who = company.server.get("/api/v1/session") | {"jaeger_url": "http://jaeger.example/ui/"}
    visitor.page.route("**/api/v1/session", lambda route: route.fulfill(body=simplejson.dumps(who)))
    visitor.page.reload()
    expect(visitor.page.get_by_role("link", name="Jaeger")).to_have_attribute(
        "href", f"http://jaeger.example/ui/trace/{spans[0]['trace_id']}"
    )
    assert visitor.accessibility() == []
