"""The parser that `docker compose` is made of, which knows its schema: found, or built in half a minute.

``python -m tests.interop.compose_parser`` builds it if it has to, and prints where it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

from spanledger_examples.go_program import GoProgram, NotBuiltError

PROGRAM = GoProgram(
    "compose",
    Path(__file__).parent / "compose",
    "github.com/compose-spec/compose-go/v2",
    "cmd",
    "`python -m tests.interop.compose_parser` builds it with Go, in half a minute",
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
