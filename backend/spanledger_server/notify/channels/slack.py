"""Slack: by an incoming webhook, or as a bot that keeps one message an incident up to date and tells changes below it.

Given a message, posts it. A bot's first message of an incident gives a receipt; later ones change that message and
answer in its thread, and come back to the channel while the incident fires.

Never: more than Slack's limits, or a name that mentions people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from spanledger_server.errors import Invalid
from spanledger_server.notify.channels import fields, slack_blocks
from spanledger_server.notify.channels.fields import Field
from spanledger_server.notify.channels.reach import Deadline
from spanledger_server.notify.channels.request import Answer
from spanledger_server.notify.channels.setup import Kind, Setup
from spanledger_server.notify.channels.wire import encoded
from spanledger_server.notify.message import Channel, Delivered, Failed, Message
from spanledger_server.notify.text import told

API: Final = "https://slack.com/api"
JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
LATER: Final = frozenset(
    (
        *("ratelimited", "rate_limited", "message_limit_exceeded", "accesslimited", "team_added_to_org"),
        *("service_unavailable", "internal_error", "fatal_error", "request_timeout"),
    )
)
GONE: Final = frozenset(  # what was posted, or the place where it was
    (
        *("message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"),
        *("channel_not_found", "not_in_channel", "is_archived"),
    )
)
_WORD = re.compile(r"[a-z0-9_]{1,60}")


class IncomingWebhook:
    """A channel by its address; what was posted there cannot be changed."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def send(self, message: Message) -> Delivered | Failed:
        """Post it."""
        parts = told(message, self._setup.pages)
        body = {"text": slack_blocks.fallback(parts), "blocks": slack_blocks.blocks(parts)}
        setup = self._setup
        answer = setup.post(setup.values["url"], encoded(body), JSON, setup.deadline())
        said = answer.body.decode("utf-8", "replace").strip()
        if answer.status == 200 and said == "ok":
            return answer.delivered()
        why = said if _WORD.fullmatch(said) else ""
        if answer.fine:
            return answer.failed(why or "the answer is not Slack's", permanent=False)
        return answer.failed(why)


class Bot:
    """A channel by a bot's token."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def send(self, message: Message) -> Delivered | Failed:
        """Post it, or change what was posted and tell the change."""
        deadline = self._setup.deadline()
        receipt = message.receipt or {}
        if receipt.get("ts") and receipt.get("channel"):
            return self._again(message, receipt, deadline)
        return self._first(message, deadline)

    def _first(self, message: Message, deadline: Deadline) -> Delivered | Failed:
        answer = self._asked("chat.postMessage", self._whole(message), deadline)
        found = answer.json()
        if not (answer.fine and found.get("ok") is True):
            return _refused(answer)
        receipt = {"channel": str(found.get("channel", "")), "ts": str(found.get("ts", ""))}
        return answer.delivered(receipt if all(receipt.values()) else None)

    def _again(self, message: Message, receipt: Mapping[str, str], deadline: Deadline) -> Delivered | Failed:
        """The change comes first: doing it twice does no harm, if the answer in the thread has to be tried again."""
        place = {"channel": receipt["channel"], "ts": receipt["ts"]}
        answer = self._asked("chat.update", {**self._whole(message), **place}, deadline)
        if answer.json().get("error") in GONE:
            return self._first(message, deadline)
        if not (answer.fine and answer.json().get("ok") is True):
            return _refused(answer)
        change = {
            "channel": receipt["channel"],
            "thread_ts": receipt["ts"],
            "reply_broadcast": message.status == "firing",
            "text": slack_blocks.change(told(message, self._setup.pages)),
            "parse": "none",
        }
        answer = self._asked("chat.postMessage", change, deadline)
        return answer.delivered(place) if answer.fine and answer.json().get("ok") is True else _refused(answer)

    def _whole(self, message: Message) -> dict[str, Any]:
        parts = told(message, self._setup.pages)
        return {
            "channel": self._setup.values["channel"],
            "text": slack_blocks.fallback(parts),
            "blocks": slack_blocks.blocks(parts),
            "parse": "none",
            "unfurl_links": False,
            "unfurl_media": False,
        }

    def _asked(self, method: str, body: Mapping[str, Any], deadline: Deadline) -> Answer:
        values = self._setup.values
        url = f"{(values.get('api_url') or API).rstrip('/')}/{method}"
        headers = {**JSON, "Authorization": f"Bearer {values['token']}"}
        return self._setup.post(url, encoded(body), headers, deadline)


def _refused(answer: Answer) -> Failed:
    """Slack says no with an HTTP status, or with 200 and a word."""
    error = answer.json().get("error")
    if not isinstance(error, str) or _WORD.fullmatch(error) is None:
        return answer.failed(
            "the answer is not Slack's" if answer.fine else "", permanent=False if answer.fine else None
        )
    later = error in LATER or answer.status >= 500 or answer.status == 429
    return answer.failed(error, permanent=not later)


def _made(setup: Setup) -> Channel:
    return IncomingWebhook(setup) if setup.values.get("url") else Bot(setup)


def _together(values: Mapping[str, Any]) -> list[Invalid]:
    bot = [name for name in ("token", "channel") if values.get(name)]
    if values.get("url") and bot:
        return [Invalid(bot[0], fields.HIDDEN, "either url, or token and channel")]
    if not values.get("url") and len(bot) < 2:
        missing = "channel" if "token" in bot else "token" if bot else "url"
        return [Invalid(missing, None, "either url, or token and channel")]
    return []


KIND: Final = Kind(
    meaning="a channel of Slack, by an incoming webhook or by a bot's token",
    make=_made,
    together=_together,
    fields=(
        Field("url", fields.web_address, "an incoming webhook's address", secret=True, place=True),
        Field(
            "token",
            fields.matching(r"xox[a-z]-[A-Za-z0-9-]{10,300}", "a bot's token: xoxb-…"),
            "a bot's token, which may chat:write",
            secret=True,
        ),
        Field(
            "channel",
            fields.matching(r"#?[^\s#<>@,]{1,80}", "a channel's id or name"),
            "where the bot posts: an id or a name",
        ),
        Field("api_url", fields.web_address, f"in place of {API}", place=True),
    ),
)
