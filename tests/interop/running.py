"""A real Jaeger for a test: one process that keeps traces in memory, on free ports."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.ports import kept_port
from tests.support.server import environment
from tests.support.waiting import until

CONFIGURATION = Path(__file__).parent / "jaeger.yaml"
UP_WITHIN_S = 30.0


@dataclass(frozen=True)
class Jaeger:
    """One that runs: its query API, and where it takes OTLP."""

    client: httpx.Client
    grpc_port: int
    http_port: int


@contextmanager
def jaeger(binary: Path, directory: Path, configuration: Path = CONFIGURATION, **variables: str) -> Iterator[Jaeger]:
    """Start it; it ends with the context.

    Args:
        binary: What was built.
        directory: For its log.
        configuration: Its file; the ports come by variables.
        variables: Further ones.
    """
    query, query_grpc, grpc, http = (kept_port() for _ in range(4))
    ports = {
        "JAEGER_QUERY": f"127.0.0.1:{query}",
        "JAEGER_QUERY_GRPC": f"127.0.0.1:{query_grpc}",
        "JAEGER_OTLP": f"127.0.0.1:{grpc}",
        "JAEGER_OTLP_HTTP": f"127.0.0.1:{http}",
    }
    log_path = directory / "jaeger.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [str(binary), "--config", str(configuration)],
            env=environment(**ports, **variables),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{query}", trust_env=False, timeout=30) as client:
            until(lambda: process.poll() is not None or _answers(client), UP_WITHIN_S, called="Jaeger answers")
            assert process.poll() is None, log_path.read_text(errors="replace")
            yield Jaeger(client, grpc, http)
    finally:
        process.kill()  # it has nothing to lose, and takes ten seconds to end in order
        process.wait(30)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/api/services").status_code == 200
    except httpx.HTTPError:
        return False
