"""Requests a second of a FastAPI service by `wrk`: bare, with everything of ours on, and with OpenTelemetry's own.

All services run at the same time and are asked in turn, a few seconds each, over and over; the best round of each
counts, because other programs can only slow one down. The target is ours against bare.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psutil

from spanledger_examples.processes import Child
from tests.support.ports import kept_port

MODES = ("bare", "ours", "unsampled", "official")
ROUNDS, SECONDS, CONNECTIONS = 3, 3, 32
TARGET = 0.60


def service(stack: ExitStack, folder: Path, mode: str, *more: str, path: str = "/books/1") -> tuple[str, int]:
    """Start one; gives its URL and process id."""
    port = kept_port()
    child = Child(mode, ["tests.benchmarks.fastapi_service", mode, str(port), *more], {}, folder / f"{mode}.log")
    stack.callback(child.stop)
    child.wait_until_answers(f"http://127.0.0.1:{port}{path}")
    return f"http://127.0.0.1:{port}", child.pid


def wrk(url: str) -> float:
    """Requests a second."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-H", "X-User-ID: u7", "-H", "X-User-Tier: pro", url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found, said
    return float(found.group(1))


def cpu_s(pid: int) -> float:
    used = psutil.Process(pid).cpu_times()
    return used.user + used.system


def main() -> int:
    if shutil.which("wrk") is None:
        print("skipped: there is no wrk on this machine (Debian: apt-get install wrk)")
        return 0
    best = dict.fromkeys(MODES, 0.0)
    cost = dict.fromkeys(MODES, float("inf"))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sink, _ = service(stack, folder, "sink", path="/")
        running = {mode: service(stack, folder, mode, sink) for mode in MODES}
        for _ in range(ROUNDS):
            for mode, (url, pid) in running.items():
                before = cpu_s(pid)
                rate = wrk(f"{url}/books/7")
                best[mode] = max(best[mode], rate)
                cost[mode] = min(cost[mode], (cpu_s(pid) - before) / (rate * SECONDS) * 1e6)
    print(f"{'':12}{'requests/s':>12}{'of bare':>10}{'CPU us each':>14}")
    for mode in MODES:
        print(f"{mode:12}{best[mode]:12.0f}{best[mode] / best['bare']:10.2f}{cost[mode]:14.0f}")
    print(f"target: ours at least {TARGET:.2f} of bare")
    return int(best["ours"] / best["bare"] < TARGET)


if __name__ == "__main__":
    sys.exit(main())
