"""What every channel is given when it is opened, and what a kind of channel consists of.

Never: an address that the channel was not told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from spanledger_server.errors import Invalid
from spanledger_server.notify.channels import request
from spanledger_server.notify.channels.fields import Field, Together
from spanledger_server.notify.channels.reach import Deadline
from spanledger_server.notify.channels.request import Answer
from spanledger_server.notify.message import Channel

TOTAL_S: Final = 14.0  # for all that one message asks of the network


@dataclass(frozen=True, slots=True)
class Setup:
    """What a channel works with.

    Attributes:
        values: Its fields, the secrets among them.
        now: The time in ns since 1970.
        pages: Where people reach the pages, without a slash at the end.
    """

    values: Mapping[str, Any] = field(repr=False)
    now: Callable[[], int]
    pages: str

    @property
    def allow_private(self) -> bool:
        """Whether it may be in a private network."""
        return bool(self.values.get("allow_private", False))

    @property
    def authorities(self) -> str | None:
        """Which certificates to trust (PEM); None for the system's."""
        return self.values.get("ca")

    def deadline(self) -> Deadline:
        """When this message's time is over, counted from now."""
        return Deadline(TOTAL_S)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], deadline: Deadline) -> Answer:
        """What an address answers.

        Raises:
            Unreached: It was not reached, or not in time.
        """
        return request.post(
            url, body, headers, deadline, allow_private=self.allow_private, authorities=self.authorities
        )


def nothing_more(_: Mapping[str, Any]) -> Sequence[Invalid]:
    """No mistake is in the fields' being together."""
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of channel.

    Attributes:
        meaning: For people.
        fields: What it is told, beside what all are told.
        make: The channel itself.
        together: What is wrong only in combination.
    """

    meaning: str
    fields: tuple[Field, ...]
    make: Callable[[Setup], Channel]
    together: Together = nothing_more
