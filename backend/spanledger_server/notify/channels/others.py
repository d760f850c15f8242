"""The long tail: more than a hundred services through Apprise, where it is installed.

Given a message, hands title, text and urgency to Apprise. Apprise makes its own connections: where they lead is not
looked at, so a channel of this kind has to say that it may reach private addresses.

Never: Apprise imported before it is used, or its log, which may hold an address with a secret in it.
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from spanledger_server.errors import Invalid
from spanledger_server.notify.channels import fields
from spanledger_server.notify.channels.fields import Field
from spanledger_server.notify.channels.setup import TOTAL_S, Kind, Setup
from spanledger_server.notify.message import Delivered, Failed, Message
from spanledger_server.notify.text import full, told

MISSING: Final = "Apprise is not installed: pip install 'spanledger[apprise]'"
URGENCY: Final = {"info": "info", "warning": "warning", "error": "failure", "critical": "failure"}


class Others:
    """One service, by the address that Apprise has for it."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def send(self, message: Message) -> Delivered | Failed:
        """Hand it over."""
        try:
            apprise = importlib.import_module("apprise")
        except ImportError:
            return Failed(MISSING, permanent=True)
        logging.getLogger("apprise").disabled = True
        target = apprise.Apprise()
        if not target.add(self._setup.values["url"]):
            return Failed("Apprise does not know this address", permanent=True)
        parts = told(message, self._setup.pages)
        urgency = "success" if message.status == "resolved" else URGENCY[message.severity]
        outcome = _in_time(lambda: target.notify(title=parts.heading, body=full(parts), notify_type=urgency))
        if outcome is None:
            return Failed(f"it took longer than {TOTAL_S:g} s", permanent=False)
        return Delivered("accepted by Apprise") if outcome else Failed("Apprise could not send it", permanent=False)


def _in_time(call: Callable[[], Any]) -> bool | None:
    """Whether it succeeded; None when it takes too long: it is then left to itself."""
    outcome: list[bool] = []

    def work() -> None:
        try:
            outcome.append(bool(call()))
        except Exception:  # noqa: BLE001 - the delivery's own boundary, in a thread of its own
            outcome.append(False)

    thread = threading.Thread(target=work, name="spanledger-apprise", daemon=True)
    thread.start()
    thread.join(TOTAL_S)
    return outcome[0] if outcome else None


def _together(values: Mapping[str, Any]) -> list[Invalid]:
    if not values.get("allow_private"):
        allowed = "true: Apprise makes its own connections, and where they lead is not looked at"
        return [Invalid("allow_private", False, allowed)]
    return []


KIND: Final = Kind(
    meaning="any other service, through Apprise",
    make=Others,
    together=_together,
    fields=(
        Field(
            "url",
            fields.matching(
                r"[A-Za-z][A-Za-z0-9+.-]{1,30}://[\x21-\x7e]{1,2000}",
                "an address as Apprise has it, such as ntfy://topic",
            ),
            "the service, as Apprise's address",
            required=True,
            secret=True,
            place=True,
        ),
    ),
)
