"""What the command line says of a server that goes away, over real sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from spanledger_server.cli.client import VERSION_HEADER, AnswerError, Client

OF_US = f"HTTP/1.1 200 OK\r\n{VERSION_HEADER}: 1\r\nContent-Type: application/json\r\n".encode()
ANSWER = OF_US + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as opened:
        yield opened


def answering(listener: socket.socket, *answers: bytes) -> threading.Thread:
    """Give each caller one of these answers, and hang up."""

    def work() -> None:
        for answer in answers:
            caller, _ = listener.accept()
            with caller:
                caller.recv(65536)
                caller.sendall(answer)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize("half", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", OF_US + b'Content-Length: 9\r\n\r\n{"a'])
def test_a_server_that_ends_in_the_middle_is_told_from_what_is_none(listener: socket.socket, half: bytes):
    thread = answering(listener, ANSWER, half, half)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    known = Client(url, None)
    assert known.get("/readyz").text == "{}"
    with pytest.raises(AnswerError, match="broke off before it answered: was it stopped"):
        known.get("/readyz")
    with pytest.raises(AnswerError, match="does not answer as an HTTP server does"):
        Client(url, None).get("/readyz")
    thread.join()
