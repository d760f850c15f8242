"""Statistics of audio are what plain Python finds in the same spans, whatever those say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_server.audio import calls, clips, figures
from spanledger_server.audio.clips import Selection
from spanledger_server.audio.question import AUDIO, Question
from spanledger_server.errors import Invalid
from spanledger_server.measures import BY_NAME, MEASURES, PROBLEMS
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.histogram import code
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range
from spanledger_server.traces import filters
from tests.backend.audio.plain import Plain, bars, quantile, weight
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, hear, insert, line, span

WINDOW = Range(NOON, NOON + HOUR)
NUMBERS = st.one_of(
    st.sampled_from(
        [0, 0.5, 1, 1.0, 2.5, 4, 16000, -35, -1, 1e-4, 0.02, 0.9, 1e300, -1e300, "NaN", "Infinity", "loud", True]
    ),
    st.floats(-60, 60, allow_subnormal=False),
)
TOLD = st.dictionaries(
    st.sampled_from([f"audio.{each.name}" for each in MEASURES if each.name != "took_s"]), NUMBERS, max_size=6
)
WINDOWS = (
    Range(NOON, NOON + HOUR),
    Range(NOON - 100 * MINUTE, NOON + 71 * MINUTE),
    Range(NOON - 11 * HOUR, NOON + 25 * HOUR),
    Range(NOON - 20 * DAY, NOON + 20 * DAY),
)
REFRESHED = st.lists(st.sampled_from([NOON, NOON + HOUR, NOON + 3 * HOUR, NOON + 2 * DAY]), max_size=2)
REASONS = st.sampled_from(
    [None, None, "silent", "dnsmos=over_budget,loudness_lufs=too_short", "word_error_rate=too_long"]
)


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Spans of a few traces around the hour: pipelines, stages with and without one, and spans of other things."""
    found = []
    for number in range(draw(st.integers(0, 25))):
        told = dict(draw(TOLD))
        stage = draw(st.sampled_from([None, "load_audio", "load_audio", "transcription"]))
        texts = {"stage": stage, "format": draw(st.sampled_from([None, "wav", "mp3"]))}
        texts |= {f"{kind}_skipped_reason": draw(REASONS) for kind in ("features", "quality")}
        told |= {f"audio.{key}": text for key, text in texts.items() if text is not None}
        start_ns = NOON + draw(st.integers(-2 * HOUR, 2 * HOUR - 1))
        more = {
            "service": draw(st.sampled_from(["a", "b", None])),
            "parent_span_id": draw(st.sampled_from([None, 1000, 1001])),
            "adjusted_count": draw(st.sampled_from([1.0, 1.0, 4.0, 16.0, None])),
            "status_code": draw(st.sampled_from([0, 2])),
        }
        made = span(draw(st.integers(1, 4)), number + 1, start_ns, draw(st.integers(0, 10**10)), **more)
        found.append(made | {"told": told})
    return found


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    found = Database.open(None)
    yield found
    found.close()


def put(database: Database, *made: list[dict[str, Any]], refreshed_ns: Sequence[int] = ()) -> None:
    """Only these spans, one part after the other, with the rollups brought up to date at these times in between."""
    with database.transaction() as tx:
        for table in ("spans", "audio_spans", "audio_1h", "audio_1d", "dirty_buckets", "ledger"):
            tx.execute(f"DELETE FROM {table}")
    dirty = DirtyBuckets()
    rollups = Rollups(database, dirty)
    for part, now_ns in zip_longest(made, refreshed_ns):
        kept = [{key: each for key, each in row.items() if key != "told"} for row in part or ()]
        told = [json.dumps(row["told"]) for row in part or ()]
        hear(database, [row | {"attributes": each} for row, each in zip(kept, told, strict=True)], dirty)
        if now_ns is not None:
            rollups.refresh(now_ns)


def asked(*texts: str, window: Range = WINDOW) -> Question:
    return Question(window, filters.parse(texts, AUDIO))


def near(found: float | None, exact: float | None) -> bool:
    """Whether both are in the same bucket, which is all that a quantile promises."""
    return found == exact if found is None or exact is None else code(found) == code(exact)


def the_same(now: figures.Whole, plain: Plain) -> None:
    """Counts, quantiles, coverage, bars and problems are those of the spans."""
    assert now.clips.value == pytest.approx(sum(map(weight, plain.of("clips"))))
    assert now.cell.counts.get("clips", 0) == len(plain.of("clips"))
    assert now.cell.counts.get("spans", 0) == len(plain.inside)
    for measure in MEASURES:
        pairs, of = plain.pairs(measure.name), plain.of(measure.of)
        found = now.cell.measure(measure)
        assert (found["measured"], found["of"]) == (len(pairs), len(of)), measure.name
        for name, q in (("p5", 0.05), ("p50", 0.5), ("p95", 0.95)):
            assert near(found[name], quantile(pairs, q)), (measure.name, name)
        share = sum(each for _, each in pairs) / sum(map(weight, of)) if of else None
        assert found["coverage"] == (None if share is None else pytest.approx(share)), measure.name
        assert (found["mean"] is None) == (not pairs), measure.name
        drawn = [each["count"] for each in figures.distribution(now, None, measure)]
        assert drawn == pytest.approx(bars(pairs, measure.edges)), measure.name
    shown = {each["problem"]: (each["clips"], each["judged"]) for each in figures.problems(now, None)}
    assert shown == {each.name: plain.problem(each.name) for each in PROBLEMS}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=rows(), late=rows(), window=st.sampled_from(WINDOWS), refreshed=REFRESHED, service=st.booleans())
def test_figures_are_those_of_the_spans_whatever_was_rolled_up_and_came_late(
    database: Database,
    made: list[dict[str, Any]],
    late: list[dict[str, Any]],
    window: Range,
    refreshed: list[int],
    service: bool,
) -> None:
    late = [row | {"span_id": row["span_id"] + 100} for row in late]
    put(database, made, late, refreshed_ns=refreshed)
    everything = [*made, *late]
    with database.reader() as reader:
        now = figures.whole(reader, asked(window=window))
        one = figures.whole(reader, asked("service:a", "stage:load_audio", window=window))
        mine = figures.whole(reader, asked("service:a", window=window)) if service else now
        by_stage = figures.whole(reader, asked(window=window), "stage").by
    the_same(now, Plain(everything, window.from_ns, window.to_ns))
    of_service = [row for row in everything if row["service"] == "a"]
    loads = [row for row in of_service if row["told"].get("audio.stage") == "load_audio"]
    the_same(one, Plain(loads, window.from_ns, window.to_ns, stages=True))
    if service:
        the_same(mine, Plain(of_service, window.from_ns, window.to_ns, service=True))
    plain = Plain(everything, window.from_ns, window.to_ns)
    counted = Counter(row["told"].get("audio.stage", "") for row in plain.inside)
    assert {name: cell.counts["spans"] for name, cell in by_stage.items()} == counted


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=rows(), refreshed=st.sampled_from([[], [NOON + DAY]]))
def test_groups_and_parts_of_the_window_add_up_to_the_whole(
    database: Database, made: list[dict[str, Any]], refreshed: list[int]
) -> None:
    put(database, made, refreshed_ns=refreshed)
    window = Range(NOON - 9 * HOUR, NOON + 3 * HOUR)
    plain = Plain(made, window.from_ns, window.to_ns)
    measure = BY_NAME["took_s"]
    with database.reader() as reader:
        by_stage = figures.whole(reader, asked(window=window), "stage")
        points = figures.series(reader, asked(window=window), ZoneInfo("UTC"), measure)
        listed = clips.worst(reader, asked(window=window), Selection(measure), None, 100)
    stages: dict[str, list[dict[str, Any]]] = {}
    for row in plain.inside:
        stages.setdefault(row["told"].get("audio.stage", ""), []).append(row)
    assert by_stage.categories == len(stages)
    for each in figures.groups(by_stage, measure):
        assert each["spans"] == len(stages[each["value"]])
        assert near(each["took_s"]["p95"], quantile(plain.pairs("took_s", stages[each["value"]]), 0.95))
    for point in points:
        assert point["measured"] == len(Plain(made, point["from_ns"], point["to_ns"]).of("clips"))
    assert [each["value"] for each in listed.items] == sorted((v for v, _ in plain.pairs("took_s")), reverse=True)


def pipeline(number: int, at_ns: int = NOON, **told: Any) -> dict[str, Any]:
    """A pipeline of a second."""
    return span(number, number, at_ns, name="audio pipeline") | {"told": {"audio.id": str(number), **told}}


def test_an_audio_counts_in_one_of_two_windows_that_touch(database: Database) -> None:
    piped = pipeline(1, NOON - MINUTE, **{"audio.duration_s": 60})
    stage = span(1, 2, NOON + 1, name="load_audio") | {"told": {"audio.stage": "load_audio", "audio.duration_s": 60}}
    put(database, [piped, stage])
    with database.reader() as reader:
        before = figures.whole(reader, asked(window=Range(NOON - HOUR, NOON)))
        after = figures.whole(reader, asked())
    assert (before.clips.value, after.clips.value) == (1, 0)
    assert before.minutes is not None
    assert before.minutes.value == 1


def test_the_interval_of_sampled_audio_holds_what_was_kept_and_grows_with_the_weight(database: Database) -> None:
    put(database, [pipeline(n) | {"adjusted_count": 10.0, "told": {"audio.duration_s": 30}} for n in range(1, 41)])
    with database.reader() as reader:
        now = figures.whole(reader, asked())
    assert now.sampled
    assert now.clips.value == 400
    assert 40 <= now.clips.low < 400 < now.clips.high
    assert now.minutes is not None
    assert now.minutes.low < now.minutes.value == 200 < now.minutes.high


def test_filters_of_calls_hold_for_spans_by_their_trace_and_the_other_way_round(database: Database) -> None:
    put(database, [pipeline(n, **{"audio.format": "mp3" if n < 3 else "wav"}) for n in range(1, 6)])
    heard = {"operation": "speech_to_text", "input_tokens": None, "output_tokens": None}
    lines = [
        line(n, NOON + n, model="m" if n % 2 else "k", audio_seconds=n * 10, cost_usd="0.01", **heard)
        for n in range(1, 5)
    ]
    lines += [line(9, NOON + 9, state="unpriced", cost_usd=None, audio_seconds="30", **heard), line(10, NOON + 10)]
    insert(database, "ledger", lines)

    def found(*texts: str) -> tuple[float, int]:
        with database.reader() as reader:
            return figures.whole(reader, asked(*texts)).clips.value, calls.of(reader, asked(*texts)).whole["calls"]

    assert found() == (5, 5)
    assert found("model:m") == (2, 2)
    assert found("!model:m") == (3, 3)
    assert found("format:mp3") == (2, 2)
    assert found("format:mp3", "model:k") == (1, 1)
    assert found("status:error") == (0, 0)
    with database.reader() as reader:
        found_calls = calls.of(reader, asked(), "model")
    everything, by_model = found_calls.whole, found_calls.groups
    assert everything["cost_per_minute"] == Decimal("0.024")  # 0.04 for the 100 s that have a price
    assert everything["unpriced_calls"] == 1
    assert {each["value"]: each["calls"] for each in by_model} == {"m": 2, "k": 2, "gpt-5.2": 1}


def test_days_are_those_of_the_zone_and_a_window_beyond_a_year_is_refused(database: Database) -> None:
    put(database, [])
    zone, month = ZoneInfo("Europe/Berlin"), Range(NOON - 40 * DAY, NOON)
    with database.reader() as reader:
        points = figures.series(reader, asked(window=month), zone, BY_NAME["pesq"])
        with pytest.raises(Invalid):
            figures.series(reader, asked(window=Range(NOON - 400 * DAY, NOON)), zone, BY_NAME["pesq"])
    lengths = [(each["to_ns"] - each["from_ns"]) // HOUR for each in points]
    assert (sorted(set(lengths)), lengths.count(25)) == ([24, 25], 1)  # the clocks went back in October
    assert all(each["p50"] is None and each["coverage"] is None for each in points)
