"""Child programs: started, waited for until they answer, and ended in order.

Never: ends a process that it did not start.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx


class DemoError(Exception):
    """The demo cannot go on; the text says why and what to do."""


class Child:
    """One child program and its log: a module for this interpreter, or the `program` that is named."""

    def __init__(
        self,
        name: str,
        arguments: list[str],
        environment: Mapping[str, str],
        log: Path,
        program: Path | None = None,
    ) -> None:
        self.name = name
        self._log = log
        command = [sys.executable, "-m"] if program is None else [str(program)]
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own modules, and what the caller found
                [*command, *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; the children are ended in order
            )

    def wait_until_answers(self, url: str, timeout_s: float = 90) -> None:
        """Wait until `url` answers.

        Raises:
            DemoError: It ended, or did not answer in time; with what it said last.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise DemoError(f"{self.name} ended with exit code {self._process.returncode}:\n{self._last_words()}")
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(url, timeout=1).status_code < 500:
                    return
            time.sleep(0.05)
        raise DemoError(f"{self.name} did not answer within {timeout_s:g} s:\n{self._last_words()}")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait()

    def stop(self, timeout_s: float = 10) -> None:
        """Ask it to end, and make it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-12:])


def free_port(default: int, setting: str) -> int:
    """The port that the environment variable `setting` names, or `default`; 0 finds a free one.

    Raises:
        DemoError: It is taken, or is no port.
    """
    text = os.environ.get(setting, str(default))
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", int(text)))
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as taken:
        raise DemoError(f"port {text} is taken; set {setting} to a free one (0 finds one)") from taken
    except ValueError as malformed:
        raise DemoError(f"{setting}={text!r} is not a port number") from malformed
