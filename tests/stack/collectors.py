"""A real Collector with the configuration that users get: started, killed, started again on the same ports and disk."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import httpx

from spanledger_examples.collector import CONFIGURATION, WEIGHTS_GATE
from tests.support.ports import kept_port
from tests.support.server import environment
from tests.support.waiting import until

TOKEN = "a-token-between-agent-and-gateway"
SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>[^ ]+).*")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
UP_WITHIN_S = 60.0


class Collector:
    """One of the two, by the files of `collector-config/` that it is given."""

    def __init__(
        self,
        binary: Path,
        directory: Path,
        kind: str,
        *files: str | Path,
        gates: str = WEIGHTS_GATE,
        address: str = "127.0.0.1",
        **variables: str,
    ) -> None:
        """Nothing runs yet.

        Args:
            binary: The Collector.
            directory: For its queue and its log.
            kind: ``agent`` or ``gateway``, which is how its variables begin.
            files: Further configurations over ``{kind}.yaml``.
            gates: The flag that turns its features on.
            address: Where it listens.
            variables: Further variables.
        """
        self.kind, self.address = kind, address
        self.log_path = directory / f"{kind}.log"
        self.state = directory / f"{kind}-state"
        self.grpc_port, self.http_port, self._health, self.metrics_port, self.prometheus_port = (
            kept_port() for _ in range(5)
        )
        self._command = [str(binary), *gates.split()]
        for file in (f"{kind}.yaml", *files):
            self._command += ["--config", str(CONFIGURATION / file)]
        prefix = kind.upper()
        self._variables = {
            f"{prefix}_GRPC": f"{address}:{self.grpc_port}",
            f"{prefix}_HTTP": f"{address}:{self.http_port}",
            f"{prefix}_HEALTH": f"{address}:{self._health}",
            f"{prefix}_ZPAGES": "127.0.0.1:0",
            f"{prefix}_METRICS_HOST": address,
            f"{prefix}_METRICS_PORT": str(self.metrics_port),
            f"{prefix}_STATE": str(self.state),
            f"{prefix}_MAX_INTERVAL": "2s",
            "GATEWAY_PROMETHEUS": f"127.0.0.1:{self.prometheus_port}",
            "GATEWAY_TOKEN": TOKEN,
            "GATEWAY_SPAN_METRICS_EVERY": "500ms",
            **variables,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Collector:
        """Returns when its health check says yes."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=environment(**self._variables), stdout=log, stderr=subprocess.STDOUT
            )
        until(lambda: self.healthy() or self._process is None or self._process.poll() is not None, UP_WITHIN_S)
        assert self._process.poll() is None, self.log()
        return self

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def healthy(self) -> bool:
        try:
            return httpx.get(f"http://{self.address}:{self._health}", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def validate(self) -> subprocess.CompletedProcess[str]:
        command = [self._command[0], "validate", *self._command[1:]]
        return subprocess.run(command, env=environment(**self._variables), capture_output=True, text=True, timeout=60)

    def within(self, before: list[str]) -> None:
        """Have it started by this command, which runs the command behind it."""
        self._command = [*before, *self._command]

    def change(self, **variables: str) -> None:
        """Start it again with these variables, as a rolling restart does."""
        self.stop()
        self._variables |= variables
        self.start()

    def kill(self) -> None:
        """End it as a crash would."""
        self.stop(signal.SIGKILL)

    def stop(self, how: int = signal.SIGTERM) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def count(self, name: str, **labels: str) -> float:
        """The sum of a counter of its own over all series with these labels."""
        return total(self._told(), name, labels)

    def own_metrics(self) -> set[str]:
        """The names of its own metrics."""
        return {sample["name"] for line in self._told().splitlines() if (sample := SAMPLE.fullmatch(line))}

    def _told(self) -> str:
        return httpx.get(f"http://{self.address}:{self.metrics_port}/metrics", trust_env=False).text

    def span_metric(self, name: str, **labels: str) -> float:
        """The same of what it tells Prometheus."""
        text = httpx.get(f"http://127.0.0.1:{self.prometheus_port}/metrics", trust_env=False).text
        return total(text, name, labels)


def total(text: str, name: str, labels: dict[str, str]) -> float:
    """The sum of the samples of this name with these labels."""
    found = 0.0
    for line in text.splitlines():
        sample = SAMPLE.fullmatch(line)
        if sample and sample["name"] == name and labels.items() <= dict(LABEL.findall(sample["labels"] or "")).items():
            found += float(sample["value"])
    return found


def stop_all(collectors: Sequence[Collector]) -> None:
    for collector in collectors:
        collector.stop()
