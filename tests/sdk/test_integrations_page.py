"""The examples of docs/integrations.md, run as they stand there."""

import ast
import re

import pytest

from spanledger import semconv
from tests.end_to_end import services
from tests.sdk.making import ROOT, program
from tests.sdk.provider import provider
from tests.sdk.receiver import attributes, http_receiver

PAGE = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
EXAMPLES = {
    section.splitlines()[0]: re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    for section in re.split(r"^#+ ", PAGE, flags=re.MULTILINE)[1:]
}


def ran(section, more="", *, example=0, env=None):
    with http_receiver() as (received, address), provider() as (requests, port):
        here = f"http://127.0.0.1:{port}"
        keys = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "NEAR": here}
        bases = {"OPENAI_BASE_URL": here + "/v1", "ANTHROPIC_BASE_URL": here}
        code = f"{EXAMPLES[section][example]}\n{more}\nassert spanledger.flush(20)\n"
        done = program(code, env={"SPANLEDGER_ENDPOINT": address, **keys, **bases, **(env or {})})
    assert done.returncode == 0, done.stderr
    return done, received, dict(requests)


@pytest.mark.parametrize("section", [name for name, found in EXAMPLES.items() if found])
def test_every_example_is_python(section):
    for example in EXAMPLES[section]:
        ast.parse(example)


@pytest.mark.parametrize(("section", "path"), [("OpenAI", "/v1/chat/completions"), ("Anthropic", "/v1/messages")])
@pytest.mark.parametrize("example", [0, 1], ids=["undecorated", "decorated"])
def test_the_examples_of_a_client_print_the_answer_and_make_one_line_and_one_span(section, path, example):
    done, received, requests = ran(section, example=example, env={"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "httpx2"})
    assert done.stdout.strip() == "42"
    (line,) = received.records(semconv.LEDGER_EVENT)
    found = attributes(line)
    assert (found["gen_ai.usage.input_tokens"], found["user.id"], found["session.id"]) == (11, "u7", "s1")
    assert found["spanledger.feature"] == "search"
    assert len({span.trace_id for span in received.spans()}) == 1
    assert all(attributes(span)["user.id"] == "u7" for span in received.spans())
    (call,) = [span for span in received.spans() if "gen_ai.operation.name" in attributes(span)]
    assert call.span_id == line.span_id
    assert list(requests) == [path]
    assert "baggage" not in requests[path]  # which Anthropic's client would send by itself


def test_the_example_of_another_instrumentation_makes_one_line_without_keeping_a_span():
    _, received, _ = ran("Other instrumentations of models", env={"SPANLEDGER_SAMPLE_RATIO": "0"})
    (line,) = received.records(semconv.LEDGER_EVENT)
    assert attributes(line)["gen_ai.usage.input_tokens"] == 11
    assert received.spans() == []


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
    assert re.match(
        r"\(.*'celery', 'fastapi', 'httpx', 'httpx2', 'openai', 'redis', 'requests', 'sqlalchemy'\)", done.stdout
    )
    assert "'system_metrics': 'not asked for'" in done.stdout


def test_the_example_of_sqlalchemy_makes_spans_with_the_user_and_measures_the_pool():
    done, received, _ = ran("SQLAlchemy and asyncpg")
    assert done.stdout.strip() == "42"
    (statement,) = [span for span in received.spans() if span.name.startswith("SELECT")]
    assert attributes(statement)["user.id"] == "u7"
    assert received.metrics("db.client.connections.usage")


@pytest.mark.skipif(services.found("redis-server") is None, reason="not on this machine: redis-server")
def test_the_example_of_redis_makes_a_span_for_each_command_without_the_value(tmp_path, monkeypatch):
    with services.redis(tmp_path) as url:
        monkeypatch.setenv("REDIS_URL", url)
        done, received, _ = ran("Redis")
    assert done.stdout.strip() == "b'Walden'"
    assert [span.name for span in received.spans()] == ["SET", "GET"]
    assert all(attributes(span)["session.id"] == "s1" for span in received.spans())
    assert "Walden" not in str(received.spans())


def test_the_example_of_system_metrics_sends_them():
    _, received, _ = ran("System metrics")
    assert received.metrics("process.cpu.utilization") or received.metrics("system.cpu.utilization")
