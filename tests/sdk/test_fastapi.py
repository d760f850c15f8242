import asyncio
import re
from dataclasses import replace

import fastapi
import pytest
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import TracerProvider

from spanledger import instrument_fastapi, settings
from spanledger.configure import tracer
from spanledger.context import current
from spanledger.fastapi import RULES
from spanledger.ledger import record
from spanledger.light import light_tracer
from spanledger.sampling.sampler import RatioSampler
from spanledger.testing import capture
from tests.sdk.making import entry, program


@pytest.fixture
def captured():
    with capture() as found:
        yield found


def application(captured, **options):
    app = fastapi.FastAPI()

    @app.get("/books/{number}")
    def book(number: int):
        record(entry(number, context=dict(current())))
        return {"context": dict(current())}

    @app.get("/stream")
    async def stream():
        async def chunks():
            for number in range(5):
                tracer().start_span(f"chunk {number}").end()
                yield f"{number} "

        return StreamingResponse(chunks())

    @app.get("/broken")
    def broken():
        raise RuntimeError("on purpose")

    @app.websocket("/socket")
    async def socket(websocket: fastapi.WebSocket):
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    instrument_fastapi(app, tracer_provider=captured.tracer_provider, **options)
    return app


def test_a_request_gets_one_server_span_with_stable_names_its_id_and_its_time(captured):
    client = TestClient(application(captured))
    answer = client.get("/books/7?secret=1", headers={"X-Request-ID": "abc-123"})
    assert answer.headers["x-request-id"] == "abc-123"
    assert float(answer.headers["x-process-time"]) > 0
    (span,) = captured.spans
    assert span.name == "GET /books/{number}"
    assert span.kind.name == "SERVER"
    found = span.attributes
    assert found["http.route"] == "/books/{number}"
    assert (found["http.request.method"], found["http.response.status_code"], found["url.path"]) == (
        "GET",
        200,
        "/books/7",
    )
    assert found["spanledger.request_id"] == "abc-123"
    assert found["spanledger.process_time_s"] >= float(answer.headers["x-process-time"])
    assert found["client.address"] == "testclient"
    assert "http.method" not in found


@pytest.mark.parametrize("bad", ["", "x" * 129, "a b", "tab\tbed", "ü".encode("latin-1")])
def test_an_id_that_is_not_fit_to_be_repeated_is_replaced(captured, bad):
    client = TestClient(application(captured))
    answer = client.get("/books/1", headers={"X-Request-ID": bad})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
    assert captured.spans[0].attributes["spanledger.request_id"] == answer.headers["x-request-id"]


def test_without_an_id_each_request_gets_one_of_its_own(captured):
    client = TestClient(application(captured))
    ids = {client.get("/books/1").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


def test_a_stream_has_one_server_span_that_lasts_until_its_end_and_no_span_for_sending(captured):
    answer = TestClient(application(captured)).get("/stream")
    assert answer.text == "0 1 2 3 4 "
    server = captured.span("GET /stream")
    chunks = [span for span in captured.spans if span.name.startswith("chunk")]
    assert len(captured.spans) == 6
    assert all(span.parent.span_id == server.context.span_id for span in chunks)
    assert server.end_time >= max(span.end_time for span in chunks)
    lasted = (server.end_time - server.start_time) / 1e9
    assert 0 < server.attributes["spanledger.process_time_s"] <= lasted + 0.05


def test_an_error_is_on_the_span_and_the_answer_still_has_both_headers(captured):
    client = TestClient(application(captured), raise_server_exceptions=False)
    answer = client.get("/broken", headers={"X-Request-ID": "r1"})
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "r1"
    assert "x-process-time" in answer.headers
    (span,) = captured.spans
    assert span.status.status_code.name == "ERROR"
    assert span.attributes["spanledger.process_time_s"] > 0
    assert [event.name for event in span.events] == ["exception"]


def test_a_websocket_is_one_span_with_its_route(captured):
    with TestClient(application(captured)).websocket_connect("/socket") as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"
    (span,) = captured.spans
    assert (span.name, span.attributes["http.route"]) == ("WS /socket", "/socket")
    assert "spanledger.request_id" not in span.attributes


def test_who_it_is_for_is_nobody_unless_somebody_says_how_to_tell(captured):
    client = TestClient(application(captured))
    assert client.get("/books/1", headers={"X-User-ID": "mallory"}).json() == {"context": {}}
    assert "user.id" not in captured.spans[0].attributes


def test_baggage_that_arrives_says_who_it_is_for(captured):
    client = TestClient(application(captured))
    answer = client.get("/books/1", headers={"baggage": "user.id=u1,spanledger.user_tier=pro,other=x"})
    assert answer.json() == {"context": {"user.id": "u1", "spanledger.user_tier": "pro"}}
    assert captured.spans[0].attributes["user.id"] == "u1"
    assert captured.entries[0].context["user.id"] == "u1"


def test_named_headers_and_a_function_say_who_it_is_for_on_the_span_and_below_and_only_for_that_request(captured):
    app = application(
        captured,
        identity_headers={"user_id": "X-User-ID"},
        identify=lambda scope: {"user_tier": "free", "feature": None} if scope["path"] == "/books/1" else None,
    )
    client = TestClient(app)
    first = client.get("/books/1", headers={"X-User-ID": "u7"}).json()["context"]
    second = client.get("/books/2").json()["context"]
    assert first == {"user.id": "u7", "spanledger.user_tier": "free"}
    assert second == {}
    assert captured.spans[0].attributes["user.id"] == "u7"
    assert current() == {}


def test_who_it_is_for_is_known_below_even_when_the_span_is_not_kept():
    with capture(sample_ratio=0) as captured:
        app = application(captured, identity_headers={"user_id": "X-User-ID"})
        assert TestClient(app).get("/books/1", headers={"X-User-ID": "u7"}).json() == {"context": {"user.id": "u7"}}
        assert captured.spans == []
        assert captured.entries[0].context == {"user.id": "u7"}


def test_a_function_that_fails_does_not_fail_the_request(captured):
    app = application(captured, identify=lambda scope: 1 / 0)
    answer = TestClient(app).get("/books/1")
    assert answer.status_code == 200
    assert len(captured.spans) == 1


def test_instrumenting_twice_is_the_same_as_once(captured):
    app = application(captured)
    instrument_fastapi(app)
    assert TestClient(app).get("/books/1").status_code == 200
    assert len(captured.spans) == 1


def test_excluded_urls_have_the_headers_and_no_span(captured):
    app = application(captured, excluded_urls="books")
    assert "x-request-id" in TestClient(app).get("/books/1").headers
    assert captured.spans == []


def test_an_application_that_opentelemetry_has_instrumented_already_still_gets_the_headers(captured):
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    app = fastapi.FastAPI()

    @app.get("/")
    def nothing():
        return {}

    FastAPIInstrumentor.instrument_app(app, tracer_provider=captured.tracer_provider)
    instrument_fastapi(app)
    assert "x-request-id" in TestClient(app).get("/").headers
    assert captured.spans


def test_a_client_that_goes_away_in_the_middle_of_a_stream_leaves_one_span_and_no_error(captured):
    app = application(captured)
    begun = asyncio.Event()

    async def receive():
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        begun.set()
        await asyncio.Event().wait() if message["type"] == "http.response.body" else None

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/stream",
        "raw_path": b"/stream",
        "query_string": b"",
        "headers": [],
        "server": ("test", 80),
        "client": ("10.0.0.1", 1),
        "scheme": "http",
        "asgi": {"version": "3.0"},
    }
    asyncio.run(app(scope, receive, send))
    server = captured.span("GET /stream")
    assert server.attributes["client.address"] == "10.0.0.1"
    assert server.attributes["spanledger.process_time_s"] > 0


def test_the_route_of_an_included_router_is_whole_and_a_path_that_is_none_is_no_route(captured):
    inner, outer = fastapi.APIRouter(prefix="/inner"), fastapi.APIRouter(prefix="/outer")

    @inner.get("/books/{number}")
    def book(number: int):
        return number

    outer.include_router(inner)
    app = fastapi.FastAPI()
    app.include_router(outer, prefix="/api")
    instrument_fastapi(app, tracer_provider=captured.tracer_provider)
    client = TestClient(app)
    assert client.get("/api/outer/inner/books/7").json() == 7
    assert client.get("/nowhere/secret-path").status_code == 404
    assert client.request("BREW", "/api/outer/inner/books/7").status_code == 405
    found, nowhere, brewed = captured.spans
    assert found.name == "GET /api/outer/inner/books/{number}"
    assert nowhere.name == "GET"
    assert "http.route" not in nowhere.attributes
    assert brewed.name.startswith("HTTP")
    assert brewed.attributes["http.request.method"] == "_OTHER"
    assert brewed.attributes["http.request.method_original"] == "BREW"


def test_a_query_is_shown_without_signatures_and_the_host_is_the_one_that_was_asked_for(captured):
    client = TestClient(application(captured), base_url="http://shop.example:8080")
    client.get("/books/7?page=2&X-Goog-Signature=abc")
    found = captured.spans[0].attributes
    assert found["url.query"] == "page=2&X-Goog-Signature=REDACTED"
    assert (found["server.address"], found["server.port"], found["url.scheme"]) == ("shop.example", 8080, "http")


def test_a_baggage_that_comes_in_two_headers_is_one(captured):
    client = TestClient(application(captured))
    answer = client.get("/books/1", headers=[("baggage", "user.id=u1"), ("baggage", "session.id=s1")])
    assert answer.json()["context"] == {"user.id": "u1", "session.id": "s1"}


def test_the_setting_names_headers_too_and_what_is_said_in_code_wins(captured, monkeypatch):
    asked = settings.load({}, {"SPANLEDGER_IDENTITY_HEADERS": "user_id=X-User,feature=X-Feature"})[0]
    monkeypatch.setattr("spanledger.fastapi.held", lambda: asked)
    client = TestClient(application(captured, identity_headers={"user_id": "X-Other"}))
    answer = client.get("/books/1", headers={"X-User": "a", "X-Other": "b", "X-Feature": "search"})
    assert answer.json()["context"] == {"user.id": "b", "spanledger.feature": "search"}


def test_a_header_that_means_nothing_is_a_mistake_that_is_told():
    held, mistakes = settings.load({}, {"SPANLEDGER_IDENTITY_HEADERS": "user=X-User"})
    assert held.identity_headers is None
    assert "user_id" in mistakes[0]


def test_headers_that_opentelemetrys_variables_ask_for_are_shown(captured, monkeypatch):
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", "x-kind,authorization")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE", "content-type")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS", "authorization")
    TestClient(application(captured)).get("/books/1", headers={"X-Kind": "a", "Authorization": "Bearer x"})
    found = captured.spans[0].attributes
    assert found["http.request.header.x_kind"] == ("a",)
    assert found["http.request.header.authorization"] == ("[REDACTED]",)
    assert found["http.response.header.content_type"] == ("application/json",)


def test_urls_that_opentelemetrys_variable_excludes_get_no_span(captured, monkeypatch):
    monkeypatch.setenv("OTEL_PYTHON_FASTAPI_EXCLUDED_URLS", "books")
    client = TestClient(application(captured))
    assert "x-request-id" in client.get("/books/1").headers
    client.get("/stream")
    assert {span.name for span in captured.spans} & {"GET /stream", "GET /books/{number}"} == {"GET /stream"}


def test_what_goes_on_after_the_answer_is_in_the_trace_and_not_in_the_time_of_the_request(captured):
    app = fastapi.FastAPI()

    def later():
        tracer().start_span("later").end()

    @app.get("/")
    def answer(tasks: fastapi.BackgroundTasks):
        tasks.add_task(later)

    instrument_fastapi(app, tracer_provider=captured.tracer_provider)
    TestClient(app).get("/")
    server, after = captured.span("GET /"), captured.span("later")
    assert after.context.trace_id == server.context.trace_id
    assert server.end_time <= after.start_time


def test_a_light_span_of_a_request_says_the_same_as_a_real_one_and_is_never_made_one(captured):
    ended = []
    provider = TracerProvider(sampler=RatioSampler(1.0), shutdown_on_exit=False)
    light = light_tracer(provider, (), ended.append)
    app = application(captured, identity_headers={"user_id": "X-User-ID"})
    headers = {"X-User-ID": "u7", "traceparent": f"00-{7:032x}-{8:016x}-01"}
    TestClient(app).get("/books/7?page=2", headers=headers)
    vars(app)[RULES] = replace(vars(app)[RULES], tracer=light)
    TestClient(app).get("/books/7?page=2", headers=headers)
    (real,), (ours,) = captured.spans, ended
    assert "_real" not in vars(ours)
    own = {"spanledger.request_id", "spanledger.process_time_s"}
    said = {**ours.common.attributes, **ours.given}
    assert {k: v for k, v in said.items() if k not in own} == {k: v for k, v in real.attributes.items() if k not in own}
    assert own <= ours.given.keys()
    made = ours.readable()  # as it would be if somebody looked at it
    assert {k: v for k, v in made.attributes.items() if k not in own} == {k: v for k, v in said.items() if k not in own}
    assert (ours.name, ours.kind_, ours.trace_id, ours.parent_span_id) == (real.name, real.kind, 7, 8)


def test_fastapi_makes_no_spans_of_its_own_beside_ours():
    done = program(
        """
        from opentelemetry import trace
        from fastapi import FastAPI
        from fastapi.testclient import TestClient
        import spanledger

        spanledger.configure(service_name="shop", traces_exporter="none", logs_exporter="none")
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        kept = InMemorySpanExporter()
        trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(kept))
        spanledger.instrument(include="fastapi")
        app, inner = FastAPI(), FastAPI()
        app.mount("/inner", inner)

        @app.get("/a")
        @inner.get("/b")
        def answer():
            return 1

        with TestClient(app) as client:
            kept.clear()
            assert client.get("/a").json() == client.get("/inner/b").json() == 1
        print([span.name for span in kept.get_finished_spans() if span.kind.name == "SERVER"])
        """
    )
    assert done.stdout.strip() == "['GET /a', 'GET /inner/b']", done.stderr
