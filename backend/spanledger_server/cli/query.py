"""`spanledger query`: SQL over the public views, as a table, JSON, CSV or Arrow.

Never: a result that was cut off and does not say so.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click
import simplejson
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import Asked, asks
from spanledger_server.cli.client import Answer, BadQuestionError, part
from spanledger_server.cli.terminal import Column, Sheet, say

FORMATS: Final = ("table", "json", "csv", "arrow")
NUMBERS: Final = ("INT", "DECIMAL", "DOUBLE", "FLOAT")
MOST_DIGITS: Final = 40  # of a DECIMAL; a larger DOUBLE is shown with its exponent
TRUNCATED: Final = "spanledger-truncated"
EVERY_VIEW: Final = ""


@click.command()
@click.argument("sql", required=False)
@click.option("-f", "--file", type=click.File("r", encoding="utf-8"), help="Read the SQL from a file; - is stdin.")
@click.option("--saved", metavar="NAME", help="Run the query that is kept under this name.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Value of $NAME; a number, JSON or text.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="Most rows.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--safe", is_flag=True, help="In CSV, mark text that a spreadsheet would take for a formula.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option(
    "--schema", is_flag=False, flag_value=EVERY_VIEW, metavar="[VIEW]", help="What there is to ask, or a view."
)
@asks
def query(
    asked: Asked,
    sql: str | None,
    file: Any,
    saved: str | None,
    params: tuple[str, ...],
    limit: int,
    form: str,
    safe: bool,
    output: Path | None,
    schema: str | None,
) -> None:
    """Ask the store in SQL: one SELECT over the public views."""
    if schema is not None:
        _schema(asked, schema)
        return
    given: dict[str, Any] = {"params": _params(params), "limit": limit}
    if saved is not None:
        path = f"/api/v1/queries/{part(saved)}/run"
    else:
        path = "/api/v1/query"
        given["sql"] = _text(sql, file)
    _answer(asked, path, given, "json" if asked.as_json else form, output, safe=safe)


def _answer(asked: Asked, path: str, given: dict[str, Any], form: str, output: Path | None, *, safe: bool) -> None:
    if form in ("csv", "arrow"):
        wanted = {"format": form, "safe": "true" if safe else None}
        content, headers = asked.client.content(path, given, wanted)
        _write(content, output, form)
        if headers.get(TRUNCATED) == "true":
            click.echo(f"spanledger: only the first rows: --limit is {given['limit']}", err=True)
        return
    answer = asked.client.post(path, given)
    if form == "json":
        _write(answer.text.encode() + b"\n", output, form)
    elif output is not None:
        raise BadQuestionError("--output takes --format json, csv or arrow")
    else:
        asked.show(answer, lambda console: _show(console, answer.data))


def _text(sql: str | None, file: Any) -> str:
    if sql is not None and file is not None:
        raise BadQuestionError("give the SQL, or --file, not both")
    if file is not None:
        return str(file.read())
    if sql is not None and sql != "-":
        return sql
    if sys.stdin.isatty():
        raise BadQuestionError('give the SQL: spanledger query "select …", or --file, or by a pipe')
    return sys.stdin.read()


def _params(given: Sequence[str]) -> dict[str, Any]:
    """Values by name: what reads as JSON is that, everything else is text."""
    found: dict[str, Any] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or not name:
            raise BadQuestionError(f"--param {each!r} is not NAME=VALUE")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def _write(content: bytes, output: Path | None, form: str) -> None:
    if output is not None:
        try:
            output.write_bytes(content)
        except OSError as error:
            raise BadQuestionError(f"--output {output} cannot be written: {error.strerror}") from error
        return
    if form == "arrow" and sys.stdout.isatty():
        raise BadQuestionError("Arrow is not for reading: --output FILE, or a pipe")
    sys.stdout.flush()
    sys.stdout.buffer.write(content)


def _show(console: Console, data: dict[str, Any]) -> None:
    columns, rows = data["columns"], data["rows"]
    if rows:
        sheet = Sheet(*(_column(column["name"], column["type"], place) for place, column in enumerate(columns)))
        for row in rows:
            sheet.add(*(_cell(value) for value in row))
        sheet.show(console)
    more = "; there are more: --limit" if data["truncated"] else ""
    count = "no rows" if not rows else f"{len(rows)} row{'s' if len(rows) > 1 else ''}"
    say(console, f"{count} in {shown.duration(data['elapsed_ms'])}{more}", "dim")


def _column(name: str, type_: str, place: int) -> Column:
    number = any(word in type_.partition("(")[0] for word in NUMBERS) and not type_.endswith("]")
    text = type_.startswith(("VARCHAR", "JSON", "STRUCT", "MAP", "BLOB")) or type_.endswith("]")
    return Column(shown.text(name), right=number, text=text, leaves=place)


def _cell(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}" if abs(value.adjusted()) < MOST_DIGITS else f"{value:e}"
    if isinstance(value, (list, dict, bool)):
        return shown.text(simplejson.dumps(value, use_decimal=True, ensure_ascii=False))
    return shown.text(value)


def _schema(asked: Asked, view: str) -> None:
    answer = asked.client.get("/api/v1/query/schema")
    asked.show(answer, lambda console: _show_view(console, answer, view) if view else _show_views(console, answer))


def _show_views(console: Console, answer: Answer) -> None:
    sheet = Sheet(Column("view"), Column("what it is", text=True))
    for view in answer.data["views"]:
        sheet.add(view["name"], view["comment"] or "")
    sheet.show(console)
    say(console, "")
    for subject, names in answer.data["functions"].items():
        say(console, f"{subject}: {' '.join(names)}", "dim")


def _show_view(console: Console, answer: Answer, name: str) -> None:
    views = {view["name"]: view for view in answer.data["views"]}
    if name not in views:
        raise BadQuestionError(f"--schema {name!r} is not a view: {', '.join(views)}")
    if views[name]["comment"]:
        say(console, views[name]["comment"], "bold")
    sheet = Sheet(Column("column"), Column("type"), Column("what it is", text=True))
    for column in views[name]["columns"]:
        sheet.add(column["name"], column["type"], column["comment"] or "")
    sheet.show(console)
