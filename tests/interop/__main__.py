"""`make interop`: build a real Jaeger if need be, ask it, write down what it says, and hold our backend against it.

The answers stay in ``tests/contract/golden/jaeger``, where everyday tests hold our backend against them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from spanledger_examples.go_program import NotBuiltError
from spanledger_examples.jaeger import PROGRAM
from tests.interop import compared


def main() -> int:
    """Returns the exit code."""
    try:
        binary = PROGRAM.built()
    except NotBuiltError as reason:
        print(f"skipped: {reason}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        real = compared.of_jaeger(binary, Path(folder), time.time_ns())
        compared.record(real)
        ours = compared.of_ours(Path(folder), time.time_ns())
    different = compared.different(real, ours)
    for name in different:
        print(f"differs: {name}")
    print(f"{len(real)} answers of {binary.name} written to {compared.GOLDEN}; {len(different)} of ours differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
