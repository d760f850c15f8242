"""What of an objective's time and events does not count, over HTTP: planned downtime and corrections.

Never: a change without a reason and without its row in the audit trail.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from itertools import islice
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Path, Request, Response

from spanledger_server.api import answers, parameters
from spanledger_server.api.answers import when
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.slos import Sent, SloId, who
from spanledger_server.errors import Invalid, Malformed
from spanledger_server.slos import adjusting, register
from spanledger_server.slos.adjusting import Adjustment
from spanledger_server.slos.adjustments import Correction
from spanledger_server.timegrid import DAY_NS, MINUTE_NS, SECOND_NS, Range

AHEAD_NS: Final = 366 * DAY_NS
MOST_NEXT: Final = 3
TIMES: Final = frozenset(("from", "to", "at"))
AdjustmentId = Annotated[str, Path(description="its id, as the list tells it")]
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {
                    "kind": "downtime",
                    "reason": "the database is moved",
                    "from": "2026-11-22T02:00:00Z",
                    "to": "2026-11-22T04:00:00Z",
                },
            }
        },
    }
}


@cache
def router() -> APIRouter:
    """What people ask."""
    routes = APIRouter(tags=["SLOs"])

    @routes.get("/api/v1/slos/{slo_id}/adjustments")
    def adjustments(slo_id: SloId, store: Store, now_ns: NowNs) -> Response:
        """Planned downtime and corrections of an objective, and the next times of each."""
        with store.reader() as reader:
            kept = register.one(reader, slo_id)
            each = adjusting.listed(reader, kept.slo_id)
        return answers.answer({"adjustments": [_shown(one, now_ns) for one in each]})

    return routes


@cache
def changes() -> APIRouter:
    """What administrators change."""
    routes = APIRouter(tags=["SLOs"])

    @routes.post("/api/v1/slos/{slo_id}/adjustments", status_code=201, openapi_extra=_BODY)
    def create(slo_id: SloId, body: Sent, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Exclude planned downtime, once or again and again, or correct how many events were bad (docs/slos.md)."""
        given = _settled(_object(body), now_ns)
        with store.transaction() as tx:
            kept = register.one(tx, slo_id)
            _refuse_of_composites(kept, given)
            made = adjusting.add(tx, kept.slo_id, given, now_ns, who(request))
        return answers.answer(_shown(made, now_ns), 201)

    @routes.put("/api/v1/slos/{slo_id}/adjustments/{adjustment_id}", openapi_extra=_BODY)
    def change(
        slo_id: SloId, adjustment_id: AdjustmentId, body: Sent, store: Store, now_ns: NowNs, request: Request
    ) -> Response:
        """Something else in place of an adjustment."""
        given = _settled(_object(body), now_ns)
        with store.transaction() as tx:
            kept = register.one(tx, slo_id)
            _refuse_of_composites(kept, given)
            changed = adjusting.change(tx, kept.slo_id, adjustment_id, given, now_ns, who(request))
        return answers.answer(_shown(changed, now_ns))

    @routes.delete("/api/v1/slos/{slo_id}/adjustments/{adjustment_id}", status_code=204)
    def delete(slo_id: SloId, adjustment_id: AdjustmentId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Count again what an adjustment excluded or corrected."""
        with store.transaction() as tx:
            adjusting.delete(tx, register.one(tx, slo_id).slo_id, adjustment_id, now_ns, who(request))
        return Response(status_code=204)

    return routes


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Invalid("body", found, "an object with kind and reason")
    return found


def _settled(given: Mapping[str, Any], now_ns: int) -> Mapping[str, Any]:
    """Times such as `now-1h` as the whole minutes around them: what is kept means the same tomorrow.

    Raises:
        Invalid: It begins with `now`, and is no such time.
    """
    found = dict(given)
    for name in TIMES & given.keys():
        text = given[name]
        if isinstance(text, str) and text.strip().startswith("now"):
            at_ns = parameters.instant(name, text, now_ns)
            begun = at_ns // MINUTE_NS * MINUTE_NS
            found[name] = _minute(begun + MINUTE_NS if name == "to" and begun < at_ns else begun)
    return found


def _minute(at_ns: int) -> str:
    return f"{dt.datetime.fromtimestamp(at_ns // SECOND_NS, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _refuse_of_composites(kept: register.Kept, given: Mapping[str, Any]) -> None:
    if kept.objective.indicator.kind == "composite" and given.get("kind") == "correction":
        raise Invalid("kind", "correction", "downtime: the events of a composite are those of its parts, correct these")


def _shown(one: Adjustment, now_ns: int) -> dict[str, Any]:
    coming: list[Range] = []
    if not isinstance(one.means, Correction):
        ahead = Range(now_ns, now_ns + AHEAD_NS)
        coming = list(islice((each for each in one.means.within(ahead) if each.to_ns > now_ns), MOST_NEXT))
    return {
        "id": one.adjustment_id,
        **one.given,
        "next": [{"from": when(each.from_ns), "to": when(each.to_ns)} for each in coming],
        "created_at": when(one.created_ns),
        "updated_at": when(one.updated_ns),
        "updated_by": one.updated_by,
    }
