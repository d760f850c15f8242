"""``make bench``: every ``bench_*.py`` beside this file, one after the other, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

if __name__ == "__main__":
    chosen = sys.argv[1:] or sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    failed = False
    for name in chosen:
        print(f"\n== {name} ==", flush=True)
        failed |= (
            subprocess.run([sys.executable, "-m", f"tests.benchmarks.bench_{name}"], cwd=HERE.parents[1]).returncode
            != 0
        )
    sys.exit(failed)
