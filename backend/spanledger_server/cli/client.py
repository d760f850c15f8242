"""How the command line speaks to the server: HTTP with a token, JSON whose numbers keep their digits.

Given an address and perhaps a token, gives answers; what goes wrong becomes one line that says what to do.

Never: a stack trace for a server that is away, or money as a float.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import simplejson

from spanledger.version import __version__
from spanledger_server.auth.left import left_for_the_command_line
from spanledger_server.cli import running_demo
from spanledger_server.errors import SpanledgerError

DEFAULT_URL = "http://127.0.0.1:8321"
DEFAULT_DIRECTORY = Path("~/.local/share/spanledger")
TIMEOUT_S = 30.0
UPLOAD_TIMEOUT_S = 900.0  # for what is read and compared before it is answered
PROBLEM = "application/problem+json"
VERSION_HEADER = "spanledger-version"
IN_FRONT = (502, 503, 504)
WRONG_TOKEN = (401, 429)  # 429: it is as wrong, and was tried too often; right ones are never told to wait


class AnswerError(SpanledgerError):
    """The server is away, or said no; the text says what to do."""


class BadQuestionError(AnswerError):
    """The question cannot be asked like this; the text says what is allowed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: the text as it came, and what it means, numbers with a point as `Decimal`."""

    text: str
    data: Any


class Client:
    """One server."""

    def __init__(self, url: str, token: str | None, ca_file: str | None = None) -> None:
        """Nothing is asked yet.

        Args:
            url: Address of the server; proxies of the environment are used for all but this machine.
            token: Sent with each question.
            ca_file: Certificates that the server's own may come from, in place of the system's.

        Raises:
            BadQuestionError: This can be no address, no token, or no file of certificates.
        """
        self.url = _address(url)
        self._version: str | None = None  # of the server, once it has answered
        here = is_here(self.url)
        self._http = httpx.Client(
            base_url=self.url,
            timeout=TIMEOUT_S,
            headers=_headers(token),
            trust_env=not here,
            verify=_trusting(ca_file) if self.url.startswith("https:") else _trusting_nobody(),
        )

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        """The answer to a question.

        Raises:
            AnswerError: There is none.
        """
        return self._asked("GET", path, parameters=parameters)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """The answer to a change."""
        return self._asked("POST", path, body=body)

    def content(self, path: str, body: Mapping[str, Any], parameters: Mapping[str, Any]) -> tuple[bytes, httpx.Headers]:
        """The answer to a question with a body, as it came, and its headers.

        Raises:
            AnswerError: There is none.
        """
        answer = self._sent("POST", path, json=body, params={k: v for k, v in parameters.items() if v is not None})
        if not answer.is_success:
            raise self._refused(answer)
        return answer.content, answer.headers

    def put(self, path: str, body: Mapping[str, Any]) -> Answer:
        """The answer to something that is set."""
        return self._asked("PUT", path, body=body)

    def delete(self, path: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        """The answer to a removal."""
        return self._asked("DELETE", path, parameters=parameters)

    def upload(self, path: str, pieces: Iterable[bytes], size: int, parameters: Mapping[str, Any]) -> Answer:
        """The answer to a file of so many bytes, handed over piece by piece; it may take long.

        Raises:
            AnswerError: There is none.
        """
        given = {key: value for key, value in parameters.items() if value not in (None, (), [])}
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        timeout = httpx.Timeout(TIMEOUT_S, read=UPLOAD_TIMEOUT_S)
        answer = self._sent("POST", path, params=given, content=pieces, headers=headers, timeout=timeout)
        if not answer.is_success:
            raise self._refused(answer)
        return Answer(answer.text, _json(answer))

    def download(self, path: str, parameters: Mapping[str, Any], write: Callable[[bytes, int | None], None]) -> None:
        """Hand what is at `path` to `write`, piece by piece, each with the size of the whole where that is known.

        Raises:
            AnswerError: There is none, or it broke off.
        """
        try:
            with self._http.stream("GET", path, params=parameters) as answer:
                self._version = answer.headers.get(VERSION_HEADER)
                if not answer.is_success:
                    answer.read()
                    raise self._refused(answer)
                length = answer.headers.get("content-length")
                for piece in answer.iter_bytes():
                    write(piece, None if length is None else int(length))
        except httpx.HTTPError as error:
            raise AnswerError(self._away(error)) from error

    def ready(self) -> tuple[bool, list[str]]:
        """Whether the server takes data and answers, and the reasons when not."""
        try:
            answer = self._sent("GET", "/readyz")
        except AnswerError as error:
            return False, [str(error)]
        said = _members(answer)
        if answer.status_code == 200 and said.get("status") == "ready":
            return True, []
        reasons = [str(reason) for reason in said.get("reasons") or ()]
        return False, reasons or [f"it answered {answer.status_code}: {self.kind()}"]

    def kind(self) -> str:
        """What to say of a server that does not answer as this command line expects."""
        if self._version is None:
            return "is it a spanledger server?"
        if self._version == __version__:
            return "the server's log may say why"
        return f"the server is version {self._version}, this command line {__version__}: install the same"

    def _asked(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        given = {key: value for key, value in (parameters or {}).items() if value not in (None, (), [])}
        answer = self._sent(method, path, params=given, json=body)
        if not answer.is_success:
            raise self._refused(answer)
        if answer.status_code != 204 and not _is_json(answer):
            raise AnswerError(f"{self.url} answered with something else than JSON: {self.kind()}")
        return Answer(answer.text, _json(answer))

    def _sent(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **more)
        except httpx.HTTPError as error:
            raise AnswerError(self._away(error)) from error
        self._version = answer.headers.get(VERSION_HEADER)
        return answer

    def _away(self, error: httpx.HTTPError) -> str:
        if isinstance(error, httpx.TimeoutException):
            return f"{self.url} did not answer within {TIMEOUT_S:.0f} s"
        if isinstance(error, httpx.ProxyError):
            return f"the proxy on the way to {self.url} does not let this through: NO_PROXY leaves it out ({error})"
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            way = "SSL_CERT_FILE, or --ca-file of `spanledger profile add`, names its authority's certificates"
            return f"the certificate of {self.url} is not trusted here: {way} ({error})"
        if "[SSL" in str(error):
            return f"{self.url} does not speak TLS: is it http://? ({error})"
        broke_off = isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError))
        if broke_off and self._version is not None:
            return f"{self.url} broke off before it answered: was it stopped? ({error})"
        if isinstance(error, httpx.RemoteProtocolError):
            return f"{self.url} does not answer as an HTTP server does: is it https://, or another port? ({error})"
        way = "start one with `spanledger serve`, or name it with --url or SPANLEDGER_URL"
        return f"no server answers at {self.url}: {way}"

    def _refused(self, answer: httpx.Response) -> AnswerError:
        if answer.is_redirect:
            there = answer.headers.get("location", "elsewhere")
            return AnswerError(f"{self.url} sends to {there}: name that address, if it is yours, with --url")
        if not _is_json(answer) and (self._version is None or answer.status_code in IN_FRONT):
            return AnswerError(self._in_front(answer))
        detail = _members(answer).get("detail") or answer.reason_phrase
        if answer.status_code in WRONG_TOKEN and self._version and "Authorization" in self._http.headers:
            return AnswerError(
                f"{self.url} does not know this token, or it expired or was revoked: "
                "give another with --token or SPANLEDGER_TOKEN"
            )
        if answer.status_code == 401:
            return AnswerError(f"{self.url} asks for a token: give one with --token or SPANLEDGER_TOKEN")
        if answer.status_code in (400, 422):
            excerpt = _members(answer).get("excerpt")
            return BadQuestionError(f"{detail}\n{excerpt}" if excerpt else str(detail))
        if answer.status_code in (404, 405) and detail in ("Not Found", "Method Not Allowed"):
            return AnswerError(f"{self.url} does not know this question ({answer.status_code}): {self.kind()}")
        if answer.status_code == 403:
            detail = f"{detail}; --token or SPANLEDGER_TOKEN gives another"
        return AnswerError(f"{self.url} answered {answer.status_code}: {detail}")

    def _in_front(self, answer: httpx.Response) -> str:
        """What to say of an answer that is not a spanledger server's own."""
        what = "a page" if "html" in answer.headers.get("content-type", "") else "something"
        told = f"{self.url} answered {answer.status_code} with {what} that is not a spanledger server's"
        if answer.status_code in IN_FRONT:
            return f"{told}: a proxy in front of it does not reach it; is the server behind it up?"
        return f"{told}: is it a spanledger server, and does a proxy in front of it ask for a sign-in of its own?"


def is_here(url: str) -> bool:
    """Whether an address is on this machine."""
    host = httpx.URL(url).host
    return host in ("localhost", "::1") or host.startswith("127.")


def _trusting(ca_file: str | None) -> ssl.SSLContext | bool:
    """What certificates may come from: this file, else the one of SSL_CERT_FILE, else the usual authorities."""
    file = ca_file or os.environ.get("SSL_CERT_FILE")
    if not file:
        return True
    try:
        return ssl.create_default_context(cafile=Path(file).expanduser())
    except OSError as error:
        source = "SSL_CERT_FILE" if ca_file is None else "--ca-file"
        raise BadQuestionError(f"{source} {file} holds no certificates that can be read: {error}") from error


def _trusting_nobody() -> ssl.SSLContext:
    """For where no certificate is shown: to read the usual authorities takes longer than most answers."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _address(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise BadQuestionError(f"--url {url!r} is not an address such as {DEFAULT_URL}")
    return url.rstrip("/")


def _headers(token: str | None) -> dict[str, str]:
    if not token:
        return {}
    if not (token.isascii() and token.isprintable()):
        raise BadQuestionError("--token holds characters that no token has: give it as `spanledger token create` said")
    return {"Authorization": f"Bearer {token}"}


def _is_json(answer: httpx.Response) -> bool:
    return answer.headers.get("content-type", "").partition(";")[0].strip() in ("application/json", PROBLEM)


def _json(answer: httpx.Response) -> Any:
    try:
        return simplejson.loads(answer.content, use_decimal=True)
    except ValueError:
        return {}


def _members(answer: httpx.Response) -> dict[str, Any]:
    said = _json(answer) if _is_json(answer) else {}
    return said if isinstance(said, dict) else {}


def part(text: str) -> str:
    """An id as one part of a path.

    Raises:
        BadQuestionError: There is none.
    """
    if not text:
        raise BadQuestionError("the ID is empty")
    return quote(text, safe="")


def connected(url: str | None, token: str | None, ca_file: str | None = None) -> Client:
    """A client for the address given, or for the server that this user started on this machine, or else its demo.

    Both leave their address and a token where only this user can read them; neither token goes to another address.
    """
    directory = Path(os.environ.get("SPANLEDGER_DATA_DIR") or DEFAULT_DIRECTORY).expanduser()
    started, demo = left_for_the_command_line(directory), running_demo.found()
    first = started or demo
    address = (url or (first.url if first else DEFAULT_URL)).rstrip("/")
    for left in (demo, started):  # a demo that runs has the address that an earlier server had
        if token is None and left is not None and address == left.url:
            token = left.secret
    return Client(address, token, ca_file)


def decimal(value: Any) -> Decimal | None:
    """A JSON number, or money as text, as it was written."""
    return None if value is None else Decimal(str(value))
