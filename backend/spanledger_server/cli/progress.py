"""How far long work is: a bar on a terminal, nothing where nobody looks.

Given how much is done and how much there is, shows it on standard error, so that what is printed stays clean.

Never: a bar in a file or a pipe, or one without an end that is known.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

Tell = Callable[[float, float | None], None]  # so far, in all (None: not known)


@contextmanager
def progress(what: str) -> Iterator[Tell]:
    """A bar called `what` while inside; gives the function that moves it."""
    context = click.get_current_context(silent=True)
    plain = context is not None and context.color is False
    console = Console(stderr=True, no_color=True if plain else None)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)
