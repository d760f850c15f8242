"""The no-code way: a real uvicorn, started by `opentelemetry-instrument`, exporting to a receiver on this machine."""

import http.client
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest

from spanledger import semconv
from tests.sdk.making import environment, eventually
from tests.sdk.receiver import attributes, http_receiver
from tests.support.ports import kept_port

APP = """
import logging
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
import spanledger

spanledger.instrument()  # changes nothing: it is on already
app = FastAPI()

@spanledger.traced_cost(provider="openai", model="gpt-4o")
def ask(question):
    return {"id": "r1", "model": "gpt-4o", "usage": {"prompt_tokens": 11, "completion_tokens": 7}}

@app.get("/ask")
def answer(q: str):
    with spanledger.context(feature="search"):
        ask(q)
    logging.getLogger("shop").warning("asked")
    return {"ok": True}

@app.get("/stream")
def stream():
    return StreamingResponse(str(number) for number in range(20))
"""


@contextmanager
def served(tmp_path, address, **env):
    (tmp_path / "shop.py").write_text(textwrap.dedent(APP))
    port = kept_port()
    python = Path(sys.executable)
    command = [python.parent / "opentelemetry-instrument", python.parent / "uvicorn", "shop:app", "--port", str(port)]
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=tmp_path,
        env=environment(OTEL_EXPORTER_OTLP_ENDPOINT=address, OTEL_SERVICE_NAME="shop", **env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process, port
    finally:
        process.terminate()
        process.communicate(timeout=30)


def get(port, path, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def first_answer(process, port, path, headers=None):
    def asked():
        assert process.poll() is None, process.stdout.read()
        try:
            return get(port, path, headers)
        except OSError:
            return None

    return eventually(asked, 60)


@pytest.mark.skipif(sys.platform == "win32", reason="uvicorn is ended by a signal")
def test_uvicorn_started_by_opentelemetry_instrument_is_instrumented_with_no_code(tmp_path):
    with http_receiver() as (received, address):
        with served(tmp_path, address, SPANLEDGER_LOGS="true") as (process, port):
            answer, _ = first_answer(process, port, "/ask?q=x", {"X-Request-ID": "r-1", "baggage": "user.id=u9"})
            assert answer.getheader("x-request-id") == "r-1"
            assert float(answer.getheader("x-process-time")) > 0
            _, body = get(port, "/stream")
            assert body == b"012345678910111213141516171819"
        spans = {span.name: span for span in received.spans()}
        assert len(received.spans()) == 3, sorted(span.name for span in received.spans())
        server, call = spans["GET /ask"], spans["chat gpt-4o"]
        assert call.parent_span_id == server.span_id
        found = attributes(server)
        assert found["http.request.method"] == "GET"
        assert found["spanledger.request_id"] == "r-1"
        assert found["spanledger.process_time_s"] > 0
        assert found["client.address"] == "127.0.0.1"
        assert found["user.id"] == "u9"
        (line,) = received.records(semconv.LEDGER_EVENT)
        assert (line.trace_id, line.span_id) == (call.trace_id, call.span_id)
        entry = attributes(line)
        assert entry[semconv.GEN_AI_USAGE_INPUT_TOKENS] == 11
        assert (entry[semconv.USER_ID], entry[semconv.FEATURE]) == ("u9", "search")
        (log,) = [record for record in received.records() if record.body.string_value == "asked"]
        assert log.trace_id == server.trace_id
        assert received.metrics("http.server.request.duration")
        assert received.metrics(semconv.METRIC_OPERATION_DURATION)
        resources = received.resources()
        assert {resource["service.name"] for resource in resources} == {"shop"}
        assert all(resource["telemetry.distro.name"] == "spanledger" for resource in resources)
        assert all("telemetry.auto.version" in resource for resource in resources)


def test_switched_off_the_program_runs_as_if_we_were_not_there(tmp_path):
    with http_receiver() as (received, address):
        with served(tmp_path, address, SPANLEDGER_ENABLED="false") as (process, port):
            answer, _ = first_answer(process, port, "/ask?q=x")
            assert answer.status == 200
            assert answer.getheader("x-request-id") is None
        assert received.attempts == 0
