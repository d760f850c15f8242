"""Bills held against the ledger, over HTTP: a file comes in, what differs and why goes out, and is kept.

Never: a bill half read, or anything changed because of one.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from spanledger_server import timegrid
from spanledger_server.api import answers, parameters
from spanledger_server.api import price_examples as examples
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.uploads import Uploaded
from spanledger_server.auth import audit
from spanledger_server.bills import formats, reconcile
from spanledger_server.bills.tables import Asked
from spanledger_server.errors import Invalid
from spanledger_server.timegrid import Range

router = APIRouter(tags=["prices"])

KINDS: Final = ("text/csv", "application/json", "application/octet-stream")
BODY: Final = {
    "required": True,
    "description": "the bill as its provider gives it: CSV or JSON, also gzip, at most 1 GiB",
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in KINDS},
}
Kept = Annotated[str, Path(description="a reconciliation's id")]
WHOLE: Final = examples.RECONCILIATION | {"cells": [examples.CELL]}


@router.post(
    "/api/v1/reconcile",
    status_code=201,
    openapi_extra={"requestBody": BODY},
    responses=examples.of(WHOLE, 201),
)
def hold_against(
    file: Uploaded,
    store: Store,
    now_ns: NowNs,
    request: Request,
    name: Annotated[
        str | None, Query(description="the file's name, for the history", min_length=1, max_length=200)
    ] = None,
    kind: Annotated[
        str | None, Query(alias="format", description=f"{', '.join(formats.NAMES)}; else found out")
    ] = None,
    tz: Annotated[
        str | None, Query(description="IANA zone in which the bill's days begin; else its provider's")
    ] = None,
    provider: Annotated[list[str] | None, Query(description="only these providers' lines; else by the format")] = None,
    columns: Annotated[str | None, Query(description="date=DAY,model=MODEL,amount=AMOUNT,project=…")] = None,
    project: Annotated[
        str | None, Query(description="what the bill's project is in the ledger: service, feature, …")
    ] = None,
    decimal: Annotated[str | None, Query(description=". or , before decimals; else found out")] = None,
    dates: Annotated[str | None, Query(description="dmy or mdy, for dates such as 01/02/2026; else found out")] = None,
    duplicates: Annotated[str | None, Query(description="once or keep, for rows that stand there twice")] = None,
    currency_rate: Annotated[list[str] | None, Query(description="EUR=1.08: US dollars for one")] = None,
    tolerance: Annotated[str | None, Query(description="percent of the bill that may differ, default 1")] = None,
) -> Response:
    """Hold a bill against the ledger, day by model, and keep the result. Nothing else changes."""
    asked = Asked(
        format=parameters.choice("format", kind, formats.NAMES, "") or None,
        zone=None if tz is None else timegrid.zone(tz),
        providers=tuple(parameters.free_text("provider", each).lower() for each in provider or ()),
        columns=_pairs("columns", columns),
        decimal=_one_of(decimal),
        dates=_order(dates),
        duplicates=_twice(duplicates),
        rates=_rates(currency_rate or []),
    )
    column = parameters.choice("project", project, reconcile.PROJECTS, "") or None
    question = reconcile.Question(asked, column, _percent(tolerance), name)
    found = reconcile.reconcile(store, file, question)
    by = str(request.state.caller.name or "nobody")
    with store.transaction() as tx:
        kept = reconcile.keep(tx, found, by, now_ns)
        told = {key: found[key] for key in ("file", "format", "from", "to", "bill", "ledger", "seen")}
        audit.record(tx, now_ns, by, "reconcile", kept, told)
    return answers.answer({"id": kept, "at": answers.when(now_ns), "made_by": by, **found}, 201)


@router.get("/api/v1/reconcile", responses=examples.page(examples.RECONCILIATION))
def listed(
    store: Store,
    limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
) -> Response:
    """Bills that were held against the ledger, the newest first, without their cells."""
    most, place = parameters.limit(limit), parameters.cursor(cursor, ("reconcile",))
    behind = None if place is None else (int(place.position[0]), str(place.position[1]))
    with store.reader() as reader:
        rows = reconcile.page(reader, behind, most + 1)
    following = None
    if len(rows) > most:
        last = rows[most - 1]
        position = parameters.Cursor(Range(0, 1), (last["at_ns"], last["reconciliation_id"]))
        following = parameters.cursor_text(position, ("reconcile",))
    return answers.answer({"items": [_shown(row) for row in rows[:most]], "next_cursor": following})


@router.get("/api/v1/reconcile/{reconciliation_id}", responses=examples.of(WHOLE))
def one(reconciliation_id: Kept, store: Store) -> Response:
    """A bill that was held against the ledger, with its cells."""
    with store.reader() as reader:
        return answers.answer(_shown(reconcile.one(reader, reconciliation_id)))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    head = {"id": row["reconciliation_id"], "at": answers.when(row["at_ns"]), "made_by": row["made_by"]}
    summary: dict[str, Any] = row["summary"]
    return head | summary


def _pairs(parameter: str, text: str | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in (text or "").split(","):
        if not part.strip():
            continue
        what, equals, value = part.partition("=")
        if not equals or not value.strip():
            raise Invalid(parameter, part, "what=column, parted by commas, such as date=DAY,model=MODEL,amount=AMOUNT")
        found[what.strip().lower()] = value.strip()
    return found


def _one_of(text: str | None) -> Literal[".", ","] | None:
    if text not in (None, ".", ","):
        raise Invalid("decimal", text, "one of . and ,")
    return "." if text == "." else "," if text == "," else None


def _order(text: str | None) -> Literal["dmy", "mdy"] | None:
    if text not in (None, "dmy", "mdy"):
        raise Invalid("dates", text, "one of dmy, mdy")
    return "dmy" if text == "dmy" else "mdy" if text == "mdy" else None


def _twice(text: str | None) -> Literal["once", "keep"] | None:
    if text not in (None, "once", "keep"):
        raise Invalid("duplicates", text, "one of once, keep")
    return "once" if text == "once" else "keep" if text == "keep" else None


def _rates(texts: list[str]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for text in texts:
        name, _, value = text.partition("=")
        rate = _decimal(value)
        if not (len(name.strip()) == 3 and name.strip().isalpha()) or rate is None or not 0 < rate < 10**9:
            raise Invalid("currency_rate", text, "CURRENCY=US dollars for one, such as EUR=1.08")
        found[name.strip().upper()] = rate
    return found


def _percent(text: str | None) -> Decimal:
    if text is None:
        return reconcile.TOLERANCE
    found = _decimal(text.removesuffix("%"))
    if found is None or not 0 <= found <= 100:
        raise Invalid("tolerance", text, "a percentage from 0 to 100")
    return found / 100


def _decimal(text: str) -> Decimal | None:
    try:
        found = Decimal(text.strip()) if len(text) < 40 else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None
