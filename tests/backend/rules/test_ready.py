"""The rules that every installation begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

from spanledger_server.errors import Conflict, Mistakes
from spanledger_server.rules import ready, register
from spanledger_server.rules.evaluate import Evaluator
from spanledger_server.store.database import Database
from tests.backend.rows import NOON
from tests.backend.rules.conftest import Add


def test_defaults_are_made_once_and_what_was_changed_or_deleted_stays_so(tmp_path: Path) -> None:
    file = tmp_path / "spanledger.duckdb"
    database = Database.open(file)
    assert ready.install(database, NOON) == len(ready.defaults())
    with database.transaction() as tx:
        register.delete(tx, register.one(tx, "Error Spike"), NOON, "me")
        register.switch(tx, register.one(tx, "High Cost"), NOON, "me", enabled=False)
    database.close()
    database = Database.open(file)
    assert ready.install(database, NOON + 1) == 0
    with database.reader() as reader:
        states = {each.default.name: each for each in ready.listed(reader)}
        names = {rule.name for rule in register.listed(reader)}
    assert (states["Error Spike"].state, "Error Spike" in names) == ("deleted", False)
    assert states["High Cost"].rule is not None
    assert not states["High Cost"].rule.enabled
    with database.transaction() as tx:
        assert [rule.name for rule in ready.apply(tx, ["Error Spike"], NOON, "me")] == ["Error Spike"]
        assert ready.apply(tx, [], NOON, "me") == []
        with pytest.raises(Mistakes, match="a pack"):
            ready.apply(tx, ["nothing"], NOON, "me")
    database.close()


def test_a_name_that_is_taken_is_left_alone_and_an_untouched_default_gives_way_once(
    database: Database, add: Add
) -> None:
    mine = add(name="High Cost", condition="requests > 5")
    assert ready.install(database, NOON) == len(ready.defaults()) - 1
    with database.reader() as reader:
        states = {each.default.name: each.state for each in ready.listed(reader)}
        assert register.one(reader, "High Cost").rule_id == mine.rule_id
        default = register.one(reader, "Error Spike")
    assert states["High Cost"] == "name taken"
    assert add(name="Error Spike", condition="requests > 7").rule_id == default.rule_id
    with pytest.raises(Conflict):
        add(name="Error Spike", condition="requests > 8")


def test_a_store_without_data_fires_nothing_of_the_defaults(database: Database) -> None:
    ready.install(database, NOON)
    with database.transaction() as tx:
        for rule in register.listed(tx):
            register.switch(tx, rule, NOON, "me", enabled=True)
    with database.reader() as reader:
        found = Evaluator(database).verdicts(reader, NOON)
    assert len(found) == len(ready.defaults())
    assert {each.outcome for _, verdicts in found for each in verdicts} <= {"false", "no_data"}
