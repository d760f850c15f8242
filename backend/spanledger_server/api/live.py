"""The live channel: one socket a page, one message a second, the same bytes for everybody.

A page says what it has; it gets what it lacks, and from then on what changed. One task looks at the feed for all
pages; a page that is slow misses messages, not points: when it is ready again it gets what changed since the one it
had. Topics beside the figures (alerts, health, objectives) are told whole, to who asks for them, and only when changed.

Never: a queue for a page, or a look at the store for each of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from spanledger.version import __version__
from spanledger_server.api import answers, parameters
from spanledger_server.api.gate import Caller
from spanledger_server.api.standing import TOPICS, Standing
from spanledger_server.auth.tokens import Tokens
from spanledger_server.clock import Clock
from spanledger_server.errors import SpanledgerError
from spanledger_server.live.feed import LiveFeed, Update
from spanledger_server.live.window import LENGTH_S

TOPIC = "live"
OVERLAP_S = 60  # what a page has may have changed since: late calls of the last minute are told again
EVERY_S = 1.0
NEWS_AFTER_S = 0.6  # news is told this long after the message before, so that it is seen within a second
STEP_S = 0.1
FIRST_WORD_S = 10.0
SEND_S = 30.0
MOST_WORD = 4096
MOST_PAGES = 1000


@dataclass(eq=False, slots=True)
class Page:
    """One open page: what it has, and a bell that rings when there is something newer."""

    version: int = -1
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    topics: dict[str, int] = field(default_factory=dict)  # beside the figures, and which version of each it has


class Channel:
    """All open pages and the task that looks at the feed for them."""

    def __init__(self, feed: LiveFeed, clock: Clock, standing: Standing) -> None:
        self.feed = feed
        self.standing = standing
        self._clock = clock
        self.pages: set[Page] = set()
        self._task: asyncio.Task[None] | None = None
        self._message = b""
        self._message_from = 0
        self._message_to = -1

    def look(self, **what: int) -> Update:
        """The feed, now; its sentence knows of everything."""
        now_ns = self._clock.now_ns()
        update = self.feed.look(now_ns, **what)
        return replace(update, state=self.standing.spoken(update.state, now_ns))

    def beside(self, page: Page) -> list[bytes]:
        """Messages of the topics that changed since `page` was told of them."""
        told = []
        for name, topic in self.standing.held.items():
            if page.topics.get(name, topic.version) != topic.version:
                page.topics[name] = topic.version
                told.append(topic.message)
        return told

    @contextlib.contextmanager
    def watching(self, page: Page) -> Any:
        """Keep the task running while `page` is open."""
        self.pages.add(page)
        if self._task is None or self._task.done():
            self._message_to = page.version
            self._task = asyncio.create_task(self._tell())
        try:
            yield
        finally:
            self.pages.discard(page)

    async def _tell(self) -> None:
        told = 0.0
        while self.pages:
            waited = time.monotonic() - told
            if waited < EVERY_S and not (self.feed.news and waited >= NEWS_AFTER_S):
                await asyncio.sleep(STEP_S)
                continue
            told = time.monotonic()
            with contextlib.suppress(SpanledgerError):  # a store that is busy for a moment: the next second tells
                await self._prepare()

    async def _prepare(self) -> None:
        after = self._message_to
        update = await run_in_threadpool(self.look, after_version=after)
        self._message = message("points", update)
        self._message_from, self._message_to = after, update.version
        for page in self.pages:
            page.bell.set()

    async def next_for(self, page: Page) -> list[bytes]:
        """Wait for something newer than `page` has; the shared message, or one of its own when it missed some."""
        await page.bell.wait()
        page.bell.clear()
        if page.version >= self._message_from:
            page.version = self._message_to
            return [self._message, *self.beside(page)]
        update = await run_in_threadpool(self.look, after_version=page.version)
        page.version = update.version
        return [message("points", update), *self.beside(page)]


def message(kind: str, update: Update) -> bytes:
    """A message of the channel."""
    return orjson.dumps(_said(kind, update))


def _said(kind: str, update: Update) -> dict[str, Any]:
    return {"type": kind, "topic": TOPIC, "points": update.points, "state": update.state}


def _topic(text: str) -> Callable[[], str]:
    return lambda: parameters.choice("topics", text, (TOPIC, *TOPICS), TOPIC)


def router(channel: Channel, tokens: Tokens, clock: Clock) -> APIRouter:
    """The socket, and its stand-in over plain HTTP."""
    routes = APIRouter(tags=["live"])

    @routes.get("/api/admin/monitoring/metrics/realtime")
    def realtime(
        topics: Annotated[
            list[str] | None,
            Query(description="alerts, health, slos, repeated: told beside the figures; or alone, without live"),
        ] = None,
    ) -> Response:
        """What a page that has no socket asks every few seconds: the same as the channel's snapshot."""
        wanted = parameters.together(*(_topic(each) for each in topics)) if topics else (TOPIC,)
        body: dict[str, Any] = _said("snapshot", channel.look()) if TOPIC in wanted else {}
        if beside := [name for name in TOPICS if name in wanted]:
            found = channel.standing.look(clock.now_ns())
            body["topics"] = {name: found[name].state for name in beside}
        return Response(orjson.dumps(body), headers={"Cache-Control": "no-store"}, media_type="application/json")

    @routes.websocket("/api/v1/live")
    async def live(socket: WebSocket) -> None:
        """The channel."""
        if len(channel.pages) >= MOST_PAGES:
            await socket.close(1013, "too many open pages")
            return
        await socket.accept()
        caller: Caller = socket.state.caller
        token_id = caller.token.token_id if caller.token else ""
        with contextlib.suppress(WebSocketDisconnect, TimeoutError, RuntimeError):
            await _serve(socket, channel, lambda: tokens.by_id(token_id, clock.now_ns()) is not None, clock)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it may have left already
            await socket.close()

    return routes


async def _serve(socket: WebSocket, channel: Channel, welcome: Callable[[], bool], clock: Clock) -> None:
    """Answer the first word, then tell what is new until one side leaves."""
    word = await asyncio.wait_for(socket.receive_text(), FIRST_WORD_S)
    hello = {"type": "hello", "epoch": channel.feed.epoch, "version": __version__, "now": answers.when(clock.now_ns())}
    await _send(socket, orjson.dumps(hello))
    said = _first_word(word)
    page = Page(topics=_beside(said))
    kind, from_s = _lacking(said, channel.feed.epoch, clock.now_ns() // 10**9)
    update = await run_in_threadpool(channel.look, from_s=from_s)
    page.version = update.version
    with channel.watching(page):
        for each in [message(kind, update), *channel.beside(page)]:
            await _send(socket, each)
        leaving = asyncio.create_task(_until_it_leaves(socket))
        try:
            while welcome() and not leaving.done():
                news = asyncio.create_task(channel.next_for(page))
                await asyncio.wait({news, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if not news.done() or not welcome():
                    news.cancel()
                    return
                for each in news.result():
                    await _send(socket, each)
        finally:
            leaving.cancel()


def _first_word(word: str) -> dict[str, Any]:
    """What a page says at first; nothing where it is no object."""
    try:
        said = orjson.loads(word) if len(word) <= MOST_WORD else None
    except orjson.JSONDecodeError:
        said = None
    return said if isinstance(said, dict) else {}


def _beside(said: Mapping[str, Any]) -> dict[str, int]:
    """The topics beside the figures that a page asks for; it has nothing of them yet."""
    topics = said.get("topics")
    return {name: 0 for name in TOPICS if name in topics} if isinstance(topics, list) else {}


def _lacking(said: Mapping[str, Any], epoch: str, now_s: int) -> tuple[str, int]:
    """Which message a page needs first, and from which second on: all of the window, or what came after what it has."""
    last = said.get("last")
    known = said.get("epoch") == epoch and isinstance(last, int) and now_s - LENGTH_S < last <= now_s + 60
    return ("points", last - OVERLAP_S) if known and isinstance(last, int) else ("snapshot", 0)


async def _send(socket: WebSocket, content: bytes) -> None:
    await asyncio.wait_for(socket.send_text(content.decode()), SEND_S)


async def _until_it_leaves(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive_text()
