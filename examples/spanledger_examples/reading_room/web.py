"""The counter of the reading room: takes books in, orders summaries, and shows what is there.

Run as ``uvicorn spanledger_examples.reading_room.web:app``. `DATABASE_URL` and `REDIS_URL` say where its data is.

Never: lets the event loop wait for Celery, whose sender blocks.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from fastapi import FastAPI, HTTPException
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from spanledger_examples.reading_room.shelves import ADDRESS, Base, Book, for_the_web
from spanledger_examples.reading_room.tasks import summarise

_engine = for_the_web()
_counters: Redis = Redis.from_url(os.environ.get("REDIS_URL", "redis://localhost"))


@asynccontextmanager
async def _open(app: FastAPI) -> AsyncIterator[None]:
    async with _engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with asyncpg.create_pool(ADDRESS.render_as_string(hide_password=False), min_size=1) as app.state.readers:
        yield
    await _engine.dispose()
    await _counters.aclose()


app = FastAPI(title="The reading room", lifespan=_open)


@app.put("/books/{number}", status_code=202)
async def take_in(number: int, title: str) -> dict[str, int]:
    """Put a book onto the shelf and order its summary; says how many were ordered so far."""
    async with AsyncSession(_engine) as session:
        await session.merge(Book(number=number, title=title, summary=None))
        await session.commit()
    ordered = await _counters.incr("ordered")
    await asyncio.to_thread(summarise.delay, number)
    return {"ordered": ordered}


@app.get("/books/{number}")
async def look(number: int) -> dict[str, Any]:
    """A book, and its summary if it is written."""
    found = await app.state.readers.fetchrow("SELECT title, summary FROM books WHERE number = $1", number)
    if found is None:
        raise HTTPException(404, "there is no such book")
    return dict(found)
