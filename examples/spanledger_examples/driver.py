"""Sends the visits to the bookshop at their times, and counts what came of them.

Never: waits for one answer before it sends the next visit; readers don't queue for each other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx

from spanledger_examples.quotations import recordings
from spanledger_examples.traffic import Visit, prompt

_PATHS = {
    "ask": "/ask",
    "ask_stream": "/ask/stream",
    "review": "/review",
    "review_stream": "/review/stream",
    "search": "/search",
    "speak": "/speak",
    "listen": "/listen",
}
_MOST_AT_ONCE = 64
_SPOKEN_CHARACTERS = 240


@dataclass(slots=True)
class Tally:
    """What became of the visits so far."""

    sent: int = 0
    answered: int = 0
    refused: int = 0  # the provider said no, and the bookshop passed it on
    unanswered: int = 0  # the bookshop said nothing in time, or was not there: what came of it is not known here
    failed: int = 0  # anything else

    def refused_of(self, stored: int) -> int:
        """How many were refused where so many failed calls are stored, which alone knows of unanswered ones."""
        return min(max(stored, self.refused), self.refused + self.unanswered)


async def drive(url: str, visits: Iterable[Visit], stop: Callable[[], bool], tally: Tally) -> None:
    """Send visits until `stop` says so or they end, then wait for the last answers.

    Args:
        url: The bookshop's address.
        visits: In order of time.
        stop: Asked before each visit.
        tally: Kept up to date for whoever watches.
    """
    start = time.monotonic()
    gate = asyncio.Semaphore(_MOST_AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=60) as client, asyncio.TaskGroup() as group:
        for visit in visits:
            await _until(start + visit.at_s, stop)
            await gate.acquire()
            if stop():
                return
            tally.sent += 1
            group.create_task(_visit(client, visit, tally)).add_done_callback(lambda _: gate.release())


async def _until(at_s: float, stop: Callable[[], bool]) -> None:
    while not stop() and (wait_s := at_s - time.monotonic()) > 0:  # noqa: ASYNC110 - this is a clock, not a wait for work
        await asyncio.sleep(min(wait_s, 0.1))


async def _visit(client: httpx.AsyncClient, visit: Visit, tally: Tally) -> None:
    text = prompt(visit)
    if visit.kind == "speak":
        text = text[:_SPOKEN_CHARACTERS]
    headers = {
        "x-user": visit.user_id,
        "x-tier": visit.user_tier,
        "x-session": visit.session_id,
        "x-feature": visit.feature,
        "x-tenant": visit.tenant,
    }
    if visit.kind == "listen":
        recorded = recordings()
        asked: dict[str, Any] = {"content": recorded[visit.number % len(recorded)]}
    else:
        asked = {"json": {"text": text, "model": visit.model, "max_tokens": visit.output_tokens}}
    begun = False
    try:
        async with client.stream("POST", _PATHS[visit.kind], headers=headers, **asked) as answer:
            begun = True
            await answer.aread()
    except httpx.HTTPError as error:  # a stream that the provider refused breaks off after its headers
        if begun and not isinstance(error, httpx.TimeoutException):
            tally.refused += 1
        else:
            tally.unanswered += 1
        return
    if answer.status_code == httpx.codes.OK:
        tally.answered += 1
    elif answer.status_code == httpx.codes.BAD_GATEWAY:
        tally.refused += 1
    else:
        tally.failed += 1
