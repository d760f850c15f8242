"""A user's program for the stack's tests: decorated calls below spans of requests, sampled as the environment says.

``python -m tests.stack.program CALLS [FAILED_EACH]`` makes that many, of which each so many'th fails, flushes, and
prints `stats()` as JSON.
"""

from __future__ import annotations

import contextlib
import json
import sys

from opentelemetry import trace

import spanledger


class RefusedError(Exception):
    """What a failed call raises."""


@spanledger.traced_cost(provider="openai", model="gpt-5-mini", operation="chat")
def ask(*, fails: bool) -> str:
    spanledger.record_usage(input_tokens=1000, output_tokens=100)
    if fails:
        raise RefusedError
    return "yes"


def main(calls: int, failed_each: int) -> None:
    spanledger.configure(service_name="program")
    tracer = trace.get_tracer("program")
    for number in range(calls):
        with contextlib.suppress(RefusedError), tracer.start_as_current_span("GET /ask", kind=trace.SpanKind.SERVER):
            ask(fails=bool(failed_each) and number % failed_each == 0)
        if number % 2000 == 1999:
            spanledger.flush(30)
    spanledger.flush(60)
    print(json.dumps(spanledger.stats()), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
