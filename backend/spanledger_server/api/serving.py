"""HTTP on sockets that are bound already: one uvicorn server in a thread of its own, for all of them.

Never: a signal handler; who started it stops it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from spanledger_server.errors import SpanledgerError

log = logging.getLogger(__name__)

GRACE_S = 5  # for requests that are being answered
KEEP_ALIVE_S = 65  # longer than the pools of the usual clients, so that they and not we close what is idle
START_S = 10.0


class HttpServer:
    """Answers on `listening` with `application` from `start` to `stop`, by HTTPS where there is a context for it."""

    def __init__(
        self, application: ASGIApp, listening: Sequence[socket.socket], context: ssl.SSLContext | None = None
    ) -> None:
        config = uvicorn.Config(
            application,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            ws_max_size=64 * 1024,
            ws_per_message_deflate=False,
            ssl_context_factory=None if context is None else lambda _config, _default: context,
        )
        self._server = _Quiet(config)
        self._listening = list(listening)
        self._thread = threading.Thread(
            target=self._server.run, args=(self._listening,), name="spanledger-http", daemon=True
        )

    def start(self) -> None:
        """Returns when requests are answered.

        Raises:
            SpanledgerError: It did not come up.
        """
        self._thread.start()
        if not self._server.up.wait(START_S) or not self._thread.is_alive():
            raise SpanledgerError("the HTTP server did not start; the log has the reason")

    def stop(self) -> None:
        """Take nothing new, finish what is being answered, and end."""
        self._server.end()
        self._thread.join(GRACE_S * 3)


class _Quiet(uvicorn.Server):
    """uvicorn's server, telling when it is up; it waits to be told to end, and does not look again and again."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.up.set()

    async def main_loop(self) -> None:
        """Once a second what uvicorn does then: the date of its answers."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), 1.0)

    def end(self) -> None:
        """Begin to end; from any thread."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._ended.set)
