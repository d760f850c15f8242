"""Statistics of audio by plain Python over the same spans; shares nothing with the server but names and limits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from spanledger_server.measures import BY_NAME, PROBLEMS, TEXTS, TOLD
from tests.backend.rows import HOUR

TAKEN = {f"audio.{name}" for name in (*TEXTS, *TOLD)}
Row = dict[str, Any]  # a row of spans, with its attributes as a dict under `told`


def value(row: Row, name: str) -> float | None:
    """A measure of a span, as far as it can be one."""
    if name == "took_s":
        return max(0.0, (row["end_ns"] - row["start_ns"]) / 1e9)
    found = row["told"].get(f"audio.{name}")
    try:
        number = float(found)
    except (TypeError, ValueError):
        return None
    measure = BY_NAME[name]
    if isinstance(found, bool) or not math.isfinite(number) or not measure.least <= number <= measure.most:
        return None
    return number


def weight(row: Row) -> float:
    """How many spans it stands for; 1 where it does not say."""
    return float(row["adjusted_count"] or 1)


def _near(row: Row, audio: Iterable[Row], *, service: bool) -> list[Row]:
    """What of its trace, and where asked of its service, began in the same hour or in the one before."""
    hour = row["start_ns"] // HOUR
    return [
        other
        for other in audio
        if other["trace_id"] == row["trace_id"]
        and other["start_ns"] // HOUR in (hour - 1, hour)
        and (not service or (other["service"] or "") == (row["service"] or ""))
    ]


def _piped(row: Row, audio: Iterable[Row], *, service: bool) -> bool:
    return any("audio.stage" not in other["told"] for other in _near(row, audio, service=service))


def _stands_alone(row: Row, audio: Sequence[Row], *, service: bool) -> bool:
    """Whether it is a pipeline, or the first stage below its parent where no pipeline began near."""
    if "audio.stage" not in row["told"]:
        return True
    if _piped(row, audio, service=service):
        return False
    siblings = [
        (other["start_ns"], other["span_id"])
        for other in _near(row, audio, service=service)
        if other.get("parent_span_id") == row.get("parent_span_id") and not _piped(other, audio, service=service)
    ]
    return min(siblings) == (row["start_ns"], row["span_id"])


def quantile(pairs: Sequence[tuple[float, float]], q: float) -> float | None:
    """The smallest value that the share `q` of the weight does not exceed."""
    whole, upto = math.fsum(each for _, each in pairs), 0.0
    for number, each in sorted(pairs):
        upto += each
        if upto >= q * whole - 1e-9:
            return number
    return None


def bars(pairs: Iterable[tuple[float, float]], edges: Sequence[float]) -> list[float]:
    """How heavy the values between each two edges are."""
    found = [0.0] * (len(edges) + 1)
    for number, each in pairs:
        found[sum(edge <= number for edge in edges)] += each
    return found


class Plain:
    """What is told of these spans within [from_ns, to_ns), where stages, or a service, may have been asked for."""

    def __init__(
        self, rows: Iterable[Row], from_ns: int, to_ns: int, *, stages: bool = False, service: bool = False
    ) -> None:
        audio = [row for row in rows if any(key in TAKEN for key in row["told"])]
        self.inside = [row for row in audio if from_ns <= row["start_ns"] < to_ns]
        self._clips = {id(row) for row in self.inside if stages or _stands_alone(row, audio, service=service)}
        self._wordy = {
            self._place(row)
            for row in self.inside
            if value(row, "word_error_rate") is not None
            or "word_error_rate=" in row["told"].get("audio.quality_skipped_reason", "")
        }

    @staticmethod
    def _place(row: Row) -> tuple[str, str]:
        return row["service"] or "", row["told"].get("audio.stage", "")

    def of(self, subject: str, rows: Iterable[Row] | None = None) -> list[Row]:
        """The spans of a subject."""
        return [row for row in (self.inside if rows is None else rows) if self._is(row, subject)]

    def _is(self, row: Row, subject: str) -> bool:
        told = row["told"]
        if subject == "clips":
            return id(row) in self._clips
        if subject == "words":
            return self._place(row) in self._wordy
        measured = any(value(row, name) is not None for name in TOLD if BY_NAME[name].of == subject)
        if subject == "heard":
            return measured or "audio.features_skipped_reason" in told
        reason = told.get("audio.quality_skipped_reason", "word_error_rate=")
        return measured or "audio.stage" not in told or not reason.startswith("word_error_rate=")

    def pairs(self, name: str, rows: Iterable[Row] | None = None) -> list[tuple[float, float]]:
        """Values and weights of a measure."""
        chosen = self.inside if rows is None else rows
        if BY_NAME[name].of == "clips" and rows is None:
            chosen = self.of("clips")
        found = ((value(row, name), weight(row)) for row in chosen)
        return [(number, each) for number, each in found if number is not None]

    def problem(self, name: str) -> tuple[int, int]:
        """How many have it, and how many were judged."""
        (problem,) = (each for each in PROBLEMS if each.name == name)
        values = [number for number, _ in self.pairs(problem.metric)]
        return sum(number > problem.limit if problem.above else number < problem.limit for number in values), len(
            values
        )
