"""What a statement may have of time, memory and turns, and that nobody else notices when it wants more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spanledger_server.errors import Busy, Invalid, SpanledgerError, TooOften
from spanledger_server.query.refusals import OutOfTime, Refused
from spanledger_server.query.run import Queries
from spanledger_server.query.statement import Limits, Result
from spanledger_server.query.turns import MOST_OF_ONE, MOST_WAITING, Turns
from spanledger_server.store.database import Database
from tests.support.waiting import until

ENDLESS = "select count(*) from range(1000000) a, range(1000000) b"
MIB = 2**20


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = Database.open(tmp_path_factory.mktemp("query") / "spanledger.duckdb")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def queries(database: Database) -> Queries:
    return Queries(database, Limits(seconds=30, memory_bytes=128 * MIB))


@pytest.fixture(scope="module")
def hasty(database: Database) -> Queries:
    return Queries(database, Limits(seconds=0.5, memory_bytes=128 * MIB))


def rows(result: Result) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for batch in result.batches for row in batch.to_pylist()]


def test_a_statement_gives_names_types_and_rows(queries: Queries):
    result = queries.run("me", "select 1 as a, sum(i) as b, $x as c from range(4) t(i)", {"x": "y"}, 10)
    assert result.columns == (("a", "INTEGER"), ("b", "HUGEINT"), ("c", "VARCHAR"))
    assert rows(result) == [(1, 6, "y")]
    assert not result.truncated


def test_a_name_means_the_view_and_not_the_table_of_the_same_name(queries: Queries):
    names = [name for name, _ in queries.run("me", "select * from ledger", {}, 1).columns]
    assert "cost_usd" in names
    assert "price_version" in names
    assert "duration_ns" not in names


@pytest.mark.parametrize(("wanted", "found", "truncated"), [(1, 1, True), (2999, 2999, True), (3000, 3000, False)])
def test_rows_beyond_the_limit_are_left_out_and_said_to_be(queries: Queries, wanted: int, found: int, truncated: bool):
    result = queries.run("me", "from range(3000)", {}, wanted)
    assert (sum(batch.num_rows for batch in result.batches), result.truncated) == (found, truncated)


def test_a_statement_without_end_gives_its_first_rows(queries: Queries):
    result = queries.run("me", "from range(1000000000000)", {}, 5)
    assert (len(rows(result)), result.truncated) == (5, True)


def test_bytes_beyond_the_limit_are_left_out_and_said_to_be(database: Database):
    small = Queries(database, Limits(result_bytes=10_000))
    result = small.run("me", "select i, md5(i::varchar) from range(3000) t(i)", {}, 3000)
    assert result.truncated
    assert 100 < len(rows(result)) < 300


def test_a_statement_that_runs_too_long_is_stopped_and_the_next_one_runs(hasty: Queries, queries: Queries):
    with pytest.raises(OutOfTime, match=r"0\.5 s"):
        hasty.run("me", ENDLESS, {}, 1)
    assert rows(queries.run("me", "select 1", {}, 1)) == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "select list(range) from range(100000000)",
        "select string_agg(range::varchar, '') from range(100000000)",
        "select length(replace(x, 'x', x)) from (select string_agg('x', '') x from range(60000))",
    ],
)
def test_a_statement_that_needs_too_much_memory_is_refused(database: Database, sql: str):
    greedy = Queries(database, Limits(seconds=20, memory_bytes=64 * MIB))
    with pytest.raises(Refused, match="memory"):
        greedy.run("me", sql, {}, 1)
    assert rows(greedy.run("me", "select 1", {}, 1)) == [(1,)]


def test_a_mistake_inside_duckdb_is_this_statements_failure_alone(database: Database):
    patient = Queries(database, Limits(seconds=20))
    sql = f"select concat({', '.join(['x'] * 3000)}) from (select string_agg('x', '') x from range(3000000))"
    with database.reader() as reader:
        with pytest.raises(Refused) as refused:
            patient.run("me", sql, {}, 1)
        assert reader.value("SELECT 1") == 1
    assert "/" not in str(refused.value).partition(":")[2].partition("Error:")[0]
    assert len(str(refused.value).splitlines()) == 1
    with database.transaction() as tx:
        tx.execute("INSERT INTO loss VALUES (1, 'a', 'b', 'c', 1); DELETE FROM loss")


@pytest.mark.parametrize("sql", [ENDLESS, "select list(range) from range(100000000)"])
def test_what_is_written_beside_a_greedy_statement_is_written(
    database: Database, hasty: Queries, queries: Queries, sql: str
):
    failed: list[SpanledgerError] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                hasty.run("me", sql, {}, 1)
            except (OutOfTime, Refused) as error:
                failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for number in range(100):
            with database.transaction() as tx:
                tx.execute("INSERT INTO loss VALUES ($n, $beside, 'b', 'c', 1)", n=number, beside=sql)
        until(lambda: failed, called="a query was stopped")
    finally:
        done.set()
        asking.join()
    counted = "select count(*), max(at_ns) from loss where service = $beside"
    assert rows(queries.run("me", counted, {"beside": sql}, 1)) == [(100, 99)]


@pytest.mark.parametrize(
    ("given", "parameter"),
    [({}, "params.x"), ({"x": 1, "y": 2}, "params.y"), ({"x": 2**127}, "params.x"), ({"x": "\ud800"}, "params.x")],
)
def test_parameters_that_do_not_fit_are_told_by_name(queries: Queries, given: dict[str, Any], parameter: str):
    with pytest.raises(Invalid) as refused:
        queries.run("me", "select $x", given, 1)
    assert refused.value.parameter == parameter


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (1, "INTEGER"),
        (2**100, "HUGEINT"),
        (0.1, "DECIMAL(1,1)"),
        (12.5, "DECIMAL(3,1)"),
        (1e300, "DOUBLE"),
        ("x", "VARCHAR"),
        (True, "BOOLEAN"),
        ([1, 2], "INTEGER[]"),
        ({"a": 0.5}, "STRUCT(a DECIMAL(1,1))"),
    ],
)
def test_parameters_are_typed_and_a_number_with_a_point_is_a_decimal(queries: Queries, value: Any, type_: str):
    assert rows(queries.run("me", "select typeof($x)", {"x": value}, 1)) == [(type_,)]


@pytest.mark.parametrize(
    ("sql", "excerpt"),
    [
        ("select 1 +", "LINE 1: select 1 +\n                 ^"),
        ("select 1,\n  tokens.x\nfrom tokens", "LINE 3: from tokens\n             ^"),
        ("select 'é', version()", "LINE 1: select 'é', version()\n                    ^"),
    ],
)
def test_a_refusal_shows_where(queries: Queries, sql: str, excerpt: str):
    with pytest.raises(Refused) as refused:
        queries.run("me", sql, {}, 1)
    assert refused.value.excerpt == excerpt


@pytest.mark.parametrize(
    "sql",
    [
        "select at from ledger where at >= now() order by at",
        "select max(at), min(l.at), 'at' as \"at\" from ledger l group by date_trunc('day', at) -- at",
        "select AT::date /* at */ from ledger where at at time zone 'UTC' is not null",
        "select 'it''s at ' || at, $$at$$ from ledger where at between '2026-01-01' and now()",
    ],
)
def test_the_column_at_may_stand_without_quotes(queries: Queries, sql: str):
    assert queries.run("me", sql, {}, 1).columns


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$a$ at noon $a$", " at noon "),
        ("$a$ $$ at $A$ $a$", " $$ at $A$ "),
        (r"e'it\'s at noon'", "it's at noon"),
        (r"E'\\' || ' at '", "\\ at "),
    ],
)
def test_quoting_it_changes_no_text(queries: Queries, text: str, value: str):
    found = queries.run("me", f"select {text}, count(at) from ledger", {}, 1)
    assert found.batches[0].column(0)[0].as_py() == value


@pytest.mark.parametrize("value", [float("inf"), float("nan"), [float("-inf")], {"a": float("inf")}])
def test_a_number_that_is_none_is_told(queries: Queries, value: object):
    with pytest.raises(Invalid, match="a finite number"):
        queries.run("me", "select $x", {"x": value}, 1)


def test_quoting_it_opens_nothing(queries: Queries):
    for sql in (
        "select at from tokens",
        "select at from ledger at (version => 1)",
        "delete from ledger where at > now()",
    ):
        with pytest.raises(Refused):
            queries.run("me", sql, {}, 1)


@pytest.mark.parametrize("sql", ["select from_hex('é')", "select regexp_extract('é\U0001f600', '\U0001f600', 'é')"])
def test_a_message_that_is_not_text_is_a_refusal_too(queries: Queries, sql: str):
    with pytest.raises(Refused):
        queries.run("me", sql, {}, 1)


@pytest.mark.parametrize("type_", ["bit", "uhugeint", "bignum"])
def test_a_type_that_no_answer_carries_exactly_is_refused(queries: Queries, type_: str):
    with pytest.raises(Refused, match="cast it to VARCHAR"):
        queries.run("me", f"select 1::varchar::{type_}", {}, 1)


def test_a_query_is_checked_without_being_run(queries: Queries):
    queries.check("me", ENDLESS, {})
    queries.check("me", "select nope from ledger where model = $x", {})
    for sql, defaults in (("select nope from ledger", {}), ("delete from ledger", {}), ("select * from tokens", {})):
        with pytest.raises(Refused):
            queries.check("me", sql, defaults)
    with pytest.raises(Invalid):
        queries.check("me", "select $x", {"y": 1})


def test_one_statement_runs_at_a_time_and_two_callers_take_turns():
    turns, order = Turns(), []
    turns.take("first")

    def come(caller: str) -> None:
        turns.take(caller)
        order.append(caller)
        turns.release()

    threads = []
    for caller in ("a", "a", "a", "b"):
        threads.append(threading.Thread(target=come, args=(caller,)))
        threads[-1].start()
        until(lambda: turns.waiting == len(threads))
    assert not order
    turns.release()
    for thread in threads:
        thread.join()
    assert order == ["a", "b", "a", "a"]


def test_nobody_waits_without_end_or_fills_the_queue():
    turns = Turns(patience_s=0.2)
    turns.take("long")
    with pytest.raises(Busy):
        turns.take("other")
    patient = Turns(patience_s=30)
    patient.take("long")
    ended = []

    def wait(caller: str) -> None:
        patient.take(caller)
        ended.append(caller)
        patient.release()

    threads = [threading.Thread(target=wait, args=(f"c{i // MOST_OF_ONE}",)) for i in range(MOST_WAITING)]
    for thread in threads:
        thread.start()
    until(lambda: patient.waiting == MOST_WAITING)
    with pytest.raises(TooOften):
        patient.take("c0")
    with pytest.raises(Busy):
        patient.take("new")
    patient.release()
    for thread in threads:
        thread.join()
    assert len(ended) == MOST_WAITING


def test_no_file_is_reached_but_the_stores_own(database: Database, tmp_path: Path):
    bait = tmp_path / "bait.csv"
    bait.write_text("a\n1\n")
    with database.reader("public") as reader, pytest.raises(SpanledgerError, match="file system"):
        reader.tuples("SELECT * FROM read_csv($f)", f=str(bait))
