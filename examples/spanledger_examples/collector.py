"""The OpenTelemetry Collector of ``collector-config/builder``: found where it was built before, or built.

``python -m spanledger_examples.collector`` builds it if it has to, and prints where it is. A binary lies in the user's
cache under a name that is made of its sources, so that another version never takes its place.

Never: a download but what ``go build`` does by itself, or a binary that other sources made.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

CONFIGURATION: Final = Path(__file__).parents[2] / "collector-config"
SOURCES: Final = CONFIGURATION / "builder"
WEIGHTS_GATE: Final = (  # who kept a trace is noted, and how many spans were decided
    "--feature-gates=+processor.tailsamplingprocessor.recordpolicy,"
    "+processor.tailsamplingprocessor.metricstatcountspanssampled"
)
BUILD_S: Final = 1800.0
_BUILD: Final = ("build", "-trimpath", "-ldflags=-s -w")
_SETTINGS: Final = {"GOFLAGS": "-mod=readonly -buildvcs=false", "CGO_ENABLED": "0"}


class NoCollectorError(Exception):
    """There is no Collector; the text says why and what to do."""


def place() -> Path:
    """Where the binary of these sources lies once it is built."""
    digest = hashlib.sha256()
    for path in sorted([*SOURCES.glob("*.go"), SOURCES / "go.mod", SOURCES / "go.sum"]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "spanledger" / f"collector-{digest.hexdigest()[:16]}"


def found() -> Path:
    """The binary: the one that ``SPANLEDGER_COLLECTOR`` names, or the one that was built before.

    Raises:
        NoCollectorError: There is none.
    """
    named = os.environ.get("SPANLEDGER_COLLECTOR")
    binary = Path(named) if named else place()
    if not os.access(binary, os.X_OK):
        raise NoCollectorError(f"no Collector at {binary}; `make collector` builds it with Go, in four minutes")
    return binary


def built() -> Path:
    """The binary, which is built when there is none.

    Raises:
        NoCollectorError: There is no Go, or it could not build.
    """
    try:
        return found()
    except NoCollectorError:
        if "SPANLEDGER_COLLECTOR" in os.environ:
            raise
    go = shutil.which("go")
    if go is None:
        raise NoCollectorError("no Collector was built here, and there is no Go to build it with")
    binary = place()
    binary.parent.mkdir(parents=True, exist_ok=True)
    unfinished = binary.with_name(f"{binary.name}.{os.getpid()}")
    command = [go, *_BUILD, "-o", str(unfinished), "."]
    try:
        done = subprocess.run(  # noqa: S603 - Go, on our own sources
            command, cwd=SOURCES, env={**os.environ, **_SETTINGS}, capture_output=True, text=True, timeout=BUILD_S
        )
    except subprocess.TimeoutExpired as late:
        raise NoCollectorError(f"the Collector was not built within {BUILD_S:g} s") from late
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-5:])
        raise NoCollectorError(f"the Collector could not be built:\n{last}")
    unfinished.replace(binary)
    return binary


def main() -> int:
    """Build it if need be; returns the exit code."""
    try:
        print(built())
    except NoCollectorError as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
