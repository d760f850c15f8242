"""A program that tells all that the SDK can tell as a metric, for the tests of dashboards: real calls and instruments.

``python -m tests.stack.speaks SECONDS`` does it again and again for that long.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

from fastapi import FastAPI
from opentelemetry import trace
from starlette.testclient import TestClient

import spanledger
from spanledger.audio import figures
from tests.stack.program import RefusedError

LISTEN = {"audio.format": "wav", "audio.stage": "load_audio"}


@spanledger.traced_cost(provider="openai", model="gpt-5-mini", operation="chat")
def ask(*, fails: bool = False) -> str:
    spanledger.record_usage(input_tokens=1000, output_tokens=100)
    if fails:
        raise RefusedError
    return "yes"


@spanledger.traced_cost(provider="openai", model="gpt-5-mini", operation="chat")
def stream() -> Iterator[str]:
    yield from ("a", "b", "c")
    spanledger.record_usage(input_tokens=10, output_tokens=3)


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/ask")
    def answer(fails: bool = False) -> str:
        return ask(fails=fails)

    spanledger.instrument_fastapi(app)
    return app


def once(client: TestClient) -> None:
    """Everything, a few times."""
    for fails in (False, False, False, True):
        client.get("/ask", params={"fails": fails})
    list(stream())
    with trace.get_tracer("speaks").start_as_current_span("listen") as span:
        figures.record(dict.fromkeys(figures.FIGURES, 0.5), LISTEN, span)
    spanledger.track_cache("hit", "openai")
    spanledger.track_cache("miss", "openai")
    spanledger.track_rate_limit("allowed", "requests")
    spanledger.track_rate_limit("denied", "requests")


def main(seconds: float) -> None:
    spanledger.configure(service_name="speaks")
    until, pause = time.monotonic() + seconds, threading.Event()
    with TestClient(application(), raise_server_exceptions=False) as client:
        while time.monotonic() < until:
            once(client)
            pause.wait(0.2)
    spanledger.shutdown()


if __name__ == "__main__":
    main(float(sys.argv[1]))
