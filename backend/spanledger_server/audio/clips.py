"""Single audios: those that are worst by a measure, and what they have in common that the others have not.

Given a snapshot, a question and bounds of a measure, gives spans with all that was measured of them, page by page; and
for each value of each attribute its share among those within the bounds and among the others.

Never: a span listed by a measure that it does not have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.audio import sources
from spanledger_server.audio.question import OF_CLIPS, Question
from spanledger_server.audio.sources import SQL
from spanledger_server.measures import MEASURES, PLACES, PROBLEMS, Measure
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range

MOST_DIFFERENCES: Final = 20
ATTRIBUTES: Final = (
    *("stage", "format", "source", "service", "name", "feature", "tenant", "user_tier"),
    *("sample_rate_hz", "duration", "status", "model"),
)  # in the order of the statement


@dataclass(frozen=True, slots=True)
class Selection:
    """Values of a measure, both bounds included; None is open."""

    measure: Measure
    at_least: float | None = None
    at_most: float | None = None

    def bound(self) -> dict[str, Any]:
        """The named parameters."""
        return {
            "metric": PLACES[self.measure.name],
            "at_least": self.at_least,
            "at_most": self.at_most,
            "of_clips": OF_CLIPS,
        }


@dataclass(frozen=True, slots=True)
class After:
    """Where a page ended."""

    place: float
    start_ns: int
    span_id: int


@dataclass(frozen=True, slots=True)
class Page:
    """Spans, where the page ended (None: it was the last), and how many match in all."""

    items: list[dict[str, Any]]
    after: After | None
    matched: int


def worst(reader: Reader, question: Question, selection: Selection, after: After | None, most: int) -> Page:
    """The spans that have a measure, the worst first."""
    if not sources.anything(reader, question.window):
        return Page([], None, 0)
    bound = {
        **question.bound(having=PLACES[selection.measure.name]),
        **selection.bound(),
        "least_clip": question.least_clip,
        "worst_is_high": selection.measure.worst_is_high,
        "after_place": None if after is None else after.place,
        "after_ns": None if after is None else after.start_ns,
        "after_span": None if after is None else after.span_id,
        "most": most + 1,
    }
    sql, parameters = sqlfile.lean(SQL["clips"], bound)
    rows = reader.rows(sql, **parameters)
    last = rows[most - 1] if len(rows) > most else None
    ended = None if last is None else After(last["place"], last["start_ns"], last["span_id"])
    return Page([_item(row) for row in rows[:most]], ended, rows[0]["matched"] if rows else 0)


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("trace_id", "span_id", "start_ns", "service", "name", "stage", "format", "source", "audio_id", "value")
    status = ("unset", "ok", "error")[row["status_code"]]
    return {
        **{key: row[key] for key in keys},
        "status": status,
        "stands_for": None if row["uncounted"] else row["weight"],
        "problems": [each.name for each in PROBLEMS if each.has(row["v"][PLACES[each.metric] - 1])],
        "skipped": [text for text in (row["features_skipped"], row["quality_skipped"]) if text],
        "measures": {each.name: _known(row["v"][place]) for place, each in enumerate(MEASURES)},
    }


def _known(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def differences(reader: Reader, question: Question, selection: Selection, within: Range) -> dict[str, Any]:
    """What those within the bounds, and the time, have in common that the others have not."""
    bound = {
        **question.bound(having=PLACES[selection.measure.name]),
        **selection.bound(),
        "least_clip": question.least_clip,
        "rate": PLACES["sample_rate_hz"],
        "length": PLACES["duration_s"],
        "within_from_ns": within.from_ns,
        "within_to_ns": within.to_ns,
        "most": MOST_DIFFERENCES,
    }
    sql, parameters = sqlfile.lean(SQL["differences"], bound)
    row = reader.row(sql, **parameters)
    assert row is not None  # noqa: S101 - the statement has no FROM
    sizes = row["sizes"]
    return {
        "inside": {"spans": sizes["inside_spans"], "count": sizes["inside"]},
        "outside": {"spans": sizes["outside_spans"], "count": sizes["outside"]},
        "items": [
            {
                "attribute": ATTRIBUTES[each["attribute"] - 1],
                "value": each["value"],
                "inside_share": each["inside_share"],
                "outside_share": each["outside_share"],
                "spans": each["spans"],
            }
            for each in row["items"] or ()
        ],
    }
