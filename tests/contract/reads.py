"""The routes that read, over HTTP, on a database in memory and with a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import simplejson
from fastapi import FastAPI
from starlette.testclient import TestClient

from spanledger_server.api import (
    answers,
    audio,
    costs,
    jaeger,
    jaeger_v3,
    ledger,
    logs,
    loss,
    metrics,
    monitoring,
    statistics,
    traces,
    traces_compared,
)
from spanledger_server.forecast.histories import Histories
from spanledger_server.store.database import Database
from tests.backend.rows import NOON
from tests.support.stores import new_store


@dataclass
class Still:
    """A clock that shows what it is told."""

    at_ns: int = NOON + 1

    def now_ns(self) -> int:
        return self.at_ns


@dataclass
class Reads:
    database: Database
    clock: Still
    client: TestClient

    def get(self, path: str, **query: Any) -> Any:
        """The answer's JSON, numbers as exact decimals."""
        response = self.client.get(path, params={key.rstrip("_"): value for key, value in query.items()})
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        return simplejson.loads(response.text, use_decimal=True, parse_constant=_never)

    def refused(self, path: str, status: int = 422, **query: Any) -> Any:
        """The problem that the answer is."""
        response = self.client.get(path, params={key.rstrip("_"): value for key, value in query.items()})
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        body = response.json()
        assert body["status"] == status
        return body

    def pages(self, path: str, **query: Any) -> list[list[dict[str, Any]]]:
        """All pages of a list."""
        found, cursor = [], {}
        while True:
            page = self.get(path, **query, **cursor)
            found.append(page["items"])
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}


def _never(word: str) -> Decimal:
    raise AssertionError(f"{word} in an answer")


@pytest.fixture(scope="session")
def reading_app() -> Iterator[tuple[FastAPI, TestClient]]:
    app = FastAPI()
    answers.install(app)
    for module in (
        audio,
        costs,
        jaeger,
        jaeger_v3,
        ledger,
        logs,
        loss,
        metrics,
        monitoring,
        statistics,
        traces_compared,
        traces,
    ):
        app.include_router(module.router)
    with TestClient(app) as client:
        yield app, client


@pytest.fixture
def reads(reading_app: tuple[FastAPI, TestClient]) -> Iterator[Reads]:
    app, client = reading_app
    database, clock = new_store(), Still()
    app.state.database, app.state.clock, app.state.histories = database, clock, Histories()
    yield Reads(database, clock, client)
    database.close()
