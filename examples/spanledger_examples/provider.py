"""A simulated provider: speaks the OpenAI and Anthropic wire formats, JSON and server-sent events; keeps its own bill.

Run as ``python -m spanledger_examples.provider PORT``. ``GET /bill`` shows what it served. Some requests meet a rate
limit (the client tries again) and some are refused for good, as with a real provider.

Never: reaches out to anywhere, or knows of spanledger.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import uuid
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from spanledger_examples import anthropic_wire, openai_wire
from spanledger_examples.meter import Books, Served, answer, pieces, words_of
from spanledger_examples.quotations import length_s, nearest

BOOKS = Books()
_RATE_LIMITED_EVERY = 83
_REFUSED_EVERY = 211
_FIRST_TOKEN_S = 0.04
_TOKEN_S = 0.0008
_MISHEARD_OF_16 = 4


async def chat_completions(request: Request) -> Response:
    """``POST /v1/chat/completions``."""
    asked = await request.json()
    if refusal := _refusal(openai_wire.error):
        return refusal
    words = [word for message in asked["messages"] for word in words_of(message["content"])]
    reply = openai_wire.Chat(
        response_id=f"chatcmpl-{uuid.uuid4().hex}",
        model=asked["model"],
        words=answer(asked.get("max_completion_tokens") or asked.get("max_tokens") or 64),
        input_tokens=len(words),
        cached_tokens=BOOKS.cached(words),
    )
    BOOKS.serve(
        Served(reply.response_id, "openai", reply.model, reply.input_tokens, len(reply.words), reply.cached_tokens)
    )
    if asked.get("stream"):
        with_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        return _stream(reply.events(pieces(reply.words), with_usage=with_usage), len(reply.words))
    await asyncio.sleep(_FIRST_TOKEN_S + len(reply.words) * _TOKEN_S)
    return JSONResponse(reply.body())


async def messages(request: Request) -> Response:
    """``POST /v1/messages``."""
    asked = await request.json()
    if refusal := _refusal(anthropic_wire.error):
        return refusal
    words = [word for message in asked["messages"] for word in words_of(message["content"])]
    reply = anthropic_wire.Message(
        response_id=f"msg_{uuid.uuid4().hex[:24]}",
        model=asked["model"],
        words=answer(asked["max_tokens"]),
        input_tokens=len(words),
        cached_tokens=BOOKS.cached(words),
    )
    BOOKS.serve(
        Served(reply.response_id, "anthropic", reply.model, reply.input_tokens, len(reply.words), reply.cached_tokens)
    )
    if asked.get("stream"):
        return _stream(reply.events(pieces(reply.words)), len(reply.words))
    await asyncio.sleep(_FIRST_TOKEN_S + len(reply.words) * _TOKEN_S)
    return JSONResponse(reply.body())


async def embeddings(request: Request) -> Response:
    """``POST /v1/embeddings``."""
    asked = await request.json()
    texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
    tokens = sum(len(text.split()) for text in texts)
    BOOKS.serve(Served(f"emb-{uuid.uuid4().hex}", "openai", asked["model"], tokens))
    return JSONResponse(openai_wire.embeddings(asked["model"], len(texts), tokens, asked.get("encoding_format")))


async def speech(request: Request) -> Response:
    """``POST /v1/audio/speech``: a second of silence for every fifteen characters, as WAV."""
    asked = await request.json()
    BOOKS.serve(Served(f"speech-{uuid.uuid4().hex}", "openai", asked["model"], characters=len(asked["input"])))
    return Response(openai_wire.silence(seconds=len(asked["input"]) / 15), media_type="audio/wav")


async def transcriptions(request: Request) -> Response:
    """``POST /v1/audio/transcriptions``: billed by the started second; now and then a word is misheard."""
    parts = openai_wire.uploaded(request.headers["content-type"], await request.body())
    if refusal := _refusal(openai_wire.error):
        return refusal
    duration_s = length_s(parts["file"])
    words, billed_s = nearest(duration_s).words, math.ceil(duration_s)
    served = Served(f"heard-{uuid.uuid4().hex}", "openai", parts["model"].decode(), audio_seconds=billed_s)
    BOOKS.serve(served)
    if int(served.response_id[-1], 16) < _MISHEARD_OF_16:
        words = words.replace("ill disposed", "all disposed")
    await asyncio.sleep(_FIRST_TOKEN_S)
    return JSONResponse(openai_wire.transcription(words, duration_s, billed_s))


async def bill(_: Request) -> Response:
    """``GET /bill``: everything that was served."""
    return JSONResponse(BOOKS.bill())


def _refusal(error: Any) -> Response | None:
    number = BOOKS.number()
    if number % _RATE_LIMITED_EVERY == 0:
        return JSONResponse(error("rate_limit"), status_code=429, headers={"retry-after-ms": "20"})
    if number % _REFUSED_EVERY == 0:
        return JSONResponse(error("invalid_request"), status_code=400)
    return None


def _stream(events: list[tuple[str | None, Any]], tokens: int) -> StreamingResponse:
    async def body() -> AsyncIterator[bytes]:
        await asyncio.sleep(_FIRST_TOKEN_S)
        for event, data in events:
            text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
            yield (f"event: {event}\n" if event else "").encode() + f"data: {text}\n\n".encode()
            await asyncio.sleep(tokens * _TOKEN_S / max(1, len(events)))

    return StreamingResponse(body(), media_type="text/event-stream")


app = Starlette(
    routes=[
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        Route("/v1/messages", messages, methods=["POST"]),
        Route("/v1/embeddings", embeddings, methods=["POST"]),
        Route("/v1/audio/speech", speech, methods=["POST"]),
        Route("/v1/audio/transcriptions", transcriptions, methods=["POST"]),
        Route("/bill", bill),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
