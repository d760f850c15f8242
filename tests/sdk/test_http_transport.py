"""The way of OTLP over HTTP to its receiver: what the environment says of it holds, and nothing is sent elsewhere."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from spanledger.delivery.http import HttpTransport
from spanledger.delivery.outcome import Lost, Sent, TryAgain
from spanledger.endpoints import Target

Seen = list[tuple[str, dict[str, str], bytes]]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Seen, str]]:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    seen: Seen = []

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(302 if "moved" in self.path else 200)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            pass

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield seen, f"127.0.0.1:{serving.server_port}"
    serving.shutdown()
    thread.join()
    serving.server_close()


def sent(address: str, headers: dict[str, str] | None = None) -> object:
    """What became of two requests; both must come to the same."""
    way = HttpTransport(Target("logs", "http/protobuf", address, True, headers or {}, "none", 5.0))
    way.prepare()
    first, second = way.send(b"abc", 5.0), way.send(b"abc", 5.0)
    way.close()
    assert first == second
    return first


def test_a_proxy_of_the_environment_is_used_and_where_it_is_not_wanted_it_is_not(
    server: tuple[Seen, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, here = server
    monkeypatch.setenv("http_proxy", f"http://user:word@{here}")
    assert sent("http://backend.example:4318/v1/logs", {"authorization": "Bearer t"}) == Sent()
    path, headers, body = seen[-1]
    assert (path, body) == ("http://backend.example:4318/v1/logs", b"abc")
    assert headers["proxy-authorization"].startswith("Basic ")
    assert (headers["authorization"], headers["content-length"]) == ("Bearer t", "3")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert sent(f"http://{here}/v1/logs") == Sent()
    assert seen[-1][0] == "/v1/logs"
    assert "proxy-authorization" not in seen[-1][1]


def test_what_a_netrc_says_is_not_sent_and_a_redirect_is_not_followed(
    server: tuple[Seen, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen, here = server
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert sent(f"http://{here}/v1/logs") == Sent()
    assert "authorization" not in seen[-1][1]
    assert sent(f"http://{here}/moved") == Lost("http_302")
    assert [path for path, _, _ in seen] == ["/v1/logs"] * 2 + ["/moved"] * 2


@pytest.mark.parametrize(
    ("address", "headers"),
    [("nonsense", {}), ("http://127.0.0.1:1/", {"a": "b\nc"}), ("http://127.0.0.1:1/", {"a": "ü€"})],
    ids=("no URL", "two lines", "no latin"),
)
def test_what_can_never_be_sent_is_lost_and_raises_nothing(address: str, headers: dict[str, str]) -> None:
    assert isinstance(sent(address, headers), Lost)


def test_where_nobody_listens_it_is_tried_again() -> None:
    found = sent("http://127.0.0.1:1/v1/logs")
    assert isinstance(found, TryAgain)
    assert found.unreachable
