"""The Jaeger of ``collector-config/jaeger/go.mod``: found where it was built before, or built.

``python -m spanledger_examples.jaeger`` builds it if it has to, in ten minutes, and prints where it is. Its pages are
not in its Go module, so it answers its API only.

Never: a Jaeger that stores anything for longer than it runs.
"""

from __future__ import annotations

import sys
from typing import Final

from spanledger_examples.collector import CONFIGURATION
from spanledger_examples.go_program import GoProgram, NotBuiltError

PROGRAM: Final = GoProgram(
    "jaeger",
    CONFIGURATION / "jaeger",
    "github.com/jaegertracing/jaeger",
    "cmd/jaeger",
    "`make interop` builds it with Go, in ten minutes",
)


def main() -> int:
    """Build it if need be; returns the exit code."""
    try:
        print(PROGRAM.built())
    except NotBuiltError as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
