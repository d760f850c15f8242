"""A whole program: what its sampler drops, what its local tail keeps, and the ledger, which neither of them touches."""

import textwrap
from collections import defaultdict

import pytest

from spanledger import semconv
from tests.sdk.making import program
from tests.sdk.receiver import attributes, http_receiver

CALLS = """
import asyncio
import spanledger
from opentelemetry import trace
spanledger.configure(service_name="shop")
other = trace.get_tracer("other")

@spanledger.traced_cost(provider="openai", model="gpt-4o")
def call(number):
    trace.get_current_span().set_attribute("number", number)
    with other.start_as_current_span("inside"):
        if number % 50 == 0:
            raise TimeoutError("no")
    return {"input_tokens": 10, "output_tokens": 5}

for number in range(400):
    with other.start_as_current_span("request") as span:
        try:
            call(number)
        except TimeoutError:
            pass
"""


def run(**env):
    with http_receiver() as (received, address):
        done = program(textwrap.dedent(CALLS), env={"SPANLEDGER_ENDPOINT": address} | env)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
    traces = defaultdict(list)
    for span in received.spans():
        traces[span.trace_id].append(span)
    return received, traces


@pytest.mark.parametrize("argument", ["ratio=0.02", "rate=1", "adaptive=2", "remote=http://127.0.0.1:9/,ratio=0.02"])
def test_failed_traces_are_kept_whole_and_the_ledger_has_every_call(argument):
    received, traces = run(OTEL_TRACES_SAMPLER="spanledger", OTEL_TRACES_SAMPLER_ARG=argument)
    assert len(received.records(semconv.LEDGER_EVENT)) == 400
    failed = [spans for spans in traces.values() if any(span.status.code == 2 for span in spans)]
    assert len(failed) == 8
    for spans in traces.values():
        assert {span.name for span in spans} == {"request", "chat gpt-4o", "inside"}
        assert len({span.trace_state for span in spans}) == 1
    for spans in failed:
        assert {span.trace_state for span in spans} == {"ot=th:0"}
        (root,) = (span for span in spans if span.name == "request")
        assert attributes(root)["spanledger.sampling.stratum"] == "error"
        assert attributes(root)["spanledger.sampling.strategy"] == argument.partition("=")[0]
    assert len(traces) < 200


def test_nothing_is_kept_on_top_where_that_is_turned_off():
    _, traces = run(OTEL_TRACES_SAMPLER="spanledger", OTEL_TRACES_SAMPLER_ARG="ratio=0.1,keep_errors=0")
    assert 10 < len(traces) < 90
    assert {span.trace_state[:10] for spans in traces.values() for span in spans} == {"ot=th:e666"}


def test_at_a_ratio_of_nothing_no_span_leaves_and_the_ledger_is_whole():
    received, traces = run(SPANLEDGER_SAMPLER="ratio=0")
    assert not traces
    assert len(received.records(semconv.LEDGER_EVENT)) == 400


STREAMS = """
import asyncio
import httpx
import spanledger
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from opentelemetry import propagate, trace
spanledger.configure(service_name="shop", interval_s=0.01)
app = FastAPI()
spanledger.instrument_fastapi(app)
tracer = trace.get_tracer("mine")

@app.get("/stream")
async def stream():
    async def chunks():
        for number in range(300):
            with tracer.start_as_current_span("chunk"):
                yield "x"
            if number % 50 == 0:
                await asyncio.sleep(0.02)
        raise ConnectionError
    return StreamingResponse(chunks())

@app.get("/inner")
async def inner(fails: bool = False):
    with tracer.start_as_current_span("inside"):
        if fails:
            raise TimeoutError

async def visits():
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        async def visit():
            try:
                await client.get("/stream")
            except httpx.HTTPError:
                pass
        await asyncio.gather(*(visit() for _ in range(20)))
        for number in range(40):
            with tracer.start_as_current_span("outer"):
                with tracer.start_as_current_span("beside"):
                    pass
                headers = {}
                propagate.inject(headers)
                await client.get("/inner", params={"fails": number % 4 == 0}, headers=headers)

asyncio.run(visits())
"""


def test_streams_go_one_way_and_two_local_roots_of_one_trace_each_their_own():
    with http_receiver() as (received, address):
        done = program(
            STREAMS,
            env={"SPANLEDGER_ENDPOINT": address, "SPANLEDGER_SAMPLER": "ratio=0.5", "SPANLEDGER_QUEUE_SIZE": "20000"},
        )
        assert done.returncode == 0, done.stderr
    traces = defaultdict(list)
    for span in received.spans():
        traces[span.trace_id].append(span)
    streams = [spans for spans in traces.values() if any(span.name == "chunk" for span in spans)]
    assert 0 < len(streams) < 20
    for spans in streams:
        assert len(spans) == 301
        assert {span.trace_state for span in spans} == {"ot=th:8"}
        (root,) = (span for span in spans if span.name == "GET /stream")
        assert attributes(root)["spanledger.sampling.stratum"] == "early"
    failed = 0
    for spans in traces.values():
        states = {span.name: span.trace_state for span in spans}
        if "GET /inner" not in states:
            assert spans in streams
            continue
        of_inner = {states["GET /inner"], states["inside"]}
        if "outer" in states:  # it was chosen when it began, and did not fail itself
            assert (states["outer"], states["beside"]) == ("ot=th:8", "ot=th:8")
        if any(span.status.code == 2 for span in spans):
            failed += 1
            assert of_inner == {"ot=th:0"}
        else:
            assert "outer" in states
            assert of_inner == {"ot=th:8"}
    assert failed == 10


NAMES = """
import asyncio
import httpx
import spanledger
from fastapi import FastAPI
from spanledger.sampling.strategies import kind_of
spanledger.configure(service_name="shop")
app = FastAPI()
spanledger.instrument_fastapi(app)

@app.get("/books/{number}")
async def book(number: int):
    return number

@spanledger.traced_cost
def call():
    return {"input_tokens": 1, "model": "gpt-4o"}

async def visit():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop.test") as client:
        assert (await client.get("/books/1")).json() == 1

call()
asyncio.run(visit())
print(kind_of("GET", {"url.path": "/books/2"})[0], kind_of("chat", {})[0], kind_of("chat", {"a": 1})[0], sep="|")
"""


@pytest.mark.parametrize(("sampler", "names"), [("remote=http://127.0.0.1:9/,", True), ("", False)])
def test_what_operations_are_called_is_learnt_from_dropped_spans_too_where_it_matters(sampler, names):
    env = {"SPANLEDGER_SAMPLER": sampler + "ratio=0,keep_errors=0", "SPANLEDGER_SHUTDOWN_TIMEOUT_S": "0"}
    done = program(NAMES, env=env)
    assert done.stdout.strip() == ("GET /books/{number}|chat|chat gpt-4o" if names else "GET|chat|chat"), done.stderr


FILE = """
file_format: "1.0"
resource: {attributes: [{name: service.name, value: shop}]}
tracer_provider:
  processors: [{simple: {exporter: {console: }}}]
  sampler: {spanledger: }
"""
BY_FILE = """
import spanledger
from opentelemetry import trace
from spanledger.distro import SpanledgerConfigurator
SpanledgerConfigurator().configure()
tracer = trace.get_tracer("mine")
for number in range(200):
    with tracer.start_as_current_span("request") as span:
        if number == 150:
            span.set_status(trace.StatusCode.ERROR)
"""


def test_opentelemetrys_configuration_file_can_name_the_sampler(tmp_path):
    pytest.importorskip("opentelemetry.configuration", reason="opentelemetry-configuration is not installed")
    file = tmp_path / "otel.yaml"
    file.write_text(FILE)
    with http_receiver() as (received, address):
        env = {"SPANLEDGER_ENDPOINT": address, "OTEL_CONFIG_FILE": str(file), "SPANLEDGER_SAMPLER": "ratio=0.05"}
        done = program(BY_FILE, env=env)
        assert done.returncode == 0, done.stderr
    assert 1 < len(received.spans()) < 60
    assert [span.trace_state for span in received.spans() if span.status.code == 2] == ["ot=th:0"]
    assert {span.trace_state[:12] for span in received.spans() if span.status.code != 2} <= {"ot=th:f33333"}
