"""Statements made at random: whatever is run names only public views, and nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_server.api import results
from spanledger_server.errors import SpanledgerError
from spanledger_server.query import sandbox
from spanledger_server.query.run import Queries
from spanledger_server.query.statement import Limits
from spanledger_server.store.database import Database
from tests.support.stores import new_store

PARSER = duckdb.connect()
SECRET = "5ec2e7" * 8
PUBLIC = ["ledger", "spans", "traces", "public.ledger", "LEDGER", "range(3)", "unnest([1])", "(VALUES (1)) AS v(i)"]
HOSTILE = [
    "tokens", "main.tokens", "main.ledger", "public.tokens", "Tokens", '"tokens"', "to\u212aens", "audit", "pg_class",
    "duckdb_tables", "duckdb_tables()", "information_schema.tables", "'/etc/passwd'", "query('from tokens')", "x", "y",
    "checkpoint()", "query_table('tokens')", "read_text('/etc/passwd')", "glob('*')", "saved_queries",
]  # fmt: skip
CALLS = ["count", "list", "max", "any_value", "typeof"]
WRONG_CALLS = ["query", "getvariable", "current_setting", "nextval", "main.max", "json_serialize_sql"]

names = st.one_of(*[st.sampled_from(PUBLIC)] * 6, st.sampled_from(HOSTILE))
calls = st.one_of(*[st.sampled_from(CALLS)] * 6, st.sampled_from(WRONG_CALLS))
atoms = st.sampled_from(["1", "NULL", "'tokens'", "$p", "[1]", "current_date", "1 + 1", "'a' || 'b'"])


def statements(depth: int) -> st.SearchStrategy[str]:
    """SELECTs, nested up to `depth`, most of which DuckDB can parse."""
    if depth == 0:
        return st.builds("SELECT {} AS i FROM {}".format, atoms, names)
    inner = st.deferred(lambda: statements(depth - 1))
    expression = st.one_of(
        atoms,
        st.builds("(SELECT {}({}) FROM ({}))".format, calls, atoms, inner),
        st.builds("EXISTS ({})".format, inner),
        st.builds("CASE WHEN '1' IN (SELECT i::VARCHAR FROM ({})) THEN {} END".format, inner, atoms),
    )
    relation = st.one_of(
        names,
        st.builds("({}) AS q".format, inner),
        st.builds("({}) AS a JOIN {} ON true".format, inner, names),
        st.builds("{}, LATERAL ({}) AS l".format, names, inner),
    )
    own = st.sampled_from(["x", "y", "x", "tokens", '"a.csv"', "LEDGER"])
    return st.one_of(
        st.builds("SELECT {} AS i FROM {}".format, expression, relation),
        st.builds("SELECT {} AS i FROM {} ORDER BY {}".format, expression, relation, expression),
        st.builds("SELECT 1 AS i FROM {} GROUP BY {} HAVING count({}) > 0".format, relation, expression, atoms),
        st.builds("SELECT max({}) OVER (ORDER BY {}) AS i FROM {}".format, atoms, expression, relation),
        st.builds("WITH {} AS ({}) SELECT 1 AS i FROM ({}), {}".format, own, inner, inner, st.sampled_from("xy")),
        st.builds("WITH x AS ({0}), y AS (FROM x) SELECT i FROM y WHERE EXISTS ({1})".format, inner, inner),
        st.builds("WITH RECURSIVE x(i) AS (({}) UNION ALL ({})) SELECT i FROM x LIMIT 5".format, inner, inner),
        st.builds("({}) UNION ALL ({})".format, inner, inner),
        st.builds("WITH x AS (DELETE FROM {} RETURNING *) SELECT 1 AS i FROM ({})".format, names, inner),
        st.builds("SELECT 1 AS i FROM {} LIMIT (SELECT 3 FROM ({}) LIMIT 1)".format, relation, inner),
    )


@pytest.fixture(scope="module")
def store() -> Iterator[tuple[Database, Queries]]:
    database = new_store()
    with database.transaction() as tx:
        sql = "INSERT INTO tokens (token_id, name, role, hash, created_ns) VALUES ('i', 'n', 'admin', $secret, 1)"
        tx.execute(sql, secret=SECRET)
    yield database, Queries(database, Limits(seconds=2))
    database.close()


def protected(database: Database) -> Any:
    sql = "SELECT (SELECT bit_xor(hash(t)) FROM main.tokens t), (SELECT count(*) FROM duckdb_tables())"
    with database.reader() as reader:
        return reader.tuples(sql)


def relations(sql: str) -> set[str]:
    """What a statement names, by another way than the sandbox's; nothing where it cannot be bound."""
    try:
        return {name.rpartition(".")[2].lower() for name in PARSER.get_table_names(sql.replace("$p", "1"))}
    except duckdb.BinderException:
        return set()


def outcome(queries: Queries, sql: str, parameters: dict[str, Any]) -> str:
    """The rows, or what is wrong."""
    try:
        result = queries.run("me", sql, parameters, 100)
    except SpanledgerError as error:
        return str(error)
    assert orjson.loads(b"".join(results.as_json(result)))["columns"]
    assert b"".join(results.as_arrow(result))
    return f"rows {b''.join(results.as_csv(result, safe=True))!r}"


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(sql=statements(3))
def test_what_is_run_names_only_public_views_and_changes_nothing(store: tuple[Database, Queries], sql: str):
    database, queries = store
    before = protected(database)
    with database.reader() as reader:
        known = sandbox.names(reader)
        try:
            allowed = sandbox.check(reader, sql, known)
        except SpanledgerError:
            allowed = None
    if allowed is not None:
        named = relations(sql)
        assert named <= known.public | {"x", "y"}, (sql, named)
    parameters = {} if allowed is None else dict.fromkeys(allowed.parameters, 1)
    told = outcome(queries, sql, parameters)
    assert SECRET not in told
    assert allowed is not None or not told.startswith("rows")
    assert protected(database) == before


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(sql=st.one_of(st.text(max_size=200), st.text(alphabet="selct from()'\";,*-/\\$[]{}.\x00\ud800é", max_size=80)))
def test_any_text_is_answered(store: tuple[Database, Queries], sql: str):
    database, queries = store
    before = protected(database)
    assert outcome(queries, sql, {})
    assert protected(database) == before


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda each: st.one_of(st.lists(each, max_size=3), st.dictionaries(st.text(max_size=3), each, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=values)
def test_any_value_of_a_parameter_is_answered(store: tuple[Database, Queries], value: Any):
    _, queries = store
    assert outcome(queries, "select $x as x, typeof($x)", {"x": value})
