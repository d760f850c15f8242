"""OTLP over gRPC: what a sender gets for what it sends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanledger_server.api.receivers.grpc import SERVICES, GrpcReceiver, client_host
from spanledger_server.api.receivers.receive import Receiver
from spanledger_server.errors import Busy, Forbidden, SpanledgerError, Unauthenticated
from spanledger_server.ingest.accept import Acknowledgement
from spanledger_server.ingest.admission import Admission
from tests.backend.otlp.payloads import REQUESTS, log, request, span
from tests.contract.receiving import ADMITTED_BYTES, LIMIT_BYTES, PATIENCE_S, Receiving, receiving

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


@pytest.fixture
def channel(server: Receiving) -> Iterator[grpc.Channel]:
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(server.grpc_target, options) as found:
        yield found


def export(channel: grpc.Channel, content: bytes, signal: Any = "traces", **more: Any) -> bytes:
    return bytes(channel.unary_unary(f"/{SERVICES[signal]}/Export")(content, timeout=PATIENCE_S, **more))


def failure(channel: grpc.Channel, content: bytes, **more: Any) -> tuple[grpc.StatusCode, Status, dict[str, Any]]:
    with pytest.raises(grpc.RpcError) as caught:
        export(channel, content, **more)
    error: Any = caught.value
    trailers = dict(error.trailing_metadata() or ())
    return error.code(), Status.FromString(trailers.get("grpc-status-details-bin", b"")), trailers


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_request_of_each_signal_is_taken_plain_or_packed(
    server: Receiving, channel: grpc.Channel, signal: str, compression: grpc.Compression
) -> None:
    now = time.time_ns()
    message = REQUESTS[signal]()
    if signal == "metrics":
        metric = message.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
        metric.gauge.data_points.add(time_unix_nano=now, as_int=1)
    else:
        message = request(signal, [fresh() if signal == "traces" else log(time_unix_nano=now)])
    assert export(channel, message.SerializeToString(), signal, compression=compression) == b""
    assert (server.recorder.decoded[0].signal, len(server.recorder.rows())) == (signal, 1)


def test_what_was_refused_is_told_as_a_partial_success(server: Receiving, channel: grpc.Channel) -> None:
    answer = ExportTraceServiceResponse.FromString(export(channel, body(fresh(), fresh(span_id=b""))))
    assert answer.partial_success.rejected_spans == 1
    assert "span_id_invalid" in answer.partial_success.error_message


def test_an_empty_request_is_a_success(server: Receiving, channel: grpc.Channel) -> None:
    assert export(channel, b"") == b""
    assert server.recorder.decoded == []


def test_a_malformed_message_is_an_invalid_argument(server: Receiving, channel: grpc.Channel) -> None:
    code, status, _ = failure(channel, b"\xff\xff")
    assert (code, status.code) == (grpc.StatusCode.INVALID_ARGUMENT, 3)
    assert status.details[0].Unpack(BadRequest())


def test_a_busy_server_says_when_to_come_back_in_both_trailers(server: Receiving, channel: grpc.Channel) -> None:
    def busy(_: Any) -> Acknowledgement:
        raise Busy("full", retry_after_s=0)

    server.recorder.answer = busy
    code, status, trailers = failure(channel, body())
    retry = RetryInfo()
    assert (code, status.code) == (grpc.StatusCode.UNAVAILABLE, 14)
    assert status.details[0].Unpack(retry)
    assert retry.retry_delay.seconds == 1
    assert RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"]) == retry


def test_a_message_for_which_there_is_no_room_is_turned_away(server: Receiving, channel: grpc.Channel) -> None:
    with server.admission.admit(ADMITTED_BYTES - 1):
        assert failure(channel, body())[0] is grpc.StatusCode.UNAVAILABLE
    export(channel, body())
    assert server.admission.inside_bytes == 0


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_message_above_the_limit_is_refused_for_good(
    server: Receiving, channel: grpc.Channel, compression: grpc.Compression
) -> None:
    code, _, trailers = failure(channel, bytes(LIMIT_BYTES + 1), compression=compression)
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "google.rpc.retryinfo-bin" not in trailers


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unauthenticated("no token"), grpc.StatusCode.UNAUTHENTICATED),
        (Forbidden("no"), grpc.StatusCode.PERMISSION_DENIED),
    ],
)
def test_the_caller_is_asked_for_with_the_metadata(
    server: Receiving, channel: grpc.Channel, error: SpanledgerError, code: grpc.StatusCode
) -> None:
    server.refuse.append(error)
    assert failure(channel, body(), metadata=[("authorization", "Bearer abc"), ("x-bin", b"\x00")])[0] is code
    headers, host = server.asked[0]
    assert (headers["authorization"], host) == ("Bearer abc", "127.0.0.1")
    assert server.recorder.decoded == []


def test_what_went_wrong_inside_is_not_told(server: Receiving, channel: grpc.Channel) -> None:
    def broken(_: Any) -> Acknowledgement:
        raise SpanledgerError("secret path")

    server.recorder.answer = broken
    code, status, _ = failure(channel, body())
    assert code is grpc.StatusCode.INTERNAL
    assert "secret" not in status.message


def test_an_unknown_method_is_unimplemented(server: Receiving, channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(f"/{SERVICES['traces']}/Import")(b"", timeout=PATIENCE_S)
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_taken_port_is_told_with_the_flag_that_changes_it(server: Receiving) -> None:
    receiver = Receiver(accept=server.recorder.accept, admission=Admission(1), now=time.time_ns)
    port = int(server.grpc_target.rpartition(":")[2])
    second = GrpcReceiver(receiver, host="127.0.0.1", port=port, max_request_bytes=1)
    with pytest.raises(OSError, match=f"{port}.*--otlp-grpc-port"):
        second.start()
    second.stop(0)


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:127.0.0.1:5", "127.0.0.1"),
        ("ipv6:[::1]:5", "::1"),
        ("ipv6:%5B::1%5D:5", "::1"),
        ("unix:/tmp/socket", None),
        ("", None),
    ],
)
def test_the_clients_address_is_read_from_the_name_of_its_peer(peer: str, host: str | None) -> None:
    assert client_host(peer) == host
