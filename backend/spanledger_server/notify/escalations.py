"""Escalations: who is told next when nobody takes care; made, changed and deleted.

Given what a client says, writes; given a snapshot, reads.

Never: one that is deleted while a route leads to it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from spanledger_server.errors import Conflict, Invalid, NotFound
from spanledger_server.notify import routes
from spanledger_server.notify.reading import Reading
from spanledger_server.notify.terms import Escalation, Step
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction
from spanledger_server.timegrid import SECOND_NS

SQL = sqlfile.load(__package__)

MOST: Final = 200
MOST_STEPS: Final = 20
MOST_REPEATS: Final = 20
LONGEST_S: Final = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Kept:
    """An escalation as it is kept; times in nanoseconds."""

    escalation: Escalation
    version: int
    created_ns: int
    updated_ns: int
    updated_by: str


def listed(reader: Reader) -> list[Kept]:
    """All escalations, by name."""
    return [_kept(row) for row in reader.rows(SQL["escalations"])]


def one(reader: Reader, key: str) -> Kept:
    """The escalation of that id or name.

    Raises:
        NotFound: There is none.
    """
    for each in listed(reader):
        if key in (each.escalation.escalation_id, each.escalation.name):
            return each
    raise NotFound(f"there is no escalation {key!r}; GET /api/v1/escalations lists all")


def add(tx: Transaction, given: Any, now_ns: int, actor: str) -> Kept:
    """A new escalation.

    Args:
        tx: The transaction it is written in.
        given: ``{name, steps: [{delay_seconds, channels}], repeats}``.
        now_ns: The time.
        actor: Who makes it.

    Raises:
        Mistakes: Something is wrong; all of it is told at once.
        Conflict: Its name is taken.
    """
    known = listed(tx)
    escalation = read(given, secrets.token_hex(8))
    _check_name(known, escalation)
    if len(known) >= MOST:
        raise Invalid("name", escalation.name, f"at most {MOST} escalations; delete some")
    kept = Kept(escalation, 1, now_ns, now_ns, actor)
    _write(tx, kept)
    return kept


def change(tx: Transaction, before: Kept, given: Any, now_ns: int, actor: str, *, seen: int | None = None) -> Kept:
    """An escalation as it is from now on; alerts that fire follow it at once.

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
        raise Conflict(f"version {seen} of this escalation was changed since: version {before.version} holds")
    escalation = read(given, before.escalation.escalation_id)
    _check_name(listed(tx), escalation)
    kept = Kept(escalation, before.version + 1, before.created_ns, now_ns, actor)
    tx.execute(SQL["delete_escalation"], escalation_id=escalation.escalation_id)
    _write(tx, kept)
    return kept


def delete(tx: Transaction, gone: Kept) -> None:
    """Forget an escalation.

    Raises:
        Conflict: A route leads to it.
    """
    key = gone.escalation.escalation_id
    users = [each.route.name for each in routes.listed(tx) if each.route.escalation == key]
    if users:
        raise Conflict(f"the route {users[0]!r} leads to this escalation: change the route first")
    tx.execute(SQL["delete_escalation"], escalation_id=key)


def read(given: Any, escalation_id: str) -> Escalation:
    """What a client says of an escalation.

    Raises:
        Mistakes: With everything that is wrong.
    """
    reading = Reading(given, ("name", "steps", "repeats"))
    steps = reading.given.get("steps")
    if not isinstance(steps, list) or not 1 <= len(steps) <= MOST_STEPS:
        reading.wrong("steps", steps, f"a list of 1 to {MOST_STEPS} steps")
        steps = []
    found = tuple(
        reading.part(partial(_step, step, f"steps[{number}]"), Step(0, ())) for number, step in enumerate(steps)
    )
    name, repeats = reading.text("name"), reading.whole("repeats", 0, 0, MOST_REPEATS) or 0
    if repeats and not sum(step.delay_ns for step in found) and found:
        reading.wrong("steps", steps, "at least one step with a delay, where the whole is repeated")
    reading.done()
    return Escalation(escalation_id, name, found, 1 + repeats)


def definition(escalation: Escalation) -> dict[str, Any]:
    """An escalation as `read` reads it."""
    steps = [{"delay_seconds": step.delay_ns / SECOND_NS, "channels": list(step.channels)} for step in escalation.steps]
    return {"name": escalation.name, "steps": steps, "repeats": escalation.loops - 1}


def _step(given: Any, place: str) -> Step:
    reading = Reading(given, ("delay_seconds", "channels"), place)
    delay_ns = reading.seconds("delay_seconds", 0, 0, LONGEST_S) or 0
    channels = reading.texts("channels", (), least=1)
    reading.done()
    return Step(delay_ns, channels)


def _check_name(known: list[Kept], escalation: Escalation) -> None:
    mine = escalation.escalation_id
    if any(each.escalation.name == escalation.name and each.escalation.escalation_id != mine for each in known):
        raise Conflict(f"another escalation is called {escalation.name!r}")


def _kept(row: Mapping[str, Any]) -> Kept:
    escalation = read(json.loads(row["definition"]), row["escalation_id"])
    return Kept(escalation, row["version"], row["created_ns"], row["updated_ns"], row["updated_by"])


def _write(tx: Transaction, kept: Kept) -> None:
    tx.execute(
        SQL["add_escalation"],
        escalation_id=kept.escalation.escalation_id,
        name=kept.escalation.name,
        definition=json.dumps(definition(kept.escalation)),
        version=kept.version,
        created_ns=kept.created_ns,
        updated_ns=kept.updated_ns,
        updated_by=kept.updated_by,
    )
