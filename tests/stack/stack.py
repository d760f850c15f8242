"""Agent, gateway and backend in a row, what is sent into the first, and what the last one has."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.stack.collectors import Collector, stop_all
from tests.support.inside import Inside
from tests.support.server import Server
from tests.support.telemetry import ledger_event, ledger_request, span, span_request
from tests.support.waiting import until

ITEMS = "spanledger.sdk.items"
SUM = ("stored", "refused", "dropped", "sampled", "on_the_way", "unexplained")
OTLP = {"content-type": "application/x-protobuf"}
ARRIVES_WITHIN_S = 60.0


class Stack:
    """Three in a row; a test starts, kills and starts again what it likes."""

    def __init__(self, binary: Path, directory: Path) -> None:
        self.binary, self.directory = binary, directory
        self.backend: Server = Inside(directory)
        self.agents: list[Collector] = []
        self.gateways: list[Collector] = []

    def backend_process(self, *flags: str, **variables: str) -> Server:
        """A backend that can be killed, in place of the one inside the test's process."""
        self.backend = Server(self.directory, *flags, **variables)
        return self.backend

    def add_gateway(
        self, *files: str | Path, to_port: int | None = None, address: str = "127.0.0.1", **variables: str
    ) -> Collector:
        """One more gateway, before the backend or whatever listens on `to_port`."""
        variables = {"BACKEND_ENDPOINT": f"127.0.0.1:{to_port or self.backend.grpc_port}"} | variables
        variables = {"BACKEND_TOKEN": self.backend.token} | variables
        folder = self._folder("gateway", self.gateways)
        made = Collector(self.binary, folder, "gateway", *files, address=address, **variables)
        self.gateways.append(made)
        return made

    def add_agent(self, *files: str | Path, address: str = "127.0.0.1", **variables: str) -> Collector:
        """One more agent, before the first gateway."""
        variables = {"GATEWAY_ENDPOINT": f"{self.gateways[0].address}:{self.gateways[0].grpc_port}"} | variables
        made = Collector(self.binary, self._folder("agent", self.agents), "agent", *files, address=address, **variables)
        self.agents.append(made)
        return made

    def _folder(self, kind: str, others: list[Collector]) -> Path:
        folder = self.directory / f"{kind}-{len(others)}"
        folder.mkdir()
        return folder

    def start(self, *, keep_all: bool = True, **variables: str) -> Stack:
        """The usual: one of each."""
        self.backend.start()
        self.add_gateway(*(["keep-all.yaml"] if keep_all else []), **variables).start()
        self.add_agent(**variables).start()
        return self

    @property
    def agent(self) -> Collector:
        return self.agents[0]

    @property
    def gateway(self) -> Collector:
        return self.gateways[0]

    def stop(self) -> None:
        stop_all([*self.agents, *self.gateways])
        self.backend.stop()

    def lines(self) -> list[dict[str, Any]]:
        """The whole ledger."""
        return list(self._pages("/api/v1/ledger"))

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        query: dict[str, Any] = {"from_": "now-7d", "to": "now+2h", "limit": 1000}
        while True:
            page = self.backend.get(path, **query)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def loss(self, signal: str, service: str = "shop") -> dict[str, Any]:
        """What became of a service's items of a signal; empty where nothing is known of it."""
        rows = self.backend.get("/api/v1/loss")["services"]
        return next((row for row in rows if (row["service"], row["signal"]) == (service, signal)), {})

    def stored(self, signal: str, service: str = "shop") -> int:
        """How many items of a signal the backend has of a service."""
        return int(self.loss(signal, service).get("stored", 0))

    def metric_names(self) -> set[str]:
        return {found["name"] for found in self.backend.get("/api/v1/metrics")["items"]}

    def wait_for(self, what: Callable[[], bool], called: str) -> None:
        until(what, ARRIVES_WITHIN_S, called=called)


class Sending:
    """A program that tells its calls to an agent, each by an event and a span, and sends again what was not taken."""

    def __init__(
        self,
        *ports: int,
        batch: int = 20,
        pause_s: float = 0.02,
        at_ns: Callable[[], int] | None = None,
        address: str = "127.0.0.1",
    ):
        """Nothing is sent yet.

        Args:
            ports: Where agents listen for OTLP over HTTP; each batch goes to the next one.
            batch: Calls in a request.
            pause_s: Between two batches.
            at_ns: When the calls were; now when None.
            address: Where the agents are.
        """
        self._address = address
        self._ports, self._batch, self._pause_s, self._at_ns = ports, batch, pause_s, at_ns
        self.offered: set[str] = set()  # span ids of all calls
        self.taken: set[str] = set()  # of those that an agent took
        self._began_ns = time.time_ns()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    @contextmanager
    def running(self) -> Iterator[Sending]:
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join()

    def reach(self, count: int) -> None:
        """Wait until so many calls were taken."""
        until(lambda: len(self.taken) >= count, 60, called=f"{count} calls taken")

    def _work(self) -> None:
        with httpx.Client(trust_env=False, timeout=10) as client:
            for port in itertools.cycle(self._ports):
                events, spans = zip(*(self._call() for _ in range(self._batch)), strict=True)
                ids = {event.span_id.hex() for event in events}
                self.offered |= ids
                if not self._send(client, port, "traces", span_request(*spans)):
                    return
                if not self._send(client, port, "logs", ledger_request(*events)):
                    return
                self.taken |= ids
                if self._stop.wait(self._pause_s):
                    return

    def _call(self) -> tuple[LogRecord, Span]:
        made = span("call", at_ns=self._at_ns() if self._at_ns else None)
        made.trace_state = "ot=th:0"
        return ledger_event(trace_id=made.trace_id, span_id=made.span_id, at_ns=made.end_time_unix_nano), made

    def _send(self, client: httpx.Client, port: int, signal: str, body: bytes) -> bool:
        """Again and again until it was taken, or until it is told to stop and nobody is there."""
        while not self._taken(client, f"http://{self._address}:{port}/v1/{signal}", body):
            if self._stop.wait(0.1):
                return False
        return True

    def _taken(self, client: httpx.Client, url: str, body: bytes) -> bool:
        try:
            return client.post(url, content=body, headers=OTLP).status_code == 200
        except httpx.HTTPError:
            return False

    def tell(self, backend: Server) -> None:
        """Tell what was recorded, sent and dropped, as the SDK does."""
        now_ns = time.time_ns()
        points = []
        for signal in ("spans", "ledger"):
            given_up = len(self.offered) - len(self.taken)
            counts = (("recorded", len(self.offered)), ("sent", len(self.taken)), ("dropped", given_up))
            for outcome, count in counts:
                labels = {"spanledger.signal": signal, "spanledger.outcome": outcome}
                labels |= {"spanledger.reason": "shutdown"} if outcome == "dropped" else {}
                point = {"asInt": str(count), "timeUnixNano": str(now_ns), "startTimeUnixNano": str(self._began_ns)}
                point["attributes"] = [{"key": key, "value": {"stringValue": text}} for key, text in labels.items()]  # type: ignore[assignment]  # JSON
                points.append(point)
        counted = {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": points}
        names = {"service.name": "shop", "service.instance.id": str(self._began_ns)}
        resource = {"attributes": [{"key": key, "value": {"stringValue": text}} for key, text in names.items()]}
        scope = {"metrics": [{"name": ITEMS, "sum": counted}]}
        with backend.client() as client:
            body = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [scope]}]}
            assert client.post("/v1/metrics", json=body).status_code == 200


def note(row: dict[str, Any]) -> None:
    """Keep a test's losses for the table of `make bench`, which says where."""
    if table := os.environ.get("SPANLEDGER_LOSS_TABLE"):
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[2].rpartition(" (")[0]
        with Path(table).open("a") as lines:
            print(json.dumps({"test": test} | row), file=lines)


def expect_the_sum_to_close(stack: Stack, sent: Sending, signal: str, **told: int) -> None:
    """What was sent is stored, dropped, or what `told` says, to the last item."""
    sent.tell(stack.backend)
    row = stack.loss(signal)
    note(row)
    assert row["sent"] == sum(row[name] for name in SUM) == len(sent.offered), row
    given_up = len(sent.offered) - len(sent.taken)  # the sender ended before it heard whether it was taken
    assert -given_up <= row["unexplained"] <= 0, row
    expected = {"stored": len(sent.taken), "dropped": given_up, "sampled": 0, "on_the_way": 0} | told
    assert {name: row[name] for name in expected} == expected | {"stored": expected["stored"] - row["unexplained"]}, row


def expect_each_once(stack: Stack, sent: Sending) -> None:
    """Every call is in the ledger, once, and nothing else is; and the sum of what became of them closes."""
    stack.wait_for(lambda: stack.stored("ledger") >= len(sent.taken), "the ledger has all calls")
    found = Counter(line["span_id"] for line in stack.lines())
    assert sent.taken <= found.keys() <= sent.offered
    assert set(found.values()) == {1}
    expect_the_sum_to_close(stack, sent, "ledger")
