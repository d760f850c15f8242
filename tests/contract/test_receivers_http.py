"""OTLP over HTTP: what a sender gets for what it sends."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanledger_server.errors import Busy, Forbidden, SpanledgerError, Unauthenticated
from spanledger_server.ingest.accept import Acknowledgement
from tests.backend.otlp.payloads import REQUESTS, as_json, log, request, span
from tests.contract.receiving import ADMITTED_BYTES, LIMIT_BYTES, PATIENCE_S, Receiving, receiving
from tests.support.waiting import until

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
SECOND = 10**9


def fresh(**fields: Any) -> Any:
    """A span that has just ended."""
    now = time.time_ns()
    return span(**({"start_time_unix_nano": now - SECOND, "end_time_unix_nano": now} | fields))


def body(*spans: Any) -> bytes:
    return bytes(request("traces", list(spans or [fresh()])).SerializeToString())


@pytest.fixture(scope="module")
def shared() -> Iterator[Receiving]:
    with receiving(time.time_ns) as found:
        yield found


@pytest.fixture
def server(shared: Receiving) -> Receiving:
    shared.recorder.decoded.clear()
    shared.recorder.answer = None
    shared.asked.clear()
    shared.refuse.clear()
    return shared


def post(server: Receiving, content: Any, headers: dict[str, str], signal: str = "traces") -> httpx.Response:
    return httpx.post(f"{server.http_url}/v1/{signal}", content=content, headers=headers, timeout=PATIENCE_S)


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_request_is_taken_in_either_encoding_plain_or_packed(
    server: Receiving, signal: str, encoding: str, packed: bool
) -> None:
    now = time.time_ns()
    record: Any = fresh() if signal == "traces" else log(time_unix_nano=now)
    if signal == "metrics":
        message = REQUESTS["metrics"]()
        metric = message.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
        metric.gauge.data_points.add(time_unix_nano=now, as_int=1)
    else:
        message = request(signal, [record])
    content = message.SerializeToString() if encoding == "protobuf" else as_json(message)
    headers = {
        "content-type": "application/x-protobuf" if encoding == "protobuf" else "application/json; charset=utf-8"
    }
    if packed:
        content, headers["content-encoding"] = gzip.compress(content), "gzip"
    answer = post(server, content, headers, signal)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == (
        "application/x-protobuf" if encoding == "protobuf" else "application/json"
    )
    assert answer.content == (b"" if encoding == "protobuf" else b"{}")
    assert len(server.recorder.rows()) == 1
    assert server.recorder.decoded[0].signal == signal


def test_what_was_refused_is_told_as_a_partial_success(server: Receiving) -> None:
    content = body(fresh(), fresh(trace_id=b""))
    answer = ExportTraceServiceResponse.FromString(post(server, content, PROTOBUF).content)
    assert answer.partial_success.rejected_spans == 1
    assert "trace_id_invalid" in answer.partial_success.error_message
    told = post(server, as_json(request("traces", [fresh(trace_id=b"")])), JSON).json()["partialSuccess"]
    assert told["rejectedSpans"] == "1"
    assert "trace_id_invalid" in told["errorMessage"]


@pytest.mark.parametrize(("content", "headers"), [(b"", PROTOBUF), (b"{}", JSON), (b"", JSON), (b"", {})])
def test_an_empty_request_is_a_success_that_ingest_never_sees(
    server: Receiving, content: bytes, headers: dict[str, str]
) -> None:
    answer = post(server, content, headers)
    assert answer.status_code == (200 if headers else 415)
    assert server.recorder.decoded == []


def test_a_malformed_body_is_told_in_the_requests_encoding(server: Receiving) -> None:
    answer = post(server, b"\xff\xff", PROTOBUF)
    status = Status.FromString(answer.content)
    detail = BadRequest()
    assert (answer.status_code, answer.headers["content-type"], status.code) == (400, "application/x-protobuf", 3)
    assert status.details[0].Unpack(detail)
    assert detail.field_violations[0].field == "body"
    answer = post(server, b"{", JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert answer.json()["code"] == 3
    assert "JSON" in answer.json()["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-protobuf-delimited"},
        PROTOBUF | {"content-encoding": "zstd"},
        PROTOBUF | {"content-encoding": "deflate"},
        JSON | {"content-encoding": "gzip, gzip"},
    ],
)
def test_another_content_type_or_encoding_is_not_spoken(server: Receiving, headers: dict[str, str]) -> None:
    answer = post(server, body(), headers)
    assert answer.status_code == 415
    assert server.recorder.decoded == []


def test_other_methods_are_not_allowed(server: Receiving) -> None:
    assert httpx.get(f"{server.http_url}/v1/traces").status_code == 405


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_above_the_limit_is_cut_off(server: Receiving, announced: bool) -> None:
    size = LIMIT_BYTES + 1
    content: Any = bytes(size) if announced else (bytes(65_536) for _ in range(size // 65_536 + 1))
    answer = post(server, content, PROTOBUF)
    assert (answer.status_code, Status.FromString(answer.content).code) == (413, 8)
    assert server.admission.inside_bytes == 0


def test_a_body_that_unpacks_to_more_than_the_limit_is_cut_off(server: Receiving) -> None:
    answer = post(server, gzip.compress(bytes(LIMIT_BYTES + 1)), PROTOBUF | {"content-encoding": "gzip"})
    assert answer.status_code == 413
    assert server.admission.inside_bytes == 0


def test_a_body_of_the_limit_itself_is_read(server: Receiving) -> None:
    padding = LIMIT_BYTES - len(as_json(request("traces", [fresh()])))
    content = as_json(request("traces", [fresh()])) + b" " * padding
    assert post(server, content, JSON).status_code == 200
    assert post(server, gzip.compress(content), JSON | {"content-encoding": "gzip"}).status_code == 200


def test_several_gzip_members_are_one_body(server: Receiving) -> None:
    whole = body()
    content = gzip.compress(whole[:20]) + gzip.compress(whole[20:]) + bytes(100)
    assert post(server, content, PROTOBUF | {"content-encoding": "gzip"}).status_code == 200
    assert len(server.recorder.rows()) == 1


BROKEN_GZIP = {  # by name: the bytes hold the time at which they were packed
    "without its checksum": gzip.compress(b"x" * 1000)[:-9],
    "half a header": gzip.compress(b"x" * 1000)[:5],
    "not gzip": b"not gzip",
    "something behind it": gzip.compress(b"") + b"rest",
    "too many members": gzip.compress(b"") * 2000,
    "a wrong checksum": gzip.compress(b"x" * 1000)[:-8] + bytes(8),
}


@pytest.mark.parametrize("how", BROKEN_GZIP)
def test_a_broken_gzip_body_is_malformed(server: Receiving, how: str) -> None:
    content = BROKEN_GZIP[how]
    assert post(server, content, PROTOBUF | {"content-encoding": "gzip"}).status_code == 400


def test_a_busy_server_says_when_to_come_back(server: Receiving) -> None:
    def busy(_: Any) -> Acknowledgement:
        raise Busy("full", retry_after_s=60)

    server.recorder.answer = busy
    answer = post(server, body(), PROTOBUF)
    status, retry = Status.FromString(answer.content), RetryInfo()
    assert (answer.status_code, answer.headers["retry-after"], status.code) == (503, "3", 14)
    assert status.details[0].Unpack(retry)
    assert 2e9 <= retry.retry_delay.ToNanoseconds() <= 3e9  # not all at once
    told = post(server, as_json(request("traces", [fresh()])), JSON).json()
    assert told["details"][0]["retryDelay"] == "3s"


def test_a_body_for_which_there_is_no_room_is_turned_away_before_it_is_read(server: Receiving) -> None:
    with server.admission.admit(ADMITTED_BYTES - 1):
        assert post(server, body(), PROTOBUF).status_code == 503
    assert post(server, body(), PROTOBUF).status_code == 200
    assert server.admission.inside_bytes == 0


def test_what_went_wrong_inside_is_not_told(server: Receiving) -> None:
    def broken(_: Any) -> Acknowledgement:
        raise SpanledgerError("secret path")

    server.recorder.answer = broken
    answer = post(server, body(), PROTOBUF)
    assert (answer.status_code, Status.FromString(answer.content).code) == (500, 13)
    assert b"secret" not in answer.content


@pytest.mark.parametrize(("error", "status"), [(Unauthenticated("no token"), 401), (Forbidden("no"), 403)])
def test_the_caller_is_asked_for_before_the_body_is_read(
    server: Receiving, error: SpanledgerError, status: int
) -> None:
    server.refuse.append(error)
    answer = post(server, body(), PROTOBUF | {"Authorization": "Bearer abc"})
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) == (status == 401)
    headers, host = server.asked[0]
    assert (headers["authorization"], host) == ("Bearer abc", "127.0.0.1")
    assert server.recorder.decoded == []


def test_the_event_loop_stays_free_while_requests_wait_for_their_commit(server: Receiving) -> None:
    reached, release = threading.Barrier(5), threading.Event()

    def wait(_: Any) -> Acknowledgement:
        reached.wait(PATIENCE_S)
        release.wait(PATIENCE_S)
        return Acknowledgement(0, None)

    server.recorder.answer = wait
    threads = [threading.Thread(target=post, args=(server, body(), PROTOBUF)) for _ in range(4)]
    for thread in threads:
        thread.start()
    reached.wait(PATIENCE_S)  # all four are inside
    assert httpx.get(f"{server.http_url}/nowhere", timeout=PATIENCE_S).status_code == 404
    release.set()
    for thread in threads:
        thread.join(PATIENCE_S)


def test_a_sender_that_goes_away_leaves_nothing_behind(server: Receiving) -> None:
    host, _, port = server.http_url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)
    connection.putrequest("POST", "/v1/traces")
    connection.putheader("Content-Type", "application/x-protobuf")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"half")
    until(lambda: server.admission.inside_bytes > 0)
    connection.close()
    until(lambda: server.admission.inside_bytes == 0)
    assert post(server, json.dumps({}), JSON).status_code == 200
