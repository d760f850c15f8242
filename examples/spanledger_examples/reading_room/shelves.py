"""The books and their summaries, in PostgreSQL.

Given the environment variable `DATABASE_URL` (`postgresql://…`), makes engines for the web (asynchronous, asyncpg) and
for the worker (psycopg).

Never: connects when it is imported, so that a worker may fork.
"""

from __future__ import annotations

import os

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ADDRESS = make_url(os.environ.get("DATABASE_URL", "postgresql://localhost/reading_room"))


class Base(DeclarativeBase):
    """All tables."""


class Book(Base):
    """A book, and its summary once there is one."""

    __tablename__ = "books"

    number: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    summary: Mapped[str | None]


def for_the_web() -> AsyncEngine:
    """An engine for coroutines."""
    return create_async_engine(ADDRESS.set(drivername="postgresql+asyncpg"))


def for_the_worker() -> Engine:
    """An engine for plain functions."""
    return create_engine(ADDRESS.set(drivername="postgresql+psycopg"))
