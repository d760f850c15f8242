"""What every command that asks a server has in common: --url, --token, --json, and how its answer and its failure look.

Commands that only read have --watch as well. Which server is asked: --url, else --profile, else SPANLEDGER_URL, else
the profile in use, else the one that this user started on this machine.

Never: a table where JSON was asked for, a stack trace for what a server or a user did, or a token of one server sent
to another.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, NoReturn, TypeVar

import click
from click.core import ParameterSource
from rich.console import Console

from spanledger_server.cli import profiles, terminal
from spanledger_server.cli.client import Answer, AnswerError, BadQuestionError, Client, connected
from spanledger_server.cli.watching import watch as watch_it
from spanledger_server.errors import SpanledgerError

FAILED = 1
WRONG_USAGE = 2
CHECK_FAILED = 3
FASTEST_S, SLOWEST_S = 0.2, 86_400
LENGTH = re.compile(r"\d{1,9}[smhdw]", re.ASCII)

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
            raise AnswerError(f"{self.client.url} answered without {error}: {self.client.kind()}") from error


def began(from_: str | None, since: str | None) -> str | None:
    """When a window begins: ``--since 1h`` is ``--from now-1h``.

    Raises:
        UsageError: Both are given.
    """
    if since is None:
        return from_
    if from_ is not None:
        raise click.UsageError("--since and --from both say when it begins: give one of them")
    return f"now-{since}" if LENGTH.fullmatch(since) else since


def fail(message: str, code: int = FAILED) -> NoReturn:
    """End with what is wrong and what to do: one line, or one for each mistake."""
    console = terminal.console(stderr=True)
    for line in message.splitlines():
        terminal.say(console, f"spanledger: {line}")
    sys.exit(code)


def asks(command: Command) -> Callable[..., Any]:
    """Give a command the three options and an `Asked` as its first argument."""

    @click.option("--url", envvar="SPANLEDGER_URL", help="Address of the server; SPANLEDGER_URL.")
    @click.option("--token", envvar="SPANLEDGER_TOKEN", help="Token of the server; SPANLEDGER_TOKEN.")
    @click.option("--json", "as_json", is_flag=True, help="The server's answer as JSON.")
    @wraps(command)
    def wrapped(*args: Any, url: str | None, token: str | None, as_json: bool, **options: Any) -> Any:
        try:
            return command(Asked(chosen(url, token), as_json), *args, **options)
        except (BadQuestionError, profiles.ProfileError) as error:
            fail(str(error), WRONG_USAGE)
        except SpanledgerError as error:
            fail(str(error))

    return wrapped


def watched(command: Command) -> Callable[..., Any]:
    """As `asks`, for a command that only reads: with --watch it is run again and again."""

    @click.option(
        "--watch",
        "every_s",
        type=click.FloatRange(FASTEST_S, SLOWEST_S),
        metavar="SECONDS",
        help="Ask again every so many seconds, until Ctrl-C.",
    )
    @wraps(command)
    def wrapped(asked: Asked, *args: Any, every_s: float | None, **options: Any) -> Any:
        if every_s is None:
            return command(asked, *args, **options)
        return watch_it(lambda: command(asked, *args, **options), every_s, as_json=asked.as_json)

    return asks(wrapped)


def chosen(url: str | None, token: str | None) -> Client:
    """A client for the server that is meant.

    Raises:
        BadQuestionError: This can be neither an address nor a token.
        ProfileError: The profile that is meant cannot be used.
    """
    context = click.get_current_context()
    root = context.find_root()
    name = root.params.get("profile")
    if name is not None and _typed(context, "url"):
        if _typed(root, "profile"):
            raise BadQuestionError("--profile and --url both name a server: give one of them")
        name = None
    if name is None and url is not None:
        return connected(url, token)
    known = profiles.read()
    profile = known.default() if name is None else known.named(name)
    if profile is None:
        return connected(url, token)
    if token is None or (name is not None and not _typed(context, "token")):
        token = profile.secret()
    return connected(profile.url, token, profile.ca_file)


def _typed(context: click.Context, parameter: str) -> bool:
    return context.get_parameter_source(parameter) is ParameterSource.COMMANDLINE
