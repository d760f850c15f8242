"""One measuring process: started when it is asked, killed when it takes too long.

Given a question and bytes, gives the answer of `spanledger.audio.worker`. One thread asks.

Never: waits longer than `TIMEOUT_S`, or passes the user's standard input, output or signals on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

TIMEOUT_S: Final = 20.0
TRIES: Final = 3  # failed starts in a row, after which nothing is tried for a while
PAUSE_S: Final = 60.0
_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_INSTRUMENTED: Final = "auto_instrumentation"  # OpenTelemetry's, which would instrument the child too


class ChildFailedError(Exception):
    """There is no answer; its text is the reason. `spent_s`: how long it took."""

    def __init__(self, reason: str, spent_s: float) -> None:
        super().__init__(reason)
        self.spent_s = spent_s


class Child:
    """The process, or none."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._failed_starts, self._failed_at = 0, 0.0
        self._answered = False

    @property
    def pid(self) -> int | None:
        """Its number, while there is one."""
        return None if self._process is None else self._process.pid

    def ask(self, question: Mapping[str, Any], content: bytes) -> Mapping[str, Any]:
        """Ask it.

        Raises:
            ChildFailedError: When it does not answer.
        """
        began = time.monotonic()
        process = self._started()
        timer = threading.Timer(TIMEOUT_S, process.kill)
        timer.daemon = True
        timer.start()
        try:
            answer = self._asked(process, question, content)
        except (OSError, ValueError):
            self.kill()
            self._failed(not self._answered)
            spent_s = time.monotonic() - began
            raise ChildFailedError("timed_out" if spent_s >= TIMEOUT_S else "crashed", spent_s) from None
        finally:
            timer.cancel()
        self._answered, self._failed_starts = True, 0
        return answer

    def kill(self) -> None:
        """End it; the next question starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    _close(stream)
            process.wait()

    def forget(self) -> None:
        """In a forked process: the child is the parent's."""
        process, self._process = self._process, None
        for stream in (process.stdin, process.stdout) if process is not None else ():
            if stream is not None:
                _close(stream)
        if process is not None:
            process.returncode = 0

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            resting = self._failed_starts >= TRIES and time.monotonic() < self._failed_at + PAUSE_S
            if resting or not sys.executable:
                raise ChildFailedError("no_process", 0.0)
            try:
                self._process = _start()
            except OSError:
                self._failed(True)
                raise ChildFailedError("no_process", 0.0) from None
            self._answered = False
        return self._process

    def _failed(self, at_start: bool) -> None:
        self._failed_starts += at_start
        self._failed_at = time.monotonic()

    def _asked(
        self, process: subprocess.Popen[bytes], question: Mapping[str, Any], content: bytes
    ) -> Mapping[str, Any]:
        if process.stdin is None or process.stdout is None:
            raise ValueError
        process.stdin.write(json.dumps({**question, "bytes": len(content)}).encode() + b"\n")
        process.stdin.write(content)
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())  # nothing, where it has ended: a ValueError
        return dict(answer)


def _start() -> subprocess.Popen[bytes]:
    """The same Python with the same packages; a session of its own, so that Ctrl-C is not for it."""
    path = os.pathsep.join(part for part in sys.path if part and not part.endswith(_INSTRUMENTED))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environ |= dict.fromkeys(_ONE_THREAD, "1") | {"PYTHONPATH": path, "SPANLEDGER_ENABLED": "false"}
    return subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", "-m", "spanledger.audio.worker"],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _close(stream: Any) -> None:
    """What was not sent is not worth an error."""
    try:
        stream.close()
    except OSError:
        return
