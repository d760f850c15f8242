"""The reading room under `opentelemetry-instrument`: usual parts, no line of telemetry in them, one connected trace."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from spanledger_examples.processes import Child
from tests.end_to_end import services
from tests.end_to_end.backend import Backend
from tests.support.ports import kept_port
from tests.support.waiting import until

pytest.importorskip("asyncpg", reason="the reading room's parts are installed with the extra [dev]")
MISSING = [program for program in ("redis-server", "initdb", "postgres") if services.found(program) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {', '.join(MISSING)}"),
    pytest.mark.xdist_group("reading room"),  # one for all of them
]

SAID = {"x-user-id": "u7", "x-user-tier": "pro", "x-session-id": "s1", "x-feature": "summaries"}
WHO = {
    "user.id": "u7",
    "spanledger.user_tier": "pro",
    "session.id": "s1",
    "spanledger.feature": "summaries",
}
NAMES = {"user_id": "u7", "user_tier": "pro", "session_id": "s1", "feature": "summaries"}
HEADERS = "user_id=X-User-ID,user_tier=X-User-Tier,session_id=X-Session-ID,feature=X-Feature"
PACKAGE = "spanledger_examples.reading_room"


@dataclass
class ReadingRoom:
    """What runs: the backend, the service and its worker."""

    backend: Backend
    url: str
    folder: Path

    def said(self) -> str:
        return "".join(log.read_text(errors="replace") for log in sorted(self.folder.glob("*.log")))

    def spans(self, name: str) -> list[dict[str, Any]]:
        """All spans of the newest trace whose root has that name."""
        rows = self.backend.get("/api/v1/traces", **{"from": "now-1h", "f": f"name:{name}"})["items"]
        return self.backend.get(f"/api/v1/traces/{rows[0]['trace_id']}")["spans"] if rows else []


@contextmanager
def instrumented(service: str, command: list[str], environment: Mapping[str, str], folder: Path) -> Iterator[Any]:
    """A program under `opentelemetry-instrument`."""
    python = Path(sys.executable)
    whole = [str(python.parent / "opentelemetry-instrument"), str(python), "-m", *command]
    env = {**environment, "OTEL_SERVICE_NAME": service}
    with services.running(whole, folder / f"{service}.log", env=env) as process:
        yield process


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingRoom]:
    folder = tmp_path_factory.mktemp("reading-room")
    with ExitStack() as stack:
        backend = Backend(folder)
        stack.callback(backend.close)
        provider, port = kept_port(), kept_port()
        arguments = ["spanledger_examples.provider", str(provider)]
        answering = Child("provider", arguments, {}, folder / "provider.log")
        stack.callback(answering.stop)
        redis_url = stack.enter_context(services.redis(folder))
        database_url = stack.enter_context(services.postgresql())
        backend.start()
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "SPANLEDGER_"))}
        environment = kept | {
            "REDIS_URL": redis_url,
            "DATABASE_URL": database_url,
            "PROVIDER_URL": f"http://127.0.0.1:{provider}",
            "SPANLEDGER_ENDPOINT": backend.otlp_url,
            "SPANLEDGER_SPOOL_DIR": "",
            "SPANLEDGER_SAMPLE_RATIO": "1",  # asking again and again until it is there is a burst
            "SPANLEDGER_METRICS_INTERVAL_S": "1",
            "SPANLEDGER_IDENTITY_HEADERS": HEADERS,
        }
        answering.wait_until_answers(f"http://127.0.0.1:{provider}/bill")
        worker = ["celery", "--app", f"{PACKAGE}.tasks", "worker", "--concurrency", "1", "--without-mingle"]
        stack.enter_context(instrumented("worker", worker, environment, folder))
        web = ["uvicorn", f"{PACKAGE}.web:app", "--port", str(port), "--log-level", "warning"]
        stack.enter_context(instrumented("web", web, environment, folder))
        yield ReadingRoom(backend, f"http://127.0.0.1:{port}", folder)


def asked(room: ReadingRoom, method: str, path: str) -> httpx.Response | None:
    try:
        return httpx.request(method, room.url + path, headers=SAID, timeout=20)
    except httpx.TransportError:
        return None


@pytest.fixture(scope="module")
def spans(room: ReadingRoom) -> list[dict[str, Any]]:
    """The spans of one order, once the summary is written."""
    answer = until(lambda: asked(room, "PUT", "/books/7?title=Walden"), 60, called=f"the service: {room.said()}")
    assert (answer.status_code, answer.json()) == (202, {"ordered": 1})

    def written() -> Any:
        answer = asked(room, "GET", "/books/7")
        return answer is not None and answer.json()["summary"]

    until(written, 60, called="the summary")
    until(lambda: len(list(room.backend.ledger())) == 1, 60, called="the ledger's line")

    def whole() -> Any:
        found = room.spans("PUT /books/{number}")
        return found if any(span["name"] == "run/summarise" for span in found) else None

    return until(whole, 60, called="the worker's span")


def test_an_order_is_one_connected_trace_from_the_request_to_the_answer_of_the_model(
    room: ReadingRoom, spans: list[dict[str, Any]]
) -> None:
    by_id = {span["span_id"]: span for span in spans}
    assert [span["name"] for span in spans if span["parent_span_id"] is None] == ["PUT /books/{number}"]
    assert not any(span["parent_missing"] for span in spans)

    def above(span: dict[str, Any]) -> list[str]:
        parent = span["parent_span_id"]
        return [span["name"], *(above(by_id[parent]) if parent else [])]

    ways = {(span["service"], span["scope"].split(".")[-1], *above(span)) for span in spans}
    order = "PUT /books/{number}"
    work = ("run/summarise", "apply_async/summarise", order)
    assert ways >= {
        ("web", "spanledger", order),
        ("web", "sqlalchemy", "INSERT", order),
        ("web", "asyncpg", "INSERT", order),
        ("web", "redis", "INCRBY", order),
        ("web", "celery", "apply_async/summarise", order),
        ("web", "redis", "LPUSH", "apply_async/summarise", order),
        ("worker", "celery", *work),
        ("worker", "sqlalchemy", "SELECT postgres", *work),
        ("worker", "sqlalchemy", "UPDATE postgres", *work),
    }
    (model,) = (span for span in spans if span["ledger"])
    assert above(model) == ["chat gpt-5-mini", *work]
    assert "different Context" not in room.said()
    assert "Traceback" not in room.said()


def test_user_tier_session_and_feature_are_on_every_span(spans: list[dict[str, Any]]) -> None:
    for span in spans:
        assert WHO.items() <= span["attributes"].items(), span["name"]


def test_the_call_of_the_model_is_one_line_that_knows_whom_it_was_for(
    room: ReadingRoom, spans: list[dict[str, Any]]
) -> None:
    (line,) = room.backend.ledger()
    assert {span["span_id"] for span in spans if span["ledger"]} == {line["span_id"]}
    assert {name: line[name] for name in NAMES} == NAMES
    assert (line["service"], line["input_tokens"], line["output_tokens"]) == ("worker", 8, 64)
    assert line["cost_usd"] == (8 * Decimal("0.25") + 64 * Decimal(2)) / 10**6


def test_a_row_that_is_read_by_asyncpg_alone_is_a_span_with_the_user(room: ReadingRoom) -> None:
    until(lambda: asked(room, "GET", "/books/7"), 60, called="the service answers")
    found = until(lambda: room.spans("GET /books/{number}"), 60, called=room.said()[-3000:])
    assert {(span["scope"].split(".")[-1], span["name"]) for span in found} == {
        ("spanledger", "GET /books/{number}"),
        ("asyncpg", "SELECT"),
    }
    assert all(WHO.items() <= span["attributes"].items() for span in found)


def test_queues_workers_tasks_pools_requests_processes_and_the_machine_are_measured(
    room: ReadingRoom, spans: list[dict[str, Any]]
) -> None:
    del spans
    wanted = {
        "celery.queue.length",
        "celery.worker.pool.size",
        "celery.worker.tasks",
        "db.client.connections.usage",
        "http.server.active_requests",
        "http.server.request.duration",
        "messaging.process.duration",
        "process.cpu.utilization",
        "process.memory.usage",
        "system.cpu.utilization",
        "system.memory.utilization",
    }

    def missing() -> set[str]:
        return wanted - {item["name"] for item in room.backend.get("/api/v1/metrics")["items"]}

    until(lambda: not missing(), 60, called=f"metrics: {missing()}")

    def newest(name: str, **labels: str) -> Any:
        found = room.backend.get("/api/v1/metrics/query", name=name, **{"from": "now-5m"})["series"]
        (points,) = (each["points"] for each in found if labels.items() <= each["labels"].items())
        return [value for _, value in points if value is not None][-1]

    queue = {"messaging.destination.name": "celery"}
    until(
        lambda: newest("celery.queue.length", **queue) == 0, 60, called="the queue is looked at again once it is empty"
    )
    assert newest("celery.worker.pool.size") == 1
    assert newest("db.client.connections.usage", service="web", state="idle") >= 1
    assert newest("system.memory.utilization", service="web", state="used") > 0
    assert newest("process.memory.usage", service="web") > 10**7
