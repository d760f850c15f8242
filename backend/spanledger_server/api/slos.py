"""Objectives over HTTP: definitions, where they stand, reports, and OpenSLO in and out.

Never: a state without its reason, or half an import.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Final

import yaml
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from spanledger_server.api import answers, slo_answers
from spanledger_server.api.deps import DefaultZone, NowNs, Store
from spanledger_server.errors import Invalid, TooLarge
from spanledger_server.slos import (
    definition,
    documents,
    given,
    groups,
    openslo,
    prometheus,
    register,
    report,
    sla,
    status,
)
from spanledger_server.slos.given import Given
from spanledger_server.slos.keeping import Keeping
from spanledger_server.slos.known import Known
from spanledger_server.slos.objective import LONGEST_NS, duration_ns
from spanledger_server.timegrid import MINUTE_NS, Range, month, zone

YAML: Final = "application/yaml"
FORMATS: Final = ("json", "markdown")
SloId = Annotated[str, Path(description="its id or its name")]
Window = Annotated[str | None, Query(description="a length such as 7d, up to now; default the objective's")]
Month = Annotated[str | None, Query(description="a calendar month, 2026-11, in place of a window")]
Replace = Annotated[
    bool, Query(description="also in place of objectives that have these names, each another generation")
]
Zone = Annotated[str | None, Query(description="IANA zone of the month; default the server's")]


async def _sent(request: Request) -> bytes:
    """The body, no more of it than may be."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > documents.MOST_BYTES:
            raise TooLarge(f"definitions have at most {documents.MOST_BYTES} bytes")
    return bytes(found)


def _keeping(request: Request) -> Keeping:
    """How long everything is kept here."""
    settings = request.app.state.settings
    each = (getattr(settings, f"retention_{level}") for level in ("raw", "minutes", "hours", "days"))
    return Keeping(*(length // timedelta(microseconds=1) * 1000 for length in each))


Sent = Annotated[bytes, Depends(_sent)]
HowLong = Annotated[Keeping, Depends(_keeping)]


@dataclass(frozen=True, slots=True)
class _Taken:
    """The definitions of a body, and what is known here."""

    given: list[Given]
    known: Known

    @property
    def definitions(self) -> list[tuple[Mapping[str, Any], str | None]]:
        """Each with the document that it came from."""
        return [(one.definition, one.document) for one in self.given]


def _taken(store: Store, body: bytes, keeping: Keeping, *, new: bool = True) -> _Taken:
    with store.reader() as reader:
        known = Known.of(reader, keeping)
        return _Taken(given.checked(reader, body, known, new=new), known)


@cache
def router() -> APIRouter:
    """What people ask."""
    routes = APIRouter(tags=["SLOs"])

    @routes.get("/api/v1/slos")
    def slos(store: Store, now_ns: NowNs) -> Response:
        """All objectives and where each stands: state and reason, budget, burn rates."""
        with store.reader() as reader:
            kept = register.listed(reader)
            found = status.of_all(reader, [one.objective for one in kept], now_ns)
        return answers.answer({"slos": [slo_answers.slo(*each) for each in zip(kept, found, strict=True)]})

    @routes.get("/api/v1/slos/openslo")
    def export(store: Store) -> Response:
        """All objectives as documents of openslo/v1; imported ones as they came."""
        with store.reader() as reader:
            kept = register.listed(reader)
        texts = dict.fromkeys(
            one.document or yaml.safe_dump(openslo.document(one.given), sort_keys=False, allow_unicode=True)
            for one in kept
        )
        content = "---\n".join(text if text.endswith("\n") else f"{text}\n" for text in texts)
        return Response(content, 200, {"Cache-Control": "no-store"}, YAML)

    @routes.get("/api/v1/slos/rules.yaml")
    def rules(
        store: Store,
        now_ns: NowNs,
        format: Annotated[str, Query(description="prometheus")] = "prometheus",  # noqa: A002 - the parameter's name
    ) -> Response:
        """A rule file for Prometheus over the metrics of this server: recordings, and alerts on pairs of windows."""
        if format != "prometheus":
            raise Invalid("format", format, "prometheus")
        with store.reader() as reader:
            objectives = [one.objective for one in register.listed(reader)]
        return Response(prometheus.rules(objectives, now_ns), 200, {"Cache-Control": "no-store"}, YAML)

    @routes.get("/api/v1/slos/{slo_id}")
    def slo(slo_id: SloId, store: Store, now_ns: NowNs) -> Response:
        """One objective, by id or name: its definition, where it stands, by group as well, and what it was before."""
        with store.reader() as reader:
            kept = register.one(reader, slo_id)
            whole = status.of(reader, kept.objective, now_ns)
            each = groups.of(reader, kept.objective, whole, now_ns)
            before = register.generations(reader, kept.slo_id)
        found = slo_answers.slo(kept, whole) | {"groups": slo_answers.groups(kept.objective, each)}
        return answers.answer(found | {"generations": slo_answers.generations(before)})

    return routes


@cache
def changes() -> APIRouter:
    """What administrators change."""
    routes = APIRouter(tags=["SLOs"])

    @routes.post("/api/v1/slos", status_code=201, openapi_extra=BODY)
    def create(
        body: Sent, store: Store, now_ns: NowNs, keeping: HowLong, request: Request, replace: Replace = False
    ) -> Response:
        """A new objective: an OpenSLO document (YAML or JSON), or spanledger's own form (docs/slos.md)."""
        return _created(store, _taken(store, body, keeping, new=not replace), now_ns, who(request), replace=replace)

    @routes.post("/api/v1/slos/openslo", status_code=201, openapi_extra=BODY)
    def take(
        body: Sent, store: Store, now_ns: NowNs, keeping: HowLong, request: Request, replace: Replace = False
    ) -> Response:
        """Import OpenSLO documents (YAML or JSON, several with ---): all of them, or none."""
        taken = _taken(store, body, keeping, new=not replace)
        if any(one.document is None for one in taken.given):
            raise Invalid(
                "apiVersion", None, "documents of OpenSLO; POST /api/v1/slos takes definitions of our own form"
            )
        return _created(store, taken, now_ns, who(request), replace=replace)

    @routes.put("/api/v1/slos/{slo_id}", openapi_extra=BODY)
    def change(slo_id: SloId, body: Sent, store: Store, now_ns: NowNs, keeping: HowLong, request: Request) -> Response:
        """Another definition for an objective; it holds for the past as well, and the old one stays readable."""
        taken = _taken(store, body, keeping, new=False)
        if len(taken.given) != 1:
            raise Invalid("body", f"{len(taken.given)} objectives", "one objective: this changes one")
        kept = register.change(store, slo_id, *taken.definitions[0], now_ns, who(request))
        return answers.answer(_definition(kept, taken.known))

    @routes.delete("/api/v1/slos/{slo_id}", status_code=204)
    def delete(slo_id: SloId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Forget an objective."""
        register.delete(store, slo_id, now_ns, who(request))
        return Response(status_code=204)

    return routes


@cache
def reports() -> APIRouter:
    """What a window looked like, and whether a definition would be taken."""
    routes = APIRouter(tags=["SLOs"])

    @routes.post("/api/v1/slos/validate", openapi_extra=BODY)
    def validate(body: Sent, store: Store, keeping: HowLong) -> Response:
        """Say all that is wrong with definitions, OpenSLO or own, and what they would replace; nothing is kept."""
        taken = _taken(store, body, keeping, new=False)
        given = [one for one, _ in taken.definitions]
        with store.reader() as reader:
            kept = register.by_name(reader)
        return answers.answer(
            {
                "slos": [
                    slo_answers.checked(objective)
                    | {"warnings": taken.known.warnings(objective), "change": change, "definition": one}
                    | {"before": kept[objective.name].given if objective.name in kept else None}
                    for one, objective, change in zip(
                        given, map(definition.parse, given), register.compared(kept, given), strict=True
                    )
                ]
            }
        )

    @routes.get("/api/v1/slos/{slo_id}/report")
    def one(
        slo_id: SloId,
        store: Store,
        now_ns: NowNs,
        default_zone: DefaultZone,
        window: Window = None,
        month: Month = None,
        tz: Zone = None,
    ) -> Response:
        """Target, achieved, budget, burn rates, incidents, downtime, contributors, and the window before."""
        period = period_of(window, month, default_zone if tz is None else tz, now_ns)
        with store.reader() as reader:
            kept = register.one(reader, slo_id)
            found = report.of(reader, kept.objective, now_ns, period)
        return answers.answer(slo_answers.report(kept, found))

    return routes


@cache
def months() -> APIRouter:
    """What a month looked like, over all objectives."""
    routes = APIRouter(tags=["SLOs"])

    @routes.get("/api/v1/reports/sla")
    def all_of_them(
        store: Store,
        now_ns: NowNs,
        default_zone: DefaultZone,
        month: Annotated[str, Query(description="a calendar month, 2026-11")],
        tz: Zone = None,
        format: Annotated[str, Query(description="json or markdown")] = "json",  # noqa: A002 - the parameter's name
    ) -> Response:
        """All objectives over a calendar month: compliance, incidents, downtime; as JSON or Markdown."""
        if format not in FORMATS:
            raise Invalid("format", format, f"one of {', '.join(FORMATS)}")
        zone_name = default_zone if tz is None else tz
        period = _month(month, zone_name, now_ns)
        with store.reader() as reader:
            each = [(kept, report.of(reader, kept.objective, now_ns, period)) for kept in register.listed(reader)]
        if format == "markdown":
            text = sla.markdown(month, zone_name, each)
            return Response(text, 200, {"Cache-Control": "no-store"}, "text/markdown; charset=utf-8")
        return answers.answer(slo_answers.sla(month, zone_name, period, each))

    return routes


BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object"}},
            YAML: {"schema": {"type": "string"}},
        },
    }
}


def who(request: Request) -> str:
    """Who asks."""
    return str(request.state.caller.name or "nobody")


def _created(store: Store, taken: _Taken, now_ns: int, actor: str, *, replace: bool) -> Response:
    if replace:
        became = register.replace_all(store, taken.definitions, now_ns, actor)
    else:
        became = [(one, "created") for one in register.add(store, taken.definitions, now_ns, actor)]
    each = [_definition(one, taken.known) | {"change": what} for one, what in became]
    return answers.answer(each[0] | {"slos": each}, 201)


def _definition(kept: register.Kept, known: Known) -> dict[str, Any]:
    return slo_answers.definition(kept) | {"warnings": known.warnings(kept.objective)}


def period_of(window: str | None, month_text: str | None, zone_name: str, now_ns: int) -> Range | None:
    """The window or the month that is asked for; None for the objective's own."""
    if window is not None and month_text is not None:
        raise Invalid("month", month_text, "a window or a month, not both")
    if month_text is not None:
        return _month(month_text, zone_name, now_ns)
    if window is None:
        return None
    try:
        length_ns = duration_ns(window)
    except Invalid as error:
        raise Invalid("window", window, error.allowed) from error
    if length_ns > LONGEST_NS:
        raise Invalid("window", window, "at most 366d")
    edge_ns = (now_ns // MINUTE_NS + 1) * MINUTE_NS
    return Range(edge_ns - length_ns, edge_ns)


def _month(text: str, zone_name: str, now_ns: int) -> Range:
    found = month(text, zone(zone_name))
    if found.from_ns > now_ns:
        raise Invalid("month", text, "a month that has begun")
    return found
