"""A database file that is newer or damaged: the server does not start, names it, and leaves it as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spanledger_server.store import migrate
from spanledger_server.store.database import Database
from tests.support.server import Server
from tests.support.waiting import until


def newer(file: Path) -> None:
    database = Database.open(file)
    with database.transaction() as tx:
        tx.execute("INSERT INTO schema_version VALUES (9999, 'from_the_future', 'x')")
    database.close()


def damaged(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (newer, ["9999", str(migrate.newest()), "install a newer spanledger"]),
        (damaged, ["damaged", "--data-dir"]),
    ],
)
def test_the_server_refuses_it_by_name_and_does_not_touch_it(
    tmp_path: Path, spoil: Callable[[Path], None], told: list[str]
) -> None:
    server = Server(tmp_path)
    file = server.data / "spanledger.duckdb"
    Database.open(file).close()
    spoil(file)
    before = {path: path.read_bytes() for path in server.data.iterdir()}
    server.launch()
    assert until(server.exited, 60) == 1
    said = server.log()
    assert "Traceback" not in said
    assert all(word in said for word in [str(file), *told])
    assert {path: path.read_bytes() for path in server.data.iterdir()} == before
