"""Metrics over HTTP.

Never: more points than a page can draw.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from spanledger_server.api import answers, parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.errors import Invalid
from spanledger_server.metrics import query
from spanledger_server.timegrid import Range

router = APIRouter(tags=["metrics"])

USUAL_SLOTS: Final = 240
MOST_LABELS: Final = 10
_STEP = re.compile(r"(\d{1,9})(ms|[smhdw])?", re.ASCII)
_ROUND_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


@router.get("/api/v1/metrics")
def names(store: Store) -> Response:
    """The names of all metrics."""
    with store.reader() as reader:
        return answers.answer({"items": query.names(reader), "next_cursor": None})


@router.get("/api/v1/metrics/query")
def values(
    store: Store,
    now_ns: NowNs,
    name: Annotated[str | None, Query(description="the metric; required, GET /api/v1/metrics lists them")] = None,
    from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-15m; default now-1h")] = None,
    to: Annotated[str | None, Query(description="RFC 3339 or now (default); not part of the window")] = None,
    step: Annotated[
        str | None, Query(description="distance of points such as 10s, 5m, 1h; default: 240 or fewer points")
    ] = None,
    group_by: Annotated[
        list[str] | None, Query(description="labels to keep, repeated or with commas; default: all")
    ] = None,
    stat: Annotated[
        str | None, Query(description="avg, min, max, last, rate, increase, count, sum, p50 … p99.9, by kind")
    ] = None,
) -> Response:
    """A metric at even distances; null where nothing came."""
    if not name:
        raise Invalid("name", name or "", "the name of a metric; GET /api/v1/metrics lists them")
    window = parameters.window(from_, to, now_ns)
    labels = tuple(label for text in group_by or () for label in text.split(",") if label)
    if len(labels) > MOST_LABELS:
        raise Invalid("group_by", f"{len(labels)} labels", f"at most {MOST_LABELS}")
    question = query.Question(
        name, window.from_ns, window.to_ns, _step_ns(step, window), None if group_by is None else labels, stat
    )
    with store.reader() as reader:
        return answers.answer(query.query(reader, question))


def _step_ns(text: str | None, window: Range) -> int:
    length_ns = window.to_ns - window.from_ns
    if text is None:
        fitting = (seconds * 10**9 for seconds in _ROUND_S if length_ns // (seconds * 10**9) <= USUAL_SLOTS)
        return next(fitting, -(-length_ns // USUAL_SLOTS // (86400 * 10**9)) * 86400 * 10**9)
    match = _STEP.fullmatch(text)
    step_ns = 0
    if match is not None:
        step_ns = int(match[1]) * (10**6 if match[2] == "ms" else parameters.SECONDS[match[2] or "s"] * 10**9)
    if step_ns <= 0 or step_ns > parameters.LATEST_NS or length_ns // step_ns >= query.MOST_SLOTS:
        raise Invalid("step", text, f"a length such as 10s, 5m or 1h that gives at most {query.MOST_SLOTS} points")
    return step_ns
