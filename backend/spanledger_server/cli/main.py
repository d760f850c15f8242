"""The command line: `spanledger COMMAND`. Exit codes: 0 fine, 1 an error, 2 wrong usage, 3 a check failed.

Never: opens the database file, but in `serve`, `check`, `restore` and `migrate`.
"""

from __future__ import annotations

import errno
import io
import sys
from typing import Any, Final

import click

from spanledger.version import __version__
from spanledger_server.cli import (
    alerts,
    audit,
    backup,
    budgets,
    channels,
    chart,
    check,
    completion,
    costs,
    demo,
    deployments,
    dialogues,
    escalations,
    health,
    inhibitions,
    ledger,
    logs,
    loss,
    maintenance,
    mcp,
    preferences,
    prices,
    profile,
    projections,
    query,
    reconcile,
    reprice,
    requests,
    restore,
    routes,
    rules,
    sampling,
    serve,
    silence,
    slo,
    status,
    storage,
    token,
    top,
    traces,
)

OF_A_COMMAND: Final = ("--url", "--token", "--json", "--watch")


def _misplaced(error: click.NoSuchOption, place: str) -> click.NoSuchOption:
    return click.NoSuchOption(error.option_name, f"{error.message} It goes {place}", ctx=error.ctx)


class Commands(click.Group):
    """The commands; an option on the wrong side of its command is told where it belongs."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What stands before the command."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name not in OF_A_COMMAND:
                raise
            raise _misplaced(error, f"behind the command: spanledger status {error.option_name}") from None

    def invoke(self, ctx: click.Context) -> Any:
        """The command, and what stands behind it."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if not any(error.option_name in each.opts for each in self.params):
                raise
            raise _misplaced(error, f"before the command: spanledger {error.option_name} …") from None
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
                raise
            raise click.ClickException(f"the answer cannot be written: {error.strerror}") from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="spanledger")
@click.option(
    "--profile",
    envvar="SPANLEDGER_PROFILE",
    metavar="NAME",
    shell_complete=profile.names,
    help="Ask the server of this profile; SPANLEDGER_PROFILE. `spanledger profile` keeps them.",
)
@click.option("--no-color", is_flag=True, help="Without colours; NO_COLOR does the same.")
@click.pass_context
def main(context: click.Context, profile: str | None, no_color: bool) -> None:  # noqa: ARG001 - read by the commands
    """What LLM calls cost, exactly: a server for OpenTelemetry data, and questions to it."""
    if no_color:
        context.color = False
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no ✓ gets a ?, and everything else


for command in (
    serve.serve,
    demo.demo,
    status.status,
    top.top,
    health.health,
    costs.costs,
    budgets.budgets,
    projections.projections,
    dialogues.dialogues,
    requests.requests,
    requests.system,
    chart.chart,
    traces.traces,
    traces.trace,
    logs.logs,
    ledger.ledger,
    loss.loss,
    slo.slo,
    alerts.alerts,
    silence.silence,
    maintenance.maintenance,
    inhibitions.inhibitions,
    rules.rules,
    channels.channels,
    routes.routes,
    escalations.escalations,
    preferences.preferences,
    deployments.deployments,
    query.query,
    mcp.mcp,
    prices.prices,
    reprice.reprice,
    reconcile.reconcile,
    sampling.sampling,
    token.token,
    audit.audit,
    check.check,
    backup.backup,
    restore.restore,
    restore.migrate,
    storage.storage,
    storage.export,
    profile.profile,
    completion.completion,
):
    main.add_command(command)
