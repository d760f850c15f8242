"""Inhibition: while one alert fires, others that say no more than it are not told.

Given values, checks and writes them; given the alerts that fire, says which others are held back by them.

Never: two alerts that keep each other from being told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID, uuid4

from spanledger_server.errors import Conflict, Invalid, Mistakes, NotFound
from spanledger_server.silences import matchers as written
from spanledger_server.silences.maintenance import MOST_NAME
from spanledger_server.silences.matchers import Matcher, all_hold
from spanledger_server.silences.silence import meaningful
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

MOST: Final = 200
MOST_EQUAL: Final = 50


@dataclass(frozen=True, slots=True)
class Rule:
    """Which alerts hold back which.

    Attributes:
        name: For people.
        source: What an alert matches that holds others back.
        target: What those match.
        equal: Labels whose values are the same on both; missing is empty.
    """

    name: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()

    def same(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """The values that have to be the same."""
        return tuple(labels.get(name, "") for name in self.equal)

    def holds_back(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels can be held back: one that may be a source is not."""
        return all_hold(self.target, labels) and not all_hold(self.source, labels)


@dataclass(frozen=True, slots=True)
class Inhibition:
    """A rule in the store."""

    inhibition_id: UUID
    rule: Rule
    created_by: str
    created_ns: int
    updated_by: str
    updated_ns: int


def listed(reader: Reader) -> list[Inhibition]:
    """All, by name."""
    return [_of_row(row) for row in reader.rows(SQL["inhibitions"])]


def one(reader: Reader, inhibition_id: UUID) -> Inhibition:
    """The inhibition of that id.

    Raises:
        NotFound: There is none.
    """
    found = next((each for each in listed(reader) if each.inhibition_id == inhibition_id), None)
    if found is None:
        raise NotFound(f"there is no inhibition {inhibition_id}")
    return found


def add(tx: Transaction, rule: Rule, actor: str, now_ns: int) -> Inhibition:
    """A new one.

    Raises:
        Invalid: It is none, or there are too many.
        Conflict: Its name is taken.
    """
    _check(rule)
    known = listed(tx)
    if len(known) >= MOST:
        raise Invalid("name", rule.name, f"at most {MOST} inhibitions: delete some")
    _check_name(known, rule.name, None)
    made = Inhibition(uuid4(), rule, actor, now_ns, actor, now_ns)
    tx.execute(SQL["add_inhibition"], **_row(made))
    return made


def change(tx: Transaction, before: Inhibition, rule: Rule, actor: str, now_ns: int) -> Inhibition:
    """One as it is from now on.

    Args:
        tx: The transaction it is written in.
        before: As it was, read in this transaction.
        rule: What it is to be.
        actor: Who changes it.
        now_ns: The time.

    Raises:
        Invalid: It is none.
        Conflict: Its name is taken.
    """
    _check(rule)
    _check_name(listed(tx), rule.name, before.inhibition_id)
    after = replace(before, rule=rule, updated_by=actor, updated_ns=now_ns)
    tx.execute(SQL["change_inhibition"], **_row(after))
    return after


def delete(tx: Transaction, inhibition_id: UUID) -> Inhibition:
    """Take one away; as it was.

    Raises:
        NotFound: There is none of that id.
    """
    before = one(tx, inhibition_id)
    tx.execute(SQL["delete_inhibition"], inhibition_id=str(inhibition_id))
    return before


def _check(rule: Rule) -> None:
    mistakes = [*meaningful("source", rule.source), *meaningful("target", rule.target)]
    if not rule.name.strip() or len(rule.name) > MOST_NAME:
        mistakes.append(Invalid("name", rule.name[:100], f"1 to {MOST_NAME} characters"))
    if len(rule.equal) > MOST_EQUAL or not all(rule.equal):
        mistakes.append(Invalid("equal", list(rule.equal)[:5], f"at most {MOST_EQUAL} names of labels"))
    if mistakes:
        raise Mistakes(mistakes)


def _check_name(known: list[Inhibition], name: str, mine: UUID | None) -> None:
    if any(each.rule.name == name and each.inhibition_id != mine for each in known):
        raise Conflict(f"another inhibition is called {name!r}")


def _row(made: Inhibition) -> dict[str, Any]:
    rule = made.rule
    return {
        "inhibition_id": str(made.inhibition_id),
        "name": rule.name,
        "source": written.text(rule.source),
        "target": written.text(rule.target),
        "equal": json.dumps(rule.equal),
        "actor": made.updated_by,
        "now_ns": made.updated_ns,
    }


def _of_row(row: Mapping[str, Any]) -> Inhibition:
    source, target = (written.of_text(row[side]) for side in ("source", "target"))
    rule = Rule(row["name"], source, target, tuple(json.loads(row["equal"])))
    who = (row[name] for name in ("created_by", "created_ns", "updated_by", "updated_ns"))
    return Inhibition(row["inhibition_id"], rule, *who)
