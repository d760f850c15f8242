"""Kill a program at random moments, the backend there or away: every call that it got back is in the ledger, once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

import spanledger
from tests.end_to_end.backend import Backend
from tests.support.server import environment
from tests.support.thorough import examples
from tests.support.waiting import until

KILLS = examples(6)
INTERVAL_S = 0.2
AGO_S = INTERVAL_S + 2.0  # and the time that a request takes on a busy machine
QUIET = {"SPANLEDGER_TRACES_EXPORTER": "none", "SPANLEDGER_LOGS_EXPORTER": "none"}
DURABLE = {"SPANLEDGER_JOURNAL": "true"}
ANSWER = {"model": "gpt-5-mini", "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}}


class Program:
    """A process that makes calls, and tells of each after it has returned by a line in a pipe.

    Attributes:
        returned: The calls that it told of.
        told_at_s: When, on the monotonic clock.
        killed_at_s: When it was killed, on the same clock.
    """

    def __init__(self, backend: Backend, first: int, **settings: str) -> None:
        self.returned: list[str] = []
        self.told_at_s: dict[str, float] = {}
        self.killed_at_s = 0.0
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(first)],
            env=environment(SPANLEDGER_ENDPOINT=backend.otlp_url, **QUIET, **settings),
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if line.endswith("\n"):
                    self.told_at_s[line.strip()] = time.monotonic()
                    self.returned.append(line.strip())

    def kill(self) -> None:
        """As nothing can be caught; what it had told by then is in the pipe."""
        self._process.send_signal(signal.SIGKILL)
        self.killed_at_s = time.monotonic()
        self._process.wait()
        self._reader.join()


def in_the_ledger(backend: Backend) -> Counter[str]:
    return Counter(line["response_id"] for line in backend.ledger())


def killed(backend: Backend, spool: Path, first: int, moments: random.Random, **settings: str) -> Program:
    """A program that was killed, at a random moment."""
    program = Program(backend, first, SPANLEDGER_SPOOL_DIR=str(spool), **settings)
    until(lambda: program.returned, 60, called="the first call returns")
    threading.Event().wait(moments.uniform(0.0, 0.8))  # anywhere between two looks at the queue, more than once
    program.kill()
    return program


def pick_up(backend: Backend, spool: Path) -> None:
    """What the next start of the program does with what was left."""
    code = "import spanledger; handle = spanledger.configure(service_name='program'); assert handle.flush(30)"
    env = environment(SPANLEDGER_ENDPOINT=backend.otlp_url, SPANLEDGER_SPOOL_DIR=str(spool), **QUIET)
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=60)


@pytest.mark.slow
def test_no_call_that_returned_is_lost_or_counted_twice_when_the_program_is_killed(
    backend: Backend, tmp_path: Path
) -> None:
    moments = random.Random(20261121)
    spool = tmp_path / "spool"
    backend.start()
    returned: list[str] = []
    for kill in range(KILLS):
        away = kill % 2 == 1
        if away:
            backend.kill()
        returned += killed(backend, spool, 1_000_000 * kill, moments, **DURABLE).returned
        if away:
            backend.start()
    pick_up(backend, spool)
    found = in_the_ledger(backend)
    assert set(returned) <= found.keys(), "every call that had returned"
    assert set(found.values()) == {1}
    assert len(found) - len(returned) <= KILLS, "at most the one call that was cut off each time"
    assert len(returned) > KILLS
    assert not list(spool.rglob("*.journal"))
    assert not list(spool.rglob("*.otlp"))


@pytest.mark.slow
def test_without_the_journal_a_kill_costs_the_last_interval_at_most_and_counts_nothing_twice(
    backend: Backend, tmp_path: Path
) -> None:
    moments = random.Random(4)
    spool = tmp_path / "spool"
    backend.start()
    for kill in range(max(KILLS // 3, 2)):
        program = killed(backend, spool, 1_000_000 * kill, moments)
        found = in_the_ledger(backend)
        assert set(found.values()) <= {1}
        lost = [number for number in program.returned if number not in found]
        assert lost == program.returned[len(program.returned) - len(lost) :], "the last ones"
        if len(lost) < len(program.returned):  # the first look loads what it needs, which takes longer
            assert (
                program.killed_at_s - min(program.told_at_s[number] for number in lost or program.returned[-1:]) < AGO_S
            )
    pick_up(backend, spool)
    assert set(in_the_ledger(backend).values()) <= {1}


@spanledger.traced_cost(provider="openai")
def call(number: str) -> dict[str, object]:
    return {"id": number, **ANSWER}


def main(first: int) -> None:
    """Calls without end, a few hundred a second; each number is told after its call has returned."""
    pause = threading.Event()
    spanledger.configure(service_name="program", interval_s=INTERVAL_S)
    for number in range(first, first + 1_000_000):
        call(str(number))
        os.write(1, f"{number}\n".encode())
        if number % 20 == 0:
            pause.wait(0.02)


if __name__ == "__main__":
    main(int(sys.argv[1]))
