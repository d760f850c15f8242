"""A database with a thousand rows, in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from spanledger_server.store.database import Database
from tests.backend.care.backups import ADD


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "data" / "spanledger.duckdb"


@pytest.fixture
def database(place: Path) -> Iterator[Database]:
    opened = Database.open(place)
    with opened.transaction() as tx:
        tx.execute(ADD, count=1000)
    yield opened
    opened.close()
