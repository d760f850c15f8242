"""The rules of this installation: made, changed and put away, each time as a new version with its audit row.

Given values that were checked, writes; given an id or a name, reads the version that holds, or all of them.

Never: two rules in use with one name, or a version that is changed or lost.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from spanledger_server.auth import audit
from spanledger_server.budgets import record as budgets
from spanledger_server.errors import Conflict, Invalid, NotFound
from spanledger_server.rules import expression
from spanledger_server.rules import rule as rules
from spanledger_server.rules.definition import Known
from spanledger_server.rules.rule import Rule
from spanledger_server.slos import register as slos
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

MOST_RULES: Final = 2000  # in use


def listed(reader: Reader) -> list[Rule]:
    """The rules in use, by name."""
    return [_rule(row) for row in reader.rows(SQL["rules"])]


def one(reader: Reader, key: str) -> Rule:
    """The rule in use with this id or name.

    Raises:
        NotFound: There is none.
    """
    found = versions(reader, key)[0]
    if found.deleted_ns is not None:
        raise NotFound(f"the rule {found.name!r} was deleted")
    return found


def versions(reader: Reader, key: str) -> list[Rule]:
    """Every version of a rule, newest first, also of a deleted one by its id.

    Raises:
        NotFound: There is none.
    """
    found = [_rule(row) for row in reader.rows(SQL["rule_versions"], key=key)]
    if not found:
        raise NotFound(f"there is no rule {key!r}; GET /api/v1/rules lists all")
    return found


def known(reader: Reader, *, besides: Rule | None = None, lenient: bool = False) -> Known:
    """What a body may name.

    Args:
        reader: One snapshot.
        besides: The rule that is changed.
        lenient: Whether metrics may come only later though a body does not say so.
    """
    in_use = [each for each in listed(reader) if besides is None or each.rule_id != besides.rule_id]
    named = () if besides is None else (besides.metric, besides.divided_by)
    own: dict[str, str | None] = {name: None for name in named if name}  # the rule's already, come or not
    return Known(
        sent=own | dict(reader.tuples(SQL["sent_metrics"])),
        expressions={each.name: each.expression for each in in_use},
        budgets=frozenset(name for each in budgets.listed(reader) for name in (each.budget_id, each.name)),
        slos=frozenset(name for each in slos.listed(reader) for name in (each.slo_id, each.objective.name)),
        lenient=lenient,
    )


def add(tx: Transaction, values: Mapping[str, Any], now_ns: int, actor: str) -> Rule:
    """A new rule. Under the name of a default that nobody has touched it takes that one's place.

    Args:
        tx: The transaction it is written in.
        values: As `definition.parse` gives them.
        now_ns: The time.
        actor: Who makes it.

    Raises:
        Conflict: Its name is taken.
        Invalid: There are too many.
    """
    in_use = listed(tx)
    untouched = next((each for each in in_use if each.name == values["name"] and each.pack and each.version == 1), None)
    if untouched is not None:
        return change(tx, untouched, values, now_ns, actor)
    _check_name(in_use, values["name"], None)
    if len(in_use) >= MOST_RULES:
        raise Invalid("name", values["name"], f"at most {MOST_RULES} rules in use; delete some")
    made = Rule(**values, rule_id=uuid.uuid4(), version=1, created_ns=now_ns, changed_ns=now_ns, changed_by=actor)
    _write(tx, made, None, "rule.created")
    return made


def unkept(values: Mapping[str, Any]) -> Rule:
    """A rule that nobody keeps, to be tried."""
    return Rule(**values, rule_id=uuid.uuid4(), version=0)


def change(tx: Transaction, before: Rule, values: Mapping[str, Any], now_ns: int, actor: str) -> Rule:
    """A new version of a rule; none where nothing is different.

    Raises:
        Conflict: Its name is taken, or other rules are made of it by the name that it had.
    """
    in_use = listed(tx)
    _check_name(in_use, values["name"], before)
    same = replace(before, **values)
    if same.told() == before.told():
        return before
    if same.name != before.name:
        _check_unused(in_use, before, "renamed")
    after = replace(same, version=before.version + 1, changed_ns=now_ns, changed_by=actor)
    _write(tx, after, before, "rule.changed")
    return after


def switch(tx: Transaction, before: Rule, now_ns: int, actor: str, *, enabled: bool) -> Rule:
    """Enable or disable a rule; the same again changes nothing."""
    if before.enabled == enabled:
        return before
    after = replace(before, enabled=enabled, version=before.version + 1, changed_ns=now_ns, changed_by=actor)
    _write(tx, after, before, "rule.enabled" if enabled else "rule.disabled")
    return after


def delete(tx: Transaction, before: Rule, now_ns: int, actor: str) -> None:
    """Put a rule away; what it was stays readable.

    Raises:
        Conflict: Other rules are made of it.
    """
    _check_unused(listed(tx), before, "deleted")
    after = replace(before, version=before.version + 1, changed_ns=now_ns, changed_by=actor, deleted_ns=now_ns)
    _write(tx, after, before, "rule.deleted")


def write(tx: Transaction, versions_of: Sequence[Rule]) -> None:
    """Keep versions of rules."""
    tx.execute(
        SQL["add_rule_versions"],
        definition=[json.dumps(each.told()) for each in versions_of],
        rule_id=[str(each.rule_id) for each in versions_of],
        **{
            name: [getattr(each, name) for each in versions_of]
            for name in ("version", "name", "enabled", "pack", "created_ns", "changed_ns", "changed_by", "deleted_ns")
        },
    )


def _write(tx: Transaction, after: Rule, before: Rule | None, action: str) -> None:
    write(tx, [after])
    detail: dict[str, Any] = {} if before is None else {"before": before.told()}
    if after.deleted_ns is None:
        detail["after"] = after.told()
    audit.record(tx, after.changed_ns, after.changed_by, action, str(after.rule_id), detail)


def _check_name(in_use: Sequence[Rule], name: str, mine: Rule | None) -> None:
    if any(each.name == name and (mine is None or each.rule_id != mine.rule_id) for each in in_use):
        raise Conflict(f"another rule is called {name!r}")


def _check_unused(in_use: Sequence[Rule], rule: Rule, what: str) -> None:
    made_of_it = [
        each.name for each in in_use if each.rule_id != rule.rule_id and rule.name in expression.parts(each.expression)
    ]
    if made_of_it:
        raise Conflict(f"{rule.name!r} cannot be {what}: {', '.join(made_of_it[:5])} is made of it")


def _rule(row: Mapping[str, Any]) -> Rule:
    marks = {name: value for name, value in row.items() if name != "definition"}
    return Rule(**rules.said(json.loads(row["definition"])), **marks)
