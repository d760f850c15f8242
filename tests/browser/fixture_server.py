"""The dashboard's pages from the checkout, under the server's own policy, with made-up answers and a live channel.

The browser chooses with the cookie `face` what it gets: full, empty, unknown, partial, nomatch, error, slow,
forbidden, signedout, nosocket, hung. Run as `python -m tests.browser.fixture_server --port N`; it prints the address when it listens.
Never: used outside tests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect

from spanledger_server.api import pages
from tests.browser import answers, answers_trace

VERSION = "0.1.0"


def encode(value: Any) -> str:
    """JSON with exact numbers written bare."""
    marks: list[str] = []

    def mark(one: Any) -> str:
        marks.append(one.text)
        return f"@exact{len(marks) - 1}@"

    text = json.dumps(value, default=mark)
    for at, digits in enumerate(marks):
        text = text.replace(f'"@exact{at}@"', digits)
    return text


def reply(value: Any, status: int = 200) -> Response:
    kind = "application/json" if status < 400 else "application/problem+json"
    return Response(
        encode(value),
        status_code=status,
        media_type=kind,
        headers={"Cache-Control": "no-store", "X-Request-Id": "req-0042"},
    )


def problem(status: int, title: str, detail: str) -> Response:
    return reply({"type": "about:blank", "title": title, "status": status, "detail": detail}, status)


def build(epoch: str) -> FastAPI:
    """The application."""
    app = FastAPI(openapi_url=None)
    app.include_router(pages.router(pages.directory()))
    signed_in: set[str] = set()

    @app.middleware("http")
    async def faces(request: Request, call_next: Any) -> Response:
        face = request.cookies.get("face", "full")
        asked = request.url.path
        data = asked.startswith(("/api/", "/admin/")) and asked != "/api/v1/session"
        if asked.startswith(("/api/", "/admin/")) and face == "signedout" and not signed_in and request.method == "GET":
            return problem(401, "Unauthorized", "a token is needed")
        if data and face == "error":
            return problem(503, "Service Unavailable", "the store is busy")
        if data and face == "forbidden":
            return problem(403, "Forbidden", "this needs the viewer role")
        if data and face == "slow":
            await asyncio.sleep(30)
        return await call_next(request)

    @app.get("/api/v1/session")
    def who() -> Response:
        return reply(
            {
                "role": "viewer",
                "name": "Ana",
                "version": VERSION,
                "environment": "production",
                "complete_to": answers.when(time.time() * 1000 - 3000),
            }
        )

    @app.post("/api/v1/session")
    async def sign_in(request: Request) -> Response:
        if (await request.json()).get("token") != "good-token":
            return problem(401, "Unauthorized", "this token is not known")
        signed_in.add("yes")
        return reply({"role": "viewer", "name": "Ana"})

    @app.delete("/api/v1/session")
    def sign_out() -> Response:
        signed_in.clear()
        return Response(status_code=204)

    add_data(app)

    @app.websocket("/api/v1/live")
    async def live(socket: WebSocket) -> None:
        face = socket.cookies.get("face", "full")
        if face in ("nosocket", "error", "forbidden"):
            await socket.close(1013)
            return
        await socket.accept()
        try:
            await talk(socket, face, epoch)
        except (WebSocketDisconnect, RuntimeError):
            return

    return app


def add_data(app: FastAPI) -> None:
    """The routes that answer with data."""

    def face(request: Request) -> str:
        return request.cookies.get("face", "full")

    @app.get("/admin/statistics/costs")
    def costs(request: Request, period: str = "month", group_by: str = "model") -> Response:
        return reply(answers.costs(face(request), period, group_by, int(time.time())))

    @app.get("/api/v1/traces")
    def traces(request: Request) -> Response:
        asked = request.query_params
        return reply(
            answers.traces(
                face(request),
                int(time.time()),
                filtered=len(asked.getlist("f")) > 1 or "q" in asked,
                cursor=asked.get("cursor"),
            )
        )

    @app.get("/api/v1/traces/{trace_id}")
    def trace(request: Request, trace_id: str) -> Response:
        if face(request) == "empty" or trace_id != answers.TRACE_ID:
            return problem(404, "Not Found", "there is no such trace")
        return reply(answers_trace.trace(face(request), int(time.time()), int(request.cookies.get("spans", "120"))))

    @app.get("/api/v1/logs")
    def logs(request: Request) -> Response:
        return reply(answers.logs(face(request), int(time.time())))

    @app.get("/api/v1/ledger")
    def ledger(request: Request) -> Response:
        lines = [
            span["ledger"] for span in answers_trace.trace(face(request), int(time.time()))["spans"] if span["ledger"]
        ]
        return reply({"items": [] if face(request) == "empty" else lines, "next_cursor": None})

    @app.get("/api/v1/loss")
    def loss(request: Request) -> Response:
        unknown = face(request) == "unknown"
        rows = [
            {
                "service": name,
                "signal": "spans",
                "sent": None if unknown else 48_112,
                "stored": None if unknown else 48_112,
                "refused": None if unknown else 0,
                "dropped": None if unknown else 0,
                "reasons": {},
            }
            for name in answers.SERVICES
        ]
        return reply({"services": [] if face(request) == "empty" else rows})

    @app.get("/api/admin/monitoring/metrics/realtime")
    def realtime(request: Request) -> Response:
        return reply({"type": "snapshot", "topic": "live", **moment(face(request), int(time.time()), 0)})

    @app.get("/test/record")
    def record(start: int, end: int) -> Response:
        return reply([one for one in (answers.point(t) for t in range(start, end + 1)) if one])


def moment(face: str, now_s: int, after: int) -> dict[str, Any]:
    """Points after a second, and the state."""
    bare = face in ("empty", "unknown")
    return {"points": [] if bare else answers.points(now_s, after), "state": answers.state(face, now_s)}


async def talk(socket: WebSocket, face: str, epoch: str) -> None:
    """The live channel: what the page lacks, then a message a second; a hung one falls silent after three."""
    word = json.loads(await socket.receive_text())
    now_s = int(time.time())
    await socket.send_text(
        json.dumps({"type": "hello", "epoch": epoch, "version": VERSION, "now": answers.when(now_s * 1000)})
    )
    known = word.get("epoch") == epoch and word.get("last") is not None
    told = now_s
    await socket.send_text(
        json.dumps(
            {
                "type": "points" if known else "snapshot",
                "topic": "live",
                **moment(face, now_s, word["last"] - 60 if known else 0),
            }
        )
    )
    sent = 0
    while True:
        await asyncio.sleep(1 - time.time() % 1)
        now_s = int(time.time())
        sent += 1
        if face == "hung" and sent > 2:
            await asyncio.sleep(3600)
        await socket.send_text(json.dumps({"type": "points", "topic": "live", **moment(face, now_s, told - 2)}))
        told = now_s


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--epoch", default="epoch-1")
    options = parser.parse_args()
    uvicorn.run(
        build(options.epoch),
        host="127.0.0.1",
        port=options.port,
        log_level="error",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
