import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.sdk.resources import Resource

from spanledger import guard, ledger, semconv
from spanledger.alike import alike_of
from spanledger.delivery.encode import EntryEncoder
from spanledger.delivery.ledger_record import ledger_record, plain
from spanledger.delivery.wire import read_fields
from spanledger.pricing import PriceBook
from spanledger.usage import Usage
from tests.sdk.making import AT_NS, entry, ledger_lane, program, working
from tests.sdk.receiver import attributes, http_receiver

TEXT = st.text(max_size=40)
COUNT = st.none() | st.integers(0, 2**70)


def decoded(made, estimate=None):
    return LogRecord.FromString(b"".join(ledger_record(made, estimate)))


def test_an_entry_is_a_log_record_with_the_calls_ids_and_the_calls_end_as_its_time():
    record = decoded(entry(5, parent_span_id=0xBEEF, sampled=True))
    assert record.event_name == "spanledger.ledger.entry"
    assert record.trace_id == (0xABC << 100 | 5).to_bytes(16, "big")
    assert record.span_id == (5).to_bytes(8, "big")
    assert (record.time_unix_nano, record.observed_time_unix_nano, record.flags) == (AT_NS, AT_NS, 1)
    assert attributes(record)["spanledger.parent_span_id"] == "000000000000beef"
    assert decoded(entry(sampled=False)).flags == 0


def test_everything_that_is_known_is_there_under_its_name_and_nothing_that_is_not():
    record = decoded(
        entry(
            usage=Usage(input_tokens=1, output_tokens=0, audio_seconds=Decimal("1.5"), characters=9, requests=1),
            service_tier="flex",
            batch=True,
            stream=True,
            time_to_first_chunk_s=0.25,
            error_type="Timeout",
            http_status=408,
            context={"user.id": "u", "session.id": "s", "spanledger.feature": "f"},
            attributes={"mine": [1, "two", {"three": 3.0}], "none": None, "flag": True},
        ),
        123_000_000,
    )
    assert attributes(record) == {
        semconv.ENTRY_KIND: "usage",
        semconv.GEN_AI_OPERATION_NAME: "chat",
        semconv.GEN_AI_PROVIDER_NAME: "openai",
        semconv.GEN_AI_REQUEST_MODEL: "gpt-4o",
        semconv.GEN_AI_RESPONSE_MODEL: "gpt-4o-2024-08-06",
        semconv.GEN_AI_RESPONSE_ID: "resp-1",
        semconv.GEN_AI_REQUEST_STREAM: True,
        semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: 0.25,
        semconv.GEN_AI_USAGE_INPUT_TOKENS: 1,
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: 0,
        semconv.USAGE_AUDIO_SECONDS: 1.5,
        semconv.USAGE_CHARACTERS: 9,
        semconv.USAGE_REQUESTS: 1,
        semconv.USAGE_STATE: "reported",
        semconv.SERVICE_TIER: "flex",
        semconv.BATCH: True,
        semconv.ERROR_TYPE: "Timeout",
        semconv.HTTP_RESPONSE_STATUS_CODE: 408,
        semconv.DURATION_NS: 1_500_000_000,
        semconv.USER_ID: "u",
        semconv.SESSION_ID: "s",
        semconv.FEATURE: "f",
        semconv.COST_ESTIMATED_USD: "0.000123",
        semconv.COST_ESTIMATED_MICRO_USD: 123,
        "mine": [1, "two", {"three": 3.0}],
        "none": None,
        "flag": True,
    }


def test_an_explicit_cost_keeps_all_its_digits():
    record = decoded(entry(kind="cost", usage=None, cost_usd=Decimal("1E-12")))
    assert attributes(record)[semconv.COST_USD] == "0.000000000001"
    assert plain(Decimal(100)) == "100"
    assert plain(Decimal("1.500")) == "1.5"
    assert plain(Decimal("0.000")) == "0"


@given(
    tokens=st.lists(COUNT, min_size=3, max_size=3),
    texts=st.lists(st.none() | TEXT, min_size=4, max_size=4),
    context=st.dictionaries(st.sampled_from(semconv.CONTEXT_KEYS), TEXT),
    more=st.dictionaries(
        TEXT,
        st.none()
        | TEXT
        | st.integers()
        | st.floats(allow_nan=False)
        | st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    ),
)
@settings(max_examples=150, deadline=None)
def test_any_protobuf_parser_reads_back_what_was_written(tokens, texts, context, more):
    provider, request_model, response_id, error_type = texts
    made = entry(
        provider=provider,
        request_model=request_model,
        response_id=response_id,
        error_type=error_type,
        usage=Usage(input_tokens=tokens[0], output_tokens=tokens[1], characters=tokens[2]),
        context=context,
        attributes=more,
    )
    found = attributes(decoded(made))
    for name, value in (
        (semconv.GEN_AI_PROVIDER_NAME, provider),
        (semconv.GEN_AI_REQUEST_MODEL, request_model),
        (semconv.GEN_AI_RESPONSE_ID, response_id),
        (semconv.ERROR_TYPE, error_type),
        *context.items(),
    ):
        if name not in more:
            assert found.get(name) == value
    for name, value in zip(
        (semconv.GEN_AI_USAGE_INPUT_TOKENS, semconv.GEN_AI_USAGE_OUTPUT_TOKENS, semconv.USAGE_CHARACTERS),
        tokens,
        strict=True,
    ):
        if name not in more:
            assert found.get(name) == (str(value) if value is not None and value >= 2**63 else value)
    for name, value in more.items():
        too_large = isinstance(value, int) and not -(2**63) <= value < 2**63
        assert found[name] == (str(value) if too_large else value)


UNIT = st.sampled_from([None, 0, 0, 5, 1_023, 1_024, 2**70, False, True, 0.0, Decimal(0), Decimal("1.5"), "", "12"])


@given(st.tuples(COUNT | UNIT, COUNT | UNIT), st.lists(UNIT, min_size=12, max_size=12), st.booleans())
@settings(max_examples=100, deadline=None)
def test_the_short_way_to_write_usage_says_what_the_long_way_says(tokens, units, usual):
    rest = [unit if unit is None or not usual else 0 for unit in units]
    short, long = entry(usage=Usage(*tokens, *rest)), entry(usage=Usage(*tokens, *rest))
    long.alike = replace(alike_of(long), told=None)
    assert attributes(decoded(short)) == attributes(decoded(long))


@given(st.integers(0, 10**24 - 1) | st.sampled_from([0, 500_000, 1_500_000, 10**12, 10**14, 10**12 - 1]))
def test_whole_numbers_of_pico_dollars_are_written_as_the_exact_decimals_they_stand_for(pico):
    exact = Decimal(f"{pico}E-12")
    found = attributes(decoded(entry(), pico))
    assert found[semconv.COST_ESTIMATED_USD] == plain(exact)
    assert found[semconv.COST_ESTIMATED_MICRO_USD] == round(exact * 1_000_000)


@given(st.binary(max_size=200))
def test_the_reader_of_answers_survives_any_bytes(body):
    for _ in read_fields(body):
        pass


def test_names_that_are_no_text_are_written_as_text():
    found = attributes(decoded(entry(provider=["a"], response_model=7, usage=Usage(input_tokens="12"))))  # type: ignore[arg-type]
    assert found[semconv.GEN_AI_PROVIDER_NAME] == "['a']"
    assert found[semconv.GEN_AI_RESPONSE_MODEL] == "7"
    assert found[semconv.GEN_AI_USAGE_INPUT_TOKENS] == "12"


def test_an_entry_whose_cost_cannot_be_estimated_goes_without_the_estimate():
    def broken(entry):
        raise ZeroDivisionError

    guard.forget()
    payload, good = EntryEncoder(lambda: Resource({}), broken).encode([entry(1), entry(2)], lambda: None)
    (resource,) = ExportLogsServiceRequest.FromString(payload).resource_logs
    found = [attributes(record) for record in resource.scope_logs[0].log_records]
    assert [one[semconv.GEN_AI_RESPONSE_ID] for one in found] == ["resp-1", "resp-2"]
    assert not any(semconv.COST_ESTIMATED_USD in one for one in found)
    assert len(good) == 2
    assert guard.failures() == {"delivery.estimate: ZeroDivisionError": 2}
    guard.forget()


def test_recording_never_raises_and_what_went_wrong_is_counted():
    def broken(entry):
        raise RuntimeError("full")

    guard.forget()
    ledger.connect(broken)
    try:
        ledger.record(entry())
        ledger.record(entry())
    finally:
        ledger.connect(None)
    assert guard.failures() == {"ledger.record: RuntimeError": 2}


def test_recording_takes_a_few_microseconds_even_when_the_backend_is_away():
    lane = ledger_lane("http://127.0.0.1:1", limit=5_000)
    made = entry()
    ledger.connect(lane.put)
    try:
        started = time.thread_time()
        for _ in range(20_000):
            ledger.record(made)
        assert (time.thread_time() - started) / 20_000 < 50e-6
    finally:
        ledger.connect(None)
    assert lane.books().recorded == 20_000


def test_entries_from_many_threads_all_arrive_while_the_worker_sends():
    with http_receiver() as (received, address):
        lane = ledger_lane(address, limit=100_000, batch_size=512)
        with working(lane) as worker, ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda start: [lane.put(entry(start * 1000 + n + 1)) for n in range(1000)], range(8)))
            assert worker.flush(30)
        ids = [int.from_bytes(record.span_id, "big") for record in received.records()]
    assert sorted(ids) == list(range(1, 8001))


WITHOUT_CONFIGURE = """
    import spanledger
    from spanledger.ledger import record
    from tests.sdk.making import entry
    for number in range(1, 11):
        record(entry(number))
    {end}
"""


@pytest.mark.parametrize(
    "end", ["", "assert spanledger.flush(20)", "spanledger.shutdown()", "spanledger.configure(service_name='b')"]
)
def test_without_configure_the_way_out_starts_from_the_environment_with_the_first_entry(end):
    with http_receiver() as (received, address):
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_SERVICE_NAME": "quiet"}
        done = program(WITHOUT_CONFIGURE.format(end=end), env=env)
        assert done.returncode == 0, done.stderr
        assert len(received.records(semconv.LEDGER_EVENT)) == 10
        assert {"quiet", "b"} & {resource["service.name"] for resource in received.resources()}
    assert "Traceback" not in done.stderr


def test_switched_off_nothing_happens_at_all():
    with http_receiver() as (received, address):
        code = """
            import sys, spanledger
            from spanledger.configure import tracer
            handle = spanledger.configure(service_name="a")
            from spanledger.ledger import record
            from tests.sdk.making import entry
            record(entry())
            with tracer().start_as_current_span("x") as span:
                assert not span.is_recording()
            assert handle.flush() and handle.stats()["ledger"]["recorded"] == 0
            import threading
            assert [t.name for t in threading.enumerate()] == ["MainThread"]
        """
        for env in ({"SPANLEDGER_ENABLED": "false"}, {"OTEL_SDK_DISABLED": "true"}):
            done = program(code, env=env | {"SPANLEDGER_ENDPOINT": address})
            assert done.returncode == 0, done.stderr
        assert received.attempts == 0


def test_the_estimated_cost_is_the_price_books():
    with http_receiver() as (received, address):
        code = """
            import spanledger
            from spanledger.ledger import record
            from tests.sdk.making import entry
            spanledger.configure(service_name="a")
            record(entry(1))
            record(entry(2, provider="nobody", request_model="nothing", response_model=None))
            record(entry(3, usage=None, usage_state="unknown"))
        """
        done = program(code, env={"SPANLEDGER_ENDPOINT": address})
        assert done.returncode == 0, done.stderr
        first, second, third = (attributes(record) for record in received.records())
    made = entry(1)
    price = PriceBook.default().price(made.usage, provider="openai", model=made.response_model, at_ns=AT_NS)
    assert Decimal(first[semconv.COST_ESTIMATED_USD]) == price.cost_usd
    assert semconv.COST_ESTIMATED_USD not in second
    assert semconv.COST_ESTIMATED_USD not in third
