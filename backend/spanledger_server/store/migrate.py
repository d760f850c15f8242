"""Bring the tables to this version, one transaction a step, and make the public views anew.

Given a way to open transactions, applies each `migrations/NNNN_what.sql` that the file has not seen, in order, and
records it in `schema_version`; then runs `views.sql`, unless the views were made of the same text. A step that fails
leaves the file as it was before that step.

Never: goes backwards, or edits a migration that was released.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from spanledger_server.errors import StoreRefused
from spanledger_server.store import sqlfile

if TYPE_CHECKING:
    from spanledger_server.store.database import Transaction

SQL = sqlfile.load(__package__)
PACKAGE = files("spanledger_server.store")
_NAME = re.compile(r"^(?P<version>\d{4})_(?P<what>\w+)\.sql$")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the tables' history."""

    version: int
    name: str
    script: str

    @property
    def digest(self) -> str:
        """SHA-256 of the script, recorded beside its version."""
        return hashlib.sha256(self.script.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All steps this program knows, oldest first.

    Raises:
        ValueError: A file name is not ``NNNN_what.sql``, or a number is missing or used twice.
    """
    found = []
    for file in PACKAGE.joinpath("migrations").iterdir():
        match = _NAME.match(file.name)
        if match is None:
            if file.name.endswith(".sql"):
                raise ValueError(f"{file.name} is not named NNNN_what.sql")
            continue
        found.append(Migration(int(match["version"]), match["what"], file.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: migration.version)
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"the migrations are not numbered 1, 2, …: {[migration.version for migration in found]}")
    return found


def newest() -> int:
    """The version that this program writes."""
    return migrations()[-1].version


def refuse_foreign(path: Path, tables: int, version: int | None) -> None:
    """Raise when the file was written by another or a newer program.

    Args:
        path: The file.
        tables: How many tables it has.
        version: The newest step that was applied to it; None when none was.

    Raises:
        StoreRefused: Naming the file, both versions and the way out.
    """
    if tables and version is None:
        raise StoreRefused(
            f"{path} is a DuckDB database of something else: choose another --data-dir. It was not touched."
        )
    if version is not None and version > newest():
        raise StoreRefused(
            f"{path} has schema version {version}, this program knows up to {newest()}: install a newer spanledger, "
            "or choose another --data-dir. The file was not touched."
        )


def bring_up_to_date(transaction: Callable[[], AbstractContextManager[Transaction]], *, documented: bool) -> None:
    """Apply what is missing, then make the views.

    Args:
        transaction: Opens a transaction of the database.
        documented: Whether views and columns get their comments.

    Raises:
        StatementFailed: A step failed; its transaction was rolled back.
    """
    with transaction() as tx:
        tx.execute(SQL["make_schema_version"])
        tx.execute(SQL["make_views_made"])
        applied = {version for (version,) in tx.tuples(SQL["applied_versions"])}
        made_of = tx.value(SQL["views_digest"])
    missing = [migration for migration in migrations() if migration.version not in applied]
    for migration in missing:
        with transaction() as tx:
            tx.execute(migration.script)
            tx.execute(SQL["record_version"], version=migration.version, name=migration.name, digest=migration.digest)
    script = "".join(
        sqlfile.whole(PACKAGE.joinpath(name).read_text(encoding="utf-8"))
        for name in (("views.sql", "comments.sql") if documented else ("views.sql",))
    )
    digest = hashlib.sha256(script.encode()).hexdigest()
    if missing or digest != made_of:
        with transaction() as tx:
            tx.execute(script)
            tx.execute(SQL["forget_views"])
            tx.execute(SQL["record_views"], digest=digest)
