"""`spanledger check`: is the database sound? Or, with --url, is the server ready?

The file is opened read-only, which needs the server to be stopped; with --repair, what can be made anew from other
rows is, and then looked at again. Exit code 3 when something is not as it should be.

Never: changes a byte unasked, or a row that is not made of others.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spanledger_server.auth import audit
from spanledger_server.cli.asking import CHECK_FAILED, WRONG_USAGE, fail
from spanledger_server.cli.client import DEFAULT_DIRECTORY, connected
from spanledger_server.errors import SpanledgerError
from spanledger_server.store import migrate, sqlfile
from spanledger_server.store.failures import StatementFailed

if TYPE_CHECKING:
    from spanledger_server.rollups.dirty import DirtyBuckets, Family, Level
    from spanledger_server.store.database import Database, Reader

SQL = sqlfile.load(__package__)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    Attributes:
        name: Its statement: a count, or the buckets of `made` that are wrong.
        meaning: What is counted.
        made: The family and level of the rollups that are recomputed to mend it.
    """

    name: str
    meaning: str
    made: tuple[Family, Level] | None = None

    def wrong(self, reader: Reader) -> list[int]:
        """The buckets that are wrong; of what is none, the count alone."""
        return [bucket for (bucket,) in reader.tuples(SQL[self.name])]

    def count(self, reader: Reader) -> int:
        """How many are wrong."""
        found = self.wrong(reader)
        return len(found) if self.made else found[0]


CHECKS: tuple[Check, ...] = (
    Check("ledger_duplicates", "calls with more than one line in the ledger"),
    Check("ledger_states", "ledger lines whose state and cost disagree"),
    Check("lines_unlike_corrections", "ledger lines that say another cost than their newest correction"),
    Check("span_duplicates", "spans stored more than once"),
    Check("minutes_unlike_ledger", "minutes whose rollup differs from the ledger", ("cost", "1m")),
    Check("hours_unlike_minutes", "hours whose rollup differs from their minutes", ("cost", "1h")),
    Check("days_unlike_hours", "days whose rollup differs from their hours", ("cost", "1d")),
    Check("user_days_unlike_ledger", "days of users that differ from the ledger", ("user", "1d")),
    Check("user_years_unlike_days", "years of users that differ from their days", ("user", "1d")),
    Check("users_without_number", "days with users' numbers that are not one user's alone", ("user", "1d")),
    Check("span_minutes_unlike_spans", "minutes whose rollup differs from their spans", ("span", "1m")),
    Check("span_hours_unlike_minutes", "hours of spans whose rollup differs from their minutes", ("span", "1h")),
    Check("span_days_unlike_hours", "days of spans whose rollup differs from their hours", ("span", "1d")),
    Check("audio_hours_unlike_spans", "hours of audio whose rollup differs from its spans", ("audio", "1h")),
    Check("audio_days_unlike_hours", "days of audio whose rollup differs from their hours", ("audio", "1d")),
    Check("traces_not_indexed", "traces that are not found by their id"),
    Check("lines_not_indexed", "traces of which not all ledger lines are found by their id"),
    Check("points_without_series", "metric points whose series is missing"),
    Check("rows_without_resource", "spans and logs whose resource is missing"),
)
INDEX = {"traces_not_indexed": "index_traces", "lines_not_indexed": "index_lines"}  # and what mends it


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
@click.option("--repair", is_flag=True, help="Recompute rollups and the index of traces where they are wrong.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def check(file: Path | None, data_dir: Path, url: str | None, repair: bool, as_json: bool) -> None:
    """Is the database sound? Is the server ready?

    Looks whether the database FILE is sound, which needs its server to be stopped; with --url, whether a server is
    ready.
    """
    if url is not None:
        if repair:
            raise click.UsageError("--repair mends a file, whose server is stopped")
        _check_server(url, as_json)
        return
    path = file or data_dir.expanduser() / "spanledger.duckdb"
    mended: dict[str, int] = {}
    try:
        version, findings = examined(path)
        if repair and any(finding.wrong for finding in findings):
            before = {finding.name: finding.wrong for finding in findings}
            mend(path, time.time_ns())
            version, findings = examined(path)
            mended = {each.name: before[each.name] - each.wrong for each in findings if before[each.name] > each.wrong}
    except StatementFailed as error:
        fail(f"{path} cannot be read whole: `spanledger restore` puts a backup in its place. DuckDB says: {error}")
    except SpanledgerError as error:
        fail(str(error))
    sound = not any(finding.wrong for finding in findings) and version == migrate.newest()
    if as_json:
        told: dict[str, Any] = {"file": str(path), "schema_version": version, "sound": sound}
        told |= {"repaired": mended} if repair else {}
        click.echo(json.dumps(told | {"checks": [asdict(each) for each in findings]}))
    else:
        _tell(path, version, findings, mended, repair)
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
            return version, [Finding(each.name, each.meaning, each.count(reader)) for each in checks]
    finally:
        database.close()


def mend(path: Path, now_ns: int) -> None:
    """Recompute every bucket that is wrong and does not wait for it, and let all traces be found.

    What is made of rows that are deleted stays as it is.

    Raises:
        SpanledgerError: The file is in use, or could not be written.
    """
    from spanledger_server.rollups.dirty import DirtyBuckets
    from spanledger_server.rollups.refresh import Rollups
    from spanledger_server.store.database import Database

    database = Database.open(path)
    try:
        dirty = DirtyBuckets()
        mark(database, dirty, now_ns)
        Rollups(database, dirty).refresh(now_ns)
    finally:
        database.close()


def mark(database: Database, dirty: DirtyBuckets, now_ns: int) -> None:
    """Ask for all that is wrong to be recomputed, in one transaction; a server's tick ends a repair that is killed."""
    with database.transaction() as tx:
        found = {each.name: each.wrong(tx) for each in CHECKS if each.made}
        for each in CHECKS:
            if each.made and found[each.name]:
                family, level = each.made
                dirty.mark(tx, family, found[each.name], level)
        tx.execute(SQL["forget_shared_numbers"])
        indexed = {name: tx.execute(SQL[mending]) for name, mending in INDEX.items()}
        counts = {name: len(buckets) for name, buckets in found.items() if buckets} | indexed
        audit.record(tx, now_ns, "command line", "store.repair", None, counts)


def _tell(path: Path, version: int, findings: list[Finding], mended: dict[str, int], repair: bool) -> None:
    newest = migrate.newest()
    click.echo(f"{path}")
    older = "" if version == newest else f", this program knows {newest}: `spanledger migrate` brings it up to date"
    click.echo(f"{'✓' if version == newest else '✗'} schema version {version}{older}")
    for finding in findings:
        before = f", {mended[finding.name]} mended" if finding.name in mended else ""
        click.echo(f"{'✗' if finding.wrong else '✓'} {finding.wrong or 'no'} {finding.meaning}{before}")
    wrong = [finding for finding in findings if finding.wrong]
    if not repair and any(
        each.made or each.name in INDEX for each in CHECKS if each.name in {one.name for one in wrong}
    ):
        click.echo("`spanledger check --repair` makes rollups and the index of traces anew")
    elif wrong:
        click.echo("what is left is not made of other rows: a backup has it as it was (`spanledger restore`)")


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
