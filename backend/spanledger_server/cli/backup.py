"""`spanledger backup`: a copy of the running server's database, read again before it counts.

Never: a database file opened; the server writes, and reads again, what it holds.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import Asked, asks, fail
from spanledger_server.cli.client import Answer, part
from spanledger_server.cli.progress import Tell, progress
from spanledger_server.cli.terminal import Column, Sheet, say

POLL_S = 0.5


@click.command()
@click.argument("name", required=False)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Bring the backup here, too, as this file."
)
@click.option("--list", "only_list", is_flag=True, help="Make none; list those that there are.")
@asks
def backup(asked: Asked, name: str | None, output: Path | None, only_list: bool) -> None:
    """Back up the running server, beside its work.

    The server writes the file NAME (else one named by the time) into its --backup-dir, reads it again, and compares
    every table. `spanledger restore` puts a backup in the place of a database.
    """
    if only_list:
        answer = asked.client.get("/api/v1/backup")
        asked.show(answer, lambda console: _list(console, answer.data))
        return
    if output is not None and output.exists():
        fail(f"{output} exists already: name another file")
    job = asked.client.post("/api/v1/backup", {"name": name}).data
    with progress("backup") as tell:
        while job["state"] in ("copying", "verifying"):
            tell(job["done"], 1.0)
            threading.Event().wait(POLL_S)
            latest = asked.client.get("/api/v1/backup")
            job = latest.data["job"] or {"state": "failed", "reason": "the server was started again meanwhile"}
    if job["state"] != "done":
        fail(f"the backup failed: {job['reason']}")
    if output is not None:
        with progress(output.name) as tell:
            bring(asked, f"/api/v1/backup/{part(job['name'])}", {}, output, tell)
    _tell(asked, latest, job, output)


def _tell(asked: Asked, latest: Answer, job: dict[str, Any], output: Path | None) -> None:
    if asked.as_json:
        click.echo(latest.text)
        return
    where = output or Path(latest.data["directory"]) / job["name"]
    held = f"{job['tables']} tables, {shown.count(job['rows'])} rows, {shown.size(job['bytes'])}"
    click.echo(f"{where}: {held}; read again, the same")


def bring(asked: Asked, path: str, parameters: dict[str, Any], target: Path, tell: Tell) -> None:
    """Download into a file that has its name only once it is whole."""
    beside = target.with_name(target.name + ".part")
    done = 0
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:

            def write(piece: bytes, whole: int | None) -> None:
                nonlocal done
                out.write(piece)
                done += len(piece)
                tell(done, whole)

            asked.client.download(path, parameters, write)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        fail(f"{target} cannot be written: {error.strerror}")
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _list(console: Console, data: dict[str, Any]) -> None:
    say(console, data["directory"])
    if not data["items"]:
        say(console, "no backups")
        return
    sheet = Sheet(Column("backup", text=True), Column("size", right=True), Column("made (UTC)"))
    for each in data["items"]:
        sheet.add(each["name"], shown.size(each["bytes"]), shown.moment(each["at"]))
    sheet.show(console)
