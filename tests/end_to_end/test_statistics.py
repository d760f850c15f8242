"""From a program's calls to its statistics: each figure is the program's own, at once and after it was rolled up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.making import program
from tests.sdk.receiver import http_receiver
from tests.support.inside import Inside
from tests.support.waiting import until

PROGRAM = """
import json, random
from decimal import Decimal
import spanledger
from spanledger.configure import tracer
from opentelemetry.trace import SpanKind
spanledger.configure(service_name="bookshop", sample_ratio=0.5)
rng = random.Random(5)
truth = {"cost": Decimal(0), "calls": 0, "hits": 0, "misses": 0, "saved": Decimal(0), "denied": 0, "allowed": 0,
         "told": 0, "told_errors": 0, "dialogues": 0, "users": set(), "ratings": [], "messages": 0, "requests": 0}
for number in range(400):
    with tracer().start_as_current_span("GET /books", kind=SpanKind.SERVER,
                                        attributes={"http.route": "/books", "http.response.status_code": 200}):
        truth["requests"] += 1
        cost = Decimal(rng.randrange(10**9)) / 10**10
        spanledger.track_cost(rng.choice(["openai", "anthropic"]), "chat", cost, tokens_input=3, tokens_output=1)
        truth["cost"] += cost
        truth["calls"] += 1
for number in range(120):
    if rng.random() < 0.7:
        spanledger.track_cache("hit", "openai", saved_cost="0.0045", saved_tokens=30)
        truth["hits"] += 1
        truth["saved"] += Decimal("0.0045")
    else:
        spanledger.track_cache("miss", "openai")
        truth["misses"] += 1
    decision = rng.choice(["allowed", "allowed", "denied"])
    spanledger.track_rate_limit(decision, "user", f"u-{number}", 3)
    truth[decision] += 1
    status = rng.choice([200, 404, 503])
    spanledger.track_request("GET", "/told", status, rng.random())
    truth["told"] += 1
    truth["told_errors"] += status >= 400
    user, rating = f"u-{rng.randrange(30)}", rng.choice([None, 3, 5])
    spanledger.track_dialogue(f"s-{number}", rng.choice(["moby-dick", "ulysses"]), user_id=user, message_count=number,
                              rating=rating)
    truth["dialogues"] += 1
    truth["users"].add(user)
    truth["messages"] += number
    truth["ratings"] += [] if rating is None else [rating]
spanledger.shutdown()
print(json.dumps({**truth, "users": len(truth["users"])}, default=str))
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Inside]:
    running = Inside(tmp_path, "--tick", "1h")
    try:
        yield running.start()
    finally:
        running.stop()


def check(server: Inside, truth: dict[str, Any]) -> None:
    """That every statistic tells what the program counted itself."""
    costs = server.get("/admin/statistics/costs", period="today")
    assert (costs["total_cost"], costs["calls"], costs["coverage"]) == (Decimal(truth["cost"]), truth["calls"], 1)
    summary = server.get("/api/v1/statistics/summary")
    assert (summary["total_cost"], summary["cache_hits"]) == (Decimal(truth["cost"]), truth["hits"])
    cache = server.get("/api/v1/statistics/cache", period="today")
    assert (cache["hits"], cache["misses"], cache["saved_cost"]) == (
        truth["hits"],
        truth["misses"],
        Decimal(truth["saved"]),
    )
    limits = server.get("/api/v1/statistics/rate-limits", period="today")
    assert (limits["allowed"], limits["denied"]) == (truth["allowed"], truth["denied"])
    dialogues = server.get("/admin/statistics/dialogues", period="today", group_by="book")
    assert (dialogues["total_dialogues"], dialogues["unique_users"]) == (truth["dialogues"], truth["users"])
    assert float(dialogues["average_messages"]) == truth["messages"] / truth["dialogues"]
    content = dialogues["satisfaction"]
    assert content["rating_count"] == len(truth["ratings"])
    assert float(content["average_rating"]) == pytest.approx(sum(truth["ratings"]) / len(truth["ratings"]))
    requests = server.get("/api/admin/stats/requests", period="hour")
    told, sampled = (
        next(one for one in requests["top_endpoints"] if one["path"] == path) for path in ("/told", "/books")
    )
    assert (told["count"], told["error_count"]) == (truth["told"], truth["told_errors"])
    assert sampled["count"] == requests["sources"]["spans"] * 2
    bounds = requests["interval"]["requests"]
    assert bounds["low"] <= requests["request_count"] <= bounds["high"]
    assert (
        abs(requests["request_count"] - truth["requests"] - truth["told"]) < 6 * truth["requests"] ** 0.5
    )  # six sigmas


def test_statistics_are_the_programs_own_counts_at_once_and_when_they_are_rolled_up(server: Inside) -> None:
    with http_receiver() as (received, address):
        done = program(PROGRAM, env={"SPANLEDGER_ENDPOINT": address})
    assert done.returncode == 0, done.stderr
    truth = json.loads(done.stdout)
    for _ in range(2):  # as when an answer is lost on its way and the sender tries again
        for signal, message in received.requests:
            assert server.send(signal, message.SerializeToString()).status_code == 200
    check(server, truth)
    server.stop()
    again = Inside(server.directory, "--tick", "100ms", token=server.token).start()
    try:
        until(lambda: not _marks(again), 60, called="all is rolled up")
        check(again, truth)
    finally:
        again.stop()


def _marks(server: Inside) -> int:
    vitals = server.running._vitals
    assert vitals is not None
    with vitals.database.reader() as reader:
        return int(reader.value("SELECT count(*) FROM dirty_buckets WHERE level = '1m'"))
