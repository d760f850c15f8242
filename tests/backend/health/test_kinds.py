"""Each kind of check against a server that behaves, one that does not, and one that is not there."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.backend.health.scripted import closes, drips, floods, hangs, look, says, serving
from tests.support.certificates import Authority, Pair

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


def tls(pair: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


@pytest.fixture(scope="module")
def nobody() -> Iterator[int]:
    """A port on which nobody listens: taken, so that nobody else takes it."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_http_is_healthy_when_the_status_and_the_text_are_as_wanted():
    with serving(says(OK)) as port:
        found = look("http", f"http://127.0.0.1:{port}/x?y=1", options={"text": "ell"})
        assert (found.state, found.reason, found.told["status"]) == ("healthy", "answered 200", 200)
        assert found.latency_ns is not None
        assert found.latency_ns > 0
        lacks = look("http", f"http://127.0.0.1:{port}/", options={"text": "bye"})
        assert (lacks.state, lacks.reason) == ("down", "answered 200 without the text")
        slow = look("http", f"http://127.0.0.1:{port}/", options={"method": "HEAD"}, slow_ms=1)
        assert slow.state in ("healthy", "degraded")


def test_http_says_which_status_came_and_judges_it_as_told():
    with serving(says(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")) as port:
        found = look("http", f"http://127.0.0.1:{port}/")
        assert (found.state, found.reason) == ("down", "answered 503: not 200-299")
        assert look("http", f"http://127.0.0.1:{port}/", options={"status": ["200", 503]}).state == "healthy"


def test_http_follows_as_many_redirects_as_it_is_told_and_leaves_its_secrets_behind():
    seen: list[bytes] = []

    def end(caller: socket.socket) -> None:
        seen.append(caller.recv(65_536))
        caller.sendall(OK)

    with serving(end) as there:
        away = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{there}/end?token=s3cret\r\n\r\n".encode()
        with serving(says(away)) as port:
            url, secret = f"http://ada:pass@127.0.0.1:{port}/", {"X-Key": "s3cret"}
            told = look("http", url, options={"headers": secret})
            assert told.state == "down"
            assert told.reason == f"answered 302, to http://127.0.0.1:{there}/end?token=***: not 200-299"
            found = look("http", url, options={"headers": secret, "redirects": 1})
            assert (found.state, found.reason) == ("healthy", "answered 200 after 1 redirect")
    assert seen[0].startswith(b"GET /end?token=s3cret HTTP/1.1\r\n")
    assert b"Authorization" not in seen[0]
    assert b"X-Key" not in seen[0]


def test_http_that_redirects_to_itself_or_to_a_cloud_s_credentials_is_down():
    def round_and_round(caller: socket.socket) -> None:
        caller.recv(65_536)
        caller.sendall(b"HTTP/1.1 301 x\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")

    with serving(round_and_round) as port:
        found = look("http", f"http://127.0.0.1:{port}/", options={"redirects": 5})
        assert found.reason == "answered 301 after 5 redirects, to /: not 200-299"
    away = b"HTTP/1.1 301 x\r\nLocation: http://169.254.169.254/latest/meta-data\r\n\r\n"
    with serving(says(away)) as port:
        found = look("http", f"http://127.0.0.1:{port}/", options={"redirects": 5})
        assert (found.state, "cannot be asked" in found.reason) == ("down", True)


@pytest.mark.parametrize("kind", ["http", "redis", "postgresql", "smtp", "celery", "collector"])
@pytest.mark.parametrize(
    ("talk", "said"),
    [
        (closes, ("hung up",)),
        (hangs, ("0.3 s were over",)),
        (says(b"\x00\xff rubbish\r\n\r\n" * 9), ("not ", "no TLS", "answered")),
        (drips(b"2"), ("0.3 s were over", "not PostgreSQL")),
        (floods(b"x" * 100), ("a line of more than", "not ", "0.3 s", "hung up")),
    ],
    ids=["closes", "hangs", "rubbish", "drips", "floods"],
)
def test_what_does_not_answer_as_it_should_is_down_in_time(kind: str, talk: object, said: tuple[str, ...]):
    schemes = {"collector": "http", "celery": "redis"}
    with serving(talk) as port:  # type: ignore[arg-type]
        found = look(kind, f"{schemes.get(kind, kind)}://127.0.0.1:{port}", timeout_s=0.3)
    assert found.state == "down", found
    assert any(each in found.reason for each in said), found
    assert found.latency_ns is not None
    assert found.latency_ns < 2 * 10**9


@pytest.mark.parametrize("kind", ["http", "tcp", "tls", "redis", "postgresql", "smtp", "celery", "collector"])
def test_what_is_not_there_is_down(kind: str, nobody: int):
    found = look(kind, f"127.0.0.1:{nobody}")
    assert (found.state, found.reason) == ("down", "not reached: Connection refused")


def test_tcp_is_healthy_when_somebody_listens():
    with serving(hangs) as port:
        assert look("tcp", f"127.0.0.1:{port}").state == "healthy"


def test_a_name_that_does_not_exist_is_down_and_one_that_is_a_cloud_s_is_not_asked(monkeypatch: pytest.MonkeyPatch):
    found = look("tcp", "there-is-none.invalid:80")
    assert found.state in ("down", "unknown")  # without a network nobody can say
    real = socket.getaddrinfo

    def rebound(host: object, port: object, **more: object) -> object:
        return real("169.254.169.254" if host == "metadata.test" else host, port, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    found = look("http", "http://metadata.test/")
    assert (found.state, "hand out credentials" in found.reason) == ("unknown", True)


def test_a_resolver_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch):
    ended = threading.Event()

    def hanging(*_: object, **__: object) -> list[object]:
        ended.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    found = look("tcp", "somewhere.test:80", timeout_s=0.2)
    ended.set()
    assert (found.state, found.reason) == ("unknown", "not asked: somewhere.test was not resolved within 0.2 s")


def test_a_certificate_is_believed_measured_and_warned_of(authority: Authority):
    with serving(hangs, tls(authority.issue("one"))) as port:
        known = {"authority": authority.file.read_text()}
        soon = look("tls", f"127.0.0.1:{port}", options=known)
        assert (soon.state, soon.reason) == ("degraded", "its certificate ends in less than a day")
        assert soon.told["certificate_days"] == pytest.approx(1, abs=0.1)
        fine = look("tls", f"127.0.0.1:{port}", options=known | {"certificate_days": 0.5})
        assert fine.state == "healthy"
        late = look("tls", f"127.0.0.1:{port}", options=known | {"down_days": 2})
        assert (late.state, late.reason) == ("down", "its certificate is valid for 1.0 days more")
        stranger = look("tls", f"127.0.0.1:{port}")
        assert stranger.state == "down"
        assert "certificate: " in stranger.reason
        unverified = look("tls", f"127.0.0.1:{port}", options={"verify": False, "certificate_days": 0})
        assert unverified.state == "healthy"
    with serving(hangs, tls(authority.issue("old", expired=True))) as port:
        ended = look("tls", f"127.0.0.1:{port}", options={"authority": authority.file.read_text()})
        assert (ended.state, ended.reason) == ("down", "certificate: certificate has expired")
        unverified = look("tls", f"127.0.0.1:{port}", options={"verify": False})
        assert (unverified.state, unverified.reason.split(";")[0]) == ("down", "its certificate has ended")


def test_https_warns_of_its_certificate(authority: Authority):
    with serving(says(OK), tls(authority.issue("web"))) as port:
        found = look("http", f"https://127.0.0.1:{port}/", options={"authority": authority.file.read_text()})
        assert (found.state, found.reason) == ("degraded", "its certificate ends in less than a day")


def mail(caller: socket.socket, context: ssl.SSLContext | None) -> None:
    """A mail server."""
    caller.sendall(b"220-hello\r\n220 ready\r\n")
    while (line := caller.recv(1000)) and not line.startswith(b"QUIT"):
        if line.startswith(b"EHLO"):
            caller.sendall(b"250-here\r\n250-STARTTLS\r\n250 HELP\r\n" if context else b"250 here\r\n")
        elif line.startswith(b"STARTTLS") and context:
            caller.sendall(b"220 go\r\n")
            with context.wrap_socket(caller, server_side=True) as secured:
                secured.recv(1000)
                secured.sendall(b"250 here\r\n")
                secured.recv(1000)
            return


def test_smtp_greets_and_goes_on_with_tls(authority: Authority):
    context, known = tls(authority.issue("mail")), {"authority": authority.file.read_text(), "certificate_days": 0}
    with serving(lambda caller: mail(caller, context)) as port:
        found = look("smtp", f"127.0.0.1:{port}", options=known)
        assert (found.state, found.reason, found.told["tls"]) == ("healthy", "takes mail over TLS", True)
    with serving(lambda caller: mail(caller, None)) as port:
        assert look("smtp", f"smtp://127.0.0.1:{port}").reason == "takes mail"
        found = look("smtp", f"smtp://127.0.0.1:{port}", options={"starttls": "required"})
        assert (found.state, found.reason) == ("down", "does not offer STARTTLS")
    with serving(says(b"")) as port:
        assert look("smtp", f"smtp://127.0.0.1:{port}", timeout_s=0.3).state == "down"
    with serving(lambda caller: caller.sendall(b"554 go\x1b[31m away\r\n")) as port:
        assert look("smtp", f"smtp://127.0.0.1:{port}").reason == "answered 554 go [31m away to its greeting"


def dns_answer(asked: bytes, records: list[tuple[int, bytes]], *, flags: int = 0x8180, code: int = 0) -> bytes:
    head = asked[:2] + struct.pack("!HHHHH", flags | code, 1, len(records), 0, 0) + asked[12:]
    return head + b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(each)) + each for kind, each in records)


def test_dns_of_a_server_is_read_and_compared():
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        replies: list[list[bytes]] = []

        def answering() -> None:
            for reply in replies:
                asked, caller = server.recvfrom(2000)
                for how in reply:
                    server.sendto(
                        {
                            b"ok": dns_answer(asked, [(1, bytes([10, 0, 0, 7])), (5, b"\x01x\x00")]),
                            b"other": b"\x00\x00" + dns_answer(asked, [(1, bytes(4))])[2:],
                            b"none": dns_answer(asked, [], code=3),
                            b"loop": dns_answer(asked, [(15, b"\x00\x01\xc0" + bytes([len(asked) + 14]))]),
                            b"cut": dns_answer(asked, [(1, bytes(4))])[:-9],
                        }[how],
                        caller,
                    )

        def asked(reply: list[bytes], **options: object) -> tuple[str, str]:
            replies[:] = [reply]
            thread = threading.Thread(target=answering)
            thread.start()
            found = look("dns", "db.example.org", options={"server": f"127.0.0.1:{port}", **options}, timeout_s=1)
            thread.join(5)
            return found.state, found.reason

        assert asked([b"other", b"ok"], expect=["10.0.0.7"]) == ("healthy", "gives 10.0.0.7")
        assert asked([b"ok"], expect=["10.0.0.8"]) == ("down", "gives 10.0.0.7, not 10.0.0.8")
        assert asked([b"ok"], record="TXT") == ("down", "has no TXT record")
        assert asked([b"none"]) == ("down", "answered: no such name")
        assert asked([b"loop"], record="MX") == ("down", "answered something that is not DNS")
        assert asked([b"cut"]) == ("down", "answered something that is not DNS")


def test_dns_of_this_machine_is_what_programs_here_see():
    found = look("dns", "localhost", options={"expect": ["127.0.0.1"]})
    assert found.state == "healthy", found


def test_a_collector_is_degraded_while_it_loses_what_it_was_given():
    counted = [b'otelcol_exporter_send_failed_spans_total{exporter="otlp"} %d\n' % 7]
    queue = b'otelcol_exporter_queue_size{exporter="otlp"} 9\notelcol_exporter_queue_capacity{exporter="otlp"} 10\n'

    def talk(caller: socket.socket) -> None:
        asked = caller.recv(65_536)
        body = b'{"status":"Server available"}' if b"GET /health" in asked else b"# HELP x\nbad {\n" + b"".join(counted)
        caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with serving(talk) as port:
        target, options = f"http://127.0.0.1:{port}/health", {"metrics": f"http://127.0.0.1:{port}/metrics"}
        assert look("collector", target).reason == "says that it is well"
        first = look("collector", target, options=options)
        assert (first.state, first.told["lost"]) == ("healthy", 7)
        assert look("collector", target, options=options, before={"lost": 7}).state == "healthy"
        lost = look("collector", target, options=options, before={"lost": 4})
        assert (lost.state, lost.reason) == ("degraded", "lost 3 items since the last look")
        restarted = look("collector", target, options=options, before={"lost": 100})
        assert restarted.reason == "lost 7 items since the last look"
        counted.append(queue)
        full = look("collector", target, options=options, before={"lost": 7})
        assert (full.state, full.reason) == ("degraded", "a queue is 90% full")


def test_this_server_is_what_it_says_itself():
    assert look("spanledger").state == "healthy"
    assert look("spanledger", troubles=["the task live failed"]).reason == "the task live failed"
    assert look("spanledger", unready=["the last commit failed"], troubles=["x"]).state == "down"


def test_a_folder_of_certificates_is_no_authority(tmp_path: Path):
    from spanledger_server.errors import Mistakes

    with pytest.raises(Mistakes, match="authority"):
        look("tls", "x:1", options={"authority": str(tmp_path)})
