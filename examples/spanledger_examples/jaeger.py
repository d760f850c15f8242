"""A real Jaeger of ``collector-config/jaeger``: found where it was built before, or built.

``python -m spanledger_examples.jaeger`` builds it if it has to, in ten minutes, and prints where it is. Its pages are
not in its Go module, so it answers its API only. The checksums of what it needs come out of that module, whose own
checksum Go looks up.

Never: a download but what Go does by itself, or a binary that other sources made.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from spanledger_examples.collector import CONFIGURATION

SOURCES: Final = CONFIGURATION / "jaeger"
MODULE: Final = "github.com/jaegertracing/jaeger"
BUILD_S: Final = 3600.0
_SETTINGS: Final = {"GOFLAGS": "-mod=mod -buildvcs=false", "CGO_ENABLED": "0"}


class NoJaegerError(Exception):
    """There is no Jaeger; the text says why and what to do."""


def place() -> Path:
    """Where the binary of these sources lies once it is built."""
    digest = hashlib.sha256((SOURCES / "go.mod").read_bytes()).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "spanledger" / f"jaeger-{digest[:16]}"


def found() -> Path:
    """The binary: the one that ``SPANLEDGER_JAEGER`` names, or the one that was built before.

    Raises:
        NoJaegerError: There is none.
    """
    named = os.environ.get("SPANLEDGER_JAEGER")
    binary = Path(named) if named else place()
    if not os.access(binary, os.X_OK):
        raise NoJaegerError(f"no Jaeger at {binary}; `make interop` builds it with Go, in ten minutes")
    return binary


def built() -> Path:
    """The binary, which is built when there is none.

    Raises:
        NoJaegerError: There is no Go, or it could not build.
    """
    try:
        return found()
    except NoJaegerError:
        if "SPANLEDGER_JAEGER" in os.environ:
            raise
    go = shutil.which("go")
    if go is None:
        raise NoJaegerError("no Jaeger was built here, and there is no Go to build it with")
    binary = place()
    binary.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        made = _build(go, Path(directory))
        unfinished = binary.with_name(f"{binary.name}.{os.getpid()}")
        shutil.move(made, unfinished)
    unfinished.replace(binary)
    return binary


def _build(go: str, directory: Path) -> Path:
    shutil.copy(SOURCES / "go.mod", directory)
    told = json.loads(_run([go, "mod", "download", "-json", MODULE], directory))
    shutil.copyfile(Path(told["Dir"]) / "go.sum", directory / "go.sum")
    made = directory / "jaeger"
    _run([go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(made), f"{MODULE}/cmd/jaeger"], directory)
    return made


def _run(command: list[str], directory: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - Go, on the module that go.mod names
            command, cwd=directory, env={**os.environ, **_SETTINGS}, capture_output=True, text=True, timeout=BUILD_S
        )
    except subprocess.TimeoutExpired as late:
        raise NoJaegerError(f"Jaeger was not built within {BUILD_S:g} s") from late
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-5:])
        raise NoJaegerError(f"Jaeger could not be built:\n{last}")
    return done.stdout


def main() -> int:
    """Build it if need be; returns the exit code."""
    try:
        print(built())
    except NoJaegerError as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
