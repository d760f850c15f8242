"""How the command line speaks to the server: HTTP with a token, JSON whose numbers keep their digits.

Given an address and perhaps a token, gives answers; what goes wrong becomes one line that says what to do.

Never: a stack trace for a server that is away, or money as a float.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import simplejson

from spanledger_server.auth.left import left_for_the_command_line
from spanledger_server.errors import SpanledgerError

DEFAULT_URL = "http://127.0.0.1:8321"
DEFAULT_DIRECTORY = Path("~/.local/share/spanledger")
TIMEOUT_S = 30.0
PROBLEM = "application/problem+json"


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

    def __init__(self, url: str, token: str | None) -> None:
        """Nothing is asked yet.

        Raises:
            BadQuestionError: This can be neither an address nor a token.
        """
        self.url = _address(url)
        self._http = httpx.Client(base_url=self.url, timeout=TIMEOUT_S, headers=_headers(token), trust_env=False)

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        """The answer to a question.

        Raises:
            AnswerError: There is none.
        """
        return self._asked("GET", path, parameters=parameters)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """The answer to a change."""
        return self._asked("POST", path, body=body)

    def put(self, path: str, body: Mapping[str, Any]) -> Answer:
        """The answer to something that is set."""
        return self._asked("PUT", path, body=body)

    def delete(self, path: str) -> Answer:
        """The answer to a removal."""
        return self._asked("DELETE", path)

    def ready(self) -> tuple[bool, list[str]]:
        """Whether the server takes data and answers, and the reasons when not."""
        try:
            answer = self._http.get("/readyz")
        except httpx.HTTPError as error:
            return False, [self._away(error)]
        said = _members(answer)
        if answer.status_code == 200 and said.get("status") == "ready":
            return True, []
        reasons = [str(reason) for reason in said.get("reasons") or ()]
        return False, reasons or [f"it answered {answer.status_code}: is it a spanledger server?"]

    def _asked(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        given = {key: value for key, value in (parameters or {}).items() if value not in (None, (), [])}
        try:
            answer = self._http.request(method, path, params=given, json=body)
        except httpx.HTTPError as error:
            raise AnswerError(self._away(error)) from error
        if not answer.is_success:
            raise self._refused(answer)
        if answer.status_code != 204 and not _is_json(answer):
            raise AnswerError(f"{self.url} answered with something else than JSON: is it a spanledger server?")
        return Answer(answer.text, _json(answer))

    def _away(self, error: httpx.HTTPError) -> str:
        if isinstance(error, httpx.TimeoutException):
            return f"{self.url} did not answer within {TIMEOUT_S:.0f} s"
        way = "start one with `spanledger serve`, or name it with --url or SPANLEDGER_URL"
        return f"no server answers at {self.url}: {way}"

    def _refused(self, answer: httpx.Response) -> AnswerError:
        detail = _members(answer).get("detail") or answer.reason_phrase
        if answer.status_code == 401 and "Authorization" in self._http.headers:
            return AnswerError(
                f"{self.url} does not know this token, or it expired or was revoked: "
                "give another with --token or SPANLEDGER_TOKEN"
            )
        if answer.status_code == 401:
            return AnswerError(f"{self.url} asks for a token: give one with --token or SPANLEDGER_TOKEN")
        if answer.status_code == 422:
            return BadQuestionError(str(detail))
        return AnswerError(f"{self.url} answered {answer.status_code}: {detail}")


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


def connected(url: str | None, token: str | None) -> Client:
    """A client for the address given, or for the server that this user started on this machine.

    The latter leaves its address and a token in its data directory; the token goes to no other address.
    """
    directory = Path(os.environ.get("SPANLEDGER_DATA_DIR") or DEFAULT_DIRECTORY).expanduser()
    left = left_for_the_command_line(directory)
    address = (url or (left.url if left else DEFAULT_URL)).rstrip("/")
    if token is None and left is not None and address == left.url:
        token = left.secret
    return Client(address, token)


def decimal(value: Any) -> Decimal | None:
    """A JSON number, or money as text, as it was written."""
    return None if value is None else Decimal(str(value))
