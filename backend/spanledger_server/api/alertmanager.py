"""Alertmanager's API, as much of it as Prometheus and amtool use: alerts in, those that fire out, and its status.

A Prometheus sends its alerts here by the same lines of configuration as to an Alertmanager.

Never: an alert refused because another one of the same request is bad.
"""

from __future__ import annotations

import platform
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from spanledger.version import __version__
from spanledger_server.alerts import listed
from spanledger_server.alerts.episodes import Message
from spanledger_server.alerts.received import MOST_FIRING, ReceivedAlerts
from spanledger_server.api import alertmanager_wire as wire
from spanledger_server.api import alerts_shown, answers, parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.errors import Malformed, TooLarge, UnsupportedMedia
from spanledger_server.silences import held, matchers

MOST_BYTES: Final = 16 * 1024 * 1024
MOST_ALERTS: Final = 10_000
MOST_REASONS: Final = 5
YES_OR_NO: Final = ("true", "false")
POSTED: Final = {
    "labels": {"alertname": "HighErrorRate", "severity": "critical", "service": "shop"},
    "annotations": {"summary": "5 % of requests fail"},
    "startsAt": "2026-11-21T10:00:00Z",
    "endsAt": "2026-11-21T10:04:00Z",
    "generatorURL": "http://prometheus:9090/graph",
}
STATUS: Final = {"inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active"}
GOT: Final = POSTED | {
    "fingerprint": "0d7c8e0f3f6b2a11",
    "receivers": [{"name": wire.RECEIVER}],
    "status": STATUS,
    "updatedAt": "2026-11-21T10:00:30Z",
}


def router(alerts: ReceivedAlerts) -> APIRouter:
    """What is asked; for whoever may read."""
    routes = APIRouter(tags=["alerts"])
    example = {"content": {"application/json": {"example": [GOT]}}}

    @routes.get("/api/v2/alerts", responses={200: example})
    def firing(
        store: Store,
        now_ns: NowNs,
        filter_: Annotated[
            list[str] | None, Query(alias="filter", description="matchers, repeated; all of them must match")
        ] = None,
        active: Annotated[str | None, Query(description="true (default) or false: not those that are told")] = None,
        silenced: Annotated[str | None, Query(description="true (default) or false: not those silenced")] = None,
        inhibited: Annotated[str | None, Query(description="true (default) or false: not those inhibited")] = None,
        unprocessed: Annotated[str | None, Query(description="true (default) or false; none is")] = None,
        receiver: Annotated[str | None, Query(description="regular expression; the one receiver is spanledger")] = None,
    ) -> Response:
        """Alerts that fire, whoever judged them, as Alertmanager lists them."""
        given = {"active": active, "silenced": silenced, "inhibited": inhibited, "unprocessed": unprocessed}
        left_out = {name for name, text in given.items() if _unwanted(name, text)}
        asked = matchers.parse(filter_ or [])
        if receiver is not None and not matchers.matches(receiver, wire.RECEIVER, "receiver"):
            return answers.answer([])
        with store.reader() as reader:
            fire = [each for each in listed.firing(reader) if matchers.all_hold(asked, each.labels)]
            holds = held.holding(reader, now_ns)
        shown = [alerts_shown.for_alertmanager(each, holds, wire.RECEIVER) for each in fire]
        return answers.answer([each for each in shown if not left_out & _is(each["status"])])

    @routes.get("/api/v2/status")
    def status() -> Response:
        """What Alertmanager tells of itself; there is no cluster, and no configuration to show."""
        version = {"version": __version__, "goVersion": f"none: Python {platform.python_version()}"}
        unknown = dict.fromkeys(("revision", "branch", "buildUser", "buildDate"), "")
        return answers.answer(
            {
                "cluster": {"name": "", "status": "disabled", "peers": []},
                "config": {"original": ""},
                "uptime": answers.when(alerts.started_ns),
                "versionInfo": unknown | version,
            }
        )

    return routes


def _unwanted(name: str, text: str | None) -> bool:
    return parameters.choice(name, text, YES_OR_NO, "true") == "false"


def _is(status: dict[str, Any]) -> set[str]:
    """Under which names of the question an alert stands."""
    held_by = {"silenced": status["silencedBy"], "inhibited": status["inhibitedBy"]}
    return {name for name, by in held_by.items() if by} or {"active"}


def receiver(alerts: ReceivedAlerts) -> APIRouter:
    """The way in; for senders."""
    routes = APIRouter(tags=["telemetry"])
    body = {"required": True, "content": {"application/json": {"schema": {"type": "array"}, "example": [POSTED]}}}

    @routes.post("/api/v2/alerts", openapi_extra={"requestBody": body}, response_class=Response)
    async def take(request: Request, now_ns: NowNs) -> Response:
        """Alerts as Prometheus sends them to an Alertmanager: answered once they are stored.

        400 names those that were refused; the others are stored all the same.
        """
        body = await _body(request)
        return await run_in_threadpool(_taken, alerts, body, request.state.caller.name, now_ns)

    return routes


def _taken(alerts: ReceivedAlerts, body: bytes, sender: str | None, now_ns: int) -> Response:
    """The answer to a request, whose alerts are stored."""
    items = _items(body)
    messages, reasons = _messages(items, now_ns, alerts.resolve_timeout_ns)
    refused = len(items) - len(messages)
    alerts.counters.refused += refused
    beyond = alerts.take(messages, sender, now_ns) if messages else 0
    if beyond:
        reasons.append(f"{beyond} alerts: more than {MOST_FIRING} would fire")
    if reasons:
        detail = f"{refused + beyond} of {len(items)} alerts were refused: {'; '.join(reasons)}"
        return answers.problem(400, detail)
    return Response(status_code=200)


async def _body(request: Request) -> bytes:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedMedia(f"Content-Encoding {encoding[:100]!r} is not spoken here: send none")
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > MOST_BYTES:
            raise TooLarge(f"alerts of more than {MOST_BYTES} bytes: send fewer at a time")
    return bytes(read)


def _items(body: bytes) -> list[Any]:
    try:
        items = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the body is not JSON: {error}") from error
    if not isinstance(items, list):
        raise Malformed("the body is a list of alerts")
    if len(items) > MOST_ALERTS:
        raise TooLarge(f"{len(items)} alerts in one request: send at most {MOST_ALERTS}")
    return items


def _messages(items: list[Any], now_ns: int, resolve_timeout_ns: int) -> tuple[list[Message], list[str]]:
    """What can be taken, and the first reasons why the rest cannot."""
    messages: list[Message] = []
    reasons: list[str] = []
    for place, item in enumerate(items):
        try:
            messages.append(wire.message(item, now_ns, resolve_timeout_ns))
        except wire.RefusedAlert as reason:
            if len(reasons) < MOST_REASONS:
                reasons.append(f"alert {place}: {reason}")
    return messages, reasons
