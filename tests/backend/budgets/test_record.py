"""Budgets in the store: versions, names, the default, the audit trail, and what a restart leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_server.budgets import record
from spanledger_server.errors import Conflict, NotFound
from spanledger_server.store.database import Database
from tests.backend.budgets.made import values
from tests.backend.rows import NOON
from tests.support.stores import new_store
from tests.support.thorough import examples


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


def test_a_new_store_has_500_usd_a_month_at_80_and_95_percent(database: Database):
    with database.reader() as reader:
        (found,) = record.listed(reader)
    assert (found.budget_id, found.name, found.limit_usd, found.period) == ("default", "default", 500, "monthly")
    assert (found.alert_at_50_percent, found.alert_at_80_percent, found.alert_at_95_percent) == (False, True, True)
    assert (found.alert_at_exceeded, found.scope, found.enabled, found.timezone) == (True, {}, True, None)


def test_each_change_is_a_version_with_its_audit_row_and_one_that_changes_nothing_is_none(database: Database):
    with database.transaction() as tx:
        made = record.create(tx, values("shop", 10, service="shop"), NOON, "ann")
    with database.transaction() as tx:
        changed = record.change(tx, made.budget_id, values("shop", 12, service="shop"), NOON + 1, "bob", seen=1)
    with database.transaction() as tx:
        same = record.change(tx, made.budget_id, values("shop", 12, service="shop"), NOON + 2, "cid")
    with database.transaction() as tx:
        record.archive(tx, made.budget_id, NOON + 3, "dan")
    assert (changed.version, same.version, same.changed_by) == (2, 2, "bob")
    with database.reader() as reader:
        versions = record.versions(reader, made.budget_id)
        rows = reader.rows("SELECT actor, action, subject, detail FROM audit ORDER BY at_ns")
        assert [budget.budget_id for budget in record.listed(reader)] == ["default"]
        assert record.listed(reader, archived=True)[-1].archived_ns == NOON + 3
    assert [(one.version, one.limit_usd, one.changed_by) for one in versions] == [
        (3, 12, "dan"),
        (2, 12, "bob"),
        (1, 10, "ann"),
    ]
    assert [(row["actor"], row["action"]) for row in rows] == [
        ("ann", "budget.created"),
        ("bob", "budget.changed"),
        ("dan", "budget.archived"),
    ]
    detail = json.loads(rows[1]["detail"])
    assert (Decimal(detail["before"]["limit_usd"]), Decimal(detail["after"]["limit_usd"])) == (10, 12)


def test_names_are_unique_among_budgets_in_use_and_a_stale_change_is_refused(database: Database):
    with database.transaction() as tx:
        made = record.create(tx, values("a"), NOON, "me")
        record.create(tx, values("b"), NOON, "me")
    for work in (
        lambda tx: record.create(tx, values("a"), NOON, "me"),
        lambda tx: record.change(tx, made.budget_id, values("b"), NOON, "me"),
        lambda tx: record.change(tx, made.budget_id, values("c"), NOON, "me", seen=7),
    ):
        with pytest.raises(Conflict), database.transaction() as tx:
            work(tx)
    with database.transaction() as tx:
        record.archive(tx, made.budget_id, NOON, "me")
        assert record.create(tx, values("a"), NOON, "me").version == 1
    for work in (
        lambda tx: record.change(tx, made.budget_id, values("z"), NOON, "me"),
        lambda tx: record.archive(tx, made.budget_id, NOON, "me"),
        lambda tx: record.read(tx, "nobody"),
        lambda tx: record.versions(tx, "nobody"),
    ):
        with pytest.raises(NotFound), database.transaction() as tx:
            work(tx)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3)), min_size=1, max_size=8))
@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_history_is_what_was_said_without_repetitions(database: Database, said: list[tuple[str, int]]):
    with database.transaction() as tx:
        tx.execute("DELETE FROM budgets")
        made = record.create(tx, values(*said[0]), NOON, "me")
    for number, (name, limit) in enumerate(said[1:], 1):
        with database.transaction() as tx:
            record.change(tx, made.budget_id, values(name, limit), NOON + number, "me")
    kept = [one for number, one in enumerate(said) if number == 0 or one != said[number - 1]]
    with database.reader() as reader:
        versions = record.versions(reader, made.budget_id)
    assert [(one.name, int(one.limit_usd)) for one in reversed(versions)] == kept
    assert [one.version for one in reversed(versions)] == list(range(1, len(kept) + 1))


def test_budgets_outlive_the_server(tmp_path: Path):
    database = Database.open(tmp_path / "spanledger.duckdb")
    with database.transaction() as tx:
        made = record.create(tx, values("kept", "0.000000000001"), NOON, "me")
        record.archive(tx, "default", NOON, "me")
    database.close()
    again = Database.open(tmp_path / "spanledger.duckdb")
    with again.reader() as reader:
        assert record.listed(reader) == [made], "and the default is not made anew"
    again.close()
