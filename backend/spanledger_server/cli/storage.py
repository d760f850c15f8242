"""`spanledger storage` and `spanledger export`: how large the store is, and its views as Parquet.

Never: half a file under its name.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import WRONG_USAGE, Asked, asks, fail, watched
from spanledger_server.cli.backup import bring
from spanledger_server.cli.client import part
from spanledger_server.cli.progress import progress
from spanledger_server.cli.terminal import Column, Sheet, say

MOST_DAYS = 3660


@click.command()
@watched
def storage(asked: Asked) -> None:
    """How large the store is, and how fast it grows."""
    answer = asked.client.get("/api/v1/storage")
    asked.show(answer, lambda console: _show(console, answer.data))


def _show(console: Console, data: dict[str, Any]) -> None:
    used, file = shown.size(data["used_bytes"]), shown.size(data["file_bytes"])
    say(console, f"{used} used; the file has {file}, its log {shown.size(data['wal_bytes'])}", "bold")
    growth = data["growth_bytes_a_day"]
    say(console, "growth: not known yet" if growth is None else f"growth: {_growth(growth)} a day")
    if data["max_disk_bytes"] is not None:
        limit = shown.size(data["max_disk_bytes"])
        say(console, f"--max-disk {limit}: {_days(data['days_until_max_disk'])}")
    if data["disk_free_bytes"] is not None:
        free = shown.size(data["disk_free_bytes"])
        say(console, f"{free} free on the volume: {_days(data['days_until_disk_full'])}")
    sheet = Sheet(
        Column("table"),
        Column("size", right=True),
        Column("rows", right=True),
        Column("a day", right=True, leaves=1),
        Column("rows a day", right=True, leaves=2),
    )
    for table in data["tables"]:
        if table["rows"] or table["bytes"]:
            daily = table["rows_a_day"]
            rows = shown.UNKNOWN if daily is None else shown.count(max(0, round(daily)))
            more = shown.UNKNOWN if table["bytes_a_day"] is None else _growth(table["bytes_a_day"])
            held = shown.size(table["bytes"]) if table["bytes"] else shown.UNKNOWN  # rows are in the log until then
            sheet.add(table["name"], held, shown.count(table["rows"]), more, rows)
    say(console, "")
    sheet.show(console)


def _growth(a_day: Any) -> str:
    size = shown.size(abs(int(a_day)))
    return f"{shown.MINUS}{size}" if a_day < 0 else size


def _days(days: Any) -> str:
    if days is None:
        return "no end in sight"
    return "reached today" if days < 1 else f"reached in {int(days)} days if it goes on like this"


@click.command()
@click.argument("view")
@click.option("--from", "from_", required=True, metavar="DAY", help="The first day, such as 2026-11-01 (UTC).")
@click.option("--to", metavar="DAY", help="The last day, such as 2026-11-30; else the first one.")
@click.option(
    "--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="Directory for the files."
)
@asks
def export(asked: Asked, view: str, from_: str, to: str | None, output: Path) -> None:
    """Write a view as Parquet, a file a day.

    `spanledger export ledger --from 2026-11-01 --to 2026-11-30 --output lake` makes
    lake/ledger/ledger-2026-11-01.parquet and so on, compressed with zstd. A day that is there already is not fetched
    again, but for today and yesterday, to which late records may still come.
    """
    first, last = _day("--from", from_), _day("--to", to or from_)
    count = (last - first).days + 1
    if not 1 <= count <= MOST_DAYS:
        fail(f"--to {last} is not a day from {first} on, at most {MOST_DAYS} days", WRONG_USAGE)
    folder = output / view
    known = asked.client.get("/api/v1/export").data["items"]
    if view not in known:
        fail(f"{view!r} cannot be exported: choose one of {', '.join(known)}", WRONG_USAGE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{folder} cannot be made: {error.strerror}")
    made = []
    with progress(f"export {view}") as tell:
        for number in range(count):
            tell(number, count)
            made += _one(asked, view, first + dt.timedelta(days=number), folder)
    if asked.as_json:
        click.echo(json.dumps({"directory": str(folder), "days": count, "files": made}))
    else:
        click.echo(f"{folder}: {len(made)} of {count} days written")


def _one(asked: Asked, view: str, day: dt.date, folder: Path) -> list[str]:
    target = folder / f"{view}-{day}.parquet"
    if target.exists() and day < dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1):
        return []
    window = {"from": f"{day}T00:00:00Z", "to": f"{day + dt.timedelta(days=1)}T00:00:00Z"}
    bring(asked, f"/api/v1/export/{part(view)}", window, target, lambda _done, _whole: None)
    return [target.name]


def _day(option: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text!r} is not a day such as 2026-11-01", WRONG_USAGE)
