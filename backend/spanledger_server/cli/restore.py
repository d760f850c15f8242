"""`spanledger restore` and `spanledger migrate`: the database while its server is stopped.

Never: a database changed that a server has open, or one lost: what was there stays, under another name.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import fail
from spanledger_server.cli.client import DEFAULT_DIRECTORY
from spanledger_server.cli.progress import progress
from spanledger_server.errors import SpanledgerError
from spanledger_server.store import migrate as steps

if TYPE_CHECKING:
    from spanledger_server.care.restore import Restored

FILE = "spanledger.duckdb"
data_dir_option = click.option(
    "--data-dir",
    envvar="SPANLEDGER_DATA_DIR",
    type=click.Path(path_type=Path),
    default=DEFAULT_DIRECTORY,
    show_default=True,
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="What was done as JSON.")
def restore(file: Path, data_dir: Path, as_json: bool) -> None:
    """Put a backup in the place of the database.

    The server must be stopped. FILE is read whole before anything is changed, brought to this version, and stays as it
    is; the database that was there is kept beside the new one.
    """
    from spanledger_server.care import backup, restore  # here, since the help needs no database

    place = data_dir.expanduser() / FILE
    try:
        with progress(f"restore {file.name}") as tell:
            done = restore.restore(file, place, backup.stamp(time.time_ns()), tell)
    except SpanledgerError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or place}: {error.strerror}")
    _tell_restored(place, done, as_json)


def _tell_restored(place: Path, done: Restored, as_json: bool) -> None:
    aside = None if done.aside is None else str(done.aside)
    if as_json:
        versions = {"from_version": done.from_version, "to_version": done.to_version}
        click.echo(
            json.dumps({"file": str(place), "aside": aside, **versions, "tables": done.tables, "rows": done.rows})
        )
        return
    newer = "" if done.from_version == done.to_version else f", brought from version {done.from_version}"
    click.echo(f"{place}: {done.tables} tables, {shown.count(done.rows)} rows, version {done.to_version}{newer}")
    if aside is not None:
        click.echo(f"what was there before: {aside}")


@click.command()
@data_dir_option
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.option("--no-backup", is_flag=True, help="Make no copy first.")
@click.option("--json", "as_json", is_flag=True, help="What was, or would be, done as JSON.")
def migrate(data_dir: Path, dry_run: bool, no_backup: bool, as_json: bool) -> None:
    """Bring a database to this version.

    The server must be stopped; it would do the same when it starts, but without a copy.
    """
    from spanledger_server.care import backup, restore

    place = data_dir.expanduser() / FILE
    try:
        version = restore.version_of(place)
        missing = [step for step in steps.migrations() if step.version > version]
        name = f"before-version-{steps.newest()}-{backup.stamp(time.time_ns())}.duckdb"
        copy = None if no_backup or not missing else place.parent / "backups" / name
        if not dry_run and missing:
            with progress("copy") as tell:
                restore.bring_up_to_date(place, copy, tell)
    except SpanledgerError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or place}: {error.strerror}")
    _tell_migrated(place, version, missing, copy, dry_run=dry_run, as_json=as_json)


def _tell_migrated(
    place: Path, version: int, missing: list[steps.Migration], copy: Path | None, *, dry_run: bool, as_json: bool
) -> None:
    if as_json:
        listed = [{"version": step.version, "name": step.name} for step in missing]
        told = {"file": str(place), "from_version": version, "to_version": steps.newest(), "steps": listed}
        click.echo(json.dumps({**told, "backup": None if copy is None else str(copy), "applied": not dry_run}))
        return
    if not missing:
        click.echo(f"{place} has version {version}: there is nothing to do")
        return
    click.echo(f"{place}: version {version} {'would become' if dry_run else 'became'} {steps.newest()}")
    for step in missing:
        click.echo(f"  {step.version:04d} {step.name.replace('_', ' ')}")
    if copy is not None:
        click.echo(f"{'it would first be copied to' if dry_run else 'as it was before:'} {copy}")
