"""OTLP over HTTP, protobuf bodies, on one kept connection.

Given encoded bytes, posts them and reads the answer, its `partial_success` included. `requests` finds the way once
(proxies, certificates, what the environment says of them); what is posted then goes straight to its connections, at a
quarter of the price: other threads cannot run Python meanwhile.

Never: follows a redirect, or sends what a .netrc says.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spanledger.delivery.outcome import Lost, Outcome, TooLarge, TryAgain, pause_of
from spanledger.delivery.responses import refused_in
from spanledger.endpoints import Target
from spanledger.version import __version__

if TYPE_CHECKING:
    import requests
    from urllib3 import BaseHTTPResponse, HTTPConnectionPool

BUSY = frozenset({408, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Way:
    """How to get there.

    Attributes:
        session: Holds the connections.
        pool: Those to the receiver, or to the proxy before it.
        path: What is asked for.
        headers: Sent with each request.
    """

    session: requests.Session
    pool: HTTPConnectionPool
    path: str
    headers: dict[str, str]


class HttpTransport:
    """One connection to one URL."""

    forks_wait = False

    def __init__(self, target: Target) -> None:
        self._target = target
        self._way: Way | None = None
        self._headers = {
            **target.headers,
            "content-type": "application/x-protobuf",
            "user-agent": f"spanledger-python/{__version__}",
        }
        if target.compression == "gzip":
            self._headers["content-encoding"] = "gzip"

    def prepare(self) -> None:
        """Import `requests` (60 ms, and not every program gets to send something) and find the way."""
        import requests

        try:
            self._way = self._way or self._found()
        except (requests.RequestException, ValueError):  # `send` says so
            return

    def _found(self) -> Way:
        import requests

        session, target = requests.Session(), self._target
        session.auth = _as_it_is
        asked = session.prepare_request(requests.Request("POST", target.address, headers=self._headers))
        certificate: Any = target.client_certificate or None
        if certificate and target.client_key:
            certificate = (certificate, target.client_key)
        said = session.merge_environment_settings(asked.url or "", {}, None, target.certificate or None, certificate)
        adapter: Any = session.get_adapter(asked.url or "")
        pool = adapter.get_connection_with_tls_context(
            asked, said["verify"], proxies=said["proxies"], cert=said["cert"]
        )
        headers = {name: str(value) for name, value in asked.headers.items() if name.lower() != "content-length"}
        return Way(session, pool, adapter.request_url(asked, said["proxies"]), headers)

    def send(self, payload: bytes, timeout_s: float) -> Outcome:
        """Post one request."""
        import requests
        from urllib3.exceptions import HTTPError, LocationValueError

        body = gzip.compress(payload, 1) if self._target.compression == "gzip" else payload
        try:
            way = self._way = self._way or self._found()
            answer = way.pool.urlopen(
                "POST",
                way.path,  # a whole URL, of another host than the pool's, where a proxy is in between
                body=body,
                headers=way.headers,
                timeout=timeout_s,
                redirect=False,
                assert_same_host=False,
                retries=False,
            )
        except (requests.RequestException, LocationValueError, ValueError) as error:  # no URL or header to be sent
            return Lost(type(error).__name__)
        except (HTTPError, OSError) as error:
            return TryAgain(type(error).__name__, unreachable=True)
        return self._outcome(answer)

    def _outcome(self, answer: BaseHTTPResponse) -> Outcome:
        status = answer.status
        if 200 <= status < 300:
            return refused_in(answer.data)
        if status in BUSY:
            return TryAgain(f"http_{status}", pause_of(answer.headers.get("retry-after")))
        if status == 413:
            return TooLarge()
        return Lost(f"http_{status}")

    def close(self) -> None:
        """Close the connection."""
        way, self._way = self._way, None
        if way is not None:
            way.pool.close()  # at the end of a program its finalizer has no turn any more
            way.session.close()

    def after_fork(self) -> None:
        """The socket is the parent's; a new one is made with the next request."""
        self._way = None


def _as_it_is(request: Any) -> Any:
    """Keeps `requests` from putting a password of the user's .netrc in the place of our header."""
    return request
