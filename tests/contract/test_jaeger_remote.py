"""The API by which a Jaeger of its own reads our store: who may, what it gets, and what hostile requests get."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from spanledger_server.api import jaeger_messages as messages
from spanledger_server.traces import jaeger_protobuf, jaeger_read
from tests.interop import compared, spans
from tests.support.inside import Inside
from tests.support.telemetry import attributes, span, span_request

READER, DEPENDENCIES = "jaeger.storage.v2.TraceReader", "jaeger.storage.v2.DependencyReader"


class Client:
    """One token's calls, as bytes."""

    def __init__(self, server: Inside, token: str) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
        self._metadata = [("authorization", f"Bearer {token}")] if token else []

    def close(self) -> None:
        self._channel.close()

    def one(self, method: str, request: Any, answer: Any, service: str = READER) -> Any:
        """The answer of a method that gives one."""
        body = request if isinstance(request, bytes) else request.SerializeToString()
        raw = self._channel.unary_unary(f"/{service}/{method}")(body, metadata=self._metadata, timeout=20)
        return answer.FromString(raw)

    def many(self, method: str, request: Any) -> list[bytes]:
        """The pieces of a method that gives a stream."""
        body = request if isinstance(request, bytes) else request.SerializeToString()
        return list(self._channel.unary_stream(f"/{READER}/{method}")(body, metadata=self._metadata, timeout=20))


@pytest.fixture(scope="module")
def at_ns() -> int:
    return compared.began_ns(time.time_ns())


@pytest.fixture(scope="module")
def filled(shared_server: Inside, at_ns: int) -> Inside:
    assert shared_server.send("traces", spans.request(at_ns).SerializeToString()).status_code == 200
    return shared_server


@pytest.fixture
def client(filled: Inside) -> Iterator[Client]:
    made = Client(filled, filled.token)
    yield made
    made.close()


def of(pieces: list[bytes]) -> list[Any]:
    """The spans of a stream, in its order."""
    groups = [group for piece in pieces for group in TracesData.FromString(piece).resource_spans]
    return [one for group in groups for scope in group.scope_spans for one in scope.spans]


def query(**values: Any) -> Any:
    return messages.FindTracesRequest(query=values)


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("", grpc.StatusCode.UNAUTHENTICATED),
        ("sl_wrong", grpc.StatusCode.UNAUTHENTICATED),
        ("ingest", grpc.StatusCode.PERMISSION_DENIED),
        ("viewer", None),
        ("admin", None),
    ],
)
def test_on_loopback_too_only_readers_read(filled: Inside, who: str, code: grpc.StatusCode | None):
    client = Client(filled, who if who in ("", "sl_wrong") else filled.token_for(who))
    calls = [
        lambda: client.one("GetServices", b"", messages.GetServicesResponse),
        lambda: client.many("FindTraces", query()),
        lambda: client.one("GetDependencies", b"", messages.GetDependenciesResponse, DEPENDENCIES),
    ]
    try:
        for call in calls:
            if code is None:
                assert call()
                continue
            with pytest.raises(grpc.RpcError) as refused:
                call()
            assert refused.value.code() is code
    finally:
        client.close()


def test_a_token_for_one_service_does_not_read_them_all(filled: Inside):
    with filled.client() as admin:
        limited = {"name": "one", "role": "viewer", "services": ["shop"]}
        answer = admin.post("/api/v1/tokens", json=limited)
    assert answer.status_code == 201, answer.text
    client = Client(filled, answer.json()["token"])
    with pytest.raises(grpc.RpcError) as refused:
        client.one("GetServices", b"", messages.GetServicesResponse)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    client.close()


def test_services_operations_and_dependencies(client: Client):
    assert client.one("GetServices", b"", messages.GetServicesResponse).services == [
        "llm",
        "missing-service-name",
        "shop",
        "worker",
    ]
    asked = messages.GetOperationsRequest(service="shop", span_kind="client")
    (operation,) = client.one("GetOperations", asked, messages.GetOperationsResponse).operations
    assert (operation.name, operation.span_kind) == ("chat gpt-5", "client")
    asked = messages.GetOperationsRequest(service="worker")
    kinds = [one.span_kind for one in client.one("GetOperations", asked, messages.GetOperationsResponse).operations]
    assert kinds == ["consumer", "internal", ""]
    found = client.one("GetDependencies", b"", messages.GetDependenciesResponse, DEPENDENCIES).dependencies
    assert [(each.parent, each.child, each.call_count) for each in found] == [("shop", "llm", 4)]


def test_spans_come_as_they_were_sent(client: Client, at_ns: int):
    asked = messages.GetTracesRequest(query=[{"trace_id": spans.LONG}, {"trace_id": b"x" * 16}])
    found = {one.span_id: one for one in of(client.many("GetTraces", asked))}
    groups = spans.request(at_ns).resource_spans
    sent = [one for group in groups for scope in group.scope_spans for one in scope.spans if one.trace_id == spans.LONG]
    assert set(found) == {one.span_id for one in sent}
    for one in sent:
        one.status.SetInParent()
        for whole in (one, found[one.span_id]):
            for record in (whole, *whole.events, *whole.links):
                record.attributes.sort(key=lambda pair: pair.key)
            for pair in whole.attributes:
                pair.value.kvlist_value.values.sort(key=lambda inner: inner.key)
        assert found[one.span_id] == one


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"service_name": "worker"}, {spans.SHORT}),
        ({"service_name": "nobody"}, set()),
        ({"operation_name": "generate"}, {spans.LONG}),
        ({"search_depth": 1}, {spans.SKEWED}),
        ({"search_depth": 2**31 - 1, "service_name": "llm"}, {spans.LONG, spans.SKEWED}),
        ({"duration_min": {"seconds": 60}}, {spans.SKEWED}),
        ({"duration_max": {"nanos": 1_300_000}, "service_name": "llm"}, {spans.LONG}),
        ({"start_time_max": {"seconds": 1}}, set()),
        ({"start_time_min": {"seconds": 2**40}}, set()),
        ({"start_time_min": {"seconds": -62135596800}, "service_name": "worker"}, {spans.SHORT}),
        ({"attributes": [KeyValue(key="whole", value=AnyValue(int_value=5))]}, {spans.LONG}),
        ({"attributes": [KeyValue(key="yes", value=AnyValue(bool_value=True))]}, {spans.LONG}),
        ({"attributes": [KeyValue(key="round", value=AnyValue(double_value=5))]}, {spans.LONG}),
        ({"attributes": [KeyValue(key="error", value=AnyValue(string_value="true"))]}, {spans.LONG}),
        ({"attributes": [KeyValue(key="error")]}, set()),
    ],
)
def test_a_search_finds_traces_and_their_ids(client: Client, asked: dict[str, Any], expected: set[bytes]):
    assert {one.trace_id for one in of(client.many("FindTraces", query(**asked)))} == expected
    found = client.one("FindTraceIDs", query(**asked), messages.FindTraceIDsResponse).trace_ids
    assert {each.trace_id for each in found} == expected


def test_what_one_answer_would_have_no_room_for_comes_after_it(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaeger_read, "MOST_SPANS", 4)
    found = of(client.many("FindTraces", query(start_time_min={"seconds": 1})))
    assert {one.trace_id for one in found} == {spans.LONG, spans.SHORT, spans.NAMELESS, spans.SKEWED}
    ids = [one.trace_id for one in found]
    assert len(set(ids)) == 1 + sum(before != after for before, after in itertools.pairwise(ids))


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("GetTraces", b"\xff"),
        ("GetTraces", messages.GetTracesRequest(query=[{"trace_id": b"short"}])),
        ("GetTraces", messages.GetTracesRequest(query=[{"trace_id": b"x" * 16}] * 1501)),
        ("FindTraces", b"\x0a\xff"),
        ("FindTraces", query(search_depth=-1)),
        ("FindTraces", query(attributes=[KeyValue(key="a\0")])),
        ("FindTraces", query(attributes=[KeyValue(key=str(number)) for number in range(51)])),
    ],
)
def test_a_hostile_request_is_an_invalid_argument(client: Client, method: str, body: Any):
    with pytest.raises(grpc.RpcError) as refused:
        client.many(method, body)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_who_comes_when_there_is_no_room_is_told_to_come_back(
    filled: Inside, client: Client, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object, **__: object) -> bool:
        return False

    monkeypatch.setattr("threading.BoundedSemaphore.acquire", full)
    with pytest.raises(grpc.RpcError) as refused:
        client.one("GetServices", b"", messages.GetServicesResponse)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_large_trace_comes_in_pieces_that_any_client_takes(filled: Inside, client: Client):
    trace_id, long = secrets.token_bytes(16), "ü" * 20_000
    made = []
    for number in range(200):
        one = span(f"part {number}")
        one.trace_id = trace_id
        one.attributes.extend(attributes({"long": long}))
        made.append(one)
    assert filled.send("traces", span_request(*made, service="large")).status_code == 200
    pieces = client.many("GetTraces", messages.GetTracesRequest(query=[{"trace_id": trace_id}]))
    assert len(pieces) > 2
    assert max(map(len, pieces)) < jaeger_protobuf.LARGEST_BYTES + 100_000
    assert all(of([piece]) for piece in pieces)
    assert {one.name for one in of(pieces)} == {one.name for one in made}
