"""`spanledger.instrument()` in programs of their own: it changes the libraries of the process it is called in."""

import re

import pytest

from spanledger import semconv
from spanledger.outgoing import is_provider
from tests.sdk.making import program
from tests.sdk.provider import provider
from tests.sdk.receiver import attributes, http_receiver

SHOP = """
import asyncio, http.client, os, socket, threading
import uvicorn
from fastapi import FastAPI
import spanledger
from spanledger import outgoing

outgoing.PROVIDERS = ("localhost",)
early = FastAPI()  # made before anything is instrumented

spanledger.configure(service_name="shop", metrics_exporter="none")
done = spanledger.instrument(include=["fastapi", "httpx", "httpx2", "openai", "requests"])
assert done.on == ("fastapi", "httpx", "httpx2", "openai", "requests"), done
assert spanledger.instrument().on != ()

import httpx, openai, requests

client = openai.AsyncOpenAI(base_url=os.environ["PROVIDER"] + "/v1", api_key="sk-secret")
late = FastAPI()
early.mount("/late", late)

async def complete():
    return await client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "the question"}])

traced = spanledger.traced_cost(complete)

@early.get("/ask")
async def ask(how: str):
    with spanledger.context(session_id="s1", feature="search"):
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"{here}/late/answer", params={"how": how})
    return answer.json()

@late.get("/answer")
async def answer(how: str):
    completion = await (traced if how == "traced" else complete)()
    if how == "traced":
        await asyncio.to_thread(requests.get, os.environ["PROVIDER"] + "/models", timeout=5)
        await asyncio.to_thread(requests.get, os.environ["NEAR"] + "/prices", timeout=5)
    return completion.choices[0].message.content

spanledger.instrument_fastapi(early, identity_headers={"user_id": "X-User-ID"})
listening = socket.create_server(("127.0.0.1", 0))
here = "http://127.0.0.1:%d" % listening.getsockname()[1]
server = uvicorn.Server(uvicorn.Config(early, log_level="warning"))
thread = threading.Thread(target=server.run, args=([listening],))
thread.start()
for how in os.environ["HOW"].split(","):
    asked = http.client.HTTPConnection(*listening.getsockname(), timeout=20)
    asked.request("GET", f"/ask?how={how}", headers={"X-User-ID": "u7"})
    assert asked.getresponse().read() == b'"42"'
    asked.close()
server.should_exit = True
thread.join(20)
assert spanledger.flush(20)
"""


def ran(how):
    with http_receiver() as (received, address), provider() as (requests, port):
        env = {"PROVIDER": f"http://localhost:{port}", "NEAR": f"http://127.0.0.1:{port}", "HOW": how}
        done = program(SHOP, env={"SPANLEDGER_ENDPOINT": address, **env})
    assert done.returncode == 0, done.stderr
    assert "different Context" not in done.stderr
    return received, dict(requests)


@pytest.fixture(scope="module")
def traced():
    return ran("traced")


def test_a_request_through_two_services_a_client_and_a_provider_is_one_connected_trace(traced):
    spans = traced[0].spans()
    name = {span.span_id: span.name for span in spans}
    assert len({span.trace_id for span in spans}) == 1
    assert sorted((span.name, name.get(span.parent_span_id)) for span in spans if span.parent_span_id) == [
        ("GET", "GET /ask"),
        ("GET", "GET /late/answer"),
        ("GET", "GET /late/answer"),
        ("GET /late/answer", "GET"),
        ("POST", "chat gpt-4o-2024-08-06"),
        ("chat gpt-4o-2024-08-06", "GET /late/answer"),
    ]
    assert [span.name for span in spans if not span.parent_span_id] == ["GET /ask"]


def test_user_session_and_feature_are_on_every_span_below_the_place_that_named_them(traced):
    for span in traced[0].spans():
        found = attributes(span)
        assert found["user.id"] == "u7", span.name
        if span.name != "GET /ask":
            assert (found["session.id"], found["spanledger.feature"]) == ("s1", "search"), span.name


def test_a_call_that_is_both_traced_and_instrumented_is_one_line(traced):
    (line,) = traced[0].records(semconv.LEDGER_EVENT)
    found = attributes(line)
    assert (found[semconv.GEN_AI_USAGE_INPUT_TOKENS], found["user.id"], found["session.id"]) == (11, "u7", "s1")
    (call,) = [span for span in traced[0].spans() if "gen_ai.operation.name" in attributes(span)]
    assert call.span_id == line.span_id


def test_a_provider_is_told_the_trace_and_not_who_it_is_for_while_a_neighbour_is_told_both(traced):
    requests = traced[1]
    for path in ("/v1/chat/completions", "/models"):
        assert "baggage" not in requests[path], path
        assert "traceparent" in requests[path], path
    assert "user.id=u7" in requests["/prices"]["baggage"]


def test_neither_prompt_nor_answer_nor_key_is_sent(traced):
    everything = "".join(str(span) for span in traced[0].spans()) + str(traced[0].records())
    assert "the question" not in everything
    assert "sk-secret" not in everything


def test_without_a_decorator_the_clients_call_has_its_span_and_its_line():
    received, _ = ran("plain")
    (line,) = received.records(semconv.LEDGER_EVENT)
    (call,) = [span for span in received.spans() if "gen_ai.operation.name" in attributes(span)]
    assert (call.name, call.span_id) == ("chat gpt-4o", line.span_id)
    found = attributes(line)
    assert (found["gen_ai.usage.input_tokens"], found["user.id"], found["session.id"]) == (11, "u7", "s1")


def test_what_is_left_out_has_a_reason_and_a_conflict_is_one_line_and_no_exception(tmp_path):
    made = tmp_path / "fake-1.0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: fake\nVersion: 1.0\nProvides-Extra: instruments\n"
        'Requires-Dist: wrapt>=99; extra == "instruments"\n'
    )
    (made / "entry_points.txt").write_text("[opentelemetry_instrumentor]\nold = fake:Old\n")
    second = tmp_path / "second-1.0.dist-info"
    second.mkdir()
    (second / "METADATA").write_text("Metadata-Version: 2.1\nName: second\nVersion: 1.0\n")
    (second / "entry_points.txt").write_text(
        "[opentelemetry_instrumentor]\nbroken = second:Broken\nraising = second:Raising\nmissing = nowhere:Never\n"
        "wrong = opentelemetry.nowhere:Never\nopenai = second:Raising\n"
    )
    (tmp_path / "second.py").write_text("class Raising:\n    def __init__(self): raise RuntimeError('on purpose')\n")
    done = program(
        f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import spanledger
        for _ in range(2):
            found = spanledger.instrument(exclude="requests", include=None)
        for name, reason in found.left_out.items():
            print(name, "=", reason)
        print("on", found.on)
        print(spanledger.instrument(include=["nonsense"]).left_out["nonsense"])
        """,
        env={"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "httpx , system_metrics"},
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert any(re.fullmatch(r"old = it needs wrapt>=99, and wrapt \S+ is installed", line) for line in said), said
    assert "raising = it failed, see the log" in said
    assert "missing = the library is not installed" in said
    assert any(line.startswith("wrong = opentelemetry.nowhere:Never cannot be imported") for line in said)
    assert "broken = it failed, see the log" in said
    assert "requests = not asked for" in said
    assert "httpx = switched off by OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" in said
    assert "on ('anthropic', 'asyncpg', 'celery', 'fastapi', 'httpx2', 'openai', 'redis', 'sqlalchemy')" in said
    assert "no instrumentation of this name is installed" in said
    assert done.stderr.count("spanledger does not instrument old: it needs wrapt>=99") == 1
    assert done.stderr.count("RuntimeError: on purpose") == 1


def test_packages_of_opentelemetry_that_do_not_go_together_are_named_and_used_as_far_as_they_work(tmp_path):
    made = tmp_path / "beta-0.1b0.dist-info"
    made.mkdir()
    needs = "Requires-Dist: opentelemetry-instrumentation==0.1b0\nRequires-Dist: opentelemetry-never>=1\n"
    (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: beta\nVersion: 0.1b0\n{needs}")
    (made / "entry_points.txt").write_text(
        "[opentelemetry_instrumentor]\nworks = beta:Works\nold = beta:Old\nmoved = beta_moved:Moved\n"
    )
    (tmp_path / "beta.py").write_text(
        "class Works:\n    is_instrumented_by_opentelemetry = False\n    def instrument(self, **more): pass\n"
        "class Old(Works):\n    def instrument(self, **more): raise AttributeError('gone')\n"
    )
    (tmp_path / "beta_moved.py").write_text("from opentelemetry.instrumentation.utils import moved\n")
    done = program(
        f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import spanledger
        found = spanledger.instrument(include=["works", "old", "moved"])
        print(found.on)
        for name in ("old", "moved"):
            print(name, "=", found.left_out[name])
        """
    )
    assert done.returncode == 0, done.stderr
    on, old, moved = done.stdout.splitlines()
    why = r"beta 0\.1b0 needs opentelemetry-instrumentation==0\.1b0, and \S+ is installed: install .* one pip command"
    assert on == "('works',)"
    assert re.fullmatch(f"old = it failed, see the log; {why}", old)
    assert re.fullmatch(f"moved = beta_moved:Moved cannot be imported: cannot import name 'moved' .*; {why}", moved)
    assert re.search(f"spanledger instruments works, but {why}", done.stderr)


def test_a_library_that_a_program_does_not_import_costs_it_nothing_and_one_that_it_does_is_instrumented_then():
    done = program(
        """
        import sys, threading
        import openai
        import spanledger
        libraries = ("anthropic", "asyncpg", "celery", "fastapi", "httpx2", "redis", "sqlalchemy")
        before = set(sys.modules)
        for _ in range(2):
            on = spanledger.instrument().on
        assert {"openai", *libraries} <= set(on), on
        print([name for name in libraries if name in set(sys.modules) - before])

        from opentelemetry.instrumentation.redis import RedisInstrumentor
        from spanledger.clients import AnthropicInstrumentor, OpenAIInstrumentor

        def is_on(*kinds):
            return [kind().is_instrumented_by_opentelemetry for kind in kinds]

        print(is_on(OpenAIInstrumentor, AnthropicInstrumentor))
        late = threading.Thread(target=__import__, args=("anthropic",))
        late.start()
        late.join()
        print(is_on(AnthropicInstrumentor))
        import sqlalchemy
        print(sqlalchemy.create_engine.__module__, hasattr(sqlalchemy.create_engine, "__wrapped__"))
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "[True, False]", "[True]", "sqlalchemy.engine.create True"]
    assert done.stderr == ""


def test_a_library_that_cannot_be_instrumented_when_it_is_imported_at_last_is_imported_all_the_same(tmp_path):
    made = tmp_path / "late-1.0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 1.0\n")
    (made / "entry_points.txt").write_text("[opentelemetry_instrumentor]\nbotocore = late:Raising\n")
    (tmp_path / "botocore.py").write_text("there = True\n")
    (tmp_path / "late.py").write_text("class Raising:\n    def __init__(self): raise RuntimeError('on purpose')\n")
    done = program(
        f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import spanledger
        print(spanledger.instrument(include=["botocore", "requests"]).on, "late" in sys.modules)
        print(spanledger.stats()["instrumentations"])
        import botocore, requests
        print(botocore.there, "late" in sys.modules)
        print(spanledger.stats()["instrumentations"], spanledger.stats()["failures"])
        """
    )
    assert done.returncode == 0, done.stderr
    wait = "waits until its library is imported"
    assert done.stdout.splitlines() == [
        "('botocore', 'requests') False",
        str({"botocore": wait, "requests": wait}),
        "True True",
        str({"botocore": "it failed, see the log", "requests": "on"}) + " {'instrument botocore: RuntimeError': 1}",
    ]
    assert done.stderr.count("RuntimeError: on purpose") == 1


def test_what_a_program_has_instrumented_itself_stays_as_it_was_made_and_makes_one_span():
    with http_receiver() as (received, address), provider() as (requests, port):
        done = program(
            f"""
            import httpx
            from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
            import spanledger

            HTTPXClientInstrumentor().instrument(request_hook=lambda span, request: span.set_attribute("hook", "mine"))
            spanledger.configure(service_name="shop", metrics_exporter="none")
            assert spanledger.instrument(include=["httpx"]).on == ("httpx",)
            httpx.get("http://127.0.0.1:{port}/models")
            assert spanledger.flush(20)
            """,
            env={"SPANLEDGER_ENDPOINT": address},
        )
    assert done.returncode == 0, done.stderr
    (span,) = received.spans()
    assert attributes(span)["hook"] == "mine"
    assert "traceparent" in dict(requests)["/models"]


def test_switched_off_nothing_is_instrumented():
    done = program(
        "import spanledger, sys; print(spanledger.instrument(), 'fastapi' in sys.modules)",
        env={"SPANLEDGER_ENABLED": "false"},
    )
    assert done.stdout.strip() == "Instrumented(on=(), left_out={}) False"


@pytest.mark.parametrize("host", ["api.openai.com", "API.OpenAI.com.", "shop.openai.azure.com", "x.ai", "api.x.ai"])
def test_hosts_of_providers_are_known(host):
    assert is_provider(host)


@pytest.mark.parametrize("host", ["", "localhost", "notopenai.com", "max.ai", "openai.com.shop.example", "10.0.0.1"])
def test_other_hosts_are_not(host):
    assert not is_provider(host)
