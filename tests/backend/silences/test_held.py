"""What holds alerts back, and by what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_server.errors import Conflict, Invalid, NotFound
from spanledger_server.silences import inhibition, maintenance, matchers, silence
from spanledger_server.silences.held import holding
from spanledger_server.silences.inhibition import Rule
from spanledger_server.silences.maintenance import Plan
from spanledger_server.silences.matchers import Matcher
from spanledger_server.silences.silence import Wish
from spanledger_server.store.database import Database
from tests.support.stores import new_store

NS = 10**9
NOW = 1_763_985_600 * NS
HOUR = 3600 * NS


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


def wish(*texts: str, starts_ns: int = NOW, ends_ns: int = NOW + HOUR, comment: str = "why") -> Wish:
    return Wish(matchers.parse(texts), starts_ns, ends_ns, comment)


def why(database: Database, at_ns: int = NOW, severity: str = "error", **labels: str) -> str | None:
    with database.reader() as reader:
        return holding(reader, at_ns).why(labels, severity)


def test_a_silence_holds_from_its_beginning_to_its_end(database: Database):
    with database.transaction() as tx:
        silence.add(tx, wish("team=shop", starts_ns=NOW + HOUR, ends_ns=NOW + 2 * HOUR), "ana", NOW)
    assert why(database, team="shop") is None
    assert why(database, NOW + HOUR, team="shop") == "silenced by ana until 2025-11-24 14:00 UTC: why"
    assert why(database, NOW + HOUR, team="ops") is None
    assert why(database, NOW + 2 * HOUR, team="shop") is None


@pytest.mark.parametrize(
    ("texts", "holds"),
    [
        (["a=b"], True),
        (["a=c"], False),
        (["a!=c", "a=b"], True),
        (["a=~b|c", "severity=error"], True),
        (["a=b", "severity=critical"], False),
        (["a=b", "missing="], True),
        (["a=b", "missing!="], False),
        (['a=~"B"'], False),
        (["a=~(?i)B"], True),
        (["a=~."], True),
        (['n=~"ü.*"'], True),
        (["a!~[c-z]", "a=b"], True),
        (["a=~(x+x+)+y", "a=b"], False),
    ],
)
def test_all_matchers_have_to_match_and_severity_is_a_label(database: Database, texts: list[str], holds: bool):
    with database.transaction() as tx:
        silence.add(tx, wish(*texts), "ana", NOW)
    assert (why(database, a="b", n="ünder") is not None) is holds


def test_a_hostile_expression_takes_no_longer():
    assert not Matcher("a", "=~", "(x+x+)+y").holds({"a": "x" * 5000})


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_value_and_any_expression_is_matched_or_refused(pattern: str, value: str):
    try:
        found = matchers.matches(pattern, value, "filter")
    except Invalid:
        return
    assert found in (True, False)


@given(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(max_size=20), st.sampled_from(("=", "!=")))
def test_what_is_told_of_a_matcher_is_read_as_the_same_one(name: str, value: str, how: matchers.Operator):
    one = Matcher(name, how, value.replace("\0", ""))
    assert matchers.parse([one.told()]) == [one]


@pytest.mark.parametrize("pattern", ["(", "a)|(?:b", "*", "[", "a{2,1}", "(?<=a)b", "\\1"])
def test_what_is_no_expression_by_itself_is_refused(pattern: str):
    with pytest.raises(Invalid):
        matchers.checked(Matcher("a", "=~", pattern), "matchers")


def test_what_holds_nothing_or_everything_is_refused(database: Database):
    with database.transaction() as tx:
        for bad in (
            wish("missing="),
            wish(),
            wish("a=b", comment="  "),
            wish("a=b", ends_ns=NOW),
            wish("a=b", ends_ns=NOW + 400 * 24 * HOUR),
        ):
            with pytest.raises(Invalid):
                silence.add(tx, bad, "ana", NOW)


def test_a_silence_that_is_over_is_not_changed_and_one_that_has_begun_keeps_its_beginning(database: Database):
    with database.transaction() as tx:
        made = silence.add(tx, wish("a=b"), "ana", NOW)
        later = wish("a=c", starts_ns=NOW + HOUR, ends_ns=NOW + 3 * HOUR)
        changed = silence.change(tx, made.silence_id, later, "ben", NOW + 60 * NS)
        assert (changed.starts_ns, changed.ends_ns, changed.updated_by) == (NOW, NOW + 3 * HOUR, "ben")
        silence.expire(tx, made.silence_id, "ben", NOW + HOUR)
        for act in (
            lambda: silence.expire(tx, made.silence_id, "ben", NOW + HOUR),
            lambda: silence.change(tx, made.silence_id, wish("a=b"), "ben", NOW + HOUR),
        ):
            with pytest.raises(Conflict):
                act()
        with pytest.raises(NotFound):
            silence.one(tx, uuid4())
    with database.reader() as reader:
        assert [each.silence_id for each in silence.listed(reader, "expired", NOW + HOUR)] == [made.silence_id]


def test_maintenance_holds_back_and_says_until_when(database: Database):
    plan = Plan("move", (Matcher("a", "=", "b"),), "it moves", "UTC", NOW - HOUR, NOW + HOUR)
    with database.transaction() as tx:
        maintenance.add(tx, plan, "ana", NOW)
        with pytest.raises(Conflict):
            maintenance.add(tx, plan, "ana", NOW)
    assert why(database, a="b") == "maintenance 'move' until 2025-11-24 13:00 UTC"
    assert why(database, a="c") is None


def fire(database: Database, **labels: str) -> None:
    text = json.dumps(labels)
    with database.transaction() as tx:
        tx.execute(
            """
            INSERT INTO alert_episodes BY NAME SELECT
                uuid() AS alert_id, 'rule' AS source, 'alert' AS kind, 'k' AS dedup_key, 'n' AS name,
                'critical' AS severity, $labels AS labels, 'firing' AS state, 1 AS pending_ns, false AS waits,
                '[]' AS flips, false AS flapping, 0 AS changes, 0 AS updated_ns
            """,
            labels=text,
        )


def test_an_alert_that_fires_holds_back_those_that_say_no_more_and_never_itself(database: Database):
    rule = Rule("host", (Matcher("alertname", "=", "Down"),), (Matcher("host", "!=", ""),), ("host",))
    with database.transaction() as tx:
        inhibition.add(tx, rule, "ana", NOW)
    assert why(database, alertname="Slow", host="h1") is None
    fire(database, alertname="Down", host="h1")
    assert why(database, alertname="Slow", host="h1") == "inhibited by an alert that fires (host)"
    assert why(database, alertname="Slow", host="h2") is None
    assert why(database, alertname="Down", host="h1") is None
