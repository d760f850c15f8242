"""A program of somebody else's Go module: found where it was built before, or built.

Given a folder with a ``go.mod`` that names the module and its version, builds commands of that module; the checksums of
what they need come out of the module, whose own checksum Go looks up. Binaries lie in the user's cache under a name
that is made of the ``go.mod``.

Never: a download but what Go does by itself, or a binary that another ``go.mod`` made.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BUILD_S: Final = 3600.0
_SETTINGS: Final = {"GOFLAGS": "-mod=mod -buildvcs=false", "CGO_ENABLED": "0"}


class NotBuiltError(Exception):
    """There is no such program; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class GoProgram:
    """One command of a module.

    Attributes:
        name: What it is called, in lower case.
        sources: The folder of the ``go.mod``.
        module: The module's path.
        package: The command's path below it.
        hint: How it is built, and how long that takes.
    """

    name: str
    sources: Path
    module: str
    package: str
    hint: str

    @property
    def variable(self) -> str:
        """The environment variable that names a binary instead."""
        return f"SPANLEDGER_{self.name.upper()}"

    def place(self) -> Path:
        """Where the binary lies once it is built."""
        digest = hashlib.sha256((self.sources / "go.mod").read_bytes()).hexdigest()
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "spanledger" / f"{self.name}-{digest[:16]}"

    def found(self) -> Path:
        """The binary: the one that the variable names, or the one that was built before.

        Raises:
            NotBuiltError: There is none.
        """
        named = os.environ.get(self.variable)
        binary = Path(named) if named else self.place()
        if not os.access(binary, os.X_OK):
            raise NotBuiltError(f"no {self.name} at {binary}; {self.hint}")
        return binary

    def built(self) -> Path:
        """The binary, which is built when there is none.

        Raises:
            NotBuiltError: There is no Go, or it could not build.
        """
        try:
            return self.found()
        except NotBuiltError:
            if self.variable in os.environ:
                raise
        go = shutil.which("go")
        if go is None:
            raise NotBuiltError(f"no {self.name} was built here, and there is no Go to build it with")
        binary = self.place()
        binary.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as directory:
            unfinished = binary.with_name(f"{binary.name}.{os.getpid()}")
            shutil.move(self._build(go, Path(directory)), unfinished)
        unfinished.replace(binary)
        return binary

    def _build(self, go: str, directory: Path) -> Path:
        shutil.copy(self.sources / "go.mod", directory)
        told = json.loads(self._run([go, "mod", "download", "-json", self.module], directory))
        shutil.copyfile(Path(told["Dir"]) / "go.sum", directory / "go.sum")
        made = directory / "made"
        command = [go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(made), f"{self.module}/{self.package}"]
        self._run(command, directory)
        return made

    def _run(self, command: list[str], directory: Path) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - Go, on the module that go.mod names
                command, cwd=directory, env={**os.environ, **_SETTINGS}, capture_output=True, text=True, timeout=BUILD_S
            )
        except subprocess.TimeoutExpired as late:
            raise NotBuiltError(f"{self.name} was not built within {BUILD_S:g} s") from late
        if done.returncode:
            last = "\n".join(done.stderr.splitlines()[-5:])
            raise NotBuiltError(f"{self.name} could not be built:\n{last}")
        return done.stdout
