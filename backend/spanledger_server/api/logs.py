"""Log records over HTTP.

Never: a record without the time that its sender gave it.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from spanledger_server.api import answers, parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.scoped import CallersScope, within
from spanledger_server.errors import Invalid
from spanledger_server.logs import search
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, Range
from spanledger_server.traces import filters
from spanledger_server.traces.filters import Conditions
from spanledger_server.traces.search import step

router = APIRouter(tags=["logs"])

NS: Final = 10**9
MOST_DRAWN_NS: Final = 400 * DAY_NS
HEX: Final = re.compile(r"[0-9a-fA-F]{32}")
ALLOWED_SEVERITIES: Final = (
    f"one of {', '.join(search.SEVERITIES)}, or a number from 1 to 24: records at least as severe"
)


@router.get("/api/v1/logs")
def logs(
    store: Store,
    now_ns: NowNs,
    scope: CallersScope,
    from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-15m; default now-1h")] = None,
    to: Annotated[str | None, Query(description="RFC 3339 or now (default); not part of the window")] = None,
    q: Annotated[str | None, Query(description="words and key:value")] = None,
    f: Annotated[list[str] | None, Query(description="key:value, repeated; a leading ! negates")] = None,
    trace_id: Annotated[
        str | None, Query(description="32 hexadecimal digits; then the default window is all time")
    ] = None,
    severity: Annotated[str | None, Query(description="the least severity: trace … fatal, or 1 to 24")] = None,
    limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    histogram: Annotated[bool, Query(description="also how many there are over time, of all pages")] = False,
) -> Response:
    """Log records, newest first. A cursor keeps the window of the first page."""
    texts = [*(f or []), *([] if trace_id is None else [f"trace_id:{_trace_id(trace_id)}"])]
    conditions = within(filters.search(texts, parameters.free_text("q", q), filters.LOGS), scope)
    least = _severity(severity)
    question = ("logs", least, *conditions.spelled())
    place = parameters.cursor(cursor, question)
    most = parameters.limit(limit)
    if place is not None:
        window = place.window
    elif from_ is None and to is None and "trace_id" in conditions.include:
        window = Range(0, parameters.LATEST_NS)
    else:
        window = parameters.window(from_, to, now_ns)
    after = None if place is None else search.Position(*place.position)
    with store.reader() as reader:
        rows = search.page(
            reader, window.from_ns, window.to_ns, conditions.bound(), conditions.words, least, after, most + 1
        )
        over_time = _over_time(reader, window, conditions, least) if histogram else {}
    following = None
    if len(rows) > most:
        last = parameters.Cursor(window, (rows[most - 1]["at_ns"], rows[most - 1]["record_id"]))
        following = parameters.cursor_text(last, question)
    return answers.answer({"items": [_shown(row) for row in rows[:most]], "next_cursor": following, **over_time})


def _over_time(reader: Reader, window: Range, conditions: Conditions, least: int | None) -> dict[str, Any]:
    """The histogram of a window; of all time there is none, since nobody could tell its bars apart."""
    if window.to_ns - window.from_ns > MOST_DRAWN_NS:
        return {"histogram": None, "bar_s": None}
    bounds = (window.from_ns, window.to_ns)
    step_ns = step(*bounds)
    found = search.bars(reader, *bounds, step_ns, conditions.bound(), conditions.words, least)
    listed = [
        {"at": answers.when(bar.from_ns), "records": bar.records, "errors": bar.errors, "warnings": bar.warnings}
        for bar in found
    ]
    return {"histogram": listed, "bar_s": step_ns / NS}


def _trace_id(text: str) -> str:
    if not HEX.fullmatch(text):
        raise Invalid("trace_id", text, "32 hexadecimal digits")
    return text


def _severity(text: str | None) -> int | None:
    if text is None:
        return None
    named = search.SEVERITIES.get(text.lower())
    number = named or (int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 0)
    if not 1 <= number <= 24:
        raise Invalid("severity", text, ALLOWED_SEVERITIES)
    return number


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "at": answers.when(row["at_ns"]),
        **{name: row[name] for name in ("service", "severity", "severity_text", "event_name", "body")},
        "trace_id": None if row["trace_id"] is None else row["trace_id"].hex,
        "span_id": answers.span_hex(row["span_id"]),
        "user_id": row["user_id"],
        "session_id": row["session_id"],
        "attributes": {} if row["attributes"] is None else json.loads(row["attributes"]),
    }
