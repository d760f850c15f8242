"""The door to the network: what may be connected to, until when, and what becomes of servers that mean harm."""

from __future__ import annotations

import http.client
import ipaddress
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spanledger_server.notify.channels import reach, request, setup
from spanledger_server.notify.message import Delivered, Failed
from tests.backend.notify.channels.made import channel, message
from tests.support.certificates import Authority
from tests.support.mailbox import Mailbox
from tests.support.providers import Reply, WebhookReceiver

PRIVATE = (
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0.0.0.0:{port}/",
    "http://localhost:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://240.0.0.1/",
)


def failed(outcome: Delivered | Failed) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


@pytest.mark.parametrize("url", PRIVATE)
def test_addresses_that_are_not_outside_are_refused_for_good(url: str):
    with WebhookReceiver() as receiver:
        port = receiver.origin.rpartition(":")[2]
        found = failed(channel("webhook", allow_private=False, url=url.format(port=port)).send(message()))
    assert found.permanent, found
    assert "allow_private" in found.reason
    assert not receiver.requests


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101"])
def test_addresses_outside_are_not(address: str):
    assert not reach.private(ipaddress.ip_address(address))


def test_a_name_is_resolved_once_and_its_private_addresses_are_left_out(monkeypatch: pytest.MonkeyPatch):
    """A name that turns from an address outside into one of this machine is connected to as it was judged."""
    answers = itertools.cycle([["93.184.216.34", "10.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []
    used: list[tuple[str, int]] = []

    def resolved(host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in next(answers)]

    def connect(address: tuple[str, int], _timeout: float) -> socket.socket:
        used.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(socket, "create_connection", connect)
    found = failed(channel("webhook", allow_private=False, url="http://rebound.example/").send(message()))
    assert (asked, used) == (["rebound.example"], [("93.184.216.34", 80)])
    assert (found.reason, found.permanent) == ("it could not be connected to: Connection refused", False)
    again = failed(channel("webhook", allow_private=False, url="http://rebound.example/").send(message()))
    assert again.permanent
    assert len(used) == 1


def test_redirects_are_not_followed():
    with WebhookReceiver() as receiver, WebhookReceiver() as inside:
        receiver.answers.append(Reply(307, b"", {"Location": inside.url}))
        found = failed(channel("webhook", url=receiver.url).send(message()))
    assert found.permanent
    assert "not followed" in found.reason
    assert not inside.requests


def test_proxies_of_the_environment_play_no_part(monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with WebhookReceiver() as receiver:
        assert isinstance(channel("webhook", url=receiver.url).send(message()), Delivered)


def test_a_certificate_of_a_stranger_an_old_one_and_one_that_changed_are_refused(tmp_path: Path):
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    trusted = ours.file.read_text()
    with WebhookReceiver(certificate=ours.issue("fine")) as fine:
        way = channel("webhook", url=fine.url, ca=trusted)
        assert isinstance(way.send(message()), Delivered)
        assert "not trusted" in failed(channel("webhook", url=fine.url).send(message())).reason
        named = channel("webhook", url=fine.url.replace("127.0.0.1", "localhost"), ca=trusted)
        assert "not trusted" in failed(named.send(message())).reason
    for pair in (theirs.issue("changed"), ours.issue("old", expired=True)):
        with WebhookReceiver(certificate=pair) as changed:
            found = failed(channel("webhook", url=changed.url, ca=trusted).send(message()))
        assert found.reason.startswith("its certificate is not trusted: ")
        assert not found.permanent
        assert not changed.requests
    with WebhookReceiver() as plain:
        found = failed(channel("webhook", url=plain.url.replace("http:", "https:")).send(message()))
        assert found.reason.startswith("TLS failed") or found.reason == "it closed the connection"


@contextmanager
def rude(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that takes one connection after another and does with each what it likes."""
    listening = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    answer(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        stopped.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)


class Patience:
    """Stands for the timers of channels: it is over when a test says so, and not by the clock."""

    def __init__(self) -> None:
        self.end: Callable[[], None] = lambda: None

    def __call__(self, _seconds: float, end: Callable[[], None]) -> Any:
        self.end = end
        return SimpleNamespace(start=lambda: None, cancel=lambda: None)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Patience:
    found = Patience()
    monkeypatch.setattr(reach, "threading", SimpleNamespace(Timer=found, Thread=threading.Thread))
    return found


Answer = Callable[[socket.socket], None]


def drip(what: bytes, first: bytes = b"") -> Callable[[Patience], Answer]:
    """Send `first`, then `what` again and again; patience ends in the middle of it."""

    def ending(patience: Patience) -> Answer:
        def answer(connection: socket.socket) -> None:
            connection.recv(65536)
            connection.sendall(first)
            for number in itertools.count():
                connection.sendall(what)
                if number == 3:
                    patience.end()

        return answer

    return ending


def says(what: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(what)

    return answer


def silent(patience: Patience) -> Answer:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        patience.end()
        while connection.recv(65536):
            pass

    return answer


SLOW = {
    "nothing": silent,
    "status": drip(b"H"),
    "headers": drip(b"X-More: x\r\n", b"HTTP/1.1 200 OK\r\n"),
    "one header": drip(b"x", b"HTTP/1.1 200 OK\r\nX-More: "),
    "go on": drip(b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("how", SLOW)
def test_a_server_that_drips_has_its_time_and_no_more(how: str, patience: Patience):
    with rude(SLOW[how](patience)) as url:
        found = failed(channel("webhook", url=url).send(message()))
    assert not found.permanent
    assert found.reason == f"it took longer than {setup.TOTAL_S:g} s"


@pytest.mark.parametrize("length", [b"Content-Length: 100000\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_that_never_ends_does_not_undo_that_it_arrived(
    length: bytes, patience: Patience, monkeypatch: pytest.MonkeyPatch
):
    reading = threading.Event()
    read = http.client.HTTPResponse.read

    def noticed(response: http.client.HTTPResponse, *most: int) -> bytes:
        reading.set()
        return read(response, *most)

    def answer(connection: socket.socket) -> None:
        reading.clear()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        reading.wait(60)
        connection.sendall(b"1\r\nx\r\n" if b"chunked" in length else b"x")
        patience.end()

    monkeypatch.setattr(http.client.HTTPResponse, "read", noticed)
    with rude(answer) as url:
        assert isinstance(channel("webhook", url=url).send(message()), Delivered)
        slack = failed(channel("slack", url=url).send(message()))
    assert not slack.permanent


def test_an_endless_fast_body_is_read_up_to_a_limit():
    def flood(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with rude(flood) as url:
        answer = request.post(url, b"{}", {}, reach.Deadline(10), allow_private=True)
    assert len(answer.body) == request.MOST_BYTES


RUBBISH = (
    b"",
    b"\x00" * 1000,
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"HTTP/1.1 abc OK\r\n\r\n",
    b"HTTP/1.1 99999999999999999999 OK\r\n\r\n",
    b"HTTP/9.9 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
    b"HTTP/1.1 200",
)


@pytest.mark.parametrize("what", RUBBISH, ids=range(len(RUBBISH)))
def test_rubbish_is_an_outcome_and_no_exception(what: bytes):
    with rude(says(what)) as url:
        for kind, given in (("webhook", {"url": url}), ("slack", {"url": url}), ("alertmanager", {"url": url})):
            found = channel(kind, **given).send(message())
            assert isinstance(found, Failed) or what == b"HTTP/1.1 200", (kind, found)
            if isinstance(found, Failed):
                assert "it could not be sent" not in found.reason


def test_a_mail_server_that_drips_or_talks_rubbish_is_left_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(setup, "TOTAL_S", 0.4)

    def greeting(connection: socket.socket) -> None:
        pause = threading.Event()
        while True:
            connection.sendall(b"220-more\r\n")
            pause.wait(0.02)

    for answer in (greeting, lambda connection: connection.sendall(b"hello?\r\n"), lambda connection: None):
        with rude(answer) as url:
            port = int(url.rstrip("/").rpartition(":")[2])
            way = channel(
                "email", host="127.0.0.1", port=port, security="none", **{"from": "a@b.example", "to": "c@d.example"}
            )
            found = failed(way.send(message()))
            assert not found.permanent
            assert "it could not be sent" not in found.reason


def test_a_mail_server_in_a_private_network_is_refused_too():
    with Mailbox() as box:
        addresses = {"from": "a@b.example", "to": "c@d.example"}
        way = channel("email", allow_private=False, host="localhost", port=box.port, security="none", **addresses)
        assert failed(way.send(message())).permanent
    assert not box.taken


def test_a_name_that_is_not_there_may_be_there_later(monkeypatch: pytest.MonkeyPatch):
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = failed(channel("webhook", url="http://nowhere.example/").send(message()))
    assert found.reason == "the name of the host could not be resolved: Name or service not known"
    assert not found.permanent


def test_a_resolver_that_hangs_takes_no_longer_than_anything_else(monkeypatch: pytest.MonkeyPatch):
    released = threading.Event()
    monkeypatch.setattr(setup, "TOTAL_S", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(5) and [])
    try:
        found = failed(channel("webhook", url="http://slow.example/").send(message()))
    finally:
        released.set()
    assert found.reason == "the name of the host could not be resolved in time"
