"""A user's program that makes so many traced calls a second for so long, and prints `stats()` when it ends.

``python -m tests.benchmarks.paced_program CALLS_A_SECOND SECONDS``
"""

from __future__ import annotations

import json
import sys
import time

from opentelemetry import trace

import spanledger
from tests.stack.program import ask


def main(a_second: float, seconds: float) -> None:
    spanledger.configure(service_name="program")
    tracer, began = trace.get_tracer("program"), time.monotonic()
    for number in range(int(a_second * seconds)):
        time.sleep(max(began + number / a_second - time.monotonic(), 0))
        with tracer.start_as_current_span("GET /ask", kind=trace.SpanKind.SERVER):
            ask(fails=False)
    spanledger.flush(120)
    print(json.dumps(spanledger.stats()), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))
