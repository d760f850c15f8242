"""A search against judging each trace of the window one by one: matches, order, histogram, facets and estimate."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from math import inf
from typing import Any

import pytest

from spanledger_server import estimates
from spanledger_server.store.database import Database
from spanledger_server.traces import filters, search
from spanledger_server.traces.filters import Conditions
from tests.backend.rows import HOUR, MINUTE, NOON, SECOND, add_spans, insert, line, span
from tests.support.stores import new_store

FROM, TO = NOON - HOUR, NOON
STATUSES = {0: "unset", 1: "ok", 2: "error"}
VALUES = (None, "", "shop", "bank", "it's \u00fc", "'; DROP TABLE spans; --")
ASKED: tuple[tuple[str, ...], ...] = (
    (),
    ("service:shop",),
    ("service:shop", "service:bank"),
    ("service:",),
    ("!service:bank",),
    ("status:error",),
    ("status:ok",),
    ("!status:error",),
    ("service:it's \u00fc", "status:error"),
    ("model:m-1", "user_id:u-2"),
    ("name:'; DROP TABLE spans; --",),
    ("duration>2s",),
    ("duration<1s", "service:shop"),
    ("cost>0.02",),
    ("cost<=0.02", "model:m-0"),
    ("state:unpriced",),
    ("!model:m-2", "service:shop", "duration>500ms"),
)


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


def made(seed: int, weights: tuple[float | None, ...]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Spans and lines of a hundred traces, some of them across an edge of the window, some of two windows."""
    rng = random.Random(seed)
    spans, lines = [], []
    for number in range(1, 101):
        begin = rng.randrange(FROM - 5 * MINUTE, TO + 5 * MINUTE)
        for place in range(rng.randrange(5)):
            spans.append(
                span(
                    number,
                    place,
                    begin + rng.randrange(4 * SECOND) + rng.choice((0, 0, 0, 10 * MINUTE)),
                    rng.randrange(2 * SECOND),
                    service=rng.choice(VALUES),
                    name=rng.choice(VALUES) or "GET /",
                    status_code=rng.choice((0, 0, 0, 1, 2)),
                    model=rng.choice((None, "m-0", "m-1")),
                    adjusted_count=rng.choice(weights),
                    user_id=rng.choice((None, "u-1", "u-2")),
                )
            )
        for place in range(rng.randrange(3)):
            priced = rng.random() < 0.8
            lines.append(
                line(
                    number,
                    begin + rng.randrange(4 * SECOND),
                    span_id=place,
                    service=rng.choice(VALUES),
                    model=rng.choice(("m-1", "m-2")),
                    state="priced" if priced else "unpriced",
                    cost_usd=rng.choice(("0.01", "0.02", "0.03")) if priced else None,
                    error_type=rng.choice((None, None, "timeout")),
                )
            )
    return spans, lines


def rows_of(spans: list[dict[str, Any]], lines: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What each trace left in the window."""
    found = defaultdict(list)
    for each in spans:
        if FROM <= each["start_ns"] < TO:
            found[each["trace_id"]].append({**each, "weight": each["adjusted_count"] or inf, "cost": None})
    for each in lines:
        if FROM <= each["at_ns"] < TO:
            also = {"start_ns": each["at_ns"] - each["duration_ns"], "end_ns": each["at_ns"], "name": None, "weight": 1}
            code = 0 if each["error_type"] is None else 2
            cost = None if each["cost_usd"] is None else Decimal(each["cost_usd"])
            found[each["trace_id"]].append({**each, **also, "status_code": code, "cost": cost, "user_id": None})
    return found


def judged(rows: list[dict[str, Any]]) -> dict[str, Any]:
    lines = [row for row in rows if "state" in row]
    costs = [row["cost"] for row in lines if row["cost"] is not None]
    start = min(row["start_ns"] for row in rows)
    return {
        "start": start,
        "duration": max(row["end_ns"] for row in rows) - start,
        "cost": sum(costs, Decimal(0)) if costs or not lines else None,
        "status": STATUSES[max(row["status_code"] for row in rows)],
    }


def meets(rows: list[dict[str, Any]], asked: Conditions) -> bool:
    whole = judged(rows)

    def has(key: str, wanted: list[str]) -> bool:
        if key == "status":
            return whole["status"] in wanted
        values = {row.get(key) for row in rows} - {None}
        return bool(values & set(wanted)) or ("" in wanted and not values)

    sizes = [(key, whole[key]) for key in ("duration", "cost")]
    return (
        all(has(key, wanted) for key, wanted in asked.include.items())
        and not any(has(key, wanted) for key, wanted in asked.exclude.items())
        and all(key not in asked.least or (size is not None and size >= asked.least[key]) for key, size in sizes)
        and all(key not in asked.most or (size is not None and size <= asked.most[key]) for key, size in sizes)
    )


def adds(rows: list[dict[str, Any]], asked: Conditions) -> float:
    """What a trace adds to the estimate: its judgements by ever less likely draws, added up."""
    weights = sorted({row["weight"] for row in rows})
    total = 0.0
    for weight, heavier in zip(weights, [*weights[1:], None], strict=True):
        if weight < inf and meets([row for row in rows if row["weight"] <= weight], asked):
            total += weight if heavier in (None, inf) else weight - heavier
    return total


def uncounted(rows: list[dict[str, Any]], asked: Conditions) -> bool:
    """Whether a trace meets the conditions only by what does not say how it was sampled."""
    known = [row for row in rows if row["weight"] < inf]
    return len(known) < len(rows) and meets(rows, asked) and not (known and meets(known, asked))


def expected(by_trace: dict[str, list[dict[str, Any]]], asked: Conditions) -> dict[str, Any]:
    matched = {trace: judged(rows) for trace, rows in by_trace.items() if meets(rows, asked)}
    facets: dict[str, Counter[str]] = {"service": Counter(), "model": Counter(), "status": Counter()}
    for trace, whole in matched.items():
        facets["status"][whole["status"]] += 1
        for key in ("service", "model"):
            facets[key].update({row[key] for row in by_trace[trace]} - {None})
    orders = {}
    for sort in search.SORTS:
        sign, key = (-1, sort[1:]) if sort.startswith("-") else (1, sort)
        known = sorted((sign * whole[key], trace) for trace, whole in matched.items() if whole[key] is not None)
        orders[sort] = [trace for _, trace in known] + sorted(set(matched) - {trace for _, trace in known})
    added = [adds(rows, asked) for rows in by_trace.values()]
    loose = sum(uncounted(rows, asked) for rows in by_trace.values())
    variance = sum(each * each for each in added) - sum(added)
    return {
        "matched": len(matched),
        "bars": Counter(max(whole["start"], FROM) // MINUTE for whole in matched.values()),
        "facets": facets,
        "orders": orders,
        "estimate": estimates.total(max(sum(added), 0.0), len(matched) - loose, variance),
        "uncounted": loose,
    }


def paged(database: Database, asked: Conditions, sort: str) -> list[search.Found]:
    pages: list[search.Found] = []
    while not pages or pages[-1].after is not None:
        with database.reader() as reader:
            after = pages[-1].after if pages else None
            pages.append(search.search(reader, FROM, TO, asked, sort, after, 17))
    return pages


@pytest.mark.parametrize("bits", [search.MOST_BITS, 3])
@pytest.mark.parametrize(
    "weights", [(None,), (1.0,), (4.0,), (4.0, 4.0, 1.0), (1.0, 1.0, 4.0), (1.0, 4.0, 8.0), (None, 1.0, 4.0)]
)
def test_a_search_is_what_judging_each_trace_gives(
    database: Database, weights: tuple[float | None, ...], bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST_BITS", bits)
    spans, lines = made(len(weights) * bits, weights)
    add_spans(database, spans)
    insert(database, "ledger", lines)
    by_trace = rows_of(spans, lines)
    for number, texts in enumerate(ASKED):
        asked = filters.parse(texts, filters.TRACES)
        wanted = expected(by_trace, asked)
        sort = search.SORTS[number % len(search.SORTS)]
        pages = paged(database, asked, sort)
        assert [one["trace_id"].hex for page in pages for one in page.traces] == wanted["orders"][sort], (texts, sort)
        for page in pages:
            assert page.matched == wanted["matched"], texts
            assert dataclasses.astuple(page.estimated) == pytest.approx(dataclasses.astuple(wanted["estimate"])), texts
            assert page.uncounted == wanted["uncounted"], texts
            assert Counter({at // MINUTE: number for at, number, _ in page.bars if number}) == wanted["bars"], texts
            told = {key: Counter({one["value"]: one["count"] for one in values}) for key, values in page.facets.items()}
            assert told == wanted["facets"], texts


def test_a_window_without_anything_is_empty_in_every_order(database: Database) -> None:
    for sort in search.SORTS:
        (page,) = paged(database, filters.parse((), filters.TRACES), sort)
        assert (page.traces, page.matched, page.estimated.value, page.uncounted) == ([], 0, 0, 0)
        assert page.facets == {"service": [], "model": [], "status": []}
