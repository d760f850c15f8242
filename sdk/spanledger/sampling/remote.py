"""Shares that somebody else works out: a backend that sees what arrives from everywhere.

Given the address of a sampling endpoint in Jaeger's form, asks it once a minute what to keep of each operation, and
keeps that; its own strategy holds until the first answer and again when there has been none for five minutes. Each
process asks for itself, also one that was forked.

Source: Jaeger, `SamplingStrategyResponse` as JSON: `operationSampling`, `probabilisticSampling` or
`rateLimitingSampling`, whichever is there.

Never: waits on a request's thread, keeps a program from ending, follows an endpoint that sends it elsewhere, for it
holds a token, or believes an answer in which a share is no share.
"""

from __future__ import annotations

import http.client
import json
import random
import ssl
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.instrumentation.utils import suppress_instrumentation

from spanledger.guard import guard
from spanledger.sampling.strategies import OPERATIONS, Ratio, Strategy, TracesPerSecond, forked, kind_of
from spanledger.sampling.thresholds import ALL, rounded

ASK_EVERY_S = 60.0
BELIEVE_S = 300.0
TIMEOUT_S = 5.0
MOST_BYTES = 1 << 20
_guard = guard("sampling.remote")


class Remote:
    """Keeps what an endpoint says.

    Args:
        url: Of the endpoint, such as `http://127.0.0.1:8321/sampling`.
        service: Whose shares to ask for.
        otherwise: Holds while there is no answer.
        headers: For the endpoint, such as a token.
        trust: Gives what is trusted where the endpoint is an https one.
        every_s: Seconds between two questions, give or take a tenth.
        clock: Seconds, never going back.

    Attributes:
        answers: How many have come that could be used.
    """

    name = "remote"

    def __init__(
        self,
        url: str,
        service: str,
        otherwise: Strategy,
        *,
        headers: Mapping[str, str] | None = None,
        trust: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        every_s: float = ASK_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"remote={url} is no http address")
        if not every_s > 0:
            raise ValueError(f"every={every_s:g} is not above 0")
        self._url = f"{url}{'&' if parts.query else '?'}{urllib.parse.urlencode({'service': service})}"
        self._otherwise, self._headers, self._every_s, self._clock = otherwise, dict(headers or {}), every_s, clock
        self._trust = trust if parts.scheme == "https" else None
        self._said: tuple[float, bytes, Callable[[str], Strategy]] | None = None
        self._load = 1.0
        self.answers = 0
        OPERATIONS.wanted = True
        self.clear()
        forked.add(self)

    def clear(self) -> None:
        """Ask anew, in a forked child; what the parent was told holds until then."""
        self._asking: threading.Thread | None = None
        self._next = 0.0

    def threshold(self, root: str, attributes: Mapping[str, Any] | None) -> int:
        """See `Strategy`."""
        said = self._said
        if said is None or self._clock() - said[0] > max(BELIEVE_S, 3 * self._every_s):
            return self._otherwise.threshold(root, attributes)
        found = said[2](kind_of(root, attributes)[0]).threshold(root, attributes)
        return found if self._load >= 1 else rounded((ALL - found) / ALL * self._load)

    def tick(self, load: float, spans_a_trace: float) -> None:
        """See `Strategy`; asks when it is time to, in a thread that ends with the answer."""
        self._load = load
        self._otherwise.tick(load, spans_a_trace)
        now = self._clock()
        if now < self._next or (self._asking is not None and self._asking.is_alive()):
            return
        self._next = now + self._every_s * random.uniform(0.9, 1.1)
        self._asking = threading.Thread(target=self.ask, name="spanledger-sampling", daemon=True)
        with _guard:  # at the end of a program no more threads can be started
            self._asking.start()

    def ask(self) -> bool:
        """Ask now; gives whether there was an answer that can be used."""
        with _guard, suppress_instrumentation():
            try:
                headers = {"Accept": "application/json", **self._headers}
                request = urllib.request.Request(self._url, headers=headers)  # noqa: S310 - http, checked above
                with self._opener().open(request, timeout=TIMEOUT_S) as answer:
                    text = answer.read(MOST_BYTES)
                said = self._said
                same = said is not None and said[1] == text  # a rate that is held goes on being held
                self._said = self._clock(), text, said[2] if said and same else strategies_in(json.loads(text))
                self.answers += 1
                return True
            except (OSError, ValueError, RecursionError, http.client.HTTPException):
                return False
        return False

    def _opener(self) -> urllib.request.OpenerDirector:
        secure = [] if self._trust is None else [urllib.request.HTTPSHandler(context=self._trust())]
        return urllib.request.build_opener(_Stay, *secure)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Goes nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """An answer that says where to go is none."""


def strategies_in(answer: Any) -> Callable[[str], Strategy]:
    """What an answer says for each operation.

    Raises:
        ValueError: When it is not of the form, or a share is not between 0 and 1.
    """
    try:
        by_operation = answer.get("operationSampling")
        if by_operation:
            usual = _share(by_operation["defaultSamplingProbability"])
            known = {
                str(each["operation"]): _share(each["probabilisticSampling"]["samplingRate"])
                for each in by_operation.get("perOperationStrategies") or ()
            }
            return lambda operation: known.get(operation, usual)
        if answer.get("probabilisticSampling"):
            constant: Strategy = _share(answer["probabilisticSampling"]["samplingRate"])
        else:
            constant = TracesPerSecond(float(answer["rateLimitingSampling"]["maxTracesPerSecond"]))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no sampling strategy: {error}") from error
    return lambda _: constant


def _share(value: Any) -> Strategy:
    ratio = Ratio(float(value))
    ratio._threshold = rounded(ratio.ratio)
    return ratio
