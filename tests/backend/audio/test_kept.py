"""What is left of audio: once, whatever comes again; after its spans are gone; of stores from before its rollups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spanledger_server.audio import clips, figures
from spanledger_server.audio.clips import Selection
from spanledger_server.audio.question import AUDIO, Question
from spanledger_server.cli import check
from spanledger_server.ingest.limits import SeriesLimits
from spanledger_server.ingest.retention import Keep, Retention
from spanledger_server.ingest.stored import Stored
from spanledger_server.measures import BY_NAME
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store import migrate
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range
from spanledger_server.traces import filters
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, hear, span
from tests.support.stores import new_store

PESQ = BY_NAME["pesq"]


@pytest.fixture
def database() -> Iterator[Database]:
    found = new_store()
    yield found
    found.close()


def takes(count: int, at_ns: int = NOON) -> list[dict[str, Any]]:
    """Audios, one a minute, each with a stage."""
    found = []
    for number in range(1, count + 1):
        start_ns = at_ns + number * MINUTE
        told = {"audio.id": f"take-{number}", "audio.pesq": 1 + number % 30 / 10, "audio.duration_s": 3}
        found += [
            span(number, 2 * number, start_ns, attributes=json.dumps(told)),
            span(number, 2 * number + 1, start_ns + 1, attributes=json.dumps({"audio.stage": "load"})),
        ]
    return found


def of(database: Database, window: Range, *texts: str) -> figures.Whole:
    with database.reader() as reader:
        return figures.whole(reader, Question(window, filters.parse(texts, AUDIO)))


def retention(database: Database, dirty: DirtyBuckets) -> Retention:
    return Retention(database, Rollups(database, dirty), Stored(), SeriesLimits(), Keep())


def test_figures_outlive_their_spans_and_what_comes_too_late_changes_nothing(database: Database) -> None:
    dirty = DirtyBuckets()
    hear(database, takes(300), dirty)
    window = Range(NOON - DAY, NOON + DAY)
    before = of(database, window)
    later = NOON + 8 * DAY
    assert retention(database, dirty).sweep(later)["audio_spans"] == 600
    after = of(database, window)
    assert after.cell.counts == before.cell.counts
    assert after.cell.measure(PESQ) == pytest.approx(before.cell.measure(PESQ))
    assert figures.distribution(after, None, PESQ) == figures.distribution(before, None, PESQ)
    assert of(database, window, "user_id:u").cell.counts == {}  # only spans know of users
    with database.reader() as reader:
        question = Question(window, filters.parse((), AUDIO))
        assert clips.worst(reader, question, Selection(PESQ), None, 10).items == []
        points = [point for point in figures.series(reader, question, ZoneInfo("UTC"), PESQ) if point["measured"]]
    assert sum(point["measured"] for point in points) == 300
    hear(database, takes(2), dirty)
    Rollups(database, dirty).refresh(later)
    assert of(database, window).cell.counts["clips"] == 300


def test_days_outlive_their_hours(database: Database) -> None:
    dirty = DirtyBuckets()
    hear(database, takes(300), dirty)
    window = Range(NOON - DAY, NOON + DAY)
    before = of(database, window)
    sweep = retention(database, dirty).sweep(NOON + 100 * DAY)
    assert sweep["audio_1h"] > 0
    after = of(database, window)
    assert (after.clips.value, after.cell.measure(PESQ)["measured"]) == (before.clips.value, 300)


def wrong(database: Database) -> dict[str, int]:
    with database.reader() as reader:
        found = {each.name: each.count(reader) for each in check.CHECKS if "audio" in each.name}
    return {name: count for name, count in found.items() if count}


HOURS, DAYS = "audio_hours_unlike_spans", "audio_days_unlike_hours"


@pytest.mark.parametrize(
    ("spoilt", "expected"),
    [
        ("UPDATE audio_1h SET spans = spans + 1 WHERE metric = 0", {HOURS: 7, DAYS: 1}),
        ("UPDATE audio_1h SET kept = kept * 1.001 WHERE metric > 0", {HOURS: 7, DAYS: 1}),
        ("DELETE FROM audio_1h WHERE bucket % 2 = 0 AND metric = 5", {HOURS: 4, DAYS: 1}),
        ("UPDATE audio_1d SET weight = weight + 1 WHERE metric = 0", {DAYS: 1}),
        ("DELETE FROM audio_1d WHERE metric = 5", {DAYS: 1}),
    ],
)
def test_check_finds_rollups_of_audio_that_are_wrong_and_has_them_made_anew(
    database: Database, spoilt: str, expected: dict[str, int]
) -> None:
    dirty = DirtyBuckets()
    hear(database, [*takes(1, NOON - DAY), *takes(300)], dirty)
    assert wrong(database) == {}, "what waits to be made is not wrong"
    later = NOON + DAY
    Rollups(database, dirty).refresh(later)
    assert wrong(database) == {}
    with database.transaction() as tx:
        tx.execute(spoilt)
    assert wrong(database) == expected
    check.mark(database, dirty, later)
    Rollups(database, dirty).refresh(later)
    assert wrong(database) == {}
    assert retention(database, dirty).sweep(NOON + 8 * DAY)["audio_spans"] == 602
    assert wrong(database) == {}, "of what is deleted nothing can be told"


def test_rollups_are_read_where_they_are_fresh_and_spans_everywhere_else(database: Database) -> None:
    dirty = DirtyBuckets()
    hear(database, takes(300), dirty)
    Rollups(database, dirty).refresh(NOON + DAY)
    with database.transaction() as tx:
        tx.execute("DELETE FROM audio_spans")  # as if nobody looked at them
    window = Range(NOON + 40 * MINUTE, NOON + 200 * MINUTE)  # 12:40 to 15:20: whole quarters are 12:45 to 15:15
    assert of(database, window).cell.counts["clips"] == 150
    with database.transaction() as tx:
        dirty.mark(tx, "audio", [NOON // HOUR + 1], "1h")
    assert of(database, window).cell.counts["clips"] == 90


def test_what_comes_again_is_counted_once_and_a_mere_mention_is_no_audio(database: Database) -> None:
    mention = span(99, 999, attributes=json.dumps({"note": 'says "audio.pesq" twice', "audio.mood": "fine"}))
    for _ in range(2):
        hear(database, [*takes(3), mention])
    found = of(database, Range(NOON - HOUR, NOON + HOUR))
    assert (found.cell.counts["spans"], found.cell.counts["clips"]) == (6, 3)


def test_a_store_from_before_tells_of_its_audio_as_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    known = migrate.migrations()
    step = next(each for each in known if each.name == "audio")
    made = [
        *takes(5),
        span(9, 99, attributes='{"audio.pesq": 77, "audio.format": "wav", "audio.stoi": "loud", "audio.snr_db": -3}'),
    ]
    text = ", ".join(
        f"('{one['trace_id']}', {one['span_id']}, {one['start_ns']}, {one['end_ns']}, 'a', 0, 0, '{one['attributes']}')"
        for one in made
    )
    columns = "trace_id, span_id, start_ns, end_ns, name, kind, status_code, attributes"
    old = f"INSERT INTO spans ({columns}) VALUES {text};"
    monkeypatch.setattr(migrate, "migrations", lambda: [_after(each, step, old) for each in known])
    database, new = Database.open(None), new_store()
    hear(new, [one | {"name": "a", "kind": 0, "service": None} for one in made])
    told = "SELECT * FROM audio_spans ORDER BY span_id"
    for of_store in (database, new):
        with of_store.reader() as reader:
            marks = reader.tuples("SELECT DISTINCT level, bucket FROM dirty_buckets WHERE family = 'audio' ORDER BY 2")
            assert marks == [("1h", NOON // HOUR), ("1h", NOON // HOUR + 1)]
    with database.reader() as one, new.reader() as other:
        assert one.tuples(told) == other.tuples(told)
    database.close()
    new.close()


def _after(each: migrate.Migration, step: migrate.Migration, old: str) -> migrate.Migration:
    """That step, and behind the one before `step` what a store held then."""
    if each.version != step.version - 1:
        return each
    return migrate.Migration(each.version, each.name, f"{each.script}\n{old}")
