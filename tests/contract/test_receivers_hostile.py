"""Hostile requests against the whole server: each has its answer, the good part is stored, memory stays bounded."""

from __future__ import annotations

import gzip
import json
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import grpc
import httpx
import psutil
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanledger_server.api.receivers.grpc import SERVICES
from tests.backend.otlp import hostile
from tests.backend.otlp.payloads import as_json, request, span
from tests.support.server import Server

MIB = 2**20
MOST_BYTES = 8 * MIB
MOST_GROWN_BYTES = 40 * MOST_BYTES  # over all tests of this file, with eight senders at once
HOUR = 3600 * 10**9
OK, MALFORMED, TOO_LARGE = (200, "OK"), (400, "INVALID_ARGUMENT"), (413, "RESOURCE_EXHAUSTED")

pytestmark = pytest.mark.xdist_group("hostile_server")  # one server hears all of it


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"), "--max-request-bytes", str(MOST_BYTES)).start()
    try:
        for _ in range(20):  # what every server has once it has done its work
            assert running.send("traces", Request.of(*(fresh() for _ in range(500))).body).status_code == 200
        yield running
    finally:
        running.stop()


@dataclass
class Request:
    """What is sent, in protobuf; and, where there is one, the id of the trace whose spans are good."""

    body: bytes
    message: Any = None
    trace_id: str = ""
    good: int = 0

    @classmethod
    def of(cls, *spans: Any, good: int | None = None) -> Request:
        message = request("traces", list(spans))
        trace_id = spans[0].trace_id.hex() if spans else ""
        return cls(message.SerializeToString(), message, trace_id, len(spans) if good is None else good)


def fresh(attributes: Any = None, **fields: Any) -> Any:
    """A span that has just ended, of a trace of its own unless it is told."""
    now = time.time_ns()
    ids = {"trace_id": secrets.token_bytes(16), "span_id": secrets.token_bytes(8)}
    times = {"start_time_unix_nano": now - 10**9, "end_time_unix_nano": now}
    return span(attributes, **(ids | times | fields))


def beside_a_good_one(*bad: dict[str, Any], attributes: Any = None) -> Request:
    """A good span, and spans of its trace that have these fields."""
    good = fresh()
    spoiled = [fresh(attributes, **({"trace_id": good.trace_id} | fields)) for fields in bad]
    return Request.of(good, *spoiled, good=1)


def timed(offset_ns: int) -> dict[str, int]:
    at_ns = time.time_ns() + offset_ns
    return {"start_time_unix_nano": at_ns - 10**9, "end_time_unix_nano": at_ns}


def nul() -> Request:
    return Request.of(fresh({"a\0b": "c\0d", "user.id": "u\0"}, name="na\0me", trace_state="\0"))


def twice_and_backwards() -> Request:
    parent = fresh()
    child = fresh(trace_id=parent.trace_id, parent_span_id=parent.span_id)
    return Request.of(child, parent, child, parent, good=2)


def many_attributes() -> Request:
    return Request.of(fresh({f"key-{number}": number for number in range(10_000)}))


def invalid_utf8() -> Request:
    body = Request.of(fresh(name="not text")).body
    return Request(body.replace(b"not text", b"\xff\xfe\xc3\x28\xed\xa0\x80X"))


def wrong_lengths() -> Request:
    ids: list[dict[str, Any]] = [{"trace_id": bytes_} for bytes_ in (b"", b"\x01", bytes(16), b"\x01" * 17)]
    ids += [{"span_id": bytes_} for bytes_ in (b"", b"\x01" * 7, bytes(8), b"\x01" * 9)]
    return beside_a_good_one(*ids)


# What is sent, the answers it gets over HTTP and gRPC, and how many of its spans are refused.
CASES: dict[str, tuple[Callable[[], Request], tuple[int, str], int]] = {
    "empty": (lambda: Request(b""), OK, 0),
    "without spans": (Request.of, OK, 0),
    "duplicate and reordered": (twice_and_backwards, OK, 0),
    "late": (lambda: beside_a_good_one(timed(-25 * HOUR)), OK, 1),
    "from the future": (lambda: beside_a_good_one(timed(2 * HOUR)), OK, 1),
    "ends before it starts": (lambda: beside_a_good_one(timed(0) | {"end_time_unix_nano": 1}), OK, 1),
    "at the end of time": (
        lambda: beside_a_good_one({"start_time_unix_nano": 2**64 - 1, "end_time_unix_nano": 2**64 - 1}),
        OK,
        1,
    ),
    "ids of the wrong length": (wrong_lengths, OK, 8),
    "NUL bytes": (nul, OK, 0),
    "10,000 attributes": (many_attributes, OK, 0),
    "long texts": (lambda: Request.of(fresh({"a": "x" * 4 * MIB}, name="n" * MIB)), OK, 0),
    "invalid UTF-8": (invalid_utf8, MALFORMED, 0),
    "truncated": (lambda: Request(Request.of(fresh(), fresh()).body[:-7]), MALFORMED, 0),
    "random": (lambda: Request(b"\xff" + random.Random(1).randbytes(100_000)), MALFORMED, 0),
    "nested": (lambda: Request(hostile.in_span(hostile.nested_values(10_000))), MALFORMED, 0),
    "empty groups": (lambda: Request(b"\x0a\x00" * (3 * MIB)), TOO_LARGE, 0),
    "huge": (lambda: Request(bytes(MOST_BYTES + 1)), TOO_LARGE, 0),
}
AS_JSON = [name for name, (_, answer, _) in CASES.items() if answer == OK and name != "empty"]


@cache
def bomb() -> bytes:
    return hostile.bomb()


def expect_stored(server: Server, sent: Request) -> None:
    """The good spans of it are there, each once."""
    if sent.good:
        found = server.get(f"/api/v1/traces/{sent.trace_id}")
        assert len({one["span_id"] for one in found["spans"]}) == len(found["spans"]) == sent.good


def post(server: Server, content: bytes, kind: str, **headers: str) -> httpx.Response:
    with server.client() as client:
        return client.post("/v1/traces", content=content, headers={"content-type": f"application/{kind}", **headers})


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_over_http_each_gets_its_answer_and_the_good_part_is_stored(server: Server, name: str, packed: bool) -> None:
    make, (status, _), refused = CASES[name]
    sent = make()
    content, headers = (gzip.compress(sent.body), {"content-encoding": "gzip"}) if packed else (sent.body, {})
    answer = post(server, content, "x-protobuf", **headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/x-protobuf"
    if status == 200:
        assert told_refused(answer.content) == refused
        expect_stored(server, sent)
    else:
        assert Status.FromString(answer.content).message


@pytest.mark.parametrize("name", AS_JSON)
def test_over_http_as_json_too(server: Server, name: str) -> None:
    make, _, refused = CASES[name]
    sent = make()
    answer = post(server, as_json(sent.message), "json")
    assert answer.status_code == 200, answer.text
    assert int(answer.json().get("partialSuccess", {}).get("rejectedSpans", 0)) == refused
    expect_stored(server, sent)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b'{"resourceSpans":', 400),
        (b'{"resourceSpans": 7}', 400),
        (b"[]", 400),
        (b"\xff\xfe", 400),
        (b'{"a": "\xff"}', 400),
        (b'{"resourceSpans":' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400),
        (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}', 200),
        (b'{"a":[' + b"[]," * (2 * MIB) + b"0]}", 200),
        (b" " * (MOST_BYTES + 1), 413),
        (b"", 200),
        (b"null", 400),
    ],
    ids=lambda given: repr(given[:20]) if isinstance(given, bytes) else str(given),
)
def test_json_that_is_not_what_it_should_be(server: Server, content: bytes, status: int) -> None:
    answer = post(server, content, "json")
    assert answer.status_code == status
    if status != 200:
        told = json.loads(answer.content)
        assert told["code"] == (3 if status == 400 else 8)
        assert told["message"]


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "application/xml", ""])
def test_another_content_type_is_told_so(server: Server, kind: str) -> None:
    with server.client() as client:
        answer = client.post("/v1/traces", content=Request.of(fresh()).body, headers={"content-type": kind})
    assert answer.status_code == 415


@pytest.mark.parametrize("packed", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
@pytest.mark.parametrize("name", CASES)
def test_over_grpc_each_gets_its_answer_and_the_good_part_is_stored(
    server: Server, name: str, packed: grpc.Compression
) -> None:
    make, (_, code), refused = CASES[name]
    sent = make()
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", [("grpc.max_send_message_length", -1)]) as channel:
        export = channel.unary_unary(f"/{SERVICES['traces']}/Export")
        try:
            answer, told = export(sent.body, timeout=30, compression=packed), "OK"
        except grpc.RpcError as error:
            answer, told = b"", error.code().name  # type: ignore[attr-defined]
    assert told == code
    if told == "OK":
        assert told_refused(answer) == refused
        expect_stored(server, sent)


def told_refused(answer: bytes) -> int:
    return int(ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans)


def test_many_hostile_senders_at_once_take_a_bounded_amount_of_memory(server: Server) -> None:
    process = psutil.Process(server.pid)
    before, peak, done = process.memory_info().rss, 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, process.memory_info().rss)

    bodies = [
        (bomb(), {"content-encoding": "gzip"}, {413}),
        (b"\x0a\x00" * (3 * MIB), {}, {413}),
        (hostile.in_span(b"\x4a\x00" * (3 * MIB)), {}, {200}),
        (bytes(MOST_BYTES), {}, {400}),
    ]
    found: list[tuple[int, set[int]]] = []

    def send(number: int) -> None:
        content, headers, allowed = bodies[number % len(bodies)]
        answer = post(server, content, "x-protobuf", **headers)
        found.append((answer.status_code, allowed | {503}))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    watching = threading.Thread(target=watch)
    watching.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    watching.join()
    assert len(found) == len(threads)
    assert all(status in allowed for status, allowed in found), found
    assert peak - before < MOST_GROWN_BYTES
    good = Request.of(fresh())
    assert post(server, good.body, "x-protobuf").status_code == 200
    expect_stored(server, good)
