"""`spanledger check`: is the database sound? Or, with --url, is the server ready?

The file is opened read-only, which needs the server to be stopped. Exit code 3 when something is not as it should be.

Never: changes a byte.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from spanledger_server.cli.asking import CHECK_FAILED, WRONG_USAGE, fail
from spanledger_server.cli.client import DEFAULT_DIRECTORY, connected
from spanledger_server.errors import SpanledgerError
from spanledger_server.store import migrate, sqlfile

SQL = sqlfile.load(__package__)

CHECKS: tuple[tuple[str, str], ...] = (
    ("ledger_duplicates", "calls with more than one line in the ledger"),
    ("ledger_states", "ledger lines whose state and cost disagree"),
    ("lines_unlike_corrections", "ledger lines that say another cost than their newest correction"),
    ("span_duplicates", "spans stored more than once"),
    ("minutes_unlike_ledger", "minutes whose rollup differs from the ledger"),
    ("hours_unlike_minutes", "hours whose rollup differs from their minutes"),
    ("days_unlike_hours", "days whose rollup differs from their hours"),
    ("user_days_unlike_ledger", "days of users that differ from the ledger"),
    ("user_years_unlike_days", "years of users that differ from their days"),
    ("users_without_number", "numbers of users that are not one user's alone, or nobody's"),
    ("span_minutes_unlike_spans", "minutes whose rollup differs from their spans"),
    ("span_hours_unlike_minutes", "hours of spans whose rollup differs from their minutes"),
    ("span_days_unlike_hours", "days of spans whose rollup differs from their hours"),
    ("traces_not_indexed", "traces that are not found by their id"),
    ("points_without_series", "metric points whose series is missing"),
    ("rows_without_resource", "spans and logs whose resource is missing"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how many rows are not as they should be."""

    name: str
    meaning: str
    wrong: int


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--data-dir",
    envvar="SPANLEDGER_DATA_DIR",
    type=click.Path(path_type=Path),
    default=DEFAULT_DIRECTORY,
    show_default=True,
)
@click.option("--url", help="Ask this server whether it is ready, instead of looking at a file.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def check(file: Path | None, data_dir: Path, url: str | None, as_json: bool) -> None:
    """Is the database sound? Is the server ready?

    Looks whether the database FILE is sound, which needs its server to be stopped; with --url, whether a server is
    ready.
    """
    if url is not None:
        _check_server(url, as_json)
        return
    path = file or data_dir.expanduser() / "spanledger.duckdb"
    try:
        version, findings = examined(path)
    except SpanledgerError as error:
        fail(str(error))
    sound = not any(finding.wrong for finding in findings) and version == migrate.newest()
    if as_json:
        click.echo(
            json.dumps(
                {
                    "file": str(path),
                    "schema_version": version,
                    "sound": sound,
                    "checks": [asdict(each) for each in findings],
                }
            )
        )
    else:
        _tell(path, version, findings)
    if not sound:
        raise SystemExit(CHECK_FAILED)


def examined(path: Path) -> tuple[int, list[Finding]]:
    """The version of the tables, and what was found.

    Raises:
        SpanledgerError: The file is not there, in use, or not ours.
    """
    from spanledger_server.store.database import Database  # here, since asking a server needs none of it

    try:
        found = path.is_file()
    except OSError as error:
        raise SpanledgerError(f"{path} cannot be looked at: {error.strerror}") from error
    if not found:
        raise SpanledgerError(f"there is no file {path}")
    database = Database.open(path, read_only=True)
    try:
        with database.reader() as reader:
            version = int(reader.value(SQL["schema_version"]) or 0)
            checks = CHECKS if version == migrate.newest() else ()  # the questions are about this version's tables
            return version, [Finding(name, meaning, int(reader.value(SQL[name]))) for name, meaning in checks]
    finally:
        database.close()


def _tell(path: Path, version: int, findings: list[Finding]) -> None:
    newest = migrate.newest()
    click.echo(f"{path}")
    older = "" if version == newest else f", this program knows {newest}: `spanledger migrate` brings it up to date"
    click.echo(f"{'✓' if version == newest else '✗'} schema version {version}{older}")
    for finding in findings:
        click.echo(f"{'✗' if finding.wrong else '✓'} {finding.wrong or 'no'} {finding.meaning}")


def _check_server(url: str, as_json: bool) -> None:
    try:
        ready, reasons = connected(url, None).ready()
    except SpanledgerError as error:
        fail(str(error), WRONG_USAGE)
    if as_json:
        click.echo(json.dumps({"url": url, "ready": ready, "reasons": reasons}))
    else:
        click.echo(f"✓ {url} is ready" if ready else f"✗ {url} is not ready: {'; '.join(reasons)}")
    if not ready:
        raise SystemExit(CHECK_FAILED)
