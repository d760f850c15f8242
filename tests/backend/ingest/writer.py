"""A process that ingests random batches and prints what was acknowledged, until it is killed.

``python -m tests.backend.ingest.writer FILE SEED`` prints, a line each, ``span N`` and ``line N`` after the
acknowledgement of the request that held them; ``busy`` for a request that was turned away.
"""

from __future__ import annotations

import itertools
import random
import sys
import threading
from pathlib import Path

from spanledger_server.errors import Busy
from tests.backend.ingest.requests import MINUTE, NOON, candidate, ingesting, request, span


def work(path: Path, seed: int) -> None:
    """Three threads that send for ever; numbers do not repeat between seeds."""
    numbers = itertools.count(seed * 1_000_000 + 1)
    out = threading.Lock()

    def send(rng: random.Random) -> None:
        while True:
            mine = [next(numbers) for _ in range(rng.randrange(1, 60))]
            at_ns = NOON + rng.randrange(60) * MINUTE
            rows = [span(number, at_ns) for number in mine]
            calls = [candidate("event", number, number, at_ns) for number in mine[::2]]
            calls += [candidate("span", number, number, at_ns) for number in mine[::3]]
            try:
                ingest.accept(request("traces", rows, candidates=calls), 1)
                told = [f"span {number}" for number in mine] + [f"line {call.span_id}" for call in calls]
            except Busy:
                told = ["busy"]
            with out:
                print("\n".join(told), flush=True)

    with ingesting(path, free_floor_bytes=0) as (ingest, _):
        print("ready", flush=True)
        threads = [threading.Thread(target=send, args=(random.Random(seed + n),), daemon=True) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]))
