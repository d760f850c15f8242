"""A real Jaeger: it still says what was written down, and says the same as our backend behind the same Collectors."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from spanledger_examples.collector import CONFIGURATION
from spanledger_examples.go_program import NotBuiltError
from spanledger_examples.jaeger import PROGRAM
from tests.interop import compared, spans
from tests.interop.running import jaeger
from tests.stack.stack import OTLP, Stack
from tests.support.inside import Inside


@pytest.fixture(scope="session")
def real() -> Path:
    """The Jaeger; the tests that need it are skipped, with the reason, where it is not."""
    try:
        return PROGRAM.found()
    except NotBuiltError as reason:
        pytest.skip(str(reason))


@pytest.mark.slow
def test_a_real_jaeger_still_says_what_was_written_down(real: Path, tmp_path: Path) -> None:
    assert compared.of_jaeger(real, tmp_path, time.time_ns()) == compared.recorded()


@pytest.mark.slow
def test_a_real_jaeger_and_our_backend_say_the_same_behind_agent_and_gateway(
    real: Path, stack: Stack, tmp_path: Path
) -> None:
    with jaeger(real, tmp_path) as running:
        stack.backend.start()
        stack.add_gateway("keep-all.yaml", "jaeger.yaml", JAEGER_ENDPOINT=f"127.0.0.1:{running.grpc_port}").start()
        agent = stack.add_agent().start()
        at_ns = compared.began_ns(time.time_ns())
        body = spans.request(at_ns).SerializeToString()
        assert httpx.post(f"http://127.0.0.1:{agent.http_port}/v1/traces", content=body, headers=OTLP).is_success
        with stack.backend.client() as backend:
            for client in (running.client, backend):
                stack.wait_for(lambda client=client: compared.all_there(client), "all spans are there")
            answers, ours = compared.asked(running.client, at_ns), compared.asked(backend, at_ns)
    assert ours == answers


@pytest.mark.slow
def test_a_real_jaeger_over_our_store_says_what_it_says_over_its_own(
    real: Path, server: Inside, tmp_path: Path
) -> None:
    at_ns = compared.began_ns(time.time_ns())
    assert server.send("traces", spans.request(at_ns).SerializeToString()).status_code == 200
    backend = {"BACKEND_ENDPOINT": f"127.0.0.1:{server.grpc_port}", "BACKEND_TOKEN": server.token_for("viewer")}
    with jaeger(real, tmp_path, CONFIGURATION / "jaeger/over-spanledger.yaml", **backend) as running:
        assert compared.asked(running.client, at_ns) == compared.recorded()
