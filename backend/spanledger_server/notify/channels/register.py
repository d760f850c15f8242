"""The channels that are kept: made, changed, deleted, found by id or name, and what became of their latest messages.

Given what a client says, writes; given a snapshot, reads. Secrets are kept beside the rest, and come out only to be
used: a client that changes a channel leaves them out, and they stay, as long as they go to the same place.

Never: a secret in what is shown, two channels of one name, or a secret told to an address it was not given for.
"""

from __future__ import annotations

import json
import re
import secrets as random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from spanledger_server.errors import Conflict, Invalid, Mistakes, NotFound
from spanledger_server.notify.channels import kinds
from spanledger_server.notify.channels.kinds import opened
from spanledger_server.notify.message import Channel, Delivered, Failed
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

MOST: Final = 500
MOST_REASON: Final = 500  # characters
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Stored:
    """A channel as it is kept.

    Attributes:
        channel_id: Its id.
        name: Of no other channel.
        kind: ``webhook``, ``slack`` and so on; see `kinds.KINDS`.
        config: What it is told, but for the secrets.
        secrets: The rest; for `opened` only.
        enabled: Whether it is used.
        version: 1, and one more with each change.
        created_ns: Since when it exists.
        updated_ns: Since when it is what it is.
        updated_by: Who made it so.
        delivered_ns: When a message last arrived; None when none did.
        delivered_detail: What it answered then.
        failed_ns: When one last did not.
        failed_reason: Why.
        failed_in_a_row: How many did not since one did.
    """

    channel_id: str
    name: str
    kind: str
    config: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(repr=False)
    enabled: bool
    version: int
    created_ns: int
    updated_ns: int
    updated_by: str
    delivered_ns: int | None = None
    delivered_detail: str | None = None
    failed_ns: int | None = None
    failed_reason: str | None = None
    failed_in_a_row: int = 0

    def opened(self, now: Callable[[], int], external_url: str) -> Channel:
        """The channel itself, ready to send.

        Args:
            now: The time in ns since 1970.
            external_url: Where people reach the pages, without a slash at the end.
        """
        return opened(self.kind, {**self.config, **self.secrets}, now, external_url)

    def shown(self) -> dict[str, Any]:
        """What may be told of its configuration: of each secret that it is set, of an address also where it leads."""
        return kinds.shown(self.kind, self.config, self.secrets)


def listed(reader: Reader) -> list[Stored]:
    """All channels, by name."""
    return [_stored(row) for row in reader.rows(SQL["channels"])]


def found(reader: Reader, key: str) -> Stored:
    """The channel with this id or name.

    Raises:
        NotFound: There is none.
    """
    for stored in listed(reader):
        if key in (stored.channel_id, stored.name):
            return stored
    raise NotFound(f"there is no channel {key!r}; GET /api/v1/channels lists all")


def add(tx: Transaction, given: Mapping[str, Any], now_ns: int, actor: str) -> Stored:
    """A new channel.

    Args:
        tx: The transaction it is written in.
        given: ``name``, ``type``, ``enabled`` and the fields of its kind, as a client said them.
        now_ns: The time.
        actor: Who makes it.

    Raises:
        Mistakes: Something is wrong; all of it is told at once.
        Conflict: Its name is taken.
    """
    named = _read(given, None)
    known = listed(tx)
    _check_name(known, named.name, None)
    if len(known) >= MOST:
        raise Invalid("name", named.name, f"at most {MOST} channels; delete some")
    made = replace(
        named, channel_id=random.token_hex(8), version=1, created_ns=now_ns, updated_ns=now_ns, updated_by=actor
    )
    tx.execute(SQL["add_channel"], **_row(made), created_ns=made.created_ns)
    return made


def change(
    tx: Transaction, before: Stored, given: Mapping[str, Any], now_ns: int, actor: str, *, seen: int | None = None
) -> Stored:
    """A channel as it holds from now on; secrets that are left out stay.

    Args:
        tx: The transaction it is written in.
        before: As it was, read in this transaction.
        given: As in `add`.
        now_ns: The time.
        actor: Who changes it.
        seen: The version that the client knows; None does not mind.

    Raises:
        Mistakes: Something is wrong; all of it is told at once.
        Conflict: Its name is taken, or somebody else has changed it since.
    """
    if seen is not None and seen != before.version:
        raise Conflict(f"version {seen} of this channel was changed since: version {before.version} holds")
    named = _read(given, before)
    _check_name(listed(tx), named.name, before.channel_id)
    after = replace(named, version=before.version + 1, updated_ns=now_ns, updated_by=actor)
    tx.execute(SQL["change_channel"], **_row(after))
    return after


def delete(tx: Transaction, gone: Stored) -> None:
    """Forget a channel and its secrets."""
    tx.execute(SQL["delete_channel"], channel_id=gone.channel_id)
    tx.execute(SQL["forget_outcome"], channel_id=gone.channel_id)


def note(tx: Transaction, channel_id: str, outcome: Delivered | Failed, at_ns: int) -> None:
    """Keep what became of a message; of a channel that is gone, nothing."""
    tx.execute(SQL["begin_outcome"], channel_id=channel_id)
    if isinstance(outcome, Delivered):
        tx.execute(SQL["note_delivered"], channel_id=channel_id, at_ns=at_ns, detail=outcome.detail[:MOST_REASON])
    else:
        tx.execute(SQL["note_failed"], channel_id=channel_id, at_ns=at_ns, reason=outcome.reason[:MOST_REASON])


def _read(given: Mapping[str, Any], before: Stored | None) -> Stored:
    """What a client said, checked.

    Raises:
        Mistakes: All that is wrong.
    """
    wrong: list[Invalid] = []
    rest = {name: value for name, value in given.items() if name not in ("name", "type", "enabled")}
    name, kind, enabled = given.get("name"), given.get("type"), given.get("enabled", True)
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 200 or not name.isprintable() or _ID.fullmatch(name):
        wrong.append(Invalid("name", name, "a line of 1 to 200 characters that is not like an id"))
    if not isinstance(enabled, bool):
        wrong.append(Invalid("enabled", enabled, "true or false"))
    config: Mapping[str, Any] = {}
    kept: Mapping[str, Any] = {}
    if not isinstance(kind, str) or kind not in kinds.KINDS:
        wrong.append(Invalid("type", kind, "one of " + ", ".join(kinds.KINDS)))
    else:
        same = before if before is not None and before.kind == kind else None
        try:
            config, kept = kinds.checked(kind, rest, None if same is None else (same.config, same.secrets))
        except Mistakes as error:
            wrong.extend(error.each)
    if wrong:
        raise Mistakes(wrong)
    draft = before or Stored("", "", "", {}, {}, True, 0, 0, 0, "")
    return replace(draft, name=str(name).strip(), kind=str(kind), config=config, secrets=kept, enabled=bool(enabled))


def _check_name(known: list[Stored], name: str, mine: str | None) -> None:
    if any(stored.name == name and stored.channel_id != mine for stored in known):
        raise Conflict(f"another channel is called {name!r}")


def _row(stored: Stored) -> dict[str, Any]:
    return {
        "channel_id": stored.channel_id,
        "name": stored.name,
        "kind": stored.kind,
        "config": json.dumps(dict(stored.config), sort_keys=True),
        "secrets": json.dumps(dict(stored.secrets), sort_keys=True),
        "enabled": stored.enabled,
        "version": stored.version,
        "updated_ns": stored.updated_ns,
        "updated_by": stored.updated_by,
    }


def _stored(row: Mapping[str, Any]) -> Stored:
    return Stored(**{**row, "config": json.loads(row["config"]), "secrets": json.loads(row["secrets"])})
