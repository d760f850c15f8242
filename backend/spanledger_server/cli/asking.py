"""What every command that asks a server has in common: --url, --token, --json, and how its answer and its failure look.

Never: a table where JSON was asked for, or a stack trace for what a server or a user did.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console

from spanledger_server.cli import terminal
from spanledger_server.cli.client import Answer, AnswerError, BadQuestionError, Client, connected
from spanledger_server.cli.format import visible
from spanledger_server.errors import SpanledgerError

FAILED = 1
WRONG_USAGE = 2
CHECK_FAILED = 3

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Asked:
    """The server that is asked, and how its answer is wanted."""

    client: Client
    as_json: bool

    def show(self, answer: Answer, table: Callable[[Console], None]) -> None:
        """The answer as it came, or what `table` makes of it.

        Raises:
            AnswerError: It lacks what such an answer has: the address is another kind of server's.
        """
        if self.as_json:
            click.echo(answer.text)
            return
        try:
            table(terminal.console())
        except KeyError as error:
            raise AnswerError(f"{self.client.url} answered without {error}: is it a spanledger server?") from error


def fail(message: str, code: int = FAILED) -> NoReturn:
    """End with what is wrong and what to do: one line, or one for each mistake."""
    for line in message.splitlines():
        click.echo(f"spanledger: {visible(line)}", err=True)
    sys.exit(code)


def asks(command: Command) -> Callable[..., Any]:
    """Give a command the three options and an `Asked` as its first argument."""

    @click.option("--url", envvar="SPANLEDGER_URL", help="Address of the server; SPANLEDGER_URL.")
    @click.option("--token", envvar="SPANLEDGER_TOKEN", help="Token of the server; SPANLEDGER_TOKEN.")
    @click.option("--json", "as_json", is_flag=True, help="The server's answer as JSON.")
    @wraps(command)
    def wrapped(*args: Any, url: str | None, token: str | None, as_json: bool, **options: Any) -> Any:
        try:
            return command(Asked(connected(url, token), as_json), *args, **options)
        except BadQuestionError as error:
            fail(str(error), WRONG_USAGE)
        except SpanledgerError as error:
            fail(str(error))

    return wrapped
