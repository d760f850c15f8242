"""`spanledger query` as a user runs it, against a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from spanledger_server.cli.main import main
from tests.support.inside import Inside


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    running = Inside(tmp_path_factory.mktemp("query"))
    try:
        yield running.start()
    finally:
        running.stop()


def run(server: Inside, *arguments: str, stdin: str | None = None) -> Result:
    variables = {"SPANLEDGER_URL": server.url, "SPANLEDGER_TOKEN": server.token, "XDG_CONFIG_HOME": "/nonexistent"}
    return CliRunner().invoke(main, ["query", *arguments], env=variables, input=stdin, prog_name="spanledger")


def test_a_result_is_a_table_with_numbers_on_the_right(server: Inside):
    done = run(server, "select i, 'x' || i as name, null as none, 1.50 as d, [i] as l from range(8, 11) t(i)")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["i", "name", "none", "d", "l"]
    assert lines[1].split() == ["8", "x8", "—", "1.5", "[8]"]
    assert lines[3].startswith("10  x10")
    assert lines[4].startswith("3 rows in ")


@pytest.mark.parametrize(
    ("params", "said"), [(("--param", "x=1.5"), "DECIMAL(2,1)"), (("--param", "x=a=b"), "VARCHAR")]
)
def test_parameters_are_json_or_text(server: Inside, params: tuple[str, ...], said: str):
    done = run(server, "select typeof($x) as t", *params)
    assert said in done.stdout


def test_sql_comes_from_a_file_or_a_pipe(server: Inside, tmp_path: Path):
    file = tmp_path / "q.sql"
    file.write_text("-- what\nselect 42 as answer\n")
    assert "42" in run(server, "-f", str(file)).stdout
    assert "42" in run(server, stdin=file.read_text()).stdout
    assert "42" in run(server, "-f", "-", stdin=file.read_text()).stdout


def test_json_csv_and_arrow_go_to_a_file_or_a_pipe(server: Inside, tmp_path: Path):
    sql = "select i, '=x' as f from range(3) t(i)"
    assert json.loads(run(server, sql, "--json").stdout)["rows"][2] == [2, "=x"]
    assert json.loads(run(server, sql, "--format", "json").stdout)["rows"][2] == [2, "=x"]
    assert run(server, sql, "--format", "csv").stdout_bytes == b"i,f\r\n0,=x\r\n1,=x\r\n2,=x\r\n"
    assert run(server, sql, "--format", "csv", "--safe").stdout_bytes.startswith(b"i,f\r\n0,'=x\r\n")
    target = tmp_path / "out.arrow"
    assert run(server, sql, "--format", "arrow", "-o", str(target)).exit_code == 0
    with pa.ipc.open_stream(target.read_bytes()) as stream:
        assert stream.read_all().num_rows == 3


def test_what_was_cut_off_is_said(server: Inside):
    assert "there are more: --limit" in run(server, "from range(10)", "--limit", "3").stdout
    done = run(server, "from range(10)", "--limit", "3", "--format", "csv")
    assert done.stdout_bytes.count(b"\r\n") == 4
    assert "only the first rows" in done.stderr


def test_the_schema_is_listed_and_a_view_described(server: Inside):
    views = run(server, "--schema").stdout
    assert "ledger" in views
    assert "aggregates:" in views
    ledger = run(server, "--schema", "ledger").stdout
    assert "DECIMAL(24,12)" in ledger
    refused = run(server, "--schema", "tokens")
    assert refused.exit_code == 2
    assert "'tokens' is not a view" in refused.stderr


def test_a_mistake_is_shown_with_a_caret(server: Inside):
    done = run(server, "select model, version() from ledger")
    assert done.exit_code == 2
    first, line, caret = done.stderr.splitlines()
    assert "version()" in first
    assert line[caret.index("^") :].startswith("version()")


def test_a_kept_query_is_run_by_its_name(server: Inside):
    with server.client() as admin:
        kept = {"name": "adds", "sql": "select $x + 1 as y", "params": {"x": 1}}
        assert admin.post("/api/v1/queries", json=kept).status_code == 201
    assert "2" in run(server, "--saved", "adds").stdout
    assert "42" in run(server, "--saved", "adds", "--param", "x=41").stdout
    assert run(server, "--saved", "nobody").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("select 1", "--param", "x"), "NAME=VALUE"),
        (("select 1", "-f", "-"), "not both"),
        (("select 1", "-o", "x"), "--format"),
        (("select 1", "--format", "csv", "-o", "/nonexistent/x"), "cannot be written"),
        (("delete from ledger",), "only one SELECT"),
        (("select $x",), "params.x"),
    ],
)
def test_wrong_usage_is_told_in_a_line(server: Inside, arguments: tuple[str, ...], said: str):
    done = run(server, *arguments, stdin="")
    assert done.exit_code == 2
    assert said in done.stderr
