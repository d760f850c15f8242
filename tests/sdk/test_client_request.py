"""Our spans of HTTP clients, held against those of OpenTelemetry's package over a real server."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import httpx2
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation import _semconv
from opentelemetry.instrumentation.httpx import (
    AsyncOpenTelemetryTransport,
    HTTPX2ClientInstrumentor,
    HTTPXClientInstrumentor,
    SyncOpenTelemetryTransport,
)
from opentelemetry.instrumentation.utils import suppress_http_instrumentation, suppress_instrumentation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from spanledger import guard, outgoing
from spanledger.client_request import METHODS, make_light
from spanledger.configure import replaced
from spanledger.context import context
from spanledger.light import LightSpan, light_tracer
from spanledger.outgoing import keep_baggage_in, keep_baggage_in_async
from spanledger.processors import ContextSpanProcessor, LaneSpanProcessor
from spanledger.providers.instrumented import WitnessSampler
from spanledger.request_meter import CLIENT_METER
from spanledger.sampling.sampler import RatioSampler
from spanledger.testing import FixedIds
from tests.sdk.receiver import attributes

HOOKS = {"request_hook": keep_baggage_in, "async_request_hook": keep_baggage_in_async}
BOTH = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen.append({name.lower(): value for name, value in self.headers.items()})
        path = self.path.partition("?")[0]
        if path == "/never":
            self.server.released.wait(20)
        if path in ("/never", "/broken"):
            self.close_connection = True
            return
        status = int(path.rpartition("/")[2]) if path.startswith("/status/") else 200
        self.send_response(status)
        if status == 307:
            self.send_header("location", "/status/200")
        if path == "/chunks":
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")
            return
        self.send_header("content-length", "2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"ok")

    do_POST = do_HEAD = do_BREW = do_GET

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads, made.seen, made.released = True, [], threading.Event()
    made.address = f"127.0.0.1:{made.server_port}"
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.released.set()
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def stable_names(monkeypatch):
    """OpenTelemetry reads its variable once in a process; other tests may have been first."""
    kinds = _semconv._OpenTelemetryStabilitySignalType
    names = {kinds.HTTP: _semconv._StabilityMode.HTTP}
    known = _semconv._OpenTelemetrySemanticConventionStability
    monkeypatch.setattr(known, "_initialized", True)
    monkeypatch.setattr(known, "_OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING", names)


@pytest.fixture(autouse=True)
def nothing_failed():
    guard.forget()
    yield
    assert guard.failures() == {}


class Made:
    """A tracer of our own spans, or one of the SDK's, and what came out."""

    def __init__(self, ratio=1.0):
        self.out = []
        sampler, resource = WitnessSampler(RatioSampler(ratio)), Resource({"service.name": "s"})
        self.provider = TracerProvider(
            sampler=sampler, resource=resource, id_generator=FixedIds(), shutdown_on_exit=False
        )
        processors = [ContextSpanProcessor(), LaneSpanProcessor(self.out.append)]
        for processor in processors:
            self.provider.add_span_processor(processor)
        self.light = light_tracer(self.provider, processors, self.out.append)

    def spans(self):
        found = [span.readable() if isinstance(span, LightSpan) else span for span in self.out]
        self.out.clear()
        return found


@contextmanager
def ours(library, made=None, **more):
    """With our instrumentation on; gives what is recorded."""
    made = made or Made()
    instrumentor = HTTPXClientInstrumentor() if library is httpx else HTTPX2ClientInstrumentor()
    make_light(instrumentor)
    CLIENT_METER.clear()
    CLIENT_METER.is_read = True
    instrumentor.instrument(skip_dep_check=True, **(HOOKS | more))
    try:
        with replaced(made.light, lambda entry: None):
            yield made
    finally:
        instrumentor.uninstrument()
        CLIENT_METER.is_read = False
        for name in METHODS:
            delattr(instrumentor, name)


@contextmanager
def theirs(library, made=None, **more):
    """With OpenTelemetry's."""
    made = made or Made()
    instrumentor = HTTPXClientInstrumentor() if library is httpx else HTTPX2ClientInstrumentor()
    instrumentor.instrument(skip_dep_check=True, tracer_provider=made.provider, **(HOOKS | more))
    try:
        yield made
    finally:
        instrumentor.uninstrument()


def shown(spans):
    """What spans say, but for their times, ids and stack traces."""
    return [
        (
            span.name,
            span.kind,
            dict(span.attributes),
            span.status.status_code,
            span.status.description,
            span.parent is not None,
            [
                (event.name, event.attributes["exception.type"], event.attributes["exception.message"], event.name)
                for event in span.events
            ],
        )
        for span in spans
    ]


REQUESTS = {
    "plain": ("GET", "/ok"),
    "query": ("GET", "/ok?q=a%20b&c=d"),
    "signed": ("GET", "/ok?sig=abcdef&x=1&X-Goog-Signature=12"),
    "post": ("POST", "/ok"),
    "head": ("HEAD", "/ok"),
    "lower case": ("get", "/ok"),
    "unknown method": ("BREW", "/status/418"),
    "not found": ("GET", "/status/404"),
    "failed": ("GET", "/status/503"),
    "moved": ("GET", "/status/307"),
    "chunks": ("GET", "/chunks"),
    "broken off": ("GET", "/broken"),
}


def ask(library, how, address, method, path):
    """One request, followed where it leads; how it failed is not of interest."""
    body = b"what" if method == "POST" else None
    if how == "plain":
        with library.Client(trust_env=False, follow_redirects=True) as client, suppress(library.HTTPError):
            client.request(method, f"http://{address}{path}", content=body)
        return

    async def asked():
        async with library.AsyncClient(trust_env=False, follow_redirects=True) as client:
            with suppress(library.HTTPError):
                await client.request(method, f"http://{address}{path}", content=body)

    asyncio.run(asked())


@BOTH
@pytest.mark.parametrize("how", ["plain", "asynchronous"])
@pytest.mark.parametrize("request_of", REQUESTS, ids=str)
def test_our_spans_say_what_opentelemetrys_say(server, library, how, request_of):
    found, headers = [], []
    for instrumented in (theirs, ours):
        with instrumented(library) as made, context(user_id="u7", feature="search"):
            server.seen.clear()
            ask(library, how, server.address, *REQUESTS[request_of])
        spans = made.spans()
        found.append(shown(spans))
        headers.append([{name: value for name, value in seen.items() if name != "traceparent"} for seen in server.seen])
        carried = [seen["traceparent"] for seen in server.seen]
        own = [f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01" for span in spans]
        assert carried == own
    assert found[0] == found[1]
    assert headers[0] == headers[1]
    assert "user.id=u7" in headers[0][0]["baggage"]


@BOTH
@pytest.mark.parametrize("how", ["plain", "asynchronous"])
def test_credentials_in_an_address_are_not_on_the_span(server, library, how):
    found = []
    for instrumented in (theirs, ours):
        with instrumented(library) as made:
            ask(library, how, f"user:hidden@{server.address}", "GET", "/ok?a=1")
        found.append(shown(made.spans()))
    assert found[0] == found[1]
    assert "hidden" not in str(found)


@BOTH
def test_nobody_listens(library):
    found = []
    for instrumented in (theirs, ours):
        with instrumented(library) as made:
            ask(library, "plain", "127.0.0.1:9", "GET", "/")
            ask(library, "asynchronous", "127.0.0.1:9", "GET", "/")
        found.append(shown(made.spans()))
    assert found[0] == found[1]
    assert [attributes["error.type"] for _, _, attributes, *_ in found[1]] == ["ConnectError"] * 2


@BOTH
def test_a_request_that_is_cancelled_has_not_failed_and_ends_once(server, library):
    async def cancelled():
        async with library.AsyncClient(trust_env=False) as client:
            with suppress(TimeoutError):
                await asyncio.wait_for(client.get(f"http://{server.address}/never"), 0.05)

    found = []
    for instrumented in (theirs, ours):
        with instrumented(library) as made:
            asyncio.run(cancelled())
        found.append(shown(made.spans()))
    assert found[0] == found[1]
    ((_, _, _, status, *_),) = found[1]
    assert status is trace.StatusCode.UNSET


@BOTH
def test_what_is_current_is_current_again_and_is_the_parent(server, library):
    with ours(library) as made, made.light.start_as_current_span("outer") as outer:
        with library.Client(trust_env=False) as client:
            client.get(f"http://{server.address}/ok")
            with client.stream("GET", f"http://{server.address}/chunks") as answer:
                assert trace.get_current_span() is outer
                assert b"".join(answer.iter_bytes()) == b"abcdef"
        assert trace.get_current_span() is outer
    *inner, around = made.spans()
    assert [span.parent.span_id for span in inner] == [around.context.span_id] * 2


@BOTH
@pytest.mark.parametrize("suppress_it", [suppress_instrumentation, suppress_http_instrumentation])
def test_what_is_suppressed_has_neither_span_nor_header(server, library, suppress_it):
    server.seen.clear()
    with ours(library) as made, suppress_it():
        ask(library, "plain", server.address, "GET", "/ok")
        ask(library, "asynchronous", server.address, "GET", "/ok")
    assert made.spans() == []
    assert [("traceparent" in seen) for seen in server.seen] == [False, False]


@BOTH
def test_excluded_addresses_have_neither(server, library, monkeypatch):
    monkeypatch.setenv("OTEL_PYTHON_HTTPX_EXCLUDED_URLS", "/ok,health")
    server.seen.clear()
    with ours(library) as made:
        ask(library, "plain", server.address, "GET", "/ok")
        ask(library, "asynchronous", server.address, "GET", "/status/200?health")
        ask(library, "plain", server.address, "GET", "/status/200")
    assert len(made.spans()) == 1
    assert ["traceparent" in seen for seen in server.seen] == [False, False, True]


@BOTH
def test_a_provider_is_told_the_trace_and_not_who_it_is_for(server, library, monkeypatch):
    monkeypatch.setattr(outgoing, "PROVIDERS", ("127.0.0.1",))
    outgoing.is_provider.cache_clear()
    server.seen.clear()
    from spanledger.client_request import _kind

    _kind.cache_clear()
    with ours(library) as made, context(user_id="u7"):
        ask(library, "plain", server.address, "GET", "/ok")
        ask(library, "asynchronous", server.address, "GET", "/ok")
    outgoing.is_provider.cache_clear()
    _kind.cache_clear()
    assert [span.attributes["user.id"] for span in made.spans()] == ["u7", "u7"]
    assert [("traceparent" in seen, "baggage" in seen) for seen in server.seen] == [(True, False)] * 2


@BOTH
def test_a_trace_that_is_not_kept_is_told_on_as_such(server, library):
    server.seen.clear()
    with ours(library, Made(ratio=0.0)) as made:
        ask(library, "plain", server.address, "GET", "/ok")
    assert made.out == []
    assert server.seen[0]["traceparent"].endswith("-00")


@BOTH
def test_transports_that_are_mounted_derived_or_wrapped_have_one_span_each(server, library):
    class Derived(library.HTTPTransport):
        def handle_request(self, request):
            request.headers["x-derived"] = "1"
            return super().handle_request(request)

    class Retrying(library.BaseTransport):
        def __init__(self):
            self.inner = library.HTTPTransport()

        def handle_request(self, request):
            self.inner.handle_request(request).close()
            return self.inner.handle_request(request)

        def close(self):
            self.inner.close()

    with ours(library) as made:
        mounts = {"http://": Derived()}
        with library.Client(trust_env=False, mounts=mounts) as client:
            client.get(f"http://{server.address}/ok")
        assert len(made.spans()) == 1
        with library.Client(transport=Retrying()) as client:
            client.get(f"http://{server.address}/ok")
        assert len(made.spans()) == 2
        with library.Client(transport=library.MockTransport(lambda request: library.Response(200))) as client:
            client.get(f"http://{server.address}/ok")
        assert made.spans() == []


@BOTH
def test_a_request_through_a_proxy_has_the_span_of_where_it_goes(server, library):
    found = []
    for instrumented in (theirs, ours):
        proxy = f"http://{server.address}"
        with instrumented(library) as made, library.Client(trust_env=False, proxy=proxy) as client:
            client.get("http://far.example/status/200")
        found.append(shown(made.spans()))
    assert found[0] == found[1]
    assert found[1][0][2]["server.address"] == "far.example"


def test_a_client_or_transport_that_opentelemetry_was_told_of_has_one_span(server):
    with ours(httpx) as made:
        with httpx.Client(trust_env=False) as client:
            HTTPXClientInstrumentor.instrument_client(client, tracer_provider=made.provider)
            client.get(f"http://{server.address}/ok?sig=1")
        assert [span.instrumentation_scope.name for span in made.spans()] == ["opentelemetry.instrumentation.httpx"]
        wrapped = SyncOpenTelemetryTransport(httpx.HTTPTransport(), made.provider)
        with httpx.Client(transport=wrapped) as client:
            client.get(f"http://{server.address}/ok")
        assert len(made.spans()) == 1

        async def asked():
            inner = AsyncOpenTelemetryTransport(httpx.AsyncHTTPTransport(), made.provider)
            async with httpx.AsyncClient(transport=inner) as client:
                await client.get(f"http://{server.address}/ok")

        asyncio.run(asked())
        assert len(made.spans()) == 1


@BOTH
def test_a_second_instrument_does_nothing_and_uninstrument_takes_it_off(server, library):
    instrumentor = HTTPXClientInstrumentor() if library is httpx else HTTPX2ClientInstrumentor()
    with ours(library) as made:
        instrumentor.instrument(skip_dep_check=True)
        ask(library, "plain", server.address, "GET", "/ok")
        assert len(made.spans()) == 1
    server.seen.clear()
    ask(library, "plain", server.address, "GET", "/ok")
    assert made.spans() == []
    assert "traceparent" not in server.seen[0]


@BOTH
def test_hooks_of_a_program_and_captured_headers_go_through_opentelemetrys(server, library, monkeypatch):
    told = []
    with ours(library, request_hook=lambda span, request: told.append(request.method), tracer_provider=None) as made:
        ask(library, "plain", server.address, "GET", "/ok")
    assert told == [b"GET"]
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE", "content-length")
    made = Made()
    with ours(library, made, tracer_provider=made.provider):
        ask(library, "plain", server.address, "GET", "/ok")
    (span,) = made.spans()
    assert span.attributes["http.response.header.content_length"] == ("2",)


@BOTH
def test_the_metric_counts_every_request_also_those_that_failed(server, library):
    with ours(library) as made:
        for path in ("/ok", "/ok", "/status/503"):
            ask(library, "plain", server.address, "GET", path)
        ask(library, "asynchronous", "127.0.0.1:9", "GET", "/")
        (metric,) = CLIENT_METER.read(5)
    assert (metric.name, metric.unit) == ("http.client.request.duration", "s")
    host, port = server.address.split(":")
    common = {"http.request.method": "GET", "server.address": host, "server.port": int(port)}
    answered = {**common, "network.protocol.version": "1.1"}
    found = [(point.count, attributes(point)) for point in metric.histogram.data_points]
    assert found == [
        (2, {**answered, "http.response.status_code": 200}),
        (1, {**answered, "http.response.status_code": 503, "error.type": "503"}),
        (1, {**common, "server.port": 9, "error.type": "ConnectError"}),
    ]
    assert metric.histogram.data_points[0].exemplars[0].span_id == made.spans()[1].context.span_id.to_bytes(8, "big")


def test_the_labels_are_those_of_opentelemetrys(server):
    reader = InMemoryMetricReader()
    with theirs(httpx, meter_provider=MeterProvider([reader])):
        ask(httpx, "plain", server.address, "GET", "/status/404")
    (resource,) = reader.get_metrics_data().resource_metrics
    (metric,) = resource.scope_metrics[0].metrics
    with ours(httpx):
        ask(httpx, "plain", server.address, "GET", "/status/404")
        (own,) = CLIENT_METER.read(5)
    (point,), (ours_,) = metric.data.data_points, own.histogram.data_points
    assert (metric.name, metric.unit) == (own.name, own.unit)
    assert dict(point.attributes) == attributes(ours_)
    assert list(point.explicit_bounds) == list(ours_.explicit_bounds)


@BOTH
def test_threads_and_tasks_that_share_a_client_keep_their_requests_apart(server, library):
    with ours(library) as made:
        with library.Client(trust_env=False) as client, ThreadPoolExecutor(8) as pool:

            def asked(number):
                with made.light.start_as_current_span(f"thread {number}"):
                    client.get(f"http://{server.address}/ok?n={number}")

            list(pool.map(asked, range(40)))

        async def many():
            async with library.AsyncClient(trust_env=False) as client:

                async def one(number):
                    with made.light.start_as_current_span(f"task {number}"):
                        await client.get(f"http://{server.address}/ok?n={number}")

                await asyncio.gather(*[one(number) for number in range(100, 140)])

        asyncio.run(many())
    spans = made.spans()
    outer = {span.context.span_id: span.name.split()[1] for span in spans if span.name != "GET"}
    requests = [span for span in spans if span.name == "GET"]
    assert len(outer) == len(requests) == 80
    for span in requests:
        assert span.attributes["url.full"].endswith(f"n={outer[span.parent.span_id]}")
