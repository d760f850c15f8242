"""`spanledger serve`: the server, in the foreground, until SIGTERM or Ctrl-C.

Never: a token printed that was given, or one printed twice.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from spanledger import settings as sdk_settings
from spanledger import variables
from spanledger_server import settings as settings_table
from spanledger_server.cli.asking import WRONG_USAGE, fail
from spanledger_server.errors import SpanledgerError

if TYPE_CHECKING:
    from spanledger_server.main import Server

SETTLED_S = 5.0  # after which what a start makes is there
Command = TypeVar("Command", bound=Callable[..., Any])


def _flags(command: Command) -> Command:
    """A flag for each row of the settings' table."""
    for row in reversed(settings_table.table()):
        shown = "" if row.default in (None, "") else f"  [default: {row.default}]"
        command = click.option(row.flag, row.name, metavar="VALUE", help=f"{row.meaning}{shown}")(command)
    return command


@click.command()
@_flags
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="SPANLEDGER_CONFIG",
    help="TOML file with the same names as keys.",
)
@click.option(
    "--ready-file", type=click.Path(path_type=Path), help="Write addresses there as JSON once requests are answered."
)
@click.option(
    "--log-level", default="warning", type=click.Choice(["debug", "info", "warning", "error"]), show_default=True
)
def serve(config: Path | None, ready_file: Path | None, log_level: str, **flags: str | None) -> None:
    """Run the server. Every flag is also an environment variable: SPANLEDGER_ and its name in capitals."""
    logging.basicConfig(
        level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    ended = _end()
    gc.disable()  # what a start makes stays: looking through it again and again is a fifth of the start
    from spanledger_server.clock import SystemClock  # here, since the help needs none of it
    from spanledger_server.main import Server

    for sentence in variables.unknown(os.environ, [setting.env for setting in sdk_settings.TABLE]):
        click.echo(f"warning: {sentence}", err=True)  # no error: it may be a newer SDK's, in the same environment
    try:
        server = Server(settings_table.load(flags, os.environ, config), SystemClock())
        server.start()
        gc.enable()
    except settings_table.SettingsError as error:
        fail(str(error), WRONG_USAGE)
    except SpanledgerError as error:
        fail(str(error))
    try:
        _announce(server)
        if ready_file is not None:
            _write_ready(server, ready_file)
        if not ended(SETTLED_S):
            gc.collect()
            gc.freeze()  # what stays for ever: looking through it takes a tenth of a second that nobody is answered in
            ended(None)
        click.echo("stopping: what was accepted is being written", err=True)
    except SpanledgerError as error:
        fail(str(error))
    finally:
        server.stop()
        gc.unfreeze()  # a process that ends takes it apart, or DuckDB's module tells of what is left


def _end() -> Callable[[float | None], bool]:
    """Waits for SIGTERM or Ctrl-C, so many seconds at most, and says whether it came.

    By a pipe: a handler that takes a lock waits for ever where it interrupts whoever has it.
    """
    told, tell = os.pipe()
    os.set_blocking(tell, False)

    def handle(_number: int, _frame: FrameType | None) -> None:
        with suppress(BlockingIOError):  # it was told often enough
            os.write(tell, b".")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
    return lambda timeout_s: bool(select.select([told], [], [], timeout_s)[0])


def _announce(server: Server) -> None:
    where = server.addresses
    click.echo(f"spanledger is ready at {where.url}")
    receivers = [f"OTLP/HTTP {where.otlp_http_port or where.port}"]
    if where.otlp_grpc_port is not None:
        receivers.append(f"OTLP/gRPC {where.otlp_grpc_port}")
    click.echo(f"  receives  {', '.join(receivers)}")
    click.echo(f"  keeps     {server.settings.file or 'nothing: everything is in memory'}")
    if server.new_admin is not None:
        click.echo(f"  sign in   {where.url}/#token={server.new_admin}")
        click.echo(f"  token     {server.new_admin}  (admin; shown only now)")
    elif server.left_token is not None:
        click.echo(f"  token     the one of the first start; {server.left_token} holds it")
    sys.stdout.flush()


def _write_ready(server: Server, file: Path) -> None:
    """Written beside and moved into place, so that whoever waits for it never reads half of it.

    Raises:
        SpanledgerError: It cannot be written.
    """
    where = server.addresses
    ports = {"port": where.port, "otlp_http_port": where.otlp_http_port, "otlp_grpc_port": where.otlp_grpc_port}
    beside = file.with_name(file.name + ".new")
    try:
        beside.write_text(json.dumps({"url": where.url, "pid": os.getpid(), **ports}), encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        raise SpanledgerError(f"--ready-file {file} cannot be written: {error.strerror}") from error
