"""From a tracking call to the answers: exact sums, one line for each call, and the views with the names people know."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.making import program
from tests.sdk.receiver import http_receiver
from tests.support.inside import Inside

PROGRAM = """
import spanledger
from spanledger.configure import tracer
spanledger.configure(service_name="bookshop", sample_ratio=0.0)
for number in range(1000):
    with spanledger.context(user_id=f"u-{number % 10}", user_tier="premium"), tracer().start_as_current_span("around"):
        spanledger.track_cost("openai", "gpt-4", 0.1, tokens_input=2, tokens_output=1, metadata={"number": number})
odd = {"nan": float("nan"), "large": 2**70, "nested": {"a": [{"b": {"c": [[[[[1]]]]]}}, float("inf")]},
       "text": "\\0\\ud800'"}
spanledger.track_cost("elevenlabs", "dubbing", "0.000000000001", session_id="s-9", metadata=odd)
spanledger.track_cost("openai", "gpt-4", float("nan"))
for number in range(100):
    spanledger.track_dialogue(f"s-{number}", "book-1", user_id=f"u-{number % 7}", model="m", type="character",
                              message_count=number, duration_s=1.5, rating=4 + number % 2, feedback="wüst; DROP TABLE")
spanledger.track_cache("hit", "openai", saved_cost="0.0045", saved_tokens=300)
spanledger.track_rate_limit("denied", "user", "u-1", 0)
spanledger.track_request("GET", "/books/{id}", 500, 2.5, user_id="u-1", client_address="192.0.2.7", user_agent="curl")
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Inside]:
    running = Inside(tmp_path)
    try:
        yield running.start()
    finally:
        running.stop()


def rows(server: Inside, statement: str) -> list[dict[str, Any]]:
    vitals = server.running._vitals
    assert vitals is not None
    with vitals.database.reader() as reader:
        return reader.rows(statement)


def test_what_a_program_tells_is_in_the_backend_exactly_and_once(server: Inside) -> None:
    with http_receiver() as (received, address):
        done = program(PROGRAM, env={"SPANLEDGER_ENDPOINT": address})
    assert done.returncode == 0, done.stderr
    for _ in range(2):  # as when an answer is lost on its way and the sender tries again
        for signal, message in received.requests:
            assert server.send(signal, message.SerializeToString()).status_code == 200

    total = Decimal("100.000000000001")
    costs = server.get("/admin/statistics/costs", period="month", group_by="provider")
    assert (costs["total_cost"], costs["calls"], costs["priced_calls"], costs["coverage"]) == (total, 1001, 1001, 1)
    by = {row["category"]: (row["cost"], row["count"]) for row in costs["breakdown"]}
    assert by == {"openai": (100, 1000), "elevenlabs": (Decimal("0.000000000001"), 1)}
    tiers = server.get("/admin/statistics/costs", period="month", group_by="user_tier")["breakdown"]
    assert {row["category"]: row["cost"] for row in tiers}["premium"] == 100

    (line,) = server.get("/api/v1/ledger", f="provider:elevenlabs")["items"]
    assert (line["kind"], line["cost_usd"], line["price_source"]) == ("cost", Decimal("0.000000000001"), "explicit")
    assert (line["session_id"], line["operation"], line["service"]) == ("s-9", "dubbing", "bookshop")

    tracked = rows(server, "SELECT * FROM public.cost_tracking WHERE service = 'openai' ORDER BY created_ns LIMIT 2")
    assert [(row["cost"], row["tokens_input"], row["tokens_output"]) for row in tracked] == [(Decimal("0.1"), 2, 1)] * 2
    assert [(row["user_id"], row["user_tier"], row["operation"]) for row in tracked][1] == ("u-1", "premium", "gpt-4")
    assert [row["metadata"] for row in tracked] == ['{"number":0}', '{"number":1}']

    assert rows(server, "SELECT DISTINCT duration_ms FROM public.ledger") == [{"duration_ms": None}]

    dialogue = rows(server, "SELECT * FROM public.dialogues ORDER BY created_ns LIMIT 1")[0]
    assert (dialogue["session_id"], dialogue["book_id"], dialogue["message_count"]) == ("s-0", "book-1", 0)
    assert (dialogue["duration_s"], dialogue["rating"], dialogue["feedback"]) == (1.5, 4.0, "wüst; DROP TABLE")
    (summed,) = rows(server, "SELECT count(DISTINCT session_id) AS n, avg(rating) AS rating FROM public.dialogues")
    assert summed == {"n": 100, "rating": 4.5}

    (cache,) = rows(server, "SELECT * FROM public.metrics_raw WHERE metric_type = 'cache'")
    assert (cache["cache_event"], cache["provider"], cache["cost"]) == ("hit", "openai", None)
    assert (cache["cache_saved_cost"], cache["cache_saved_tokens"]) == (Decimal("0.0045"), 300)
    (limit,) = rows(server, "SELECT * FROM public.metrics_raw WHERE metric_type = 'rate_limit'")
    assert [limit[f"rate_limit_{name}"] for name in ("event", "type", "remaining")] == ["denied", "user", 0]
    (request,) = rows(server, "SELECT * FROM public.performance_metrics")
    assert (request["endpoint"], request["status_code"], request["response_time"]) == ("/books/{id}", 500, 2500.0)
    (logged,) = rows(server, "SELECT * FROM public.request_logs")
    assert (logged["path"], logged["process_time"], logged["client_ip"]) == ("/books/{id}", 2.5, "192.0.2.7")
    for view, count in {"dialogues": 100, "request_logs": 1, "performance_metrics": 1}.items():
        assert rows(server, f"SELECT count(*) AS n FROM public.{view}") == [{"n": count}], view

    counted = "SELECT name, max(coalesce(count, value)) AS n FROM public.metrics GROUP BY name"
    metrics = {row["name"]: row["n"] for row in rows(server, counted)}
    assert (metrics["spanledger.dialogues"], metrics["http.server.request.duration"]) == (100, 1)
    assert (metrics["spanledger.cache.events"], metrics["spanledger.rate_limit.decisions"]) == (1, 1)
