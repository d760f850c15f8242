"""Rules to begin with: packs of defaults, made into rules once, and again only when somebody asks for it.

At every start each default that was never made into a rule here is: enabled where its file says that it can't be
noisy. What somebody changed or deleted stays so. Who wants a deleted one back applies it.

Never: a default that comes back by itself, or one that takes the name of a rule that is there.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import yaml

from spanledger_server.auth import audit
from spanledger_server.errors import Invalid, Mistakes
from spanledger_server.rules import definition, register
from spanledger_server.rules.rule import Rule
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader, Transaction

SQL = sqlfile.load(__package__)

PACKS: Final = ("general", "llm", "audio", "server")
ACTOR: Final = "spanledger"


@dataclass(frozen=True, slots=True)
class Default:
    """A rule to begin with.

    Attributes:
        key: Its pack and name; what a rule made of it remembers.
        pack: One of `PACKS`.
        body: As somebody would send it.
    """

    key: str
    pack: str
    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Of the rule."""
        return str(self.body["name"])


@dataclass(frozen=True, slots=True)
class Made:
    """A default, and what became of it here.

    Attributes:
        default: Which.
        state: ``in use``, ``deleted``, ``not made``, or ``name taken`` by another rule.
        rule: The rule that was made of it, where it is in use.
    """

    default: Default
    state: str
    rule: Rule | None


@lru_cache(maxsize=1)
def defaults() -> tuple[Default, ...]:
    """All of them."""
    return tuple(
        Default(f"{pack}/{body['name']}", pack, body)
        for pack in PACKS
        for body in yaml.safe_load(
            files("spanledger_server.rules").joinpath("defaults", f"{pack}.yaml").read_text(encoding="utf-8")
        )
    )


def install(database: Database, now_ns: int) -> int:
    """Make rules of those defaults that never were; how many."""
    with database.transaction() as tx:
        ever = {pack for pack, _ in tx.tuples(SQL["packs"])}
        return len(_made(tx, [each for each in defaults() if each.key not in ever], now_ns, ACTOR))


def listed(reader: Reader) -> list[Made]:
    """Every default and what became of it."""
    ever = dict(reader.tuples(SQL["packs"]))
    in_use = {rule.rule_id: rule for rule in register.listed(reader)}
    taken = {rule.name for rule in in_use.values()}
    found = []
    for each in defaults():
        rule = in_use.get(ever[each.key]) if ever.get(each.key) is not None else None
        gone = "deleted" if each.key in ever else "not made"
        found.append(Made(each, "in use" if rule else "name taken" if each.name in taken else gone, rule))
    return found


def _chosen(names: Sequence[str]) -> list[Default]:
    """The defaults with one of these names, of one of these packs; all, where none is named."""
    return [each for each in defaults() if not names or not {each.key, each.name, each.pack}.isdisjoint(names)]


def apply(tx: Transaction, names: Sequence[str], now_ns: int, actor: str) -> list[Rule]:
    """Make rules of these defaults again, by name, pack or both; of all, where none is named.

    Raises:
        Mistakes: There is no such default.
    """
    allowed = f"a pack ({', '.join(PACKS)}), or the name of a default"
    wrong = [Invalid("names", name, allowed) for name in names if not _chosen([name])]
    if wrong:
        raise Mistakes(wrong)
    here = {made.default.key for made in listed(tx) if made.rule is not None}
    made = _made(tx, [each for each in _chosen(names) if each.key not in here], now_ns, actor)
    if made:
        audit.record(tx, now_ns, actor, "rule.defaults_applied", None, {"after": [rule.name for rule in made]})
    return made


def _made(tx: Transaction, chosen: Sequence[Default], now_ns: int, actor: str) -> list[Rule]:
    """New rules of these defaults, but for names that are taken."""
    taken = {rule.name for rule in register.listed(tx)}
    known = register.known(tx)
    made = [
        Rule(
            **definition.parse(each.body, known).values,
            rule_id=uuid.uuid4(),
            version=1,
            pack=each.key,
            created_ns=now_ns,
            changed_ns=now_ns,
            changed_by=actor,
        )
        for each in chosen
        if each.name not in taken
    ]
    if made:
        register.write(tx, made)
    return made
