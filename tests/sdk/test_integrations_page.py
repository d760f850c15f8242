"""The examples of docs/integrations.md, run as they stand there."""

import ast
import re

import pytest

from spanledger import semconv
from tests.sdk.making import ROOT, program
from tests.sdk.provider import provider
from tests.sdk.receiver import attributes, http_receiver

PAGE = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
EXAMPLES = {
    section.splitlines()[0]: re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    for section in re.split(r"^#+ ", PAGE, flags=re.MULTILINE)[1:]
}


def ran(section, more=""):
    with http_receiver() as (received, address), provider() as (requests, port):
        here = f"http://127.0.0.1:{port}"
        keys = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "NEAR": here}
        bases = {"OPENAI_BASE_URL": here + "/v1", "ANTHROPIC_BASE_URL": here}
        code = f"{EXAMPLES[section][0]}\n{more}\nassert spanledger.flush(20)\n"
        done = program(code, env={"SPANLEDGER_ENDPOINT": address, **keys, **bases})
    assert done.returncode == 0, done.stderr
    return done, received, dict(requests)


@pytest.mark.parametrize("section", [name for name, found in EXAMPLES.items() if found])
def test_every_example_is_python(section):
    for example in EXAMPLES[section]:
        ast.parse(example)


@pytest.mark.parametrize(("section", "path"), [("OpenAI", "/v1/chat/completions"), ("Anthropic", "/v1/messages")])
def test_the_example_of_a_client_prints_its_answer_and_makes_one_line(section, path):
    done, received, requests = ran(section)
    assert done.stdout.strip() == "42"
    (line,) = received.records(semconv.LEDGER_EVENT)
    found = attributes(line)
    assert (found["gen_ai.usage.input_tokens"], found["user.id"], found["session.id"]) == (11, "u7", "s1")
    assert len({span.trace_id for span in received.spans()}) == 1
    assert all(attributes(span)["user.id"] == "u7" for span in received.spans())
    calls = [span for span in received.spans() if "gen_ai.operation.name" in attributes(span)]
    assert sum(semconv.CALL_SPAN_ID in attributes(span) for span in calls) == len(calls) - 1 == 1
    assert list(requests) == [path]
    if section == "Anthropic":  # the client's own doing; for OpenAI's the host's name decides, and this one is ours
        assert "baggage" not in requests[path]


def test_the_example_of_fastapi_knows_its_user():
    _, received, _ = ran(
        "FastAPI",
        "from fastapi.testclient import TestClient\n"
        "assert TestClient(app).get('/books/7', headers={'X-User-ID': 'u7'}).json() == {'number': 7}",
    )
    (span,) = received.spans()
    assert (span.name, attributes(span)["user.id"]) == ("GET /books/{number}", "u7")


def test_the_example_of_httpx_tells_a_neighbour_who_it_is_for():
    _, received, requests = ran("httpx and requests", "import os; price(os.environ['NEAR'])")
    assert requests["/prices"]["baggage"] == "user.id=u7"
    assert [span.name for span in received.spans()] == ["GET"]


def test_the_example_of_everything_tells_what_is_on():
    done, _, _ = ran("Integrations")
    assert "'fastapi', 'httpx', 'httpx2', 'openai', 'requests'" in done.stdout
    assert "'system_metrics': 'not asked for'" in done.stdout


def test_the_example_of_system_metrics_sends_them():
    _, received, _ = ran("System metrics")
    assert received.metrics("process.cpu.utilization") or received.metrics("system.cpu.utilization")
