"""Rules, what is measured of them, and what their alerts came to, for the tests of alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from spanledger_server.alerts.watch import Alerting
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Outcome, Story, Verdict
from spanledger_server.store.database import Database, Reader

NS = 10**9
TICK_S = 10
NOON = 1_763_985_600 * NS
ROOM = UUID("5f1d6a52-0c4c-9d3c-7f5e-2b8c1f0a9e11")


def rule(name: str = "slow", **more: Any) -> Rule:
    return replace(
        Rule(uuid5(ROOM, name), 1, name, "threshold", "error", "latency", operator=">", threshold=Decimal(500)), **more
    )


def says(outcome: Outcome, group: str = "a", value: float | None = None, clear: bool | None = None) -> Verdict:
    """A verdict on a group; without hysteresis, what does not hold is over."""
    over = outcome == "false" if clear is None else clear
    reason = {"no_data": "nothing came", "error": "the store is away"}.get(outcome)
    return Verdict({"group": group}, outcome, over, value, 500.0, None, reason)


@dataclass(slots=True)
class Judge:
    """What a test says of its rules."""

    known: list[Rule] = field(default_factory=list)
    verdicts_of: dict[str, Sequence[Verdict]] = field(default_factory=dict)
    stories: int = 0

    def rules(self, _reader: Reader) -> list[Rule]:
        return self.known

    def verdicts(self, _reader: Reader, _now_ns: int) -> list[tuple[Rule, Sequence[Verdict]]]:
        return [(each, self.verdicts_of.get(each.name, ())) for each in self.known if each.enabled]

    def story(self, _reader: Reader, of: Rule, verdict: Verdict, _now_ns: int) -> Story:
        self.stories += 1
        return Story(f"{of.name} of {verdict.labels['group']}", "too much")

    def alerting(self, database: Database) -> Alerting:
        """As it is after a start of the server."""
        return Alerting(database, self, TICK_S * NS)


def events(database: Database) -> list[tuple[str, str, str]]:
    """What was given to be told, in order: kind, rule, group."""
    statement = """
        SELECT kind, body ->> 'name', body -> 'labels' ->> 'group' FROM notify_events ORDER BY place
    """
    with database.reader() as reader:
        return [(kind, name, group) for kind, name, group in reader.tuples(statement)]


def episodes(database: Database) -> list[Mapping[str, Any]]:
    """All episodes, oldest first."""
    with database.reader() as reader:
        return reader.rows("SELECT * FROM alert_episodes ORDER BY pending_ns, dedup_key")


def history(database: Database) -> list[str]:
    """What became of all of them, in order."""
    with database.reader() as reader:
        return [kind for (kind,) in reader.tuples("SELECT kind FROM alert_changes ORDER BY at_ns, rowid")]
