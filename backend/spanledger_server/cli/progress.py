"""How far long work is: a bar on a terminal, nothing where nobody looks.

Given how much is done and how much there is, shows it on standard error, so that what is printed stays clean.

Never: a bar in a file or a pipe, or one that is full while work goes on; or work that is told to end (SIGTERM, a closed
terminal) without a chance to take away what is half done.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

Tell = Callable[[float, float | None], None]  # so far, in all (None: not known)

ENDING: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
USUAL: Final = (signal.SIG_DFL, signal.default_int_handler)


@contextmanager
def _tidily() -> Iterator[None]:
    """Let a signal that ends the process be an exception meanwhile."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        came.append(number)
        raise _end(number)

    before = [(number, signal.signal(number, leave)) for number in ENDING if signal.getsignal(number) in USUAL]
    try:
        yield
    except RuntimeError:
        if not came:
            raise
        raise _end(came[0]) from None  # within a statement, DuckDB puts an error of its own in its place
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _end(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)


@contextmanager
def progress(what: str, then: str | None = None) -> Iterator[Tell]:
    """A bar called `what` while inside; gives the function that moves it.

    Args:
        what: The work.
        then: What follows of which nobody knows how long it takes; None: nothing.
    """
    context = click.get_current_context(silent=True)
    plain = context is not None and context.color is False
    console = Console(stderr=True, no_color=True if plain else None)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with _tidily(), Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)

        def tell(done: float, whole: float | None) -> None:
            if then is not None and whole is not None and done >= whole:
                bar.remove_task(bar.task_ids[0])
                bar.add_task(then, total=None)
            else:  # an answer's are decimals
                bar.update(task, completed=float(done), total=None if whole is None else float(whole))

        yield tell
