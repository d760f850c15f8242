import logging
import time

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk.trace import TracerProvider

from spanledger import logs
from spanledger.redaction import MAX_CHARACTERS, Redaction
from spanledger.settings import Settings
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


def test_settings_alone_make_console_and_file_with_trace_ids_request_lines_and_redaction(tmp_path):
    with http_receiver() as (received, address):
        done = program(
            """
            import logging, sys
            import fastapi, spanledger
            from fastapi.testclient import TestClient
            spanledger.configure(service_name="s")
            app = fastapi.FastAPI()

            @app.get("/books/{number}")
            def book(number: str):
                extra = {"prompt": "a secret plan", "api_key": "k", "n": 1}
                logging.getLogger("shop").info("asked with sk-abcdefghijklmnopqrst by Anna", extra=extra)

            @app.get("/broken")
            def broken():
                raise ValueError("password=hunter2")

            spanledger.instrument_fastapi(app)
            client = TestClient(app, raise_server_exceptions=False)
            client.get("/books/7%0Aforged", headers={"X-Request-ID": "r1"})
            client.get("/broken", headers={"X-Request-ID": "r2"})
            assert spanledger.flush(20)
            """,
            env={
                "SPANLEDGER_ENDPOINT": address,
                "SPANLEDGER_LOGS": "true",
                "SPANLEDGER_LOGS_CONSOLE": "true",
                "SPANLEDGER_LOGS_FILE": str(tmp_path / "made" / "shop.log"),
                "SPANLEDGER_LOGS_REQUESTS": "true",
                "SPANLEDGER_REDACT": "Anna|Otto",
            },
        )
    assert done.returncode == 0, done.stderr
    (span,) = [span for span in received.spans() if span.name == "GET /books/{number}"]
    written = (tmp_path / "made" / "shop.log").read_text().splitlines()
    lines = [line for line in written if " spanledger.requests " in line or " shop " in line]
    begins, asked, ends, *broken = lines
    for line in (begins, asked, ends):
        assert f"[trace_id={span.trace_id.hex()} span_id=" in line
        assert line in done.stderr
    assert begins.endswith("GET /books/7%0Aforged begins, request r1")
    assert asked.endswith("asked with [redacted] by [redacted]")
    assert "ends with 200 after 0." in ends
    assert any("GET /broken ends by ValueError after" in line for line in broken)
    (record,) = [record for record in received.records() if record.body.string_value.startswith("asked")]
    assert record.body.string_value == "asked with [redacted] by [redacted]"
    found = attributes(record)
    assert (found["prompt"], found["api_key"], found["n"]) == ("[redacted]", "[redacted]", 1)
    everything = str(received.records()) + done.stderr
    assert not any(secret in everything for secret in ("abcdefghij", "a secret plan", "Anna"))


def test_a_file_that_cannot_be_written_is_a_mistake_that_is_told_and_nothing_else(tmp_path):
    (tmp_path / "file").write_text("")
    held = Settings(logs_file=str(tmp_path / "file" / "shop.log"))
    (mistake,) = logs.set_up(held)
    assert "shop.log" in mistake


def test_setting_up_again_takes_the_place_of_what_was_set_up_before(tmp_path, logger):
    for name in ("first.log", "second.log"):
        assert logs.set_up(Settings(logs_file=str(tmp_path / name))) == []
    logger.info("once")
    assert (tmp_path / "first.log").read_text() == ""
    assert (tmp_path / "second.log").read_text().count("once") == 1
    assert logs.set_up(Settings()) == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer [redacted]"),
        ("{'x-api-key': 'k1', 'a': 1}", "{'x-api-key': '[redacted]', 'a': 1}"),
        ("url?openai_api_key=k1&b=2", "url?openai_api_key=[redacted]&b=2"),
        ("key sk-ant-api03-abcdefghijklmnop ok", "key [redacted] ok"),
        ("AIzaSyA1234567890abcdefghijklmnopqrstu", "[redacted]"),
        ("AKIAABCDEFGHIJKLMNOP", "[redacted]"),
        ("the secret of task-force and basic training", "the secret of task-force and basic training"),
        ("tokens: 12, keyboard: 3", "tokens: 12, keyboard: 3"),
    ],
)
def test_keys_and_passwords_are_taken_out_and_plain_words_stay(text, left):
    assert Redaction().text(text) == left


def test_values_that_are_named_as_content_go_unless_they_are_asked_for_and_counts_stay():
    shown = {"gen_ai.input.messages": ["hello"], "messages": 3, "shelf": {"password": "x", "row": ["sk-" + "a" * 20]}}
    kept = {"messages": 3, "shelf": {"password": "[redacted]", "row": ["[redacted]"]}}
    assert {k: Redaction().value(k, v) for k, v in shown.items()} == {"gen_ai.input.messages": "[redacted]", **kept}
    open_rules = Redaction(content=True)
    assert {k: open_rules.value(k, v) for k, v in shown.items()} == {"gen_ai.input.messages": ["hello"], **kept}


def test_long_and_hostile_text_is_cut_and_read_in_no_time():
    for text in ("a-" * 500_000, "api_key" * 100_000, "api_key" + " " * 500_000, "bearer " * 100_000):
        began = time.thread_time()
        assert len(Redaction().text(text)) <= MAX_CHARACTERS + 20_000
        assert time.thread_time() - began < 2
