"""What the demo counts of its visits: answers, refusals, and those that nobody answered in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from spanledger_examples.driver import Tally, _visit
from spanledger_examples.traffic import visits


class Broken(httpx.AsyncByteStream):
    """What comes behind the headers, until it breaks off."""

    def __init__(self, error: httpx.HTTPError) -> None:
        self.error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"It was the best of "
        raise self.error


def visited(answer: httpx.Response | httpx.HTTPError) -> Tally:
    """The tally of one visit that gets this answer."""

    def bookshop(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, httpx.HTTPError):
            raise answer
        return answer

    async def visit() -> Tally:
        tally = Tally()
        async with httpx.AsyncClient(base_url="http://shop", transport=httpx.MockTransport(bookshop)) as client:
            await _visit(client, next(iter(visits(1.0, bursts=False))), tally)
        return tally

    return asyncio.run(visit())


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        (httpx.Response(200, json={}), Tally(answered=1)),
        (httpx.Response(502, json={}), Tally(refused=1)),
        (httpx.Response(200, stream=Broken(httpx.RemoteProtocolError("incomplete"))), Tally(refused=1)),
        (httpx.Response(200, stream=Broken(httpx.ReadTimeout("a pause"))), Tally(unanswered=1)),
        (httpx.ReadTimeout("a pause"), Tally(unanswered=1)),
        (httpx.RemoteProtocolError("no headers"), Tally(unanswered=1)),
        (httpx.ConnectError("nobody"), Tally(unanswered=1)),
        (httpx.Response(500), Tally(failed=1)),
    ],
)
def test_a_visit_that_nobody_answered_is_no_refused_call(
    answer: httpx.Response | httpx.HTTPError, counted: Tally
) -> None:
    assert visited(answer) == counted


def test_of_unanswered_visits_the_store_knows_which_were_refused() -> None:
    tally = Tally(sent=20, answered=15, refused=2, unanswered=3)
    assert [tally.refused_of(stored) for stored in (0, 2, 4, 5, 6)] == [2, 2, 4, 5, 5]
