"""Statistics over HTTP: the seeds' answers, empty stores, other zones, mistakes named all at once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from spanledger_server.api.statistics_examples import EXAMPLES
from tests.backend.rows import DAY, MINUTE, NOON, SECOND, insert, line, span
from tests.backend.statistics.test_health import EXPECTED, GAUGES, called, gauges, lines, mark
from tests.backend.statistics.test_told import answered, hit
from tests.contract.reads import Reads

PATHS = {
    "dialogues": "/admin/statistics/dialogues",
    "performance": "/api/v1/statistics/performance",
    "cache": "/api/v1/statistics/cache",
    "rate-limits": "/api/v1/statistics/rate-limits",
    "series": "/api/v1/statistics/series",
    "summary": "/api/v1/statistics/summary",
    "providers": "/api/v1/providers/health",
    "requests": "/api/admin/stats/requests",
    "system": "/api/admin/stats/system",
    "history": "/api/admin/monitoring/metrics/history",
    "expected": "/api/admin/monitoring/metrics/expected",
    "trends": "/api/admin/monitoring/performance/trends",
}
ASKED: dict[str, dict[str, str]] = {"history": {"metric": "latency"}, "expected": {"metric": "latency"}}
OF_PERIOD = ("dialogues", "performance", "cache", "rate-limits")
ROLLING = ("requests", "system", "history", "expected", "trends")


def everything(reads: Reads) -> None:
    """Something of each kind, now and in the period before."""
    for by in (0, 31 * DAY):
        lines(reads.database, called(30, 1, by + MINUTE) + called(30, 0, by + 2 * DAY))
        talk = {"at_ns": NOON - by - 5, "book_id": "b", "user_id": "u", "model": "m", "type": "t"}
        figures = {"message_count": 2, "duration_s": 1.5, "rating": 4, "feedback": "good"}
        insert(reads.database, "dialogues", [{"record_id": by // DAY, **talk, **figures}])
        told = [hit(by // DAY + n, NOON - by - n - 1, "hit", "openai", "0.1", 5) for n in range(3)]
        limit = {"record_id": by // DAY + 9, "at_ns": NOON - by - 9, "service": "shop"}
        limit |= {"event_name": "spanledger.rate_limit", "attributes": '{"spanledger.rate_limit.event":"denied"}'}
        insert(reads.database, "logs", [*told, limit, answered(by // DAY + 20, NOON - by - 5, "/told", 200, 0.5)])
        mark(reads.database, "told", [NOON - by - 5])
    spans = [span(n, 1, NOON - n * SECOND, route="/a", http_status=200, adjusted_count=4.0) for n in range(1, 40)]
    insert(reads.database, "spans", spans)
    mark(reads.database, "span", [one["end_ns"] for one in spans])
    gauges(reads.database, GAUGES, NOON - 2 * MINUTE)


def shapes(value: Any, place: str = "") -> Iterator[str]:
    """Every member of an answer, as a path; lists by their first entry."""
    if isinstance(value, dict):
        for key, member in value.items():
            if key in ("status_classes", "coverage", "metrics", "by", "projection"):
                yield f"{place}.{key}"
            else:
                yield from shapes(member, f"{place}.{key}")
    elif isinstance(value, list) and value:
        yield from shapes(value[0], f"{place}[]")
    else:
        yield place


@pytest.mark.parametrize("name", ["costs", *PATHS])
def test_answers_have_the_members_that_the_document_shows(reads: Reads, name: str) -> None:
    everything(reads)
    answer = reads.get(PATHS.get(name, "/admin/statistics/costs"), **ASKED.get(name, {}))
    assert set(shapes(answer)) == set(shapes(EXAMPLES[name]))


@pytest.mark.parametrize("name", PATHS)
def test_an_empty_store_is_answered_with_nothing_and_unknown(reads: Reads, name: str) -> None:
    answer = reads.get(PATHS[name], **ASKED.get(name, {}))
    told = str(answer)
    assert "nan" not in told.lower()
    for key in ("error_rate", "hit_rate", "denial_rate", "avg_process_time", "avg_response_time", "p95"):
        assert answer.get(key) is None
    for key in ("total_dialogues", "request_count", "total_requests", "hits", "denied"):
        assert answer.get(key, 0) == 0


@pytest.mark.parametrize("name", OF_PERIOD)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"])
@pytest.mark.parametrize("period", ["today", "week", "month", "year"])
def test_every_period_begins_at_midnight_of_the_zone(reads: Reads, name: str, zone: str, period: str) -> None:
    answer = reads.get(PATHS[name], period=period, tz=zone)
    minutes = {
        "Europe/Berlin": "23:00:00Z",
        "America/St_Johns": ("03:30:00Z", "02:30:00Z"),
        "Asia/Kathmandu": "18:15:00Z",
    }
    assert answer["from"].endswith(minutes[zone])
    assert answer["to"] == "2026-11-21T12:00:00.000000001Z"


def test_dialogues_are_answered_as_promised(reads: Reads) -> None:
    talks = [("红楼梦", "a", 10, 900.0, 5), ("红楼梦", "b", 14, 880.0, None), ("西游记", "a", 3, None, 4)]
    rows = [
        {
            "record_id": n,
            "at_ns": NOON - n,
            "book_id": b,
            "user_id": u,
            "message_count": m,
            "duration_s": d,
            "rating": r,
        }
        for n, (b, u, m, d, r) in enumerate(talks)
    ]
    insert(reads.database, "dialogues", rows)
    answer = reads.get(PATHS["dialogues"], period="month", group_by="book")
    assert (answer["period"], answer["total_dialogues"], answer["unique_users"]) == ("month", 3, 2)
    first, second = answer["breakdown"]
    assert (first["category"], first["count"], first["average_messages"], first["average_duration"]) == (
        "红楼梦",
        2,
        12,
        890,
    )
    assert (second["category"], second["average_duration"]) == ("西游记", None)
    assert answer["satisfaction"]["average_rating"] == Decimal("4.5")
    assert answer["satisfaction"]["coverage"] == Decimal("0.666667")
    assert reads.get(PATHS["dialogues"], f="book:西游记")["total_dialogues"] == 1
    assert reads.get(PATHS["dialogues"], f=["!book:西游记", "user:a"])["total_dialogues"] == 1


def test_requests_are_answered_as_promised(reads: Reads) -> None:
    everything(reads)
    answer = reads.get(PATHS["requests"], period="hour")
    assert answer["request_count"] == 39 * 4 + 1
    assert [one["path"] for one in answer["top_endpoints"]] == ["/a", "/told"]
    assert answer["interval"]["requests"]["low"] < answer["request_count"] < answer["interval"]["requests"]["high"]
    assert answer["sources"] == {"spans": 39, "uncounted_spans": 0, "told": 1}
    assert reads.get(PATHS["requests"], service="none")["request_count"] == 0
    assert len(reads.get(PATHS["requests"], limit=1)["top_endpoints"]) == 1


def test_the_system_is_answered_as_promised(reads: Reads) -> None:
    everything(reads)
    answer = reads.get(PATHS["system"], period="day")
    known = next(row for row in answer["metrics"] if row["cpu_usage"] is not None)
    assert {name: float(known[name]) for name in EXPECTED} == EXPECTED
    assert answer["current_cpu_usage"] == 50


def test_calls_by_level_add_up_to_the_summary(reads: Reads) -> None:
    everything(reads)
    window = {"from_": "now-3d", "to": "now"}
    summary = reads.get(PATHS["summary"], **window)
    assert (summary["total_requests"], summary["failure_count"], summary["cache_hits"]) == (60, 1, 3)
    for level in ("1hour", "1day", "1week", "1month"):
        (series,) = reads.get(PATHS["series"], level=level, **window)["series"]
        assert sum(bucket["total_requests"] for bucket in series["buckets"]) == 60
        assert sum(bucket["total_cost"] for bucket in series["buckets"]) == summary["total_cost"]
        assert sum(bucket["cache_hits"] for bucket in series["buckets"]) == 3
    grouped = reads.get(PATHS["series"], group_by="model", **window)["series"]
    assert [one["category"] for one in grouped] == ["gpt-5.2"]
    filtered = reads.get(PATHS["summary"], f=["status:error", "!model:other"], **window)
    assert (filtered["total_requests"], filtered["cache_hits"]) == (1, None)


def test_an_unknown_zone_a_wrong_period_and_a_wrong_filter_are_told_at_once(reads: Reads) -> None:
    told = reads.refused(PATHS["cache"], period="decade", tz="Mars/Olympus", f="colour:red")
    assert [one["parameter"] for one in told["errors"]] == ["period", "tz", "f"]
    told = reads.refused(PATHS["series"], level="5min", group_by="colour", tz="Mars/Olympus", f="x")
    assert [one["parameter"] for one in told["errors"]] == ["level", "group_by", "tz", "f"]
    assert reads.refused(PATHS["trends"], tz="Mars/Olympus")["parameter"] == "tz"


@pytest.mark.parametrize("name", ROLLING)
def test_short_names_of_rolling_periods_are_understood(reads: Reads, name: str) -> None:
    for short, long in (("1h", "hour"), ("24h", "day"), ("7d", "week"), ("30d", "month")):
        assert reads.get(PATHS[name], period=short, **ASKED.get(name, {}))["period"] == long
    assert reads.refused(PATHS[name], period="year", **ASKED.get(name, {}))["parameter"] == "period"


def test_a_window_in_the_future_holds_nothing(reads: Reads) -> None:
    everything(reads)
    answer = reads.get(PATHS["summary"], from_="now+1h", to="now+2h")
    assert (answer["total_requests"], answer["total_cost"], answer["coverage"]) == (0, 0, None)
    assert reads.refused(PATHS["series"], from_="now", to="now-1h")["parameter"] == "from"


def test_filters_of_the_ledger_are_refused_for_metrics_that_they_do_not_reach(reads: Reads) -> None:
    everything(reads)
    assert reads.refused(PATHS["history"], metric="cpu_usage", f="model:x")["parameter"] == "f"
    assert reads.get(PATHS["history"], metric="latency", f="model:none")["current"] is None
    assert reads.refused(PATHS["history"])["parameter"] == "metric"
    assert reads.refused(PATHS["history"], 404, metric="no_such")["detail"].startswith("there is no metric")


def test_a_metric_is_told_as_it_was_at_any_earlier_time(reads: Reads) -> None:
    everything(reads)
    now, before = (reads.get(PATHS["history"], metric="latency", period="day", to=to) for to in ("now", "now-31d"))
    assert len(before["points"]) == len(now["points"])
    assert sum(point["count"] for point in before["points"]) == sum(point["count"] for point in now["points"])
    assert before["to"] < now["from"]
    assert reads.get(PATHS["history"], metric="latency", to="1970-01-01T00:00:00Z")["current"] is None
    assert reads.get(PATHS["history"], metric="latency", to="now+1d")["to"] == now["to"]
    assert reads.refused(PATHS["history"], metric="latency", to="soon")["parameter"] == "to"


def test_costs_stand_beside_the_same_stretch_of_the_period_before(reads: Reads) -> None:
    lines(
        reads.database,
        [
            line(1, NOON - DAY, cost_usd="3", model="a"),
            line(2, NOON - 31 * DAY, cost_usd="2", model="a"),
            line(3, NOON - 31 * DAY, cost_usd=None, state="unpriced", model="b"),
            line(4, NOON - 31 * DAY + 5 * DAY, cost_usd="50"),  # later than the same stretch
            line(5, NOON - 60 * DAY, cost_usd="1"),
        ],
    )
    answer = reads.get("/admin/statistics/costs", period="month")
    before = answer["previous"]
    assert (before["from"], before["to"]) == ("2026-10-01T00:00:00Z", "2026-10-21T12:00:00.000000001Z")
    assert (before["total_cost"], before["calls"], before["unpriced_calls"], before["coverage"]) == (
        2,
        2,
        1,
        Decimal("0.5"),
    )
    assert (before["change"], before["change_percent"], before["complete"]) == (1, 50, True)
    item = next(one for one in answer["breakdown"] if one["category"] == "a")
    assert (item["previous_cost"], item["change_percent"]) == (2, 50)
    assert reads.get("/admin/statistics/costs", period="year")["previous"] is None
    today = reads.get("/admin/statistics/costs", period="today")["previous"]
    assert (today["total_cost"], today["change"], today["change_percent"]) == (3, -3, -100)
