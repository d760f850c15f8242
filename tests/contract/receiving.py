"""Real receivers on loopback, in front of a recorder in ingest's place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI

from spanledger_server.api.receivers.grpc import GrpcReceiver
from spanledger_server.api.receivers.http import HttpReceiver
from spanledger_server.api.receivers.receive import Receiver
from spanledger_server.ingest.accept import Acknowledgement
from spanledger_server.ingest.admission import Admission
from spanledger_server.otlp.columns import Decoded

LIMIT_BYTES = 1024 * 1024
ADMITTED_BYTES = 8 * LIMIT_BYTES
PATIENCE_S = 30.0


@dataclass
class Recorder:
    """Takes what ingest would take; `answer` may raise, or wait."""

    decoded: list[Decoded] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    answer: Callable[[Decoded], Acknowledgement] | None = None

    def accept(self, decoded: Decoded, size_bytes: int) -> Acknowledgement:
        self.decoded.append(decoded)
        self.sizes.append(size_bytes)
        if self.answer is not None:
            return self.answer(decoded)
        refusals = decoded.refusals
        return Acknowledgement(refusals.total, "; ".join(refusals.examples) or None)

    def rows(self) -> list[dict[str, Any]]:
        return [row for decoded in self.decoded for row in decoded.table.to_pylist()]


@dataclass
class Receiving:
    """A receiver behind both protocols, and what it received."""

    recorder: Recorder
    admission: Admission
    http_url: str
    grpc_target: str
    asked: list[tuple[dict[str, str], str | None]]
    refuse: list[Exception]  # when not empty, what authorize raises


@contextmanager
def serving(app: FastAPI) -> Iterator[int]:
    """Serve `app` on a free port; gives the port."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    sockets = [config.bind_socket()]
    port: int = sockets[0].getsockname()[1]
    thread = threading.Thread(target=server.run, args=(sockets,))
    thread.start()
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        for socket in sockets:
            socket.close()


@contextmanager
def receiving(now: Callable[[], int]) -> Iterator[Receiving]:
    """Both receivers, up and listening."""
    recorder, admission = Recorder(), Admission(ADMITTED_BYTES)
    asked: list[tuple[dict[str, str], str | None]] = []
    refuse: list[Exception] = []

    def authorize(headers: Any, host: str | None) -> None:
        asked.append((dict(headers), host))
        if refuse:
            raise refuse[0]

    receiver = Receiver(accept=recorder.accept, admission=admission, now=now)
    http = HttpReceiver(receiver, max_request_bytes=LIMIT_BYTES, authorize=authorize, threads=4)
    grpc = GrpcReceiver(
        receiver, host="127.0.0.1", port=0, max_request_bytes=LIMIT_BYTES, authorize=authorize, threads=4
    )
    app = FastAPI()
    app.include_router(http.router())
    grpc_port = grpc.start()
    try:
        with serving(app) as port:
            url, target = f"http://127.0.0.1:{port}", f"127.0.0.1:{grpc_port}"
            yield Receiving(recorder, admission, url, target, asked, refuse)
    finally:
        grpc.stop(1.0)
        http.close()
