"""The real server inside the test's own process: as `Server`, started ten times as fast, with its parts in reach."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from spanledger_server import main, settings
from spanledger_server.clock import Clock, SystemClock
from tests.support.server import Server
from tests.support.stores import empty_store


class Shifted:
    """The machine's clock and a shift, in nanoseconds, that a test moves."""

    def __init__(self) -> None:
        self.by_ns = 0

    def now_ns(self) -> int:
        return SystemClock().now_ns() + self.by_ns


class Inside(Server):
    """The server of `spanledger serve` without its process."""

    def __init__(
        self,
        directory: Path,
        *flags: str,
        token: str | None = None,
        clock: Clock | None = None,
        fresh: bool = False,
        **variables: str,
    ) -> None:
        """As `Server`; with a store that was opened before, unless it is to be `fresh`."""
        super().__init__(directory, *flags, token=token, **variables)
        self._fresh = fresh
        self.clock = clock or SystemClock()
        self._running: main.Server | None = None

    @property
    def running(self) -> main.Server:
        """The server as a whole."""
        assert self._running is not None
        return self._running

    def start(self) -> Inside:
        given: dict[str, str | None] = {
            "port": self._port,
            "otlp_http_port": str(self.otlp_port),
            "otlp_grpc_port": str(self.grpc_port),
            "data_dir": str(self.data),
            "admin_token": self.token or None,
        }
        pairs = zip(self._flags[::2], self._flags[1::2], strict=True)
        given |= {flag.removeprefix("--").replace("-", "_"): value for flag, value in pairs}
        configured = settings.load(given, self._variables)
        if not self._fresh and configured.file is not None and not configured.data_dir.exists():
            configured.data_dir.mkdir(mode=0o700)
            configured.file.write_bytes(empty_store())
        running = main.Server(configured, self.clock)
        running.start()
        self._running = running
        self.url = running.addresses.url
        self._port = str(running.addresses.port)
        return self

    def stop(self, how: int = signal.SIGTERM) -> int:
        assert how == signal.SIGTERM, "only a process of its own can be killed"
        running, self._running = self._running, None
        if running is not None:
            running.stop()
        return 0

    @property
    def pid(self) -> int:
        return os.getpid()
