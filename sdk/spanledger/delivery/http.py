"""OTLP over HTTP, protobuf bodies, on one kept connection.

Given encoded bytes, posts them and reads the answer, its `partial_success` included.

Never: follows a redirect, or sends what a .netrc says.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

from spanledger.delivery.outcome import Lost, Outcome, TooLarge, TryAgain, pause_of
from spanledger.delivery.responses import refused_in
from spanledger.endpoints import Target
from spanledger.version import __version__

if TYPE_CHECKING:
    import requests

BUSY = frozenset({408, 429, 502, 503, 504})


class HttpTransport:
    """One session to one URL."""

    forks_wait = False

    def __init__(self, target: Target) -> None:
        self._target = target
        self._session: requests.Session | None = None
        self._headers = {
            **target.headers,
            "content-type": "application/x-protobuf",
            "user-agent": f"spanledger-python/{__version__}",
        }
        if target.compression == "gzip":
            self._headers["content-encoding"] = "gzip"

    def prepare(self) -> None:
        """Import `requests` (60 ms, and not every program gets to send something) and make a session."""
        self._session = self._session or self._made()

    def _made(self) -> requests.Session:
        import requests

        session = requests.Session()
        session.auth = _as_it_is
        if self._target.certificate:
            session.verify = self._target.certificate
        if self._target.client_certificate:
            key = self._target.client_key
            session.cert = (self._target.client_certificate, key) if key else self._target.client_certificate
        return session

    def send(self, payload: bytes, timeout_s: float) -> Outcome:
        """Post one request."""
        import requests

        body = gzip.compress(payload, 1) if self._target.compression == "gzip" else payload
        try:
            session = self._session = self._session or self._made()
            answer = session.post(
                self._target.address, data=body, headers=self._headers, timeout=timeout_s, allow_redirects=False
            )
        except (requests.ConnectionError, requests.Timeout) as error:
            return TryAgain(type(error).__name__, unreachable=True)
        except (requests.RequestException, ValueError) as error:  # the URL or a header is not sendable
            return Lost(type(error).__name__)
        return self._outcome(answer)

    def _outcome(self, answer: requests.Response) -> Outcome:
        status = answer.status_code
        if 200 <= status < 300:
            return refused_in(answer.content)
        if status in BUSY:
            return TryAgain(f"http_{status}", pause_of(answer.headers.get("retry-after")))
        if status == 413:
            return TooLarge()
        return Lost(f"http_{status}")

    def close(self) -> None:
        """Close the connection."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def after_fork(self) -> None:
        """The socket is the parent's; a new one is made with the next request."""
        self._session = None


def _as_it_is(request: Any) -> Any:
    """Keeps `requests` from putting a password of the user's .netrc in the place of our header."""
    return request
