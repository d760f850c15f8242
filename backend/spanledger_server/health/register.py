"""The checks of this installation: made, changed and deleted, each time with a row in the audit trail.

Given what an administrator says, writes; given an id or a name, reads.

Never: a secret in the audit trail, or two checks of one name.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.auth import audit
from spanledger_server.errors import Conflict, Invalid, NotFound
from spanledger_server.health import check, machine, results
from spanledger_server.health.answer import Answer
from spanledger_server.health.check import Check, Secrets
from spanledger_server.health.machine import Standing
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """A check as it is kept.

    Attributes:
        check_id: Its id.
        version: 1, and one more with each change.
        check: What is asked.
        secrets: What of it is never told.
        standing: Where it stood when that was last written.
        created_ns: Since when it exists.
        changed_ns: Since when it is what it is.
        changed_by: Who made it so.
    """

    check_id: str
    version: int
    check: Check
    secrets: Secrets
    standing: Standing
    created_ns: int
    changed_ns: int
    changed_by: str


def listed(reader: Reader) -> list[Kept]:
    """All checks, by name."""
    return [_kept(row) for row in reader.rows(SQL["checks"], check_id=None)]


def one(reader: Reader, key: str) -> Kept:
    """The check with this id or name.

    Raises:
        NotFound: There is none.
    """
    rows = reader.rows(SQL["checks"], check_id=key)
    if not rows:
        raise NotFound(f"there is no check {key!r}; GET /api/v1/health/checks lists all")
    return _kept(next((row for row in rows if row["check_id"] == key), rows[0]))


def create(tx: Transaction, given: Mapping[str, Any], now_ns: int, actor: str) -> Kept:
    """A new check.

    Raises:
        Mistakes: The definition is wrong.
        Conflict: Its name is taken.
        Invalid: There are too many.
    """
    made, hidden = check.parse(given)
    known = listed(tx)
    _name_free(known, made.name, None)
    if len(known) >= MOST:
        raise Invalid("name", made.name, f"at most {MOST} checks in all")
    standing = machine.fresh(now_ns, machine.NOT_YET if made.enabled else machine.PAUSED)
    kept = Kept(secrets.token_hex(8), 1, made, hidden, standing, now_ns, now_ns, actor)
    _write(tx, kept)
    results.write_standing(tx, {kept.check_id: kept.standing})
    begun = machine.Change(now_ns, kept.standing.state, kept.standing.reason)
    results.write_changes(tx, [results.noted(kept.check_id, made, 0, begun)])
    audit.record(tx, now_ns, actor, "health.check.created", kept.check_id, {"after": made.told()})
    return kept


def change(
    tx: Transaction, key: str, given: Mapping[str, Any], now_ns: int, actor: str, *, seen: int | None = None
) -> Kept:
    """Another definition for a check; nothing is written where nothing is different.

    Args:
        tx: The transaction it is written in.
        key: Its id or name.
        given: All that an administrator says of it; what is left out is as in a new check.
        now_ns: The time.
        actor: Who changes it.
        seen: The version that is known to who changes it; None does not mind.

    Raises:
        NotFound: There is no such check.
        Mistakes: The definition is wrong.
        Conflict: Its name is taken, or somebody else has changed it since.
    """
    before = one(tx, key)
    if seen is not None and seen != before.version:
        raise Conflict(f"version {seen} of this check was changed since: version {before.version} holds")
    made, hidden = check.parse(given, before.secrets, before.check.told())
    _name_free(listed(tx), made.name, before.check_id)
    if (made, hidden) == (before.check, before.secrets):
        return before
    standing, changes = before.standing, list[machine.Change]()
    if not made.enabled:
        standing, changes = machine.paused(standing, now_ns)
    elif not (before.check.enabled and made.asks_the_same(before.check)):
        standing, changes = machine.paused(standing, now_ns, machine.NOT_YET)
    after = Kept(before.check_id, before.version + 1, made, hidden, standing, before.created_ns, now_ns, actor)
    _write(tx, after)
    results.write_standing(tx, {after.check_id: standing})
    results.write_changes(tx, [results.noted(after.check_id, made, standing.changes, each) for each in changes])
    detail = {"before": before.check.told(), "after": made.told(), "secrets_changed": hidden != before.secrets}
    audit.record(tx, now_ns, actor, "health.check.changed", after.check_id, detail)
    return after


def delete(tx: Transaction, key: str, now_ns: int, actor: str) -> str:
    """Forget a check; what changed in its time stays as long as other changes. Its id.

    Raises:
        NotFound: There is no such check.
    """
    before = one(tx, key)
    for name in ("delete_check", "delete_secrets"):
        tx.execute(SQL[name], check_id=before.check_id)
    tx.execute(SQL["delete_standing"], check_ids=[before.check_id])
    if before.standing.state != "unknown":
        ended = machine.Change(max(now_ns, before.standing.since_ns), "unknown", "Deleted")
        number = before.standing.changes + 1
        results.write_changes(tx, [results.noted(before.check_id, before.check, number, ended)])
    audit.record(tx, now_ns, actor, "health.check.deleted", before.check_id, {"before": before.check.told()})
    return before.check_id


def _name_free(known: list[Kept], name: str, mine: str | None) -> None:
    if any(each.check.name == name and each.check_id != mine for each in known):
        raise Conflict(f"another check is called {name!r}")


def _write(tx: Transaction, kept: Kept) -> None:
    for name in ("delete_check", "delete_secrets"):
        tx.execute(SQL[name], check_id=kept.check_id)
    tx.execute(
        SQL["add_check"],
        check_id=kept.check_id,
        version=kept.version,
        name=kept.check.name,
        definition=json.dumps(kept.check.told()),
        created_ns=kept.created_ns,
        changed_ns=kept.changed_ns,
        changed_by=kept.changed_by,
    )
    if kept.secrets != check.NONE:
        tx.execute(SQL["add_secrets"], check_id=kept.check_id, secrets=kept.secrets.stored())


def _kept(row: Mapping[str, Any]) -> Kept:
    standing = machine.fresh(row["created_ns"])
    if row["state"] is not None:
        answer = None
        if row["answer_state"] is not None:
            told = json.loads(row["told"] or "{}")
            answer = Answer(row["answer_state"], row["answer_reason"], row["latency_ns"], told)
        recent = tuple(json.loads(row["recent"]))
        standing = Standing(
            row["state"], row["reason"], row["since_ns"], row["seen_ns"], answer, recent, row["changes"]
        )
    return Kept(
        check_id=row["check_id"],
        version=row["version"],
        check=check.stored(row["definition"]),
        secrets=Secrets.read(row["secrets"]),
        standing=standing,
        created_ns=row["created_ns"],
        changed_ns=row["changed_ns"],
        changed_by=row["changed_by"],
    )
