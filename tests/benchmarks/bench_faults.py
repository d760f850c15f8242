"""The fault matrix at ten times its length with the table of what was lost, and a backend that is away for a minute.

The faults are those of `tests/stack/test_faults.py`. In the minute, programs send through small queues, so that every
bound on the way is met: what each part holds meanwhile, and how soon and how evenly they come back. Skipped, with the
reason, where no Collector was built.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil

from spanledger.delivery.encode import Reading, ReadingEncoder
from spanledger.delivery.http import HttpTransport
from spanledger.delivery.lane import Lane
from spanledger.delivery.outcome import TryAgain
from spanledger.endpoints import Target
from spanledger_examples.collector import NoCollectorError, found
from tests.stack.stack import SUM, Stack
from tests.support.server import ROOT, environment

TIMES = "10"
LONGEST_FAULT_S = 600
AWAY_S = 60
PROGRAMS, CALLS_A_SECOND = 4, 50
QUEUES = {"AGENT_QUEUE_ITEMS": "2048", "GATEWAY_QUEUE_ITEMS": "8192"}  # the least that they may be
OWN = {"AGENT_OWN_METRICS_EVERY_MS": "2000", "GATEWAY_OWN_METRICS_EVERY_MS": "2000"}
COLUMNS = ("sent", *SUM)
HERD = 1000
NOWHERE = Target("metrics", "http/protobuf", "http://127.0.0.1:9/v1/metrics", False, {}, "none", 1.0)
LONGEST_PAUSE_S = 15.0  # as SPANLEDGER_MAX_BACKOFF_S is by default


def matrix(directory: Path) -> bool:
    """Run the faults and print what became of everything in each."""
    table = directory / "table"
    more = {"SPANLEDGER_LOSS_TABLE": str(table), "SPANLEDGER_TEST_THOROUGHNESS": TIMES}
    options = f"-q -n 1 --dist loadgroup --timeout {LONGEST_FAULT_S}".split()
    command = [sys.executable, "-m", "pytest", "tests/stack/test_faults.py", *options]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | more, capture_output=True, text=True)
    print(
        "\n".join(line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR")) or " in " in line)
    )
    rows = [json.loads(line) for line in table.read_text().splitlines()] if table.exists() else []
    for row in rows:
        show(row["test"].removeprefix("test_").replace("_", " "), row)
    return done.returncode == 0


def show(what: str, row: dict[str, object]) -> None:
    counts = ", ".join(f"{name.replace('_', ' ')} {row[name]}" for name in COLUMNS if row[name] or name == "stored")
    where = f"; {row['drops']}" if any(row["drops"].values()) else ""  # type: ignore[attr-defined]  # JSON
    print(f"  {what}\n    {row['signal']}: {counts}{where}")


class Memory:
    """The most that each process held between `with` and its end."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self.most: Counter[str] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.25):
            for name, process in self._processes.items():
                if process.is_running():
                    self.most[name] = max(self.most[name], process.memory_info().rss)


def away(directory: Path) -> bool:
    """A backend that is away for a minute, every bound on the way met; whether the ledger is whole and the sums close."""
    stack = Stack(found(), directory)
    try:
        stack.backend_process()
        stack.backend.start()
        stack.add_gateway("keep-all.yaml", **QUEUES, **OWN).start()
        stack.add_agent(**QUEUES, **OWN).start()
        programs = [program(stack, directory / f"spool-{number}") for number in range(PROGRAMS)]
        pids = {"agent": stack.agent.pid, "gateway": stack.gateway.pid}
        pids |= {f"program {number}": one.pid for number, one in enumerate(programs, 1)}
        with Memory(pids) as memory:
            time.sleep(5)
            stack.backend.stop()
            time.sleep(AWAY_S)
            refused = stack.agent.count("otelcol_receiver_refused_spans")
            stack.backend.start()
            back = time.monotonic()
            first = [json.loads(one.communicate(timeout=180)[0]) for one in programs]
        calls = sum(stats["ledger"]["recorded"] for stats in first)
        stack.wait_for(lambda: stack.stored("ledger", "program") >= calls, "the ledger has all calls")
        print(f"away for {AWAY_S} s, {PROGRAMS * CALLS_A_SECOND} calls/s, the smallest queues")
        print(f"  the ledger was whole {time.monotonic() - back:.1f} s after the backend was back")
        print(
            f"  most memory: {', '.join(f'{name} {most / 2**20:.0f} MB' for name, most in sorted(memory.most.items()))}"
        )
        print(f"  spans that the agent refused, so that programs kept them: {refused:,.0f}")
        return settled(stack, calls)
    finally:
        stack.stop()


def herd(_: Path) -> bool:
    """When a thousand programs that lost the backend in the same moment ask again after it is back."""
    came = Counter(int(comes_back(random.Random(number))) for number in range(HERD))
    busiest = max(came.values()) / HERD
    print(f"{HERD} programs that lost the backend together: after {AWAY_S} s they come back within {max(came) + 1} s,")
    print(f"  at most {busiest:.0%} of them in the same second  (< 20 %)")
    return busiest < 0.2


def comes_back(chance: random.Random) -> float:
    """Seconds after the backend is back until one program asks again, by the pauses that its own lane makes."""
    lane = Lane("metrics", ReadingEncoder(), HttpTransport(NOWHERE), limit=10, batch_size=1)
    lane.put(Reading(b"", 1))
    now_s = 0.0
    while now_s < AWAY_S:
        batch = lane.next_batch(lambda: None)
        assert batch is not None
        lane.settle(batch, TryAgain("away", unreachable=True), now_s, chance.random(), LONGEST_PAUSE_S)
        now_s = lane.not_before
    return now_s - AWAY_S


def settled(stack: Stack, calls: int) -> bool:
    """Wait until all have told, print what became of everything, and say whether the sums close."""

    def closed() -> bool:
        rows = [stack.loss(signal, "program") for signal in ("ledger", "spans")]
        return all(row and row["unexplained"] == 0 == row["on_the_way"] for row in rows)

    try:
        stack.wait_for(closed, "the sums close")
    except AssertionError:
        print("  the sums do not close")
    rows = [stack.loss(signal, "program") for signal in ("ledger", "spans", "metrics")]
    for row in rows:
        show("", row)
    return closed() and rows[0]["stored"] == calls


def program(stack: Stack, spool: Path) -> subprocess.Popen[str]:
    """A program that sends to the agent."""
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{stack.agent.http_port}",
        "SPANLEDGER_SPOOL_DIR": str(spool),
        "SPANLEDGER_QUEUE_SIZE": "1000",
    }
    pace = (str(CALLS_A_SECOND), str(AWAY_S + 20))
    command = [sys.executable, "-m", "tests.benchmarks.paced_program", *pace]
    return subprocess.Popen(command, cwd=ROOT, env=environment(**settings), stdout=subprocess.PIPE, text=True)


def main() -> int:
    try:
        found()
    except NoCollectorError as reason:
        print(f"skipped: {reason}")
        return 0
    wanted = sys.argv[1:] or ["matrix", "away", "herd"]
    well = True
    for each in wanted:
        with tempfile.TemporaryDirectory() as name:
            well &= {"matrix": matrix, "away": away, "herd": herd}[each](Path(name))
    return 0 if well else 1


if __name__ == "__main__":
    raise SystemExit(main())
