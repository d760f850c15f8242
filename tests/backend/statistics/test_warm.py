"""What is slow the first time is asked once a day turns, one question a turn."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from spanledger_server.statistics import warm
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, insert, line
from tests.backend.statistics.rolled import roll
from tests.support.stores import new_store


def test_each_question_is_asked_once_after_a_start_and_again_when_a_day_turns(monkeypatch: pytest.MonkeyPatch):
    database = new_store()
    insert(database, "ledger", [line(number, NOON - number * DAY) for number in range(40)])
    roll(database, NOON)
    asked: list[int] = []
    original = warm._questions

    def counting(zone: ZoneInfo) -> list[warm.Ask]:
        return [lambda reader, now_ns, ask=ask: asked.append(now_ns) or ask(reader, now_ns) for ask in original(zone)]

    monkeypatch.setattr(warm, "_questions", counting)
    questions = len(original(ZoneInfo("UTC")))
    tick = warm.Warm(database, ZoneInfo("Asia/Tokyo")).tick  # whose day turns at 15:00 UTC
    for turn in range(questions + 3):
        tick(NOON + turn)
    assert asked == [NOON + turn for turn in range(questions)]
    turns = (3 * HOUR, 3 * HOUR + 20 * MINUTE, 12 * HOUR, 12 * HOUR + 20 * MINUTE, 13 * HOUR)
    for turn, after_ns in enumerate(turns, 1):
        for _ in range(questions + 1):
            tick(NOON + after_ns)
        assert len(asked) == questions * (1 + min(turn, 4)), after_ns
    database.close()


def test_what_was_asked_is_remembered_for_whoever_asks():
    database = new_store()
    insert(database, "ledger", [line(number, NOON - number * DAY) for number in range(40)])
    roll(database, NOON)
    with database.transaction() as tx:
        tx.execute("INSERT INTO rollup_log (family, level, bucket) VALUES ('span', '1h', 1)")
    tick = warm.Warm(database, ZoneInfo("UTC")).tick
    for _ in range(10):
        tick(NOON)
    remembered = database.memory["statistics.answers"].each
    assert {question[0] for question in remembered} >= {"costs"}
    assert database.memory["statistics.dialogues"].each
    database.close()


def test_a_store_without_a_day_that_has_ended_is_asked_nothing(monkeypatch: pytest.MonkeyPatch):
    database = new_store()
    asked: list[int] = []
    monkeypatch.setattr(warm, "_questions", lambda _: [lambda _, now_ns: asked.append(now_ns)])
    tick = warm.Warm(database, ZoneInfo("UTC")).tick
    tick(NOON)
    insert(database, "ledger", [line(1, NOON)])
    roll(database, NOON)
    tick(NOON + DAY // 4)
    assert asked == []
    roll(database, NOON + DAY)
    tick(NOON + DAY)
    assert asked == [NOON + DAY]
    database.close()
