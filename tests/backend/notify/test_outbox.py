"""What the judges record."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.notify import outbox
from spanledger_server.notify.written import event_of, event_text
from spanledger_server.store.database import Database
from tests.backend.notify.events import NOON, event
from tests.support.stores import new_store

FULL = event(
    value=Decimal("0.10"),
    threshold=Decimal("1E+2"),
    facts=(("window", "5 min"),),
    contributors=(("model", "gpt-5", "71 %"),),
    traces=("4bf92f3577b34da6a3ce929d0e0e4736",),
    channels=("ops",),
    labels=MappingProxyType({"service": "chat"}),
    most_per_hour=None,
    runbook_url="https://runbooks.example/slow",
    annotations={"summary": "slow"},
)


def kinds(database: Database) -> list[tuple[int, str]]:
    with database.reader() as reader:
        return reader.tuples("SELECT place, kind FROM notify_events ORDER BY place")


def test_an_event_comes_back_as_it_was() -> None:
    assert event_of(event_text(FULL)) == FULL
    assert str(event_of(event_text(FULL)).value) == "0.10"


@settings(max_examples=50)
@given(value=st.none() | st.floats(allow_nan=False) | st.decimals(allow_nan=False), text=st.text())
def test_any_value_and_any_text_come_back(value: float | Decimal | None, text: str) -> None:
    told = event(value=value, title=text.encode("utf-8", "replace").decode())
    assert event_of(event_text(told)) == told


def test_an_event_is_kept_once(tmp_path: Path) -> None:
    file = tmp_path / "store.duckdb"
    database = Database.open(file)
    with database.transaction() as tx:
        assert outbox.record(tx, [event(), event("resolved"), event()], NOON) == 2
    database.close()
    database = Database.open(file)
    with database.transaction() as tx:
        assert outbox.record(tx, [event("resolved"), event(alert="b")], NOON) == 1
    assert kinds(database) == [(1, "fired"), (2, "resolved"), (3, "fired")]
    database.close()


def test_listeners_hear_of_events_once_they_are_committed() -> None:
    database = new_store()
    heard: list[int] = []
    database.listeners[outbox.TOPIC] = [lambda: heard.append(len(kinds(database)))]
    with database.transaction() as tx:
        outbox.record(tx, [event()], NOON)
        assert heard == []
    with suppress(RuntimeError), database.transaction() as tx:
        outbox.record(tx, [event(alert="b")], NOON)
        raise RuntimeError
    assert heard == [1]
    assert kinds(database) == [(1, "fired")]
    database.close()


def test_ten_thousand_events_are_kept_in_their_order() -> None:
    database = new_store()
    with database.transaction() as tx:
        outbox.record(tx, [event(alert=str(number)) for number in range(10_000)], NOON)
        outbox.record(tx, [], NOON)
    with database.reader() as reader:
        bodies = reader.tuples("SELECT body FROM notify_events ORDER BY place")
    assert [event_of(body).labels["alert"] for (body,) in bodies] == [str(number) for number in range(10_000)]
    database.close()
