"""A store with rollups, and rules made as somebody would send them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from spanledger_server.rules import definition, register
from spanledger_server.rules.rule import Rule
from spanledger_server.store.database import Database
from tests.backend.rows import NOON
from tests.support.stores import new_store

Add = Callable[..., Rule]


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


@pytest.fixture
def add(database: Database) -> Add:
    """Makes a rule of a body and keeps it."""

    def made(**body: Any) -> Rule:
        with database.transaction() as tx:
            said = definition.parse({"name": f"rule {body}", **body}, register.known(tx))
            return register.add(tx, said.values, NOON, "tests")

    return made
