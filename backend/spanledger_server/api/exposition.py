"""The server's own metrics as text: OpenMetrics for whoever asks for it, Prometheus' older format for everybody else.

Given samples, gives the text; those of one name stand together. Only OpenMetrics has units, exemplars and an end.

Never: a counter without `_total`, or two kinds of metric under one name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Final, Literal

from spanledger_server.api.histogram import Exemplar, Seen

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN: Final = "text/plain; version=0.0.4; charset=utf-8"
UNITS: Final = ("seconds", "bytes", "usd")

Labels = tuple[tuple[str, str], ...]
Number = int | float | Decimal


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one of our own metrics; a counter's name ends with `_total`, a histogram's value is what it saw."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    value: Number | Seen
    labels: Labels = ()


def wants_openmetrics(accept: str | None) -> bool:
    """Whether somebody who sent this Accept header reads OpenMetrics, at least as gladly as plain text."""
    qualities = dict(_ranges(accept or ""))
    asked = qualities.get("application/openmetrics-text", 0.0)
    return asked > 0 and asked >= qualities.get("text/plain", 0.0)


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        yield kind, float(quality) if quality.replace(".", "", 1).isdecimal() else 0.0


def exposition(samples: Iterable[Sample], *, openmetrics: bool) -> str:
    """Samples as text of one of the two formats."""
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        by_name.setdefault(sample.name, []).append(sample)
    lines: list[str] = []
    for name, group in by_name.items():
        family = name.removesuffix("_total") if openmetrics and group[0].kind == "counter" else name
        lines += [f"# HELP {family} {group[0].meaning}", f"# TYPE {family} {group[0].kind}"]
        unit = family.rpartition("_")[2]
        if openmetrics and unit in UNITS:
            lines.append(f"# UNIT {family} {unit}")
        for sample in group:
            lines += _lines(sample, openmetrics)
    return "\n".join([*lines, *(["# EOF"] if openmetrics else [])]) + "\n"


def _lines(sample: Sample, openmetrics: bool) -> Iterator[str]:
    if not isinstance(sample.value, Seen):
        yield f"{sample.name}{_labels(sample.labels)} {_number(sample.value)}"
        return
    seen = sample.value
    bounds = [*map(repr, seen.bounds), "+Inf"]
    totals = list(accumulate(seen.counts))
    for bound, count, exemplar in zip(bounds, totals, seen.exemplars, strict=True):
        told = _exemplar(exemplar) if openmetrics and exemplar is not None else ""
        yield f"{sample.name}_bucket{_labels((*sample.labels, ('le', bound)))} {count}{told}"
    yield f"{sample.name}_count{_labels(sample.labels)} {totals[-1]}"
    yield f"{sample.name}_sum{_labels(sample.labels)} {_number(seen.total)}"


def _exemplar(exemplar: Exemplar) -> str:
    at = f"{exemplar.at_ns // 10**9}.{exemplar.at_ns % 10**9 // 10**6:03d}"
    return f" # {_labels((('trace_id', exemplar.trace_id),))} {_number(exemplar.value)} {at}"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    escaped = ((key, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")) for key, value in labels)
    return "{" + ",".join(f'{key}="{value}"' for key, value in escaped) + "}"


def _number(value: Number) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(int(value)) if float(value).is_integer() else repr(float(value))
