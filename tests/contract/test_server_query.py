"""SQL over HTTP: its forms, its refusals, and queries that are kept."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
import simplejson

from tests.support.inside import Inside
from tests.support.telemetry import ledger_event, ledger_request
from tests.support.waiting import until

ENDLESS = "select count(*) from range(1000000) a, range(1000000) b"
VALUES: list[tuple[str, Any]] = [
    ("0.1 + 0.2", Decimal("0.3")),
    ("1.50::decimal(38, 12)", Decimal("1.5")),
    ("170141183460469231731687303715884105727::hugeint", 2**127 - 1),
    ("18446744073709551615::ubigint", 2**64 - 1),
    ("1e300::double", Decimal("1e300")),
    ("'nan'::double", None),
    ("'inf'::double", None),
    ("true", True),
    ("null", None),
    ("''", ""),
    ("'é\u2028'", "é\u2028"),
    ("date '2024-02-29'", "2024-02-29"),
    ("date '0001-01-01'", "0001-01-01"),
    ("date '9999-12-31'", "9999-12-31"),
    ("date '10000-01-01'", None),
    ("'-infinity'::date", None),
    ("timestamp '2026-11-21 09:00:00.5'", "2026-11-21T09:00:00.5Z"),
    ("timestamp '1969-12-31 23:59:59'", "1969-12-31T23:59:59Z"),
    ("'infinity'::timestamp", None),
    ("timestamp_ns '2026-11-21 09:00:00.123456789'", "2026-11-21T09:00:00.123456789Z"),
    ("'2026-11-21 09:00:00+02'::timestamptz", "2026-11-21T07:00:00Z"),
    ("time '23:59:59.25'", "23:59:59.25"),
    ("interval '14 months 3 days 1.5 seconds'", "P14M3DT1.5S"),
    ("interval 0 days", "PT0S"),
    ("'06cabfc3-6c05-4f40-b7f6-6785efb92fad'::uuid", "06cabfc3-6c05-4f40-b7f6-6785efb92fad"),
    ("'\\xAB'::blob", "qw=="),
    ("'b'::enum('a', 'b')", "b"),
    ("[1, null, 3]", [1, None, 3]),
    ("[[1], [], null]", [[1], [], None]),
    ("array_value(1, 2)", [1, 2]),
    ("[timestamp '2026-11-21']", ["2026-11-21T00:00:00Z"]),
    ("{'a': 1, 'b': {'c': date '2026-11-21'}}", {"a": 1, "b": {"c": "2026-11-21"}}),
    ("map {'a': 1.5}", {"a": Decimal("1.5")}),
    ("map {1: 'x'}", [{"key": 1, "value": "x"}]),
    ("null::struct(a int)", None),
    ("null::int[]", None),
    ("null::map(varchar, int)", None),
    ("'{\"a\": [1, 2.50]}'::json", {"a": [1, Decimal("2.50")]}),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    running = Inside(tmp_path_factory.mktemp("query"), "--query-timeout", "1s")
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def viewer(server: Inside) -> Iterator[httpx.Client]:
    with server.client(server.token_for("viewer")) as client:
        yield client


def ask(client: httpx.Client, sql: str, **more: Any) -> httpx.Response:
    form = more.pop("form", {})
    return client.post("/api/v1/query", json={"sql": sql, **more}, params=form)


def answered(client: httpx.Client, sql: str, **more: Any) -> Any:
    answer = ask(client, sql, **more)
    assert answer.status_code == 200, answer.text
    return simplejson.loads(answer.text, use_decimal=True)


def test_the_answer_has_columns_rows_and_how_long_it_took(viewer: httpx.Client):
    found = answered(viewer, "select $a as a, 'x' as b", params={"a": 1}, limit=10)
    assert found.pop("elapsed_ms") > 0
    columns = [{"name": "a", "type": "INTEGER"}, {"name": "b", "type": "VARCHAR"}]
    assert found == {"columns": columns, "rows": [[1, "x"]], "truncated": False}


def test_money_of_the_ledger_keeps_its_digits(server: Inside, viewer: httpx.Client):
    lines = [ledger_event(cost="0.000000000001"), ledger_event(cost="12345678901.123456789012")]
    assert server.send("logs", ledger_request(*lines)).status_code == 200
    found = answered(viewer, "select sum(cost_usd) from ledger where service = 'shop' or true")
    assert found["rows"] == [[Decimal("12345678901.123456789013")]]


@pytest.mark.parametrize(("sql", "value"), VALUES)
def test_a_value_of_each_type_has_its_form(viewer: httpx.Client, sql: str, value: Any):
    assert answered(viewer, f"select {sql} as v")["rows"] == [[value]]


def test_values_of_a_slice_are_those_of_its_rows(viewer: httpx.Client):
    sql = "select i, [i, i + 1] l, {'a': i} s, map {'k': i} m, array_value(i, i) f from range(3000) t(i)"
    found = answered(viewer, sql, limit=1500)
    assert found["truncated"]
    assert found["rows"][-1] == [1499, [1499, 1500], {"a": 1499}, {"k": 1499}, [1499, 1499]]


def test_csv_is_quoted_and_can_be_made_safe_for_spreadsheets(viewer: httpx.Client):
    sql = "select 'a,\"b\"\nc' as \"t,x\", null as n, '' as e, '=1+1' as f, -1.50 as d, [1] as l"
    plain = ask(viewer, sql, form={"format": "csv"})
    assert plain.headers["content-type"] == "text/csv; charset=utf-8"
    assert plain.headers["spanledger-truncated"] == "false"
    assert plain.text.endswith('c",,"",=1+1,-1.5,[1]\r\n')
    heading, row = csv.reader(io.StringIO(plain.text, newline=""))
    assert heading == ["t,x", "n", "e", "f", "d", "l"]
    assert row == ['a,"b"\nc', "", "", "=1+1", "-1.5", "[1]"]
    safe = ask(viewer, sql, form={"format": "csv", "safe": "true"})
    assert safe.text.endswith('c",,"",\'=1+1,-1.5,[1]\r\n')


def test_arrow_is_a_stream_that_says_when_there_is_more(viewer: httpx.Client):
    answer = viewer.post(
        "/api/v1/query",
        json={"sql": "select i, i / 2 as h, now() as n from range(5000) t(i)", "limit": 4000},
        headers={"Accept": "application/vnd.apache.arrow.stream"},
    )
    assert answer.headers["spanledger-truncated"] == "true"
    with pa.ipc.open_stream(answer.content) as stream:
        table = stream.read_all()
    assert table.num_rows == 4000
    assert table.schema.metadata == {b"truncated": b"true"}
    assert table.column("i").to_pylist() == list(range(4000))


@pytest.mark.parametrize("form", ["json", "csv", "arrow"])
def test_no_rows_are_an_answer_too(viewer: httpx.Client, form: str):
    answer = ask(viewer, "select model from ledger where false", form={"format": form})
    assert answer.status_code == 200
    if form == "csv":
        assert answer.text == "model\r\n"


def test_a_mistake_is_shown_where_it_is(viewer: httpx.Client):
    answer = ask(viewer, "select model,\n  nope()\nfrom ledger")
    assert answer.status_code == 400
    problem = answer.json()
    assert "nope()" in problem["detail"]
    assert problem["excerpt"] == "LINE 2:   nope()\n          ^"


def test_a_statement_that_runs_too_long_is_408(viewer: httpx.Client):
    answer = ask(viewer, ENDLESS)
    assert (answer.status_code, answer.headers["content-type"]) == (408, "application/problem+json")


@pytest.mark.parametrize(
    ("body", "form", "parameter"),
    [
        ({}, {}, "sql"),
        ({"sql": 5}, {}, "sql"),
        ({"sql": "x" * 70_000}, {}, "sql"),
        ({"sql": "select 1", "limit": 0}, {}, "limit"),
        ({"sql": "select 1", "limit": 100_001}, {}, "limit"),
        ({"sql": "select 1", "params": [1]}, {}, "params"),
        ({"sql": "select 1", "params": {"x": 1}}, {}, "params.x"),
        ({"sql": "select $x"}, {}, "params.x"),
        ({"sql": "select 1", "more": 1}, {}, "more"),
        ({"sql": "select 1"}, {"format": "xml"}, "format"),
        ({"sql": "select 1"}, {"safe": "perhaps"}, "safe"),
    ],
)
def test_a_wrong_member_is_told_by_name(viewer: httpx.Client, body: Any, form: dict[str, str], parameter: str):
    answer = viewer.post("/api/v1/query", json=body, params=form)
    assert (answer.status_code, answer.json()["parameter"]) == (422, parameter)


def test_who_asks_too_often_at_once_is_told_when_to_come_back(server: Inside, viewer: httpx.Client):
    done = threading.Event()
    answers: list[httpx.Response] = []

    def keep_asking() -> None:
        while not done.is_set():
            answers.append(ask(viewer, ENDLESS))

    threads = [threading.Thread(target=keep_asking) for _ in range(7)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: any(answer.status_code == 429 for answer in answers), called="one is turned away")
        with server.client() as other:
            assert ask(other, "select 1").status_code == 200
            assert server.send("logs", ledger_request(ledger_event())).status_code == 200
    finally:
        done.set()
        for thread in threads:
            thread.join()
    turned_away = next(answer for answer in answers if answer.status_code == 429)
    assert int(turned_away.headers["retry-after"]) >= 1


def test_only_who_may_read_all_may_ask(server: Inside):
    with server.client("") as nobody:
        assert ask(nobody, "select 1").status_code == 401
    with server.client(server.token_for("ingest")) as sender:
        assert ask(sender, "select 1").status_code == 403
    with server.client() as admin:
        made = admin.post("/api/v1/tokens", json={"name": "one", "role": "viewer", "services": ["shop"]})
        assert made.status_code == 201, made.text
    with server.client(made.json()["token"]) as limited:
        for path in ("/api/v1/query/schema", "/api/v1/queries"):
            assert limited.get(path).status_code == 403
        refused = ask(limited, "select 1")
        assert refused.status_code == 403
        assert "limited to" in refused.json()["detail"]


def test_the_schema_names_every_view_with_its_columns_and_the_functions(viewer: httpx.Client):
    found = viewer.get("/api/v1/query/schema").json()
    views = {view["name"]: view for view in found["views"]}
    assert {"ledger", "spans", "traces", "logs", "metrics", "loss"} <= views.keys()
    assert "tokens" not in views
    for view in views.values():
        assert view["comment"], view["name"]
        assert all(column["comment"] and column["type"] for column in view["columns"]), view["name"]
        assert answered(viewer, f"select * from {view['name']}", limit=1)["columns"]
    assert "sum" in found["functions"]["aggregates"]


def test_an_administrator_keeps_a_query_that_viewers_run(server: Inside, viewer: httpx.Client):
    kept = {"name": "up-by", "sql": "select $x + $y as v", "params": {"x": 1, "y": 0.5}, "description": "Adds."}
    with server.client() as admin:
        made = admin.post("/api/v1/queries", json=kept)
        assert made.status_code == 201, made.text
        assert {key: made.json()[key] for key in kept} == kept
        assert admin.post("/api/v1/queries", json=kept).status_code == 409
        assert viewer.get("/api/v1/queries").json()["items"] == [made.json()]
        assert viewer.get("/api/v1/queries/up-by").json() == made.json()
        assert viewer.post("/api/v1/queries/up-by/run", json={}).json()["rows"] == [[1.5]]
        assert viewer.post("/api/v1/queries/up-by/run", json={"params": {"x": 41}}).json()["rows"] == [[41.5]]
        assert viewer.post("/api/v1/queries/up-by/run", json={"params": {"z": 1}}).status_code == 422
        assert viewer.post("/api/v1/queries/up-by/run?format=csv", json={}).text == "v\r\n1.5\r\n"
        changed = admin.put("/api/v1/queries/up-by", json={"sql": "select 2 as w"})
        assert (changed.status_code, changed.json()["params"]) == (200, {})
        assert changed.json()["created_at"] == made.json()["created_at"]
        assert viewer.post("/api/v1/queries/up-by/run", json={}).json()["rows"] == [[2]]
        assert admin.delete("/api/v1/queries/up-by").status_code == 204
        assert admin.delete("/api/v1/queries/up-by").status_code == 404
        trail = admin.get("/api/v1/audit").json()["items"][:3]
    assert [row["action"] for row in trail] == ["query.removed", "query.changed", "query.saved"]
    assert "select $x + $y" in str(trail[1]["detail"])
    assert "select 2" in str(trail[1]["detail"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "Up", "sql": "select 1"}, 422),
        ({"name": "../x", "sql": "select 1"}, 422),
        ({"name": "x", "sql": "delete from ledger"}, 400),
        ({"name": "x", "sql": "select nope from ledger"}, 400),
        ({"name": "x", "sql": "select * from tokens"}, 400),
        ({"name": "x", "sql": "select $a", "params": {"b": 1}}, 422),
        ({"name": "x"}, 422),
    ],
)
def test_a_query_that_could_not_run_is_not_kept(server: Inside, body: Any, status: int):
    with server.client() as admin:
        assert admin.post("/api/v1/queries", json=body).status_code == status
        assert admin.get("/api/v1/queries").json()["items"] == []


def test_a_viewer_keeps_changes_and_removes_nothing(viewer: httpx.Client):
    assert viewer.post("/api/v1/queries", json={"name": "x", "sql": "select 1"}).status_code == 403
    assert viewer.put("/api/v1/queries/x", json={"sql": "select 1"}).status_code == 403
    assert viewer.delete("/api/v1/queries/x").status_code == 403


def test_a_kept_query_is_there_after_a_restart(tmp_path: Path):
    first = Inside(tmp_path).start()
    with first.client() as admin:
        assert admin.post("/api/v1/queries", json={"name": "x", "sql": "select 1"}).status_code == 201
    first.stop()
    second = Inside(tmp_path, token=first.token).start()
    try:
        assert second.get("/api/v1/queries/x")["sql"] == "select 1"
    finally:
        second.stop()


def test_a_server_that_stops_interrupts_what_runs(tmp_path: Path):
    running = Inside(tmp_path, "--query-timeout", "60s").start()
    answers: list[httpx.Response] = []
    with running.client() as client:
        asking = threading.Thread(target=lambda: answers.append(ask(client, ENDLESS)))
        asking.start()
        until(lambda: any(each.name == "spanledger-query" for each in threading.enumerate()), called="it runs")
        running.stop()
        asking.join()
    assert answers[0].status_code == 503
