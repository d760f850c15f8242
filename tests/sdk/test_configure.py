import signal
import subprocess
import sys
import textwrap

import pytest

from spanledger import semconv
from tests.sdk.making import environment, program
from tests.sdk.receiver import attributes, grpc_receiver, http_receiver
from tests.support.ports import kept_port

BEGIN = """
import spanledger
from spanledger.configure import tracer
from spanledger.ledger import record
from tests.sdk.making import entry
"""


def run(code, address="", **env):
    done = program(BEGIN + textwrap.dedent(code), env={"SPANLEDGER_ENDPOINT": address} | env)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize(("protocol", "receiver"), [("http/protobuf", http_receiver), ("grpc", grpc_receiver)])
def test_spans_entries_metrics_and_logs_of_one_program_arrive_at_its_end(protocol, receiver):
    with receiver() as (received, address):
        run(
            """
            import logging
            from opentelemetry import metrics, trace
            more = {"deployment.environment": "t"}
            handle = spanledger.configure(service_name="shop", logs=True, resource_attributes=more)
            with spanledger.context(user_id=1, feature="search"), tracer().start_as_current_span("call"):
                record(entry(context={"user.id": "1", "spanledger.feature": "search"}))
                trace.get_tracer("mine").start_span("foreign").end()
                metrics.get_meter("mine").create_counter("orders").add(3)
                logging.getLogger("shop").warning("sold out", extra={"book": 7})
            """,
            address,
            SPANLEDGER_PROTOCOL=protocol,
        )
    assert {span.name for span in received.spans()} == {"call", "foreign"}
    assert all(attributes(span)["user.id"] == "1" for span in received.spans())
    assert all(span.trace_state == "ot=th:0" for span in received.spans())
    assert len(received.records(semconv.LEDGER_EVENT)) == 1
    (line,) = [record for record in received.records() if record.body.string_value == "sold out"]
    assert line.trace_id == received.spans()[0].trace_id
    assert attributes(line)["book"] == 7
    assert received.metrics("orders")[-1].sum.data_points[0].as_int == 3
    for resource in received.resources():
        assert resource["service.name"] == "shop"
        assert resource["deployment.environment"] == "t"
    assert len({resource["service.instance.id"] for resource in received.resources()}) == 1


def test_without_an_exporter_of_metrics_none_are_sent_and_none_wait():
    with http_receiver() as (received, address):
        run(
            """
            handle = spanledger.configure(service_name="shop", metrics_exporter="none")
            record(entry())
            assert spanledger.flush()
            assert handle.stats()["metrics"]["recorded"] == 0
            assert handle.stats()["ledger"]["sent"] == 1
            """,
            address,
        )
    assert not received.metrics(semconv.METRIC_OPERATION_DURATION)


def test_the_genai_metrics_have_advised_buckets_and_no_attribute_with_many_values():
    with http_receiver() as (received, address):
        run(
            """
            spanledger.configure(service_name="shop")
            who = {"user.id": "u", "session.id": "s", "spanledger.user_tier": "pro", "spanledger.feature": "f"}
            for number in range(3):
                error = "Timeout" if number == 2 else None
                record(entry(number, context=who, time_to_first_chunk_s=0.2, error_type=error))
            """,
            address,
        )
    (duration,) = received.metrics(semconv.METRIC_OPERATION_DURATION)
    (tokens,) = received.metrics(semconv.METRIC_TOKEN_USAGE)
    (first_chunk,) = received.metrics(semconv.METRIC_TIME_TO_FIRST_CHUNK)
    assert tuple(duration.histogram.data_points[0].explicit_bounds) == semconv.DURATION_BUCKETS_S
    assert tuple(tokens.histogram.data_points[0].explicit_bounds) == semconv.TOKEN_BUCKETS
    points = [point for metric in (duration, tokens, first_chunk) for point in metric.histogram.data_points]
    names = {name for point in points for name in attributes(point)}
    assert names == {
        semconv.GEN_AI_OPERATION_NAME,
        semconv.GEN_AI_PROVIDER_NAME,
        semconv.GEN_AI_REQUEST_MODEL,
        semconv.GEN_AI_RESPONSE_MODEL,
        semconv.GEN_AI_TOKEN_TYPE,
        semconv.ERROR_TYPE,
        semconv.USER_TIER,
        semconv.FEATURE,
    }
    assert sum(point.count for point in duration.histogram.data_points) == 3
    assert sum(point.sum for point in tokens.histogram.data_points) == 3 * 120
    assert [point.sum for point in duration.histogram.data_points if semconv.ERROR_TYPE in attributes(point)] == [1.5]
    assert all(point.exemplars[0].trace_id for point in points)


def test_the_sdk_tells_what_became_of_everything_as_a_cumulative_metric():
    with http_receiver() as (received, address):
        run(
            """
            handle = spanledger.configure(service_name="shop", queue_size=10, interval_s=60)
            for number in range(25):
                record(entry(number))
            with tracer().start_as_current_span("call"):
                pass
            handle.flush(20)
            record(entry(99))
            """,
            address,
        )
    metrics = received.metrics(semconv.METRIC_SDK_ITEMS)
    assert metrics[-1].sum.is_monotonic
    assert metrics[-1].sum.aggregation_temporality == 2
    found = {
        tuple(attributes(point).get(f"spanledger.{name}") for name in ("signal", "outcome", "reason")): point.as_int
        for point in metrics[-1].sum.data_points
    }
    assert found["ledger", "recorded", None] == 26
    assert found["ledger", "sent", None] == 11
    assert found["ledger", "dropped", "queue_full"] == 15
    assert found["spans", "sent", None] == 1
    assert len(received.records(semconv.LEDGER_EVENT)) == 11


def test_genai_metrics_can_go_through_opentelemetrys_instruments_instead():
    with http_receiver() as (received, address):
        run("spanledger.configure(service_name='shop')\nrecord(entry())", address, SPANLEDGER_METRICS="instruments")
    (tokens,) = received.metrics(semconv.METRIC_TOKEN_USAGE)
    assert tuple(tokens.histogram.data_points[0].explicit_bounds) == semconv.TOKEN_BUCKETS
    assert tokens.histogram.data_points[0].exemplars[0].span_id == (1).to_bytes(8, "big")


def test_a_second_configure_gives_the_same_handle_and_changes_nothing():
    done = run(
        """
        import logging
        logging.basicConfig()
        first = spanledger.configure(service_name="a")
        assert spanledger.configure(service_name="a") is first
        assert spanledger.configure() is first
        assert spanledger.configure(service_name="b") is first
        assert first.settings.service_name == "a"
        """
    )
    assert done.stderr.count("configured already") == 1


def test_a_provider_that_is_set_already_stays_and_gets_our_processors():
    with http_receiver() as (received, address):
        run(
            """
            from opentelemetry import trace
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            mine = TracerProvider(resource=Resource.create({"service.name": "theirs"}))
            trace.set_tracer_provider(mine)
            spanledger.configure()
            assert trace.get_tracer_provider() is mine
            theirs = trace.get_tracer("x").start_as_current_span("old")
            with spanledger.context(user_id=5), theirs, tracer().start_as_current_span("new"):
                record(entry())
            """,
            address,
        )
    assert {span.name: attributes(span)["user.id"] for span in received.spans()} == {"old": "5", "new": "5"}
    assert {resource["service.name"] for resource in received.resources() if "service.name" in resource} >= {"theirs"}


def test_mistakes_are_told_in_one_warning_and_never_stop_the_program():
    done = run(
        """
        import logging
        logging.basicConfig()
        handle = spanledger.configure(sample_ratio=7, wrong="x")
        assert len(handle.mistakes) == 5, handle.mistakes
        assert handle.settings.sample_ratio is None
        """,
        OTEL_TRACES_SAMPLER="no-such-sampler",
        OTEL_METRICS_EXPORTER="no-such-exporter",
        OTEL_EXPORTER_OTLP_LOGS_PROTOCOL="http/json",
    )
    assert done.stderr.count("found mistakes in its settings") == 1
    for said in ("sample_ratio", "wrong is not a setting", "no-such-sampler", "no-such-exporter", "http/json"):
        assert said in done.stderr


def test_strict_raises_with_every_mistake_in_it():
    run(
        """
        try:
            spanledger.configure(sample_ratio=7, wrong="x", strict=True)
        except spanledger.ConfigurationError as error:
            assert len(error.mistakes) == 2
        else:
            raise SystemExit("not raised")
        """
    )


SAMPLING = [
    ({"OTEL_TRACES_SAMPLER": "always_off"}, 0),
    ({"OTEL_TRACES_SAMPLER": "parentbased_always_on"}, 200),
    ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, 0),
    ({"OTEL_TRACES_SAMPLER": "spanledger", "OTEL_TRACES_SAMPLER_ARG": "ratio=0"}, 0),
    ({"SPANLEDGER_SAMPLE_RATIO": "0"}, 0),
    ({"OTEL_TRACES_EXPORTER": "none"}, 0),
]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_spans_are_sampled_as_asked_and_the_ledger_never_is():
    with http_receiver() as (received, address):
        run(
            f"""
            import os
            for case, (env, _) in enumerate({SAMPLING}):  # a process for each, as the environment is read once
                if child := os.fork():
                    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
                else:
                    os.environ |= env
                    handle = spanledger.configure(service_name=str(case), metrics_exporter=())
                    for number in range(200):
                        with tracer().start_as_current_span("call"):
                            record(entry(number))
                    os._exit(0 if handle.flush(20) else 1)
            """,
            address,
        )
    for case, (env, kept) in enumerate(SAMPLING):
        assert len(received.spans(service=str(case))) == kept, env
        assert len(received.records(semconv.LEDGER_EVENT, service=str(case))) == 200, env


def test_what_another_instrumentation_sees_below_an_unsampled_call_is_billed():
    with http_receiver() as (received, address):
        run(
            """
            from opentelemetry import trace
            spanledger.configure(service_name="shop", sample_ratio=0)
            @spanledger.traced_cost
            def answer():
                seen = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5, "gen_ai.request.model": "m"}
                trace.get_tracer("somebody").start_span("chat m", attributes=seen).end()
                return "only text"
            answer()
            """,
            address,
        )
    assert received.spans() == []
    (line,) = received.records(semconv.LEDGER_EVENT)
    assert attributes(line)[semconv.GEN_AI_USAGE_INPUT_TOKENS] == 5


def test_console_exporters_write_to_the_console():
    done = run(
        "spanledger.configure(service_name='s')\nwith tracer().start_as_current_span('shown'): pass",
        OTEL_TRACES_EXPORTER="console",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )
    assert '"name": "shown"' in done.stdout


def test_stats_say_what_became_of_everything_before_during_and_after():
    with http_receiver() as (_, address):
        run(
            """
            assert spanledger.stats()["spans"]["recorded"] == 0
            handle = spanledger.configure(service_name="s")
            record(entry())
            assert handle.flush(20)
            found = handle.stats()["ledger"]
            assert (found["recorded"], found["sent"], found["waiting"], found["dropped"]) == (1, 1, 0, {}), found
            handle.shutdown()
            spanledger.shutdown()
            record(entry())
            assert spanledger.stats()["ledger"]["dropped"] == {"shutdown": 1}
            assert spanledger.flush(1)
            """,
            address,
        )


def test_after_a_shutdown_configure_begins_anew():
    with http_receiver() as (received, address):
        run(
            """
            first = spanledger.configure(service_name="s")
            first.shutdown()
            second = spanledger.configure(service_name="s")
            assert second is not first
            with tracer().start_as_current_span("again"):
                record(entry())
            """,
            address,
        )
    assert [span.name for span in received.spans()] == ["again"]
    assert len(received.records()) == 1


def test_a_program_without_a_backend_ends_quickly_and_says_once_that_nobody_is_there(tmp_path):
    done = run(
        """
        import logging, time, atexit
        logging.basicConfig()
        handle = spanledger.configure(service_name="s")
        with tracer().start_as_current_span("call"):
            for number in range(100):
                record(entry(number))
        started = time.monotonic()
        handle.shutdown(200)
        print(time.monotonic() - started, handle.stats()["ledger"]["spooled"])
        """,
        f"http://127.0.0.1:{kept_port()}",
        SPANLEDGER_SPOOL_DIR=str(tmp_path),
    )
    took, spooled = done.stdout.split()
    assert float(took) < 100, "it does not wait for who may come back"
    assert spooled == "100"
    assert done.stderr.count("ledger cannot be delivered") == 1


WAITS_FOR_SIGTERM = (
    BEGIN
    + """
import signal, sys
{before}
spanledger.configure(service_name="s", interval_s=60)
record(entry())
print("ready", flush=True)
while True:
    signal.pause()
"""
)


def ended_by_sigterm(before, address):
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS_FOR_SIGTERM.format(before=before)],
        env=environment(SPANLEDGER_ENDPOINT=address),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        return process.wait(30)


def test_sigterm_delivers_what_is_queued_and_still_ends_the_process_as_it_would_have():
    with http_receiver() as (received, address):
        assert ended_by_sigterm("", address) == -signal.SIGTERM
        assert len(received.records()) == 1


def test_a_programs_own_handler_of_sigterm_is_left_alone():
    with http_receiver() as (received, address):
        before = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))"
        assert ended_by_sigterm(before, address) == 7
        assert len(received.records()) == 1


def test_importing_is_light():
    alone = program(
        """
        import sys, spanledger
        heavy = {"fastapi", "duckdb", "grpc", "genai_prices", "requests", "opentelemetry.sdk.trace", "google.protobuf"}
        assert not heavy & set(sys.modules)
        """
    )
    assert alone.returncode == 0, alone.stderr
