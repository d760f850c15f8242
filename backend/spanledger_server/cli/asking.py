"""What every command that asks a server has in common: --url, --token, --json, and how its answer and its failure look.

Never: a table where JSON was asked for, or colours where nobody sees them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.table import Table

from spanledger_server.cli.client import Answer, Client, connected
from spanledger_server.errors import SpanledgerError

FAILED = 1
CHECK_FAILED = 3
WIDTH_UNSEEN = 180  # columns of a table that goes into a file or a pipe

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Asked:
    """The server that is asked, and how its answer is wanted."""

    client: Client
    as_json: bool

    def show(self, answer: Answer, table: Callable[[Console], None]) -> None:
        """The answer as it came, or what `table` makes of it."""
        if self.as_json:
            click.echo(answer.text)
        else:
            table(console())


def console() -> Console:
    """Where tables go."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_UNSEEN, highlight=False, emoji=False)


def plain_table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table with these columns; those in `right` hold numbers."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def fail(message: str) -> NoReturn:
    """End with one line that says what is wrong and what to do."""
    click.echo(f"spanledger: {message}", err=True)
    sys.exit(FAILED)


def asks(command: Command) -> Callable[..., Any]:
    """Give a command the three options and an `Asked` as its first argument."""

    @click.option("--url", envvar="SPANLEDGER_URL", help="Address of the server; SPANLEDGER_URL.")
    @click.option("--token", envvar="SPANLEDGER_TOKEN", help="Token of the server; SPANLEDGER_TOKEN.")
    @click.option("--json", "as_json", is_flag=True, help="The server's answer as JSON.")
    @wraps(command)
    def wrapped(*args: Any, url: str | None, token: str | None, as_json: bool, **options: Any) -> Any:
        try:
            return command(Asked(connected(url, token), as_json), *args, **options)
        except SpanledgerError as error:
            fail(str(error))

    return wrapped
