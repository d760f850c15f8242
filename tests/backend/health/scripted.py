"""Servers on loopback that say what a test tells them, and looks at them."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from spanledger_server.health import check
from spanledger_server.health.answer import Answer, LookFailedError
from spanledger_server.health.deadline import Deadline
from spanledger_server.health.kinds.all import KINDS
from spanledger_server.health.question import House, Question
from spanledger_server.store.database import Database

Talk = Callable[[socket.socket], None]


@contextmanager
def serving(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that has this talk with each caller; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []

    def one(caller: socket.socket) -> None:
        with suppress(OSError):
            caller.settimeout(10)
            with caller if context is None else context.wrap_socket(caller, server_side=True) as heard:
                talk(heard)

    def accept() -> None:
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                open_ones.append(caller)
                threading.Thread(target=one, args=(caller,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        for each in (listener, *open_ones):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def says(content: bytes) -> Talk:
    """Reads something, then says this."""

    def talk(caller: socket.socket) -> None:
        caller.recv(65_536)
        caller.sendall(content)

    return talk


def drips(content: bytes, every_s: float = 0.05) -> Talk:
    """Says this one byte after another, for ever."""
    pause = threading.Event()

    def talk(caller: socket.socket) -> None:
        while True:
            for number in range(len(content)):
                caller.sendall(content[number : number + 1])
                pause.wait(every_s)

    return talk


def hangs(caller: socket.socket) -> None:
    """Says nothing until the caller hangs up."""
    while caller.recv(65_536):
        pass


def floods(content: bytes) -> Talk:
    """Says this again and again, as fast as it can."""

    def talk(caller: socket.socket) -> None:
        while True:
            caller.sendall(content * 1000)

    return talk


def closes(caller: socket.socket) -> None:
    """Hangs up."""
    caller.close()


def look(
    kind: str,
    target: str | None = None,
    *,
    database: Database | None = None,
    now_ns: int | None = None,
    started_ns: int = 0,
    troubles: list[str] | None = None,
    unready: list[str] | None = None,
    before: Mapping[str, Any] | None = None,
    **more: Any,
) -> Answer:
    """What a look of this kind finds; `options` and the members of a check by their names."""
    given = {"name": "x", "kind": kind, "target": target, "timeout_s": 3, **more}
    parsed, secrets = check.parse(given)
    text, place, options = check.whole(parsed, secrets)
    house = House(database, started_ns, lambda: unready or [], lambda: troubles or [])  # type: ignore[arg-type]
    question = Question(
        text,
        place,
        options,
        Deadline(parsed.timeout_s),
        time.time_ns() if now_ns is None else now_ns,
        parsed.slow_ms,
        house,
        before or {},
    )
    try:
        return KINDS[kind].ask(question)
    except LookFailedError as error:
        return Answer(error.state, str(error), question.deadline.taken_ns())
