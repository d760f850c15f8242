import logging

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk.trace import TracerProvider

from spanledger import logs
from tests.sdk.making import program
from tests.sdk.receiver import attributes, http_receiver


@pytest.fixture
def logger():
    """The root logger as it was, and a logger below it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield logging.getLogger("shop")
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


def test_a_rotating_file_has_the_trace_in_every_line_and_rotates(tmp_path, logger):
    path = tmp_path / "logs" / "shop.log"
    logs.rotating_file(path, max_bytes=400, backups=2)
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    logger.info("outside")
    with tracer.start_as_current_span("call") as span:
        logger.warning("inside")
        context = span.get_span_context()
    lines = path.read_text().splitlines()
    assert "[trace_id=00000000000000000000000000000000 span_id=0000000000000000] outside" in lines[0]
    assert f"[trace_id={context.trace_id:032x} span_id={context.span_id:016x}] inside" in lines[1]
    for number in range(20):
        logger.info("line %d", number)
    assert len(list(path.parent.iterdir())) == 3


def test_the_console_has_the_same_lines(capsys, logger):
    logs.console(logging.DEBUG)
    logger.debug("seen")
    assert "DEBUG    shop [trace_id=0000" in capsys.readouterr().err


def test_levels_are_opentelemetrys_severities():
    assert logs.severity(5) is SeverityNumber.TRACE
    assert logs.severity(logging.DEBUG) is SeverityNumber.DEBUG
    assert logs.severity(logging.INFO) is SeverityNumber.INFO
    assert logs.severity(25) is SeverityNumber.INFO4
    assert logs.severity(logging.WARNING) is SeverityNumber.WARN
    assert logs.severity(logging.ERROR) is SeverityNumber.ERROR
    assert logs.severity(logging.CRITICAL) is SeverityNumber.FATAL


def test_attaching_twice_exports_once_and_detaching_stops(logger):
    first = logs.attach("INFO")
    assert logs.attach("ERROR") is first
    assert first.level == logging.ERROR
    assert sum(isinstance(handler, logs.TelemetryHandler) for handler in logging.getLogger().handlers) == 1
    logs.detach()
    assert first not in logging.getLogger().handlers


def test_records_are_exported_with_trace_exception_extras_and_who_it_was_for():
    with http_receiver() as (received, address):
        done = program(
            """
            import logging, spanledger
            from spanledger.configure import tracer
            spanledger.configure(service_name="s", logs=True, logs_level="INFO")
            logger = logging.getLogger("shop")
            logger.setLevel(logging.DEBUG)
            logger.debug("too low")
            with spanledger.context(user_id=5), tracer().start_as_current_span("call"):
                try:
                    raise ValueError("no such book")
                except ValueError:
                    logger.exception("failed for %s", "Moby Dick", extra={"isbn": 9, "shelf": {"a": [1]}})
            """,
            env={"SPANLEDGER_ENDPOINT": address},
        )
    assert done.returncode == 0, done.stderr
    (record,) = received.records()
    (span,) = received.spans()
    assert record.body.string_value == "failed for Moby Dick"
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert (record.severity_number, record.severity_text) == (17, "ERROR")
    found = attributes(record)
    assert found["user.id"] == "5"
    assert found["isbn"] == 9
    assert found["shelf"] == {"a": [1]}
    assert (found["exception.type"], found["exception.message"]) == ("ValueError", "no such book")
    assert "ValueError: no such book" in found["exception.stacktrace"]
    assert found["code.function.name"] == "<module>"


def test_what_sending_itself_logs_is_not_exported_again():
    with http_receiver() as (received, address):
        done = program(
            """
            import logging, spanledger
            handle = spanledger.configure(service_name="s", logs=True, logs_level="DEBUG")
            logging.getLogger().setLevel(logging.DEBUG)
            logging.getLogger("shop").info("once")
            for _ in range(3):
                assert handle.flush(20)
            """,
            env={"SPANLEDGER_ENDPOINT": address},
        )
    assert done.returncode == 0, done.stderr
    assert [record.body.string_value for record in received.records() if "urllib3" in record.body.string_value] == []
    assert "once" in [record.body.string_value for record in received.records()]
