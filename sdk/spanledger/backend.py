"""Questions to the backend's API, for the few parts of the SDK that ask instead of send.

Given an address, perhaps a token, and a question, gives the answer's JSON; what goes wrong is one error with one
sentence. Each question waits on the caller's thread, at most `timeout_s`, and is not traced.

Never: follows a redirect (the token would go along), or sends what a .netrc says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from opentelemetry.instrumentation.utils import suppress_instrumentation

from spanledger.errors import BackendError, ConfigurationError, NotOffered
from spanledger.version import __version__

if TYPE_CHECKING:
    import requests

DEFAULT_URL: Final = "http://127.0.0.1:8321"
TIMEOUT_S: Final = 10.0
_REFUSED: Final = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
_DESCRIPTION: Final = "/openapi.json"


@dataclass(frozen=True, slots=True)
class Backend:
    """One backend.

    Attributes:
        url: Its address, such as `http://127.0.0.1:8321`.
        token: Sent as `Authorization: Bearer …`.
        timeout_s: Seconds that an answer may take.
        certificate: File with the certificates to trust; None for the system's.
    """

    url: str = DEFAULT_URL
    token: str | None = field(default=None, repr=False)
    timeout_s: float = TIMEOUT_S
    certificate: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError([f"url={self.url!r} is not an address such as {DEFAULT_URL}"])
        if self.token is not None and not (self.token.isascii() and self.token.isprintable()):
            raise ConfigurationError(["token holds characters that no token has"])

    def ready(self) -> tuple[str, ...]:
        """Why it takes no data or answers nothing at the moment; empty when it is ready.

        Raises:
            BackendError: It is away.
        """
        answer = self._answer("GET", "/readyz")
        if answer.status_code == HTTPStatus.OK:
            return ()
        reasons = _members(answer).get("reasons") or [f"it answered {answer.status_code}"]
        return tuple(str(reason) for reason in reasons)

    def ask(
        self, method: str, path: str, what: str, *, parameters: Mapping[str, Any] | None = None, body: Any = None
    ) -> Any:
        """The JSON of an answer; None where the answer is empty.

        Args:
            method: `GET`, `POST` and so on.
            path: Where.
            what: What is asked for, in words, for the error.
            parameters: The query.
            body: Sent as JSON.

        Raises:
            NotOffered: This backend has no such route.
            BackendError: It is away, or refused.
        """
        answer = self._answer(method, path, parameters=parameters, body=body)
        if answer.status_code in _REFUSED:
            self._check_offered(method, path, what)
        if not 200 <= answer.status_code < 300:
            raise BackendError(self._refusal(answer), answer.status_code)
        if not answer.content:
            return None
        try:
            return json.loads(answer.content)
        except ValueError:
            raise BackendError(f"{self.url} did not answer with JSON: is it a spanledger backend?", 200) from None

    def _check_offered(self, method: str, path: str, what: str) -> None:
        """Find out from the backend's own description whether it has the route: a refusal alone does not say it.

        Raises:
            NotOffered: It has not.
            BackendError: It describes nothing.
        """
        described = _members(self._answer("GET", _DESCRIPTION))
        paths = described.get("paths")
        if not isinstance(paths, dict):
            raise BackendError(f"{self.url} does not describe itself: is it a spanledger backend?")
        if method.lower() not in (paths.get(path) or {}):
            version = (described.get("info") or {}).get("version", "unknown")
            raise NotOffered(
                f"the backend at {self.url} (version {version}) offers no {what}: it has no {method} {path}; "
                "a newer one may",
                404,
            )

    def _answer(
        self, method: str, path: str, *, parameters: Mapping[str, Any] | None = None, body: Any = None
    ) -> requests.Response:
        import requests

        headers = {"user-agent": f"spanledger-python/{__version__}"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        try:
            with suppress_instrumentation(), requests.Session() as session:
                session.auth = lambda request: request  # else a password of a .netrc takes the token's place
                return session.request(
                    method,
                    self.url.rstrip("/") + path,
                    params=parameters,
                    json=body,
                    headers=headers,
                    timeout=self.timeout_s,
                    allow_redirects=False,
                    verify=self.certificate or True,
                )
        except requests.Timeout:
            raise BackendError(f"{self.url} did not answer within {self.timeout_s:g} s") from None
        except (requests.RequestException, ValueError) as error:
            said = f"no backend answers at {self.url} ({type(error).__name__}): start one with `spanledger serve`, or "
            raise BackendError(said + "name it with url= or SPANLEDGER_URL") from None

    def _refusal(self, answer: requests.Response) -> str:
        detail = _members(answer).get("detail") or answer.reason
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            known = "does not know this token" if self.token else "asks for a token"
            return f"{self.url} {known}: give one with token= or SPANLEDGER_TOKEN"
        return f"{self.url} answered {answer.status_code}: {detail}"


def _members(answer: requests.Response) -> dict[str, Any]:
    """The answer as an object, whatever it is."""
    try:
        said = json.loads(answer.content)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
