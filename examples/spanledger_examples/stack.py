"""The demo with the real stack between: bookshop → Collector (agent) → Collector (gateway) → backend, without Docker.

``python -m spanledger_examples.stack``, or ``make stack``. Everything is a process on loopback; the configurations are
those of ``collector-config/``. Bounded by the demo's variables. The gateway samples whole traces, so spans are compared
with what it kept, and money with what was sent.

Never: a Collector that is not asked what it lost.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from spanledger_examples import check, collector, demo
from spanledger_examples.backend import Backend
from spanledger_examples.processes import Child, DemoError, free_port

PASSES_WITHIN_S: Final = 60.0
TOKEN: Final = "between-agent-and-gateway"  # noqa: S105 - on loopback, for as long as the demo runs
ARRIVED: Final = "otelcol_receiver_accepted_spans"
BEGUN: Final = "otelcol_processor_tail_sampling_new_trace_id_received"
DECIDED: Final = "otelcol_processor_tail_sampling_global_count_traces_sampled"
SENT: Final = "otelcol_exporter_sent_spans"
WAITING: Final = "otelcol_exporter_queue_size"
LOST: Final = re.compile(
    r"otelcol_(?:exporter_send_failed|exporter_enqueue_failed|receiver_refused|receiver_failed)_"
    r"(?:spans|log_records|metric_points)(?:_total)?"
)
SAMPLE: Final = re.compile(r"^(?P<name>[a-z_]+)(?:\{.*\})? (?P<value>[0-9.e+]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Running:
    """A Collector that runs: where programs send, and where its own counters are."""

    http_port: int
    grpc_port: int
    metrics_port: int

    def counters(self) -> list[tuple[str, float]]:
        """Name and value of each series of its own metrics."""
        text = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10).text
        return [(found["name"], float(found["value"])) for found in SAMPLE.finditer(text)]

    def count(self, name: str) -> int:
        """The sum of a counter over all of its series."""
        return int(sum(value for each, value in self.counters() if each == name))

    def lost(self) -> int:
        """Items that it refused or dropped."""
        return int(sum(value for name, value in self.counters() if LOST.fullmatch(name)))


class Collectors:
    """An agent and a gateway between the bookshop and the backend."""

    def __init__(self, binary: Path) -> None:
        self._binary = binary
        self._running: list[Running] = []

    def open(self, down: ExitStack, directory: Path, backend: Backend, otlp_grpc_port: int) -> str:
        """Start the two; gives the agent's address."""
        behind = {"BACKEND_ENDPOINT": f"127.0.0.1:{otlp_grpc_port}", "BACKEND_TOKEN": backend.token}
        gateway = self._start(down, directory, "gateway", behind)
        agent = self._start(down, directory, "agent", {"GATEWAY_ENDPOINT": f"127.0.0.1:{gateway.grpc_port}"})
        self._running = [agent, gateway]
        return f"http://127.0.0.1:{agent.http_port}"

    def _start(self, down: ExitStack, directory: Path, kind: str, more: dict[str, str]) -> Running:
        prefix = kind.upper()
        grpc, http, health, zpages, metrics, prometheus = (free_port(0, "SPANLEDGER_STACK_PORT") for _ in range(6))
        variables = {
            f"{prefix}_GRPC": f"127.0.0.1:{grpc}",
            f"{prefix}_HTTP": f"127.0.0.1:{http}",
            f"{prefix}_HEALTH": f"127.0.0.1:{health}",
            f"{prefix}_ZPAGES": f"127.0.0.1:{zpages}",
            f"{prefix}_METRICS_PORT": str(metrics),
            f"{prefix}_STATE": str(directory / kind),
            f"{prefix}_COMPRESSION": "none",  # they are on one machine
            f"{prefix}_OWN_METRICS_EVERY_MS": "2000",
            "GATEWAY_PROMETHEUS": f"127.0.0.1:{prometheus}",
            "GATEWAY_TOKEN": TOKEN,
            **more,
        }
        arguments = [collector.WEIGHTS_GATE, "--config", str(collector.CONFIGURATION / f"{kind}.yaml")]
        child = Child(kind, arguments, variables, directory / f"{kind}.log", self._binary)
        down.callback(child.stop)
        child.wait_until_answers(f"http://127.0.0.1:{health}")
        return Running(http, grpc, metrics)

    def compare_spans(self, comparison: check.Comparison, recorded: int, backend: Backend) -> None:
        """Wait until all spans are decided and stored, then compare what each of the three says."""
        agent, gateway = self._running
        _until(lambda: gateway.count(ARRIVED) >= recorded, "the gateway has all spans")
        _until(lambda: gateway.count(DECIDED) == gateway.count(BEGUN), "every trace is decided")
        _until(lambda: gateway.count(SENT) == backend.spans(), "what was kept is stored")
        _until(lambda: not (agent.count(WAITING) or gateway.count(WAITING)), "nothing waits in a queue")
        comparison.compare("spans: bookshop → gateway", recorded, gateway.count(ARRIVED))
        comparison.compare("spans: kept by the gateway → backend", gateway.count(SENT), backend.spans())
        comparison.compare("lost by a Collector", 0, agent.lost() + gateway.lost())
        _until(lambda: _closes(backend.loss("spans"), recorded), "all have told what became of the spans")
        loss = backend.loss("spans")
        comparison.compare("spans: sent = stored + sampled away", loss["sent"], loss["stored"] + loss["sampled"])


def _closes(loss: dict[str, Any], recorded: int) -> bool:
    """Whether the last figures of everybody have come, and nothing is on its way any more."""
    return bool(loss) and loss["sent"] == recorded == loss["stored"] + loss["sampled"]


def _until(done: Callable[[], bool], called: str) -> None:
    deadline = time.monotonic() + PASSES_WITHIN_S
    while not done():
        if time.monotonic() > deadline:
            raise DemoError(f"not within {PASSES_WITHIN_S:g} s: {called}")
        time.sleep(0.2)


def main() -> int:
    """Run the demo through the Collectors; returns the exit code, 0 too where there is no Collector to be had."""
    try:
        binary = collector.built()
    except collector.NoCollectorError as reason:
        print(f"skipped: {reason}")
        return 1 if os.environ.get("CI") == "true" else 0
    return demo.main(Collectors(binary))


if __name__ == "__main__":
    raise SystemExit(main())
