import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk.trace import TracerProvider

from spanledger.delivery.encode import span_encoder
from spanledger.delivery.lane import Lane
from spanledger.delivery.outcome import Lost, Sent, TryAgain, pause_of
from spanledger.delivery.responses import pause_in, retry_delay
from spanledger.delivery.wire import block, varint
from spanledger.pipeline import transport_to
from spanledger.processors import LaneSpanProcessor
from tests.sdk.making import adds_up, entry, eventually, ledger_lane, target, working
from tests.sdk.receiver import attributes, grpc_receiver, http_receiver
from tests.support.ports import kept_port

PROTOCOLS = {"http/protobuf": http_receiver, "grpc": grpc_receiver}
BUSY = {"http/protobuf": (503, {"retry-after": "0"}, b""), "grpc": (grpc.StatusCode.UNAVAILABLE, (), "")}
GONE = {"http/protobuf": (400, {}, b""), "grpc": (grpc.StatusCode.INVALID_ARGUMENT, (), "")}
LARGE = {"http/protobuf": (413, {}, b""), "grpc": (grpc.StatusCode.RESOURCE_EXHAUSTED, (), "")}


@pytest.fixture(params=PROTOCOLS)
def protocol(request):
    return request.param


@pytest.fixture
def receiver(protocol):
    with PROTOCOLS[protocol]() as (received, address):
        yield received, address


def numbers(received):
    return sorted(int.from_bytes(record.span_id, "big") for record in received.records())


def test_everything_that_is_put_in_arrives_once(receiver, protocol):
    received, address = receiver
    lane = ledger_lane(address, protocol=protocol)
    with working(lane) as worker:
        for number in range(1, 1001):
            lane.put(entry(number))
        assert worker.flush(20)
    assert numbers(received) == list(range(1, 1001))
    books = lane.books()
    assert (books.recorded, books.sent, books.waiting) == (1000, 1000, 0)


def test_a_busy_receiver_is_asked_again_until_it_has_everything(receiver, protocol):
    received, address = receiver
    received.answers = [BUSY[protocol]] * 4
    lane = ledger_lane(address, protocol=protocol)
    with working(lane) as worker:
        for number in range(1, 101):
            lane.put(entry(number))
        assert worker.flush(20)
    assert numbers(received) == list(range(1, 101))
    assert lane.books().sent == 100
    assert lane.books().dropped == {}


def test_a_backend_that_is_away_loses_nothing_that_fits(protocol):
    port = kept_port()
    lane = ledger_lane(f"http://127.0.0.1:{port}", protocol=protocol)
    with working(lane) as worker:
        for number in range(1, 501):
            lane.put(entry(number))
        eventually(lambda: lane.attempt >= 2)
        assert lane.books().waiting == 500
        with PROTOCOLS[protocol](port) as (received, _):
            assert worker.flush(20)
            assert numbers(received) == list(range(1, 501))
    assert lane.books().sent == 500


def test_what_the_receiver_refuses_of_a_request_is_counted(receiver, protocol):
    received, address = receiver
    answer = ExportLogsServiceResponse()
    answer.partial_success.rejected_log_records = 3
    answer.partial_success.error_message = "too old"
    received.answers = [(200, {}, answer.SerializeToString())]
    lane = ledger_lane(address, protocol=protocol)
    with working(lane) as worker:
        for number in range(10):
            lane.put(entry(number))
        assert worker.flush(20)
    books = lane.books()
    assert (books.sent, books.refused, books.recorded) == (7, 3, 10)


def test_a_request_that_will_never_be_taken_is_dropped_with_the_reason_and_the_next_one_goes(receiver, protocol):
    received, address = receiver
    received.answers = [GONE[protocol]]
    lane = ledger_lane(address, protocol=protocol, batch_size=10)
    with working(lane) as worker:
        for number in range(1, 21):
            lane.put(entry(number))
        assert worker.flush(20)
    books = lane.books()
    assert books.dropped == {"http_400" if protocol != "grpc" else "grpc_invalid_argument": books.recorded - books.sent}
    assert 0 < books.sent < 20


def test_a_request_that_is_too_large_is_split_until_it_fits_and_one_item_alone_is_dropped(receiver, protocol):
    received, address = receiver

    def limit(_, message):
        records = [r for resource in message.resource_logs for scope in resource.scope_logs for r in scope.log_records]
        alone_too_large = any(int.from_bytes(record.span_id, "big") == 13 for record in records)
        return LARGE[protocol] if len(records) > 5 or alone_too_large else None

    received.always = limit
    lane = ledger_lane(address, protocol=protocol)
    with working(lane) as worker:
        for number in range(1, 41):
            lane.put(entry(number))
        assert worker.flush(20)
    assert numbers(received) == [number for number in range(1, 41) if number != 13]
    assert lane.books().dropped == {"too_large": 1}


def test_grpc_waits_as_long_as_the_receiver_asks_in_either_trailer():
    duration = block(1, b"\x08" + varint(2) + b"\x10" + varint(500_000_000))
    status = block(3, block(1, b"type.googleapis.com/google.rpc.RetryInfo") + block(2, duration))
    assert retry_delay(duration) == 2.5
    assert pause_in(b"\x08\x0e" + status) == 2.5
    assert pause_in(b"\x08\x0e") is None
    quick = block(1, b"\x10" + varint(1_000_000))
    with grpc_receiver() as (received, address):
        details = b"\x08\x08" + block(3, block(1, b"type.googleapis.com/google.rpc.RetryInfo") + block(2, quick))
        received.answers = [
            (grpc.StatusCode.RESOURCE_EXHAUSTED, (("grpc-status-details-bin", details),), ""),
            (grpc.StatusCode.RESOURCE_EXHAUSTED, (("google.rpc.retryinfo-bin", quick),), ""),
        ]
        lane = ledger_lane(address, protocol="grpc")
        with working(lane) as worker:
            lane.put(entry())
            assert worker.flush(20)
        assert received.attempts == 3
        assert lane.books().sent == 1


def test_retry_after_may_be_seconds_or_a_date_and_nonsense_is_no_wish():
    assert pause_of("2") == 2.0
    assert pause_of("86400") == 300.0
    assert pause_of("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert pause_of("later") is None
    assert pause_of(None) is None


def test_after_an_answer_to_wait_nothing_is_sent_before_that_time_and_the_pause_has_jitter():
    lane = ledger_lane("http://127.0.0.1:1")
    for spread in (0.0, 0.99):
        lane.put(entry())
        batch = lane.next_batch(lambda: None)
        lane.settle(batch, TryAgain("http_503", 3.0), 100.0, spread, 15.0)
        assert 103.0 <= lane.not_before <= 103.0 + 15.0
    first = lane.not_before
    lane.settle(lane.next_batch(lambda: None), TryAgain("http_503"), 100.0, 0.5, 15.0)
    assert lane.not_before != first
    lane.settle(lane.next_batch(lambda: None), Sent(), 100.0, 0.5, 15.0)
    assert (lane.not_before, lane.attempt) == (0.0, 0)


class Unwritable:
    def __str__(self):
        raise RuntimeError("no text")


def test_a_poisoned_item_is_counted_and_its_neighbours_arrive(receiver, protocol):
    received, address = receiver
    lane = ledger_lane(address, protocol=protocol)
    with working(lane) as worker:
        for number in range(1, 33):
            lane.put(entry(number, response_id=Unwritable()) if number == 7 else entry(number))
        assert worker.flush(20)
    assert numbers(received) == [number for number in range(1, 33) if number != 7]
    assert lane.books().dropped == {"encode_error": 1}
    assert adds_up(lane.books())


def test_a_poisoned_span_is_counted_and_its_neighbours_arrive():
    with http_receiver() as (received, address):
        lane = Lane("spans", span_encoder(), transport_to(target(address, "traces")), limit=1000, batch_size=64)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(LaneSpanProcessor(lane.put))
        tracer = provider.get_tracer("a")
        for number in range(40):
            provider.get_tracer("b" if number % 2 else "a").start_span(f"span {number}").end()
        bad = tracer.start_span("bad")
        bad.end()
        lane._queue[-1]._name = object()
        with working(lane) as worker:
            assert worker.flush(20)
        assert len(received.spans()) == 40
        (message,) = [message for _, message in received.requests]
        (resource,) = message.resource_spans
        assert sorted((scope.scope.name, len(scope.spans)) for scope in resource.scope_spans) == [("a", 20), ("b", 20)]
    assert lane.books().dropped == {"encode_error": 1}


def test_what_there_is_no_room_for_is_dropped_and_counted_exactly_from_many_threads():
    lane = ledger_lane("http://127.0.0.1:1", limit=1000)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda start: [lane.put(entry(start * 1000 + n)) for n in range(1000)], range(8)))
    books = lane.books()
    assert books.recorded == 8000
    assert books.dropped["queue_full"] + books.waiting == 8000
    assert 1000 <= books.waiting <= 1008, "each thread may see the last free place"


def test_a_full_queue_of_spans_drops_what_has_waited_longest_and_counts_it():
    lane = ledger_lane("http://127.0.0.1:1", limit=10, batch_size=4, newest_first=True)
    for number in range(25):
        lane.put(entry(number))
    assert [item.span_id for item in lane._queue] == list(range(15, 25))
    batch = lane.next_batch(lambda: None)
    for number in range(25, 28):
        lane.put(entry(number))
    assert [item.span_id for item in lane._queue] == list(range(22, 28)), "those on their way are not taken back"
    lane.close("shutdown")
    lane.put(entry(28))
    lane.settle(batch, Sent(), 0.0, 0.0, 1.0)
    assert lane.books().dropped == {"queue_full": 18, "shutdown": 1}
    assert adds_up(lane.books())


def test_items_on_their_way_count_against_the_limit():
    lane = ledger_lane("http://127.0.0.1:1", limit=10, batch_size=8)
    for number in range(20):
        lane.put(entry(number))
    assert lane.books().dropped == {"queue_full": 10}
    batch = lane.next_batch(lambda: None)
    assert batch is not None
    assert batch.weight == 8
    lane.put(entry(99))
    assert lane.books().dropped == {"queue_full": 11}
    lane.settle(batch, Sent(), 0.0, 0.0, 1.0)
    lane.put(entry(100))
    assert lane.books().dropped == {"queue_full": 11}


def test_flush_says_no_when_the_backend_is_away_and_does_not_wait_until_it_is_back():
    lane = ledger_lane(f"http://127.0.0.1:{kept_port()}")
    with working(lane) as worker:
        lane.put(entry())
        assert worker.flush(0.3) is False
    assert lane.books().dropped == {"shutdown": 1}


def test_settling_down_delivers_what_waits_and_goes_on_and_waits_for_nobody_who_is_away(receiver, protocol):
    received, address = receiver
    lane, away = ledger_lane(address, protocol=protocol), ledger_lane(f"http://127.0.0.1:{kept_port()}")
    with working(lane, away, interval_s=3600.0) as worker:
        for number in (1, 2):
            lane.put(entry(number))
            away.put(entry(number))
            worker.settle_down(60.0)
            assert numbers(received) == list(range(1, number + 1))
        assert away.books().waiting == 2


def test_stopping_delivers_what_waits_and_later_items_are_dropped_with_the_reason(receiver, protocol):
    received, address = receiver
    lane = ledger_lane(address, protocol=protocol)
    with working(lane, interval_s=3600.0) as worker:
        for number in range(1, 101):
            lane.put(entry(number))
        worker.stop(10.0)
        worker.stop(10.0)
        lane.put(entry(101))
    assert numbers(received) == list(range(1, 101))
    assert lane.books().dropped == {"shutdown": 1}
    assert worker.flush(1.0) is True


def test_flush_and_stop_may_be_called_from_many_threads_at_once(receiver, protocol):
    received, address = receiver
    lane = ledger_lane(address, protocol=protocol)
    with working(lane) as worker:

        def work(start):
            for number in range(start * 100, start * 100 + 100):
                lane.put(entry(number + 1))
            return worker.flush(20)

        with ThreadPoolExecutor(6) as pool:
            assert all(pool.map(work, range(6)))
            list(pool.map(lambda _: worker.stop(5.0), range(3)))
    assert numbers(received) == list(range(1, 601))


def test_headers_token_and_compression_are_sent(protocol):
    with PROTOCOLS[protocol]() as (received, address):
        way = transport_to(target(address, protocol=protocol, token="t0p", headers={"X-A": "1"}, compression="gzip"))
        assert way.send(b"", 5.0) == Sent()
        (headers,) = received.headers
        way.close()
    assert headers["authorization"] == "Bearer t0p"
    assert headers["x-a"] == "1"
    assert headers["user-agent"].startswith("spanledger-python/")


def test_what_can_never_be_sent_is_lost_and_not_tried_again():
    assert transport_to(target("http://127.0.0.1:1", headers={"x": "a\nb"})).send(b"", 1.0) == Lost("InvalidHeader")
    secure = target("https://127.0.0.1:1", protocol="grpc", certificate="/there/is/no/such/file")
    assert transport_to(secure).send(b"", 1.0) == Lost("FileNotFoundError")


def test_an_answer_that_is_no_protobuf_is_a_success():
    with http_receiver() as (received, address):
        received.answers = [(200, {}, b"ok"), (302, {"location": "http://elsewhere/"}, b"")]
        way = transport_to(target(address))
        assert way.send(b"", 5.0) == Sent()
        assert way.send(b"", 5.0) == Lost("http_302")
        way.close()


def test_a_lane_whose_request_hangs_is_given_up_at_the_end_without_counting_twice():
    release = threading.Event()

    class Hanging:
        def send(self, payload, timeout_s):
            release.wait(20)
            return Sent()

        forks_wait = False

        def prepare(self):
            pass

        def close(self):
            pass

        def after_fork(self):
            pass

    lane = ledger_lane("http://127.0.0.1:1")
    lane.transport = Hanging()
    with working(lane) as worker:
        lane.put(entry())
        eventually(lambda: lane._sending is not None)
        worker.stop(0.0)
        assert lane.books().dropped == {"shutdown": 1}
        release.set()
        eventually(lambda: not worker._thread.is_alive())
    assert lane.books().sent == 0
    assert adds_up(lane.books())


def test_resource_and_scope_are_on_every_request(receiver, protocol):
    received, address = receiver
    lane = ledger_lane(address, protocol=protocol)
    with working(lane) as worker:
        lane.put(entry())
        assert worker.flush(20)
    (_, message) = received.requests[0]
    assert attributes(message.resource_logs[0].resource) == {"service.name": "test"}
    assert message.resource_logs[0].scope_logs[0].scope.name == "spanledger"
