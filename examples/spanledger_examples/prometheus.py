"""The Prometheus 3 of ``collector-config/prometheus/go.mod`` and its promtool: found, or built.

``python -m spanledger_examples.prometheus`` builds them if it has to, in ten minutes, and prints where they are. Its
pages are not in its Go module, so it answers its API only.

Never: a Prometheus that was installed in another way; the tests look for that one themselves.
"""

from __future__ import annotations

import sys
from typing import Final

from spanledger_examples.collector import CONFIGURATION
from spanledger_examples.go_program import GoProgram, NotBuiltError

_SOURCES: Final = CONFIGURATION / "prometheus"
_MODULE: Final = "github.com/prometheus/prometheus"
_HINT: Final = "`make interop` builds it with Go, in ten minutes"
SERVER: Final = GoProgram("prometheus", _SOURCES, _MODULE, "cmd/prometheus", _HINT)
PROMTOOL: Final = GoProgram("promtool", _SOURCES, _MODULE, "cmd/promtool", _HINT)


def main() -> int:
    """Build them if need be; returns the exit code."""
    try:
        print(SERVER.built())
        print(PROMTOOL.built())
    except NotBuiltError as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
