"""OTLP over HTTP: POST /v1/traces, /v1/logs and /v1/metrics, protobuf or JSON, plain or gzip.

Given a receiver, gives routes for a Starlette or FastAPI application. A body is read as it comes, counted against
admission and cut off at the limit; unpacking, decoding and storing run on threads of their own, so that the event
loop and the API stay free.

Never: a body held before its sender was let in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from spanledger_server.api.receivers import answers, bodies
from spanledger_server.api.receivers.receive import Acknowledged, Encoding, Receiver, Reservation
from spanledger_server.api.scoped import of_caller
from spanledger_server.auth.scope import EVERYTHING, Scope
from spanledger_server.errors import Busy, SpanledgerError, Unauthenticated
from spanledger_server.otlp.columns import Signal

SIGNALS: Final[tuple[Signal, ...]] = ("traces", "logs", "metrics")

# headers, client host; gives what may be sent for; raises Unauthenticated or Forbidden
Authorize = Callable[[Mapping[str, str], str | None], Scope | None]


class HttpReceiver:
    """The three OTLP routes."""

    def __init__(
        self,
        receiver: Receiver,
        *,
        max_request_bytes: int,
        authorize: Authorize | None = None,
        threads: int = 32,
    ) -> None:
        """Made once; `close` ends its threads.

        Args:
            receiver: Where requests go.
            max_request_bytes: Most bytes of a body, before and after unpacking.
            authorize: Asked before a body is read; None where something in front has asked already.
            threads: How many requests are decoded or wait for their commit at once.
        """
        self._receiver = receiver
        self._max_request_bytes = max_request_bytes
        self._authorize = authorize
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="otlp-http")

    def router(self) -> APIRouter:
        """The routes, to be included in an application."""
        return APIRouter(
            routes=[Route(f"/v1/{signal}", self._endpoint(signal), methods=["POST"]) for signal in SIGNALS]
        )

    def close(self) -> None:
        """End the threads when the requests on them have been answered."""
        self._threads.shutdown(wait=True)

    def _endpoint(self, signal: Signal) -> Callable[[Request], Awaitable[Response]]:
        async def export(request: Request) -> Response:
            return await self._export(signal, request)

        return export

    async def _export(self, signal: Signal, request: Request) -> Response:
        encoding: Encoding = "json"  # of the answer while the request's own is not known
        try:
            scope = await self._check(request)
            encoding = bodies.encoding_of(request.headers.get("content-type"))
            packed = bodies.is_gzip(request.headers.get("content-encoding"))
            with Reservation(self._receiver.admission) as held:
                body = await self._body(request, held)
                acknowledged = await self._on_thread(lambda: self._take(signal, body, encoding, packed, held, scope))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except SpanledgerError as error:
            return _failure(encoding, error)
        return Response(answers.success(signal, encoding, acknowledged), 200, None, answers.MEDIA_TYPES[encoding])

    async def _on_thread(self, work: Callable[[], Acknowledged]) -> Acknowledged:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _check(self, request: Request) -> Scope:
        """What the sender may send for."""
        authorize = self._authorize
        if authorize is not None:
            host = request.client.host if request.client else None
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, authorize, request.headers, host) or EVERYTHING
        return of_caller(request)

    async def _body(self, request: Request, held: Reservation) -> bytes:
        """The body as it came.

        Raises:
            TooLarge: It is larger than the limit.
            Busy: There is no room for it.
        """
        most = self._max_request_bytes
        announced = request.headers.get("content-length", "")
        if announced.isdigit():
            if len(announced) > 18 or int(announced) > most:
                raise bodies.too_large(most)
            held.grow(int(announced))
        read = bytearray()
        async for chunk in request.stream():
            if len(read) + len(chunk) > most:
                raise bodies.too_large(most)
            held.grow(len(read) + len(chunk))
            read += chunk
        return bytes(read)

    def _take(
        self, signal: Signal, body: bytes, encoding: Encoding, packed: bool, held: Reservation, scope: Scope
    ) -> Acknowledged:
        plain = bodies.inflated(body, self._max_request_bytes, held.grow) if packed else body
        held.close()  # the receiver holds the place from here on
        return self._receiver.receive(signal, plain, encoding, len(plain), scope)


def _failure(encoding: Encoding, error: SpanledgerError) -> Response:
    headers: dict[str, str] = {}
    if isinstance(error, Busy):
        headers["Retry-After"] = str(answers.wait_s(error))
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="spanledger"'
    body = answers.failure(encoding, error)
    return Response(body, answers.codes(error)[0], headers, answers.MEDIA_TYPES[encoding])
