"""The objectives of this installation: kept, changed and deleted, each change with its row in the audit trail.

A change makes another generation; what an objective was before stays readable. Counts are read anew each time, so a
new generation holds for the past as well, as far as there are rows.

Never: two objectives of one name, or a definition that was not checked.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

from spanledger_server.auth import audit
from spanledger_server.errors import Invalid, Mistakes, NotFound
from spanledger_server.slos import adjusting, composites, definition
from spanledger_server.slos.objective import Objective
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader, Transaction

SQL = sqlfile.load(__package__)

MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Kept:
    """An objective as it is kept.

    Attributes:
        slo_id: Its id.
        generation: 1, and one more with each change.
        given: Its definition as it was given.
        objective: The same, checked, with its parts and with what does not count.
        document: The OpenSLO document that it came from; None when there is none.
        created_ns: Since when it exists.
        updated_ns: Since when it is what it is.
        updated_by: Who made it so.
    """

    slo_id: str
    generation: int
    given: dict[str, Any]
    objective: Objective
    document: str | None
    created_ns: int
    updated_ns: int
    updated_by: str


def listed(reader: Reader) -> list[Kept]:
    """All objectives, by name."""
    each = [_kept(row) for row in reader.rows(SQL["all_slos"])]
    by_name = {one.objective.name: (one.slo_id, one.objective) for one in each}
    return _whole(reader, each, by_name.get)


def one(reader: Reader, key: str) -> Kept:
    """The objective with this id or name.

    Raises:
        NotFound: There is none.
    """
    row = reader.row(SQL["one_slo"], key=key)
    if row is None:
        raise NotFound(f"there is no objective {key!r}; GET /api/v1/slos lists all")

    def find(name: str) -> tuple[str, Objective] | None:
        found = reader.row(SQL["one_slo"], key=name)
        return None if found is None else (found["slo_id"], _kept(found).objective)

    return _whole(reader, [_kept(row)], find)[0]


def _whole(reader: Reader, each: Sequence[Kept], find: Callable[[str], tuple[str, Objective] | None]) -> list[Kept]:
    """Objectives with their parts and with what does not count of them."""
    adjusted = adjusting.of_all(reader)
    return [
        one
        if not (one.objective.indicator.parts or one.slo_id in adjusted)
        else replace(one, objective=composites.resolved(one.objective, one.slo_id, find, adjusted))
        for one in each
    ]


def with_parts(reader: Reader, given: Sequence[Mapping[str, Any]]) -> list[Objective]:
    """Definitions that are not kept as objectives, their parts looked up among themselves and among those that are.

    Raises:
        Mistakes: A definition is wrong, or names what is not there, or itself.
    """
    checked = {objective.name: objective for objective in map(definition.parse, given)}
    known = _definitions(reader)
    composites.check(checked, known | {str(one["name"]): one for one in given})
    adjusted = adjusting.of_all(reader)

    def find(name: str) -> tuple[str, Objective] | None:
        if name in checked:
            return name, checked[name]
        found = reader.row(SQL["one_slo"], key=name)
        return None if found is None else (found["slo_id"], _kept(found).objective)

    return [composites.resolved(objective, objective.name, find, adjusted) for objective in checked.values()]


def generations(reader: Reader, slo_id: str) -> list[dict[str, Any]]:
    """What an objective was before, oldest first."""
    return [
        row | {"definition": json.loads(row["definition"])} for row in reader.rows(SQL["generations"], slo_id=slo_id)
    ]


def mistakes(
    reader: Reader, given: Sequence[Mapping[str, Any]], *, new: bool = True, beside: frozenset[str] = frozenset()
) -> list[list[Invalid]]:
    """What is wrong with each of some definitions, beside one another and beside those that are kept.

    Args:
        reader: One snapshot.
        given: Definitions, each checked by itself.
        new: Whether their names must be free.
        beside: Names that more definitions would have, if these were not refused already.
    """
    kept = _definitions(reader)
    names = [str(one["name"]) for one in given]
    often = Counter(names)
    taken = kept if new else {}
    found = [
        [Invalid("name", name, "a name that no other objective has")] if name in taken or often[name] > 1 else []
        for name in names
    ]
    if new and given and len(kept) + len(given) > MOST:
        found[0].append(Invalid("name", names[0], f"at most {MOST} objectives in all"))
    known = kept | dict(zip(names, given, strict=True))
    for own, wrong in zip(found, composites.mistakes(names, known, beside), strict=True):
        own += wrong
    return found


def add(
    database: Database, given: Sequence[tuple[Mapping[str, Any], str | None]], now_ns: int, actor: str
) -> list[Kept]:
    """New objectives: all of them, or none.

    Args:
        database: The store.
        given: Definitions, each with the OpenSLO document that it came from, if any.
        now_ns: The time.
        actor: Who asked.

    Raises:
        Mistakes: A definition is wrong, or its name is taken.
    """
    with database.transaction() as tx:
        wrong = [mistake for each in mistakes(tx, [one for one, _ in given]) for mistake in each]
        if wrong:
            raise Mistakes(wrong)
        _add(tx, given, now_ns, actor)
    return _named(database, [one for one, _ in given])


def replace_all(
    database: Database, given: Sequence[tuple[Mapping[str, Any], str | None]], now_ns: int, actor: str
) -> list[tuple[Kept, str]]:
    """Definitions in place of those of their names, new ones where there are none: all of them, or none.

    Args:
        database: The store.
        given: Definitions, each with the OpenSLO document that it came from, if any.
        now_ns: The time.
        actor: Who asked.

    Returns:
        Each with what became of it: `created`, `changed`, or `unchanged`, which makes no generation.

    Raises:
        Mistakes: A definition is wrong.
    """
    with database.transaction() as tx:
        each = [one for one, _ in given]
        wrong = [mistake for found in mistakes(tx, each, new=False) for mistake in found]
        if wrong:
            raise Mistakes(wrong)
        kept = by_name(tx)
        became = compared(kept, each)
        known = {name: one.given for name, one in kept.items()} | {str(one["name"]): one for one in each}
        changed = [str(one["name"]) for one, what in zip(each, became, strict=True) if what == "changed"]
        composites.check(dict.fromkeys(chain(changed, *(composites.users(name, known) for name in changed))), known)
        if len(known) > MOST:
            raise Mistakes([Invalid("name", str(each[0]["name"]), f"at most {MOST} objectives in all")])
        _add(tx, [one for one, what in zip(given, became, strict=True) if what == "created"], now_ns, actor)
        for (one, document), what in zip(given, became, strict=True):
            if what == "changed":
                _change(tx, kept[str(one["name"])], one, document, now_ns, actor)
    return list(zip(_named(database, each), became, strict=True))


def compared(kept: Mapping[str, Kept], given: Sequence[Mapping[str, Any]]) -> list[str]:
    """What would become of each of some definitions if they took the place of what is kept under their names."""
    return [
        "created"
        if (before := kept.get(str(one["name"]))) is None
        else "unchanged"
        if before.given == json.loads(json.dumps(dict(one)))
        else "changed"
        for one in given
    ]


def _add(tx: Transaction, given: Sequence[tuple[Mapping[str, Any], str | None]], now_ns: int, actor: str) -> None:
    if not given:
        return
    ids = [secrets.token_hex(8) for _ in given]
    tx.execute(
        SQL["add_slos"],
        slo_id=ids,
        name=[definition.parse(one).name for one, _ in given],
        definition=[json.dumps(dict(one)) for one, _ in given],
        document=[document for _, document in given],
        now_ns=now_ns,
        actor=actor,
    )
    details = [{"after": dict(one)} for one, _ in given]
    audit.record_each(tx, now_ns, actor, "slo.created", list(zip(ids, details, strict=True)))


def _change(
    tx: Transaction, before: Kept, given: Mapping[str, Any], document: str | None, now_ns: int, actor: str
) -> None:
    tx.execute(SQL["keep_generation"], slo_id=before.slo_id, now_ns=now_ns)
    tx.execute(
        SQL["change_slo"],
        slo_id=before.slo_id,
        name=definition.parse(given).name,
        definition=json.dumps(dict(given)),
        document=document,
        now_ns=now_ns,
        actor=actor,
    )
    audit.record(tx, now_ns, actor, "slo.changed", before.slo_id, {"before": before.given, "after": dict(given)})


def _named(database: Database, given: Sequence[Mapping[str, Any]]) -> list[Kept]:
    with database.reader() as reader:
        kept = by_name(reader)
    return [kept[str(one["name"])] for one in given]


def by_name(reader: Reader) -> dict[str, Kept]:
    """All objectives, each by its name."""
    return {one.objective.name: one for one in listed(reader)}


def change(
    database: Database, key: str, given: Mapping[str, Any], document: str | None, now_ns: int, actor: str
) -> Kept:
    """Another definition for an objective.

    Raises:
        NotFound: There is no such objective.
        Conflict: It gets another name, and a composite knows it by its old one.
        Mistakes: The definition is wrong, or its name is another objective's.
    """
    objective = definition.parse(given)
    with database.transaction() as tx:
        before = one(tx, key)
        known = _definitions(tx)
        del known[before.objective.name]
        if objective.name != before.objective.name:
            if objective.name in known:
                raise Mistakes([Invalid("name", objective.name, "a name that no other objective has")])
            composites.unused(before.objective.name, known)
        known[objective.name] = given
        composites.check([objective.name, *composites.users(objective.name, known)], known)
        _change(tx, before, given, document, now_ns, actor)
    with database.reader() as reader:
        return one(reader, before.slo_id)


def delete(database: Database, key: str, now_ns: int, actor: str) -> None:
    """Forget an objective; what it was stays in the audit trail.

    Raises:
        NotFound: There is no such objective.
        Conflict: It is a part of a composite.
    """
    with database.transaction() as tx:
        before = one(tx, key)
        composites.unused(before.objective.name, _definitions(tx))
        tx.execute(SQL["delete_slo"], slo_id=before.slo_id, now_ns=now_ns, actor=actor)
        audit.record(tx, now_ns, actor, "slo.deleted", before.slo_id, {"before": before.given})


def _definitions(tx: Reader) -> dict[str, Mapping[str, Any]]:
    return {row["name"]: json.loads(row["definition"]) for row in tx.rows(SQL["all_slos"])}


def _kept(row: Mapping[str, Any]) -> Kept:
    given = json.loads(row["definition"])
    return Kept(
        slo_id=row["slo_id"],
        generation=row["generation"],
        given=given,
        objective=definition.parse(given),
        document=row["document"],
        created_ns=row["created_ns"],
        updated_ns=row["updated_ns"],
        updated_by=row["updated_by"],
    )
