"""What stands around every channel: what goes in is made harmless, what comes out holds no secret, nothing is raised.

Given a message, hands on one whose texts are of a bounded length and printable; given an outcome, takes out of it
whatever the channel was told as a secret.

Never: an exception from `send`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from spanledger_server.notify.channels.clean import cleaned
from spanledger_server.notify.channels.reach import Unreached
from spanledger_server.notify.message import Channel, Delivered, Failed, Message

log = logging.getLogger(__name__)

SHORTEST: Final = 4  # a shorter secret would take words apart
MOST_TOLD: Final = 300  # characters
GONE: Final = "…"


class Discreet:
    """A channel that tells no secrets."""

    def __init__(self, inner: Channel, secrets: Sequence[Any]) -> None:
        self._inner = inner
        texts = {text for secret in secrets for text in _texts(secret) if len(text) >= SHORTEST}
        self._secrets = sorted(texts | {quote(text, safe="") for text in texts}, key=len, reverse=True)

    def send(self, message: Message) -> Delivered | Failed:
        """Tell it; whatever goes wrong is an outcome."""
        try:
            outcome = self._inner.send(cleaned(message))
        except Unreached as error:
            return Failed(self._told(error.reason), error.permanent)
        except Exception as error:  # noqa: BLE001 - a fault in one channel must not stop the others
            log.error("a channel failed in a way it should not", extra={"error": type(error).__name__})
            return Failed(f"it could not be sent: {type(error).__name__}", permanent=False)
        if isinstance(outcome, Delivered):
            return replace(outcome, detail=self._told(outcome.detail))
        return replace(outcome, reason=self._told(outcome.reason))

    def _told(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, GONE)
        return text if len(text) <= MOST_TOLD else text[: MOST_TOLD - 1] + GONE


def _texts(secret: Any) -> Iterator[str]:
    """Every text in a secret; of an address, also what stands behind its host."""
    if isinstance(secret, str):
        yield secret
        if "://" in secret:
            yield from (part for part in secret.split("/")[3:] if len(part) > 2 * SHORTEST)
    elif isinstance(secret, Mapping):
        for value in secret.values():
            yield from _texts(value)
    elif isinstance(secret, Sequence):
        for value in secret:
            yield from _texts(value)
