"""A call seen only by OpenTelemetry's own instrumentation is in the backend's ledger once, under any sampling."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sdk.making import program
from tests.sdk.provider import provider
from tests.sdk.receiver import http_receiver
from tests.support.inside import Inside

CALLS = 20
PROGRAM = f"""
import os
import anthropic, openai, spanledger
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
spanledger.configure(service_name="shop")
OpenAIInstrumentor().instrument()
base = os.environ["PROVIDER"]
gpt = openai.OpenAI(base_url=base + "/v1", api_key="k")
claude = anthropic.Anthropic(base_url=base, api_key="k")
asked = [{{"role": "user", "content": "x"}}]
for number in range({CALLS}):
    with spanledger.context(user_id=f"u{{number % 4}}", feature="search"):
        gpt.chat.completions.create(model="gpt-4o", messages=asked)
        claude.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=asked)
assert spanledger.flush(20)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Inside]:
    running = Inside(tmp_path)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.mark.parametrize(
    ("ratio", "spans_first"), [("1", True), ("1", False), ("0.1", True), ("0", True)], ids=lambda value: str(value)
)
def test_each_call_is_billed_once(server: Inside, ratio: str, spans_first: bool) -> None:
    with http_receiver() as (received, address), provider() as (_, port):
        env = {"SPANLEDGER_ENDPOINT": address, "PROVIDER": f"http://127.0.0.1:{port}"}
        done = program(PROGRAM, env={**env, "SPANLEDGER_SAMPLE_RATIO": ratio})
    assert done.returncode == 0, done.stderr
    kept = len(received.spans())
    assert kept == {"1": 2 * CALLS, "0": 0}.get(ratio, kept)
    requests = sorted(received.requests, key=lambda one: one[0] == "traces", reverse=spans_first)
    for signal, message in requests:
        assert server.send(signal, message.SerializeToString()).status_code == 200
    costs = server.get("/admin/statistics/costs", period="month", group_by="provider")
    assert {row["category"]: row["count"] for row in costs["breakdown"]} == {"openai": CALLS, "anthropic": CALLS}
    assert (costs["calls"], costs["coverage"]) == (2 * CALLS, 1)
    features = server.get("/admin/statistics/costs", period="month", group_by="feature")["breakdown"]
    assert {row["category"]: row["count"] for row in features} == {"search": 2 * CALLS}
    users = server.get("/admin/statistics/costs", period="month", group_by="user")["breakdown"]
    assert sorted(row["count"] for row in users) == [CALLS // 2] * 4
