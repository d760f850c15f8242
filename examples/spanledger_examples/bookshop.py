"""The bookshop: a FastAPI service that answers readers with LLMs, and what instrumenting one looks like.

Run as ``uvicorn spanledger_examples.bookshop:app``. ``PROVIDER_URL`` is where the models are. Two lines instrument the
service (`configure`, `instrument_fastapi`); a decorator marks each call that costs money.

Never: tells spanledger a token count. It reads them from the providers' answers.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Annotated, Any

import anthropic
import openai
from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel

import spanledger
from spanledger_examples.listening import heard

spanledger.configure(service_name="bookshop")

_PROVIDER = os.environ.get("PROVIDER_URL", "http://127.0.0.1:8323")
_openai = openai.AsyncOpenAI(base_url=f"{_PROVIDER}/v1", api_key="demo")
_anthropic = anthropic.AsyncAnthropic(base_url=_PROVIDER, api_key="demo")


class Question(BaseModel):
    """What a reader asks."""

    text: str
    model: str = "gpt-5-mini"
    max_tokens: int = 256

    def call(self) -> dict[str, Any]:
        """The part of the call that both providers share."""
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": self.text}],
            "max_tokens": self.max_tokens,
        }


async def reader(
    x_user: Annotated[str | None, Header()] = None,
    x_tier: Annotated[str | None, Header()] = None,
    x_session: Annotated[str | None, Header()] = None,
    x_feature: Annotated[str | None, Header()] = None,
    x_tenant: Annotated[str | None, Header()] = None,
) -> AsyncIterator[None]:
    """Says who asks and what for: every span and every ledger line of this request carries it."""
    async with spanledger.context(
        user_id=x_user, user_tier=x_tier, session_id=x_session, feature=x_feature, tenant=x_tenant
    ):
        yield


app = FastAPI(title="The bookshop", dependencies=[Depends(reader)])
spanledger.instrument_fastapi(app)


@spanledger.traced_cost
async def answer(question: Question) -> Any:
    """A chat answer, whole."""
    return await _openai.chat.completions.create(**question.call())


@spanledger.traced_cost
async def answer_in_pieces(question: Question) -> AsyncIterator[Any]:
    """A chat answer as it is made; its last chunk brings the usage."""
    options: Any = {"include_usage": True}
    async for chunk in await _openai.chat.completions.create(**question.call(), stream=True, stream_options=options):
        yield chunk


@spanledger.traced_cost
async def review(question: Question) -> Any:
    """A longer answer from the other provider."""
    return await _anthropic.messages.create(**question.call())


@spanledger.traced_cost
async def review_in_pieces(question: Question) -> AsyncIterator[Any]:
    """The same, event by event."""
    async for event in await _anthropic.messages.create(**question.call(), stream=True):
        yield event


@spanledger.traced_cost(operation="embeddings")
async def vector(text: str) -> Any:
    """A text as a vector."""
    return await _openai.embeddings.create(model="text-embedding-3-small", input=text)


@spanledger.traced_cost(provider="openai", model="tts-1", operation="text_to_speech")
async def speech(text: str) -> bytes:
    """A text as speech: billed by the character, which the answer does not say, so the call says it."""
    spanledger.record_usage(characters=len(text))
    audio = await _openai.audio.speech.create(model="tts-1", voice="alloy", input=text, response_format="wav")
    return audio.read()


@spanledger.traced_cost(provider="openai", model="whisper-1", operation="speech_to_text")
async def transcript(recording: bytes) -> Any:
    """What was said: billed by the second, which the answer says."""
    file = ("reading.wav", recording, "audio/wav")
    return await _openai.audio.transcriptions.create(model="whisper-1", file=file, response_format="verbose_json")


@app.post("/ask")
async def ask(question: Question) -> dict[str, Any]:
    """Answer a reader's question."""
    completion = await answer(question)
    return {"answer": completion.choices[0].message.content}


@app.post("/ask/stream")
async def ask_stream(question: Question) -> StreamingResponse:
    """Answer a reader's question, piece by piece."""

    async def pieces() -> AsyncIterator[str]:
        async for chunk in answer_in_pieces(question):
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content

    return StreamingResponse(pieces(), media_type="text/plain")


@app.post("/review")
async def write_review(question: Question) -> dict[str, Any]:
    """Review a book."""
    message = await review(question)
    return {"review": message.content[0].text}


@app.post("/review/stream")
async def write_review_stream(question: Question) -> StreamingResponse:
    """Review a book, piece by piece."""

    async def pieces() -> AsyncIterator[str]:
        async for event in review_in_pieces(question):
            if event.type == "content_block_delta":
                yield event.delta.text

    return StreamingResponse(pieces(), media_type="text/plain")


@app.post("/search")
async def search(question: Question) -> dict[str, Any]:
    """Find books like the text."""
    found = await vector(question.text)
    return {"dimensions": len(found.data[0].embedding)}


@app.post("/speak")
async def read_aloud(question: Question) -> Response:
    """Read the text aloud."""
    return Response(await speech(question.text), media_type="audio/wav")


@app.post("/listen")
async def listen(request: Request) -> dict[str, str]:
    """Hear a sentence that a reader read aloud."""

    async def transcribe(recording: bytes) -> str:
        return str((await transcript(recording)).text)

    return {"words": await heard(request.headers.get("x-session", ""), await request.body(), transcribe)}


@app.get("/stats")
async def stats() -> dict[str, Any]:
    """What became of everything this process has recorded."""
    spanledger.flush(30)
    return dict(spanledger.stats())


@app.exception_handler(openai.APIError)
@app.exception_handler(anthropic.APIError)
async def provider_failed(request: Request, failure: Exception) -> JSONResponse:
    """A provider's refusal is the reader's bad gateway."""
    return JSONResponse({"detail": f"{request.url.path}: {type(failure).__name__}"}, status_code=502)
