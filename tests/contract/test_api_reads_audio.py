"""Audio over HTTP: the members that the document shows, empty stores, pages, earlier windows, mistakes all at once."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from spanledger_server.api.audio_examples import EXAMPLES
from tests.backend.rows import DAY, HOUR, NOON, SECOND, hear, insert, line, span
from tests.contract.reads import Reads

WHOLE = ("overview", "summary", "groups", "series", "distribution", "clips", "differences")
ASKED: dict[str, dict[str, Any]] = {
    "groups": {"group_by": "service"},
    "differences": {"metric": "duration_s", "at_most": 2},
}


def path(name: str) -> str:
    return f"/api/v1/audio/{name}"


def everything(reads: Reads, at_ns: int = NOON - HOUR) -> None:
    """A day of audio: pipelines with a reference, stages with features, one span a trace with neither, and calls."""
    spans, lines = [], []
    for number in range(1, 31):
        start_ns = at_ns - number * 10 * SECOND
        pair = {
            "audio.id": f"take-{number}",
            "audio.duration_s": number,
            "audio.format": "mp3" if number % 3 else "wav",
        }
        speed = {"audio.real_time_factor": number / 100, "audio.speed_factor": 100 / number}
        told = pair | speed | ({"audio.pesq": 4 - number / 20, "audio.stoi": 0.9} if number % 2 else {})
        feature = {
            "audio.stage": "load_audio",
            "audio.dnsmos": 3.2 - number / 20,
            "audio.features_skipped_reason": "x=too_short",
        }
        shared = {"adjusted_count": 2.0, "service": "shop"}
        spans += [
            span(number, 1, start_ns, name="audio pipeline", **shared) | {"attributes": json.dumps(told)},
            span(number, 2, start_ns + 1, name="load_audio", **shared) | {"attributes": json.dumps(feature)},
        ]
        lines.append(line(number, start_ns, operation="speech_to_text", audio_seconds=number))
    hear(reads.database, spans)
    insert(reads.database, "ledger", lines)


def shapes(value: Any, place: str = "") -> set[str]:
    """Every member, as a path; lists by their first entry, measures by name not at all."""
    if isinstance(value, dict):
        return {
            each
            for key, member in value.items()
            for each in (
                {f"{place}.measures{{}}"}
                if key == "measures" and isinstance(member, dict)
                else shapes(member, f"{place}.{key}")
            )
        }
    return shapes(value[0], f"{place}[]") if isinstance(value, list) and value else {place}


@pytest.mark.parametrize("name", WHOLE)
def test_answers_have_the_members_that_the_document_shows(reads: Reads, name: str) -> None:
    everything(reads)
    everything(reads, NOON - HOUR - DAY)
    asked = {} if name == "summary" else {"metric": "dnsmos", **ASKED.get(name, {})}
    answer = reads.get(path(name), **asked)
    assert shapes(answer) == shapes(EXAMPLES[name])


@pytest.mark.parametrize("name", WHOLE)
def test_an_empty_store_is_answered_with_nothing_and_unknown(reads: Reads, name: str) -> None:
    answer = reads.get(path(name))
    assert "nan" not in str(answer).lower()
    if name == "summary":
        assert all(each["p50"] is None and each["coverage"] is None for each in answer["measures"])
        assert all(each["share"] is None for each in answer["problems"])
        assert answer["calls"]["cost_per_minute"] is None
        assert answer["failed_share"] is None
    if name == "series":
        assert {point["p50"] for point in answer["points"]} == {None}


def test_the_window_before_is_told_unless_spans_of_it_were_deleted(reads: Reads) -> None:
    everything(reads)
    everything(reads, NOON - HOUR - DAY)
    now = reads.get(path("summary"))
    assert (now["clips"]["kept"], now["clips"]["value"], now["clips"]["previous"]) == (30, 60, 60)
    assert now["sampled"]
    insert(reads.database, "kept_from", [{"subject": "audio_spans", "from_ns": NOON - DAY - HOUR}])
    cut = reads.get(path("summary"))
    assert (cut["spans_kept_from"], cut["kept_from"]) == ("2026-11-20T11:00:00Z", None)
    by_span = reads.get(path("summary"), f="user_id:u")
    assert (by_span["previous"], by_span["kept_from"]) == (None, "2026-11-20T11:00:00Z")
    insert(reads.database, "kept_from", [{"subject": "audio_1d", "from_ns": NOON - DAY - HOUR}])
    cut = reads.get(path("summary"))
    assert (cut["previous"], cut["clips"]["previous"]) == (None, None)


def rounded(value: Any) -> Any:
    """Without the last digits, which depend on the order in which values were added."""
    if isinstance(value, dict):
        return {key: rounded(member) for key, member in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(float(value), 9) if isinstance(value, (float, Decimal)) else value


def test_one_answer_holds_what_all_the_others_say(reads: Reads) -> None:
    everything(reads)
    everything(reads, NOON - HOUR - DAY)
    asked = {"f": "format:mp3", "at_most": 3}
    found = reads.get(path("overview"), group_by="format", calls_by="operation", **asked)
    assert found["metric"] == "pesq"  # what there is
    for name in ("summary", "distribution", "series", "clips"):
        alone = reads.get(path(name), **({} if name == "summary" else {"metric": "pesq"}), **asked)
        apart = {key: member for key, member in alone.items() if key not in ("from", "to", "timezone")}
        assert rounded(found[name]) == rounded(apart), name
    by_format = reads.get(path("groups"), group_by="format", metric="pesq", **asked)
    assert rounded(found["groups"]["spans"]) == rounded(by_format["spans"])
    assert found["calls"]["calls"] == reads.get(path("groups"), group_by="operation", **asked)["calls"]


@pytest.mark.parametrize(("metric", "rising"), [("pesq", True), ("real_time_factor", False), ("dnsmos", True)])
def test_pages_of_the_worst_hold_every_clip_once_and_the_worst_first(reads: Reads, metric: str, rising: bool) -> None:
    everything(reads)
    pages = reads.pages(path("clips"), metric=metric, limit=7)
    values = [each["value"] for page in pages for each in page]
    assert values == sorted(values, reverse=not rising)
    assert len({each["trace_id"] for page in pages for each in page}) == len(values) == (15 if metric == "pesq" else 30)
    assert len(pages[0]) == 7


def test_what_is_different_names_what_the_chosen_have_in_common(reads: Reads) -> None:
    everything(reads)
    found = reads.get(path("differences"), metric="duration_s", at_least=2, at_most=2)
    assert (found["inside"]["spans"], found["outside"]["spans"]) == (1, 29)
    by_what = {(each["attribute"], each["value"]): each for each in found["items"]}
    assert by_what["format", "mp3"]["inside_share"] == 1
    nothing = reads.get(path("differences"), metric="duration_s", at_least=1000)
    assert nothing["items"] == []


def test_every_mistake_is_named_at_once(reads: Reads) -> None:
    body = reads.refused(path("clips"), metric="beauty", at_least="much", at_most="nan", limit=0, from_="then", f="x")
    named = [each["parameter"] for each in body["errors"]]
    assert sorted(named) == ["at_least", "at_most", "f", "from", "limit", "metric"]
    assert reads.refused(path("series"), from_="2024-01-01T00:00:00Z")["parameter"] == "from"
    assert reads.refused(path("groups"), group_by="colour", f="problem:smell")["errors"]
    reads.refused(path("clips"), cursor="x")
