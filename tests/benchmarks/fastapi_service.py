"""The service of the FastAPI benchmarks, a process of its own, and the receiver that takes its telemetry.

``python -m tests.benchmarks.fastapi_service sink PORT`` answers every request at once with an empty acknowledgement;
``provider PORT SECONDS`` is a model that answers after so many seconds;
``… bare|ours|unsampled|official PORT SINK [PROVIDER]`` serves ``GET /books/{number}`` and ``GET /ask``, uninstrumented,
with everything of ours on, with none of its traces kept, or by OpenTelemetry's own instrumentation as it comes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import uvicorn


class Sink(asyncio.Protocol):
    """Reads HTTP/1.1 requests to their end and acknowledges them."""

    def connection_made(self, transport: Any) -> None:
        self.transport, self.seen, self.waited = transport, b"", 0

    def data_received(self, data: bytes) -> None:
        self.seen += data
        while b"\r\n\r\n" in self.seen:
            head, _, rest = self.seen.partition(b"\r\n\r\n")
            sizes = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            size = sizes[0] if sizes else 0
            if len(rest) < size:
                return
            self.seen = rest[size:]
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-type: application/x-protobuf\r\n\r\n"
            )


async def take_everything(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


def answer_late(port: int, seconds: float) -> None:
    from fastapi import FastAPI

    app = FastAPI()
    words = [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "42"}}]
    usage = {"prompt_tokens": 120, "completion_tokens": 18, "total_tokens": 138}

    @app.get("/")
    @app.post("/v1/chat/completions")
    async def complete() -> dict[str, Any]:
        await asyncio.sleep(seconds)
        kind = {"id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-5-mini"}
        return {**kind, "choices": words, "usage": usage}

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def instrument_ours(sink: str, ratio: float) -> None:
    import spanledger

    headers = {"user_id": "X-User-ID", "user_tier": "X-User-Tier"}
    spanledger.configure(
        service_name="bench", endpoint=sink, sample_ratio=ratio, identity_headers=headers, spool_dir=""
    )
    on = spanledger.instrument().on
    assert {"fastapi", "system_metrics"} <= set(on), on


def instrument_official(app: Any, sink: str) -> None:
    from opentelemetry import metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{sink}/v1/traces"), max_queue_size=100_000))
    trace.set_tracer_provider(provider)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{sink}/v1/metrics"), 10_000)
    metrics.set_meter_provider(MeterProvider([reader]))
    FastAPIInstrumentor.instrument_app(app)


def serve(mode: str, port: int, sink: str, provider: str) -> None:
    if mode in ("ours", "unsampled"):
        instrument_ours(sink, 1.0 if mode == "ours" else 0.0)
    import openai
    from fastapi import FastAPI

    app = FastAPI()
    client = openai.AsyncOpenAI(base_url=f"{provider}/v1", api_key="none")

    @app.get("/books/{number}")
    async def book(number: int) -> dict[str, Any]:
        return {"number": number, "title": "Walden", "in_stock": True}

    async def complete() -> Any:
        return await client.chat.completions.create(
            model="gpt-5-mini", messages=[{"role": "user", "content": "What is the answer?"}], max_tokens=64
        )

    asked = complete
    if mode in ("ours", "unsampled"):
        import spanledger

        asked = spanledger.traced_cost(complete)

    @app.get("/ask")
    async def ask() -> dict[str, Any]:
        return {"answer": (await asked()).choices[0].message.content}

    if mode == "official":
        instrument_official(app, sink)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    for name in [name for name in os.environ if name.startswith(("OTEL_", "SPANLEDGER_"))]:
        del os.environ[name]
    what, at, *more = sys.argv[1:]
    if what == "sink":
        asyncio.run(take_everything(int(at)))
    elif what == "provider":
        answer_late(int(at), float(more[0]))
    else:
        serve(what, int(at), more[0], more[1] if len(more) > 1 else "http://127.0.0.1:9")
