"""The kinds of channels, in one table: what each is told, how that is checked and shown, and how it is opened.

Given a configuration, gives a channel that is safe to use: what it sends was cleaned, what it answers holds no secret.

Never: an exception for what the network or the other side does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

from spanledger_server.errors import Invalid, Mistakes
from spanledger_server.notify.channels import alertmanager, mail, others, pagerduty, slack, sms, webhook
from spanledger_server.notify.channels.discreet import Discreet
from spanledger_server.notify.channels.fields import EVERYWHERE, HIDDEN, Field
from spanledger_server.notify.channels.setup import Kind, Setup
from spanledger_server.notify.message import Channel

KINDS: Final[dict[str, Kind]] = {
    "webhook": webhook.KIND,
    "slack": slack.KIND,
    "pagerduty": pagerduty.KIND,
    "email": mail.KIND,
    "sms": sms.KIND,
    "alertmanager": alertmanager.KIND,
    "apprise": others.KIND,
}
SET: Final = "set"
MOST_UNKNOWN: Final = 20  # fields that are told not to be any
LONGEST_NAME: Final = 100

Parts = tuple[Mapping[str, Any], Mapping[str, Any]]  # what may be told, and the secrets


def fields(kind: str) -> tuple[Field, ...]:
    """What a channel of this kind is told."""
    return (*KINDS[kind].fields, *EVERYWHERE)


def opened(kind: str, config: Mapping[str, Any], now: Callable[[], int], external_url: str) -> Channel:
    """A channel, ready to send; nothing is asked of the network yet.

    Args:
        kind: One of `KINDS`.
        config: Its fields, secrets among them, as `checked` gave them.
        now: The time in ns since 1970.
        external_url: Where people reach the pages.
    """
    setup = Setup(config, now, external_url.rstrip("/"))
    known = [config[field.name] for field in fields(kind) if field.secret and config.get(field.name) is not None]
    return Discreet(KINDS[kind].make(setup), known)


def checked(kind: str, given: Mapping[str, Any], before: Parts | None = None) -> Parts:
    """The fields of a channel as they are kept.

    Args:
        kind: One of `KINDS`.
        given: What a client said. A secret that is left out, or given as it was shown, stays; null removes it.
        before: What is kept of the same channel; None for a new one.

    Raises:
        Mistakes: All that is wrong.
    """
    table = fields(kind)
    names = [field.name for field in table]
    unknown = islice((name for name in given if name not in names), MOST_UNKNOWN)
    wrong = [Invalid(name[:LONGEST_NAME], HIDDEN, "one of " + ", ".join(names)) for name in unknown]
    values, kept = _values(kind, given, before, wrong)
    if not wrong:
        wrong.extend(KINDS[kind].together(values))
    if before is not None and kept and not wrong:
        moved = [field for field in table if field.place and values.get(field.name) != _old(field, before)]
        wrong.extend(
            Invalid(name, SET, f"to be given again: {moved[0].name} is another one than it was given for")
            for name in kept
            if moved
        )
    if wrong:
        raise Mistakes(wrong)
    secret = {field.name for field in table if field.secret}
    return (
        {name: value for name, value in values.items() if name not in secret},
        {name: value for name, value in values.items() if name in secret and value is not None},
    )


def shown(kind: str, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    """What may be told of a channel's fields."""
    return {
        field.name: _hidden(secrets.get(field.name)) if field.secret else config.get(field.name, field.default)
        for field in fields(kind)
    }


def _values(
    kind: str, given: Mapping[str, Any], before: Parts | None, wrong: list[Invalid]
) -> tuple[dict[str, Any], list[str]]:
    """Every field's value, and which secrets stay as they were; mistakes are added to `wrong`."""
    values: dict[str, Any] = {}
    kept: list[str] = []
    for field in fields(kind):
        old = None if before is None else before[1].get(field.name)
        value = given.get(field.name)
        if field.secret and old is not None and (field.name not in given or value == _hidden(old)):
            values[field.name] = old
            kept.append(field.name)
        elif value is None:
            values[field.name] = field.default
            if field.required:
                wrong.append(Invalid(field.name, None, field.meaning))
        else:
            try:
                values[field.name] = field.read(value)
            except ValueError as error:
                wrong.append(Invalid(field.name, HIDDEN if field.secret else value, str(error)))
    return values, kept


def _old(field: Field, before: Parts) -> Any:
    config, secrets = before
    return (secrets if field.secret else config).get(field.name, field.default)


def _hidden(value: Any) -> Any:
    """Of a secret, that it is set; of an address, where it leads; of several, how many."""
    if value is None:
        return None
    if isinstance(value, str) and "://" in value:
        parsed = urlsplit(value)
        return f"{parsed.scheme}://{parsed.netloc}/…" if parsed.scheme in ("http", "https") else SET
    if isinstance(value, list) and len(value) > 1:
        return f"{len(value)} set"
    return SET
