"""What a program raises in a request in which a model was asked is told by its kind and place, not by its words."""

from subprocess import CompletedProcess

import pytest

from tests.sdk.making import program
from tests.sdk.provider import provider
from tests.sdk.receiver import Received, attributes, http_receiver

PROMPT = "call me Ishmael, some years ago"
SHOP = f"""
import asyncio, logging, os, socket
import httpx, openai, uvicorn, spanledger
from fastapi import FastAPI
from opentelemetry import trace

PROMPT = {PROMPT!r}
spanledger.configure(service_name="shop", logs=True, metrics_exporter="none", sample_ratio=float(os.environ["RATIO"]))
spanledger.instrument(include=["fastapi", "openai"])
client = openai.AsyncOpenAI(base_url=os.environ["PROVIDER"] + "/v1", api_key="none")
messages = [{{"role": "user", "content": PROMPT}}]
app = FastAPI()

async def complete():
    return (await client.chat.completions.create(model="gpt-4o", messages=messages)).choices[0].message.content

traced = spanledger.traced_cost(complete)

SAID = {{"prompt": PROMPT, "question": PROMPT, "job": "ft-7", "input": 5}}

@spanledger.traced_cost(provider="openai", attributes=SAID)
def alone():
    return {{"usage": {{"prompt_tokens": 3, "completion_tokens": 4}}, "model": "gpt-4o"}}

class Odd(Exception):
    pass

@app.get("/{{how}}")
async def ask(how: str):
    if how == "plain":
        raise ValueError(f"no such book: {{PROMPT}}")
    if how == "alone":
        alone()
    else:
        await (traced if how == "traced" else complete)()
    trace.get_current_span().set_attributes({{"user_prompt": PROMPT, "step": "parse"}})
    try:
        raise KeyError(PROMPT)
    except KeyError as error:
        error.add_note(f"asked: {{PROMPT}}")
        raise Odd(f"cannot read the answer to '{{PROMPT}}'\\nat all") from error

listening = socket.create_server(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(app, log_level="warning", log_config=None))

async def main():
    serving = asyncio.create_task(server.serve([listening]))
    async with httpx.AsyncClient(base_url="http://127.0.0.1:%d" % listening.getsockname()[1], timeout=20) as http:
        for how in ("traced", "client", "alone", "plain"):
            assert (await http.get("/" + how)).status_code == 500
    server.should_exit = True
    await serving

asyncio.run(main())
withheld = spanledger.stats()["withheld"]
assert spanledger.flush(20)
print(withheld, spanledger.stats()["failures"])
"""
ON = dict.fromkeys(("SPANLEDGER_LOGS_CONTENT", "SPANLEDGER_SPANS_CONTENT", "SPANLEDGER_LEDGER_CONTENT"), "true")
Told = tuple[Received, CompletedProcess[str]]


def told(ratio: float, **env: str) -> Told:
    with http_receiver() as (received, address), provider() as (_, port):
        here = {"SPANLEDGER_ENDPOINT": address, "PROVIDER": f"http://127.0.0.1:{port}", "RATIO": str(ratio)}
        done = program(SHOP, env=here | env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("{}\n"), done.stdout  # no failures
    return received, done


@pytest.fixture(scope="module")
def off() -> Told:
    return told(1.0)


def events(received: Received) -> dict[str, dict[str, str]]:
    found = {attributes(span)["url.path"]: span for span in received.spans() if "url.path" in attributes(span)}
    return {path: attributes(next(iter(span.events))) for path, span in found.items()}


@pytest.mark.parametrize("how", ["/traced", "/client", "/alone"])
def test_its_event_says_what_kind_and_where(off: Told, how: str) -> None:
    event = events(off[0])[how]
    assert event["exception.type"].endswith("Odd")
    assert event["exception.message"] == "[withheld: what Odd says]"
    assert "in ask" in event["exception.stacktrace"]
    assert "[withheld: what KeyError says]" in event["exception.stacktrace"]


def test_where_no_model_was_asked_an_exception_says_what_it_says(off: Told) -> None:
    assert events(off[0])["/plain"]["exception.message"] == f"no such book: {PROMPT}"


def test_nothing_of_the_prompt_leaves_but_in_what_is_no_prompt(off: Told) -> None:
    received, done = off
    plain = [span for span in received.spans() if attributes(span).get("url.path") == "/plain"]
    others = [str(span) for span in received.spans() if span not in plain]
    assert [span for span in others if PROMPT in span] == []
    records = [str(record) for record in received.records()]
    assert len([record for record in records if PROMPT in record]) == 1  # what the server logs of `/plain`
    assert len([record for record in records if "withheld: what Odd says" in record]) == 3
    assert "'spans.exception': 3" in done.stdout


def test_attributes_of_the_program_are_known_by_their_names(off: Told) -> None:
    received, _ = off
    asked = [attributes(span) for span in received.spans() if attributes(span).get("url.path") == "/client"]
    assert [(found["user_prompt"], found["step"]) for found in asked] == [("[redacted]", "parse")]
    (alone,) = [found for span in received.spans() if (found := attributes(span)).get("job") == "ft-7"]
    (line,) = [found for record in received.records() if (found := attributes(record)).get("job") == "ft-7"]
    for found in (alone, line):
        assert (found["prompt"], found["question"], found["input"]) == ("[redacted]", "[redacted]", 5)


def test_a_request_whose_span_is_not_kept_is_logged_no_louder() -> None:
    received, _ = told(0.0)
    assert len([record for record in received.records() if PROMPT in str(record)]) == 1


def test_it_all_leaves_where_that_is_asked_for() -> None:
    received, _ = told(1.0, **ON)
    assert events(received)["/client"]["exception.message"] == f"cannot read the answer to '{PROMPT}'\nat all"
    (alone,) = [found for span in received.spans() if (found := attributes(span)).get("job") == "ft-7"]
    assert (alone["prompt"], alone["question"]) == (PROMPT, PROMPT)
