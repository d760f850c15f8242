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

import httpx
import simplejson

from spanledger_server.auth import first
from spanledger_server.errors import SpanledgerError

DEFAULT_URL = "http://127.0.0.1:8321"
DEFAULT_DIRECTORY = Path("~/.local/share/spanledger")
TIMEOUT_S = 30.0


class AnswerError(SpanledgerError):
    """The server is away, or said no; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: the text as it came, and what it means, numbers with a point as `Decimal`."""

    text: str
    data: Any


class Client:
    """One server."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
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

    def delete(self, path: str) -> None:
        """Remove something."""
        self._asked("DELETE", path)

    def ready(self) -> tuple[bool, list[str]]:
        """Whether the server takes data and answers, and the reasons when not."""
        try:
            answer = self._http.get("/readyz")
        except httpx.HTTPError as error:
            return False, [self._away(error)]
        if answer.status_code == 200:
            return True, []
        return False, list(_json(answer).get("reasons", [])) or [f"HTTP {answer.status_code}"]

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
        if answer.is_success:
            return Answer(answer.text, _json(answer))
        raise AnswerError(self._refused(answer))

    def _away(self, error: httpx.HTTPError) -> str:
        if isinstance(error, httpx.TimeoutException):
            return f"{self.url} did not answer within {TIMEOUT_S:.0f} s"
        way = "start one with `spanledger serve`, or name it with --url or SPANLEDGER_URL"
        return f"no server answers at {self.url}: {way}"

    def _refused(self, answer: httpx.Response) -> str:
        detail = _json(answer).get("detail") or answer.reason_phrase
        if answer.status_code == 401:
            return f"{self.url} asks for a token: give one with --token or SPANLEDGER_TOKEN ({detail})"
        return f"{self.url} answered {answer.status_code}: {detail}"


def _headers(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _json(answer: httpx.Response) -> Any:
    try:
        return simplejson.loads(answer.content, use_decimal=True)
    except ValueError:
        return {}


def connected(url: str | None, token: str | None) -> Client:
    """A client for the address given, or for the server that this user started on this machine.

    The latter leaves its address and a token in its data directory; the token goes to no other address.
    """
    directory = Path(os.environ.get("SPANLEDGER_DATA_DIR") or DEFAULT_DIRECTORY).expanduser()
    left = first.left_for_the_command_line(directory)
    address = (url or (left.url if left else DEFAULT_URL)).rstrip("/")
    if token is None and left is not None and address == left.url:
        token = left.secret
    return Client(address, token)


def decimal(value: Any) -> Decimal | None:
    """A JSON number, or money as text, as it was written."""
    return None if value is None else Decimal(str(value))
