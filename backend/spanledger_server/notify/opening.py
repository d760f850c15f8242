"""The channels that there are, opened when they are needed.

Given the store, knows them; opens one for whoever sends, anew once it was changed.

Never: one channel in two hands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from spanledger_server.notify.channels import register
from spanledger_server.notify.message import Channel, Delivered, Failed
from spanledger_server.notify.terms import Known
from spanledger_server.store.database import Reader, Transaction

GONE: Final = -1


class Opening(Protocol):
    """Where channels come from."""

    def known(self, reader: Reader) -> Mapping[str, Known]:
        """All that there are, by id."""
        ...

    def version(self, reader: Reader, channel_id: str) -> int:
        """Another number whenever the channel was changed; negative when it is gone."""
        ...

    def opened(self, reader: Reader, channel_id: str) -> Channel:
        """One to send through, for one thread."""
        ...

    def note(self, tx: Transaction, channel_id: str, outcome: Delivered | Failed, at_ns: int) -> None:
        """What became of a message."""
        ...


class Registered:
    """Those of the register."""

    def __init__(self, now: Callable[[], int], external_url: str) -> None:
        """Nothing is read yet.

        Args:
            now: The time in ns since 1970.
            external_url: Where people reach the pages, without a slash at the end.
        """
        self._now = now
        self._external_url = external_url

    def known(self, reader: Reader) -> Mapping[str, Known]:
        """All that there are, by id."""
        return {
            each.channel_id: Known(each.channel_id, each.name, each.kind, each.enabled)
            for each in register.listed(reader)
        }

    def version(self, reader: Reader, channel_id: str) -> int:
        """Another number whenever the channel was changed; negative when it is gone."""
        return next((each.version for each in register.listed(reader) if each.channel_id == channel_id), GONE)

    def opened(self, reader: Reader, channel_id: str) -> Channel:
        """One to send through, for one thread."""
        return register.found(reader, channel_id).opened(self._now, self._external_url)

    def note(self, tx: Transaction, channel_id: str, outcome: Delivered | Failed, at_ns: int) -> None:
        """What became of a message."""
        register.note(tx, channel_id, outcome, at_ns)
