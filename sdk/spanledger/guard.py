"""The wall between the SDK's mistakes and the user's program: what is raised behind it is counted and logged once.

Given a block or a function and the name of the place, gives the block's result, or None where it failed. Exceptions
that end a program or a task (KeyboardInterrupt, SystemExit, CancelledError) pass through.

Never: raises, or logs the same kind of failure twice.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar, TypeVarTuple, Unpack

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
Ts = TypeVarTuple("Ts")

_logger = logging.getLogger("spanledger")
_failures: dict[str, int] = {}
_said: set[str] = set()
_lock = threading.RLock()  # re-entrant: a signal handler may run in the middle of a count


class Guard:
    """A context manager and decorator that keeps exceptions in; it has no state and may be shared and nested."""

    __slots__ = ("where",)

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> Guard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if kind is None or error is None or not issubclass(kind, Exception):
            return False
        note(self.where, error)
        return True

    def run(self, function: Callable[[Unpack[Ts]], R], *arguments: *Ts) -> R | None:
        """What the function returns, or None where it raised; takes half the time of `with`, for every call's path."""
        try:
            return function(*arguments)
        except Exception as error:  # noqa: BLE001 - this is the wall
            note(self.where, error)
            return None

    def run_one(self, function: Callable[[A], R], argument: A) -> R | None:
        """`run` for one argument, which takes half the time again: none are packed up and unpacked."""
        try:
            return function(argument)
        except Exception as error:  # noqa: BLE001 - this is the wall
            note(self.where, error)
            return None

    def or_else(self, function: Callable[[A, B], R], instead: Callable[[A, B], R]) -> Callable[[A, B], R]:
        """A function that gives what `function` returns, or what `instead` returns where that raised."""

        def guarded(first: A, second: B) -> R:
            try:
                return function(first, second)
            except Exception as error:  # noqa: BLE001 - this is the wall
                note(self.where, error)
            return instead(first, second)

        return guarded

    def __call__(self, function: Callable[P, R]) -> Callable[P, R | None]:
        """The same function, which returns None where it would have raised."""

        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | None:
            with self:
                return function(*args, **kwargs)
            return None

        return guarded


def guard(where: str) -> Guard:
    """The wall around the place called `where`; for `with` and as a decorator."""
    return Guard(where)


def note(where: str, error: BaseException) -> None:
    """Count a failure that was kept in, and log the first one of its kind with its traceback."""
    kind = f"{where}: {type(error).__name__}"
    with _lock:
        _failures[kind] = _failures.get(kind, 0) + 1
    with contextlib.suppress(Exception):
        say_once(kind, logging.WARNING, "spanledger failed in %s and went on without it", where, error=error)


def say_once(kind: str, level: int, message: str, *args: object, error: BaseException | None = None) -> None:
    """Log `message` with the `spanledger` logger unless something of this `kind` was logged before."""
    with _lock:
        if kind in _said:
            return
        _said.add(kind)
    _logger.log(level, message, *args, exc_info=error)


def failures() -> dict[str, int]:
    """How often each kind of failure was kept in, as `{"place: ErrorType": count}`."""
    with _lock:
        return dict(_failures)


def forget() -> None:
    """Start counting and logging afresh."""
    with _lock:
        _failures.clear()
        _said.clear()


def after_fork() -> None:
    """In a child: the lock may have been held by a thread that does not exist here."""
    global _lock
    _lock = threading.RLock()
    forget()
