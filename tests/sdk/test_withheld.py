"""Prompts and answers do not leave in metadata and in what providers' exceptions say, unless that is asked for."""

from subprocess import CompletedProcess

import pytest

from spanledger import semconv
from spanledger.withheld import is_content, said_in_trace, without
from tests.sdk.making import program
from tests.sdk.receiver import Received, attributes, http_receiver

Told = tuple[Received, CompletedProcess[str], bool]
PROMPT = "call me Ishmael, some years ago"
CONTENT = [
    "prompt",
    "messages",
    "completion",
    "input",
    "output",
    "question",
    "answer",
    "gen_ai.input.messages",
    "gen_ai.prompt.0.content",
    "user_prompt",
    "prompt_text",
    "llm_output",
    "user_message",
    "last_user_message",
    "chat_history",
    "metadata.prompt",
    "Prompt",
    "system.instructions",
]
OTHERS = [
    "job",
    "epochs",
    "input_tokens",
    "output_tokens",
    "message",
    "message_id",
    "prompt_version",
    "prompt_id",
    "model",
    "content_type",
    "question_id",
    "output_format",
    "finish_reason",
    "text_length",
    "input_file",
    "completion_tokens",
    "query_ms",
    "error_message",
]


def test_content_is_known_by_its_name() -> None:
    assert [name for name in CONTENT if not is_content(name)] == []
    assert [name for name in OTHERS if is_content(name)] == []


@pytest.mark.parametrize(
    "name", ["input_" * 50, "a" * 256, "input_output_" * 20 + "!"], ids=("words", "long", "nearly")
)
def test_a_hostile_name_is_looked_at_quickly(name: str) -> None:
    assert not is_content(name)


TOLD = f"""
import logging, os
import httpx2, openai, spanledger
from opentelemetry import trace

PROMPT = {PROMPT!r}
spanledger.configure(service_name="shop", logs=True, logs_console=True, metrics_exporter="none")
spanledger.track_cost("openai", "tuning", "0.1", metadata={{
    "prompt": PROMPT, "nested": {{"messages": [{{"content": PROMPT}}], "deep": [{{"answer": PROMPT}}]}},
    "input": 12, "gen_ai.prompt.0.content": PROMPT, "job": "ft-7", "flag": True, 5: "five",
}})
answer = httpx2.Response(400, request=httpx2.Request("POST", "http://provider"))

def refused():
    said = f"Error code: 400 - the prompt '{{PROMPT}}'\\nis not allowed"
    raise openai.BadRequestError(said, response=answer, body=None)

log, tracer = logging.getLogger("shop"), trace.get_tracer("mine")
try:
    with tracer.start_as_current_span("outer"):
        try:
            refused()
        except openai.BadRequestError as error:
            raise ValueError(f"it is refused: {{error}}") from error
except ValueError as error:
    log.exception("it failed: %s", error)
    log.error("because of %r", error.__cause__)
    log.error(error.__cause__)
    log.error("%(why)s", {{"why": error.__cause__}})
try:
    raise ValueError("a plain one")
except ValueError:
    log.exception("plain")
withheld = spanledger.stats()["withheld"]
assert spanledger.flush(20)
print(withheld, spanledger.stats()["failures"])
"""
OFF = {"SPANLEDGER_LOGS_CONTENT": "false"}
ON = dict.fromkeys(("SPANLEDGER_LOGS_CONTENT", "SPANLEDGER_SPANS_CONTENT", "SPANLEDGER_LEDGER_CONTENT"), "true")


@pytest.fixture(scope="module", params=[OFF, ON], ids=("off", "on"))
def told(request: pytest.FixtureRequest) -> Told:
    with http_receiver() as (received, address):
        done = program(TOLD, env={"SPANLEDGER_ENDPOINT": address, **request.param})
    assert done.returncode == 0, done.stderr
    return received, done, request.param is ON


def test_what_is_asked_and_answered_leaves_only_where_that_is_asked_for(told: Told) -> None:
    received, done, is_on = told
    sent = {
        signal: [str(m) for s, m in received.requests if s == signal and PROMPT in str(m)]
        for signal in ("logs", "traces")
    }
    assert {signal: bool(found) for signal, found in sent.items()} == {"logs": is_on, "traces": is_on}
    assert (PROMPT in done.stderr) == is_on
    said, failures = done.stdout.strip().rsplit("{", 1)
    assert failures == "}"
    assert said.strip() == ("{}" if is_on else "{'track_cost.metadata': 4, 'logs.exception': 8}")


def test_what_is_held_back_is_told_once_with_the_setting_and_the_rest_stays(told: Told) -> None:
    received, done, is_on = told
    for setting in ON:
        assert done.stderr.count(f"{setting}=true lets it through") == (0 if is_on else 1)
    (line,) = received.records(semconv.LEDGER_EVENT)
    text = str(line)
    assert "ft-7" in text
    assert "five" in text
    assert ("[redacted]" in text) == (not is_on)
    shop = [attributes(record) for record in received.records() if "exception.type" in attributes(record)]
    assert [found["exception.type"] for found in shop] == ["ValueError", "ValueError"]
    assert shop[1]["exception.message"] == "a plain one"
    assert "The above exception was the direct cause" in shop[0]["exception.stacktrace"]
    if not is_on:
        assert shop[0]["exception.message"] == "it is refused: [withheld: what BadRequestError 400 says]"


TRACE = """Traceback (most recent call last):
  File "a.py", line 1, in f
openai.BadRequestError: Error code: 400 - {'a':
 'b'}

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 2, in f
ValueError: other: Error code: 400 - {'a':
 'b'}
"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "a.py", line 2, in f
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | anthropic.BadRequestError: the prompt
    +---------------- 2 ----------------
    | KeyError: 'x'
    +------------------------------------
"""


def test_what_a_provider_says_is_found_in_a_trace_of_causes_and_of_groups() -> None:
    held = said_in_trace(TRACE)
    assert held == {"Error code: 400 - {'a':\n 'b'}": "[withheld: what BadRequestError says]"}
    assert without(TRACE, held).count("[withheld: what BadRequestError says]") == 2
    assert "Error code" not in without(TRACE, held)
    assert said_in_trace(GROUP) == {"the prompt": "[withheld: what BadRequestError says]"}
    assert said_in_trace("ValueError: openai is not here") == {}
    assert said_in_trace("openai.APIError: x") == {}  # too short to be a prompt, and in every text
