"""The command line: `spanledger COMMAND`. Exit codes: 0 fine, 1 an error, 2 wrong usage, 3 a check failed.

Never: opens the database file, but in `serve`, `check`, `restore` and `migrate`.
"""

from __future__ import annotations

import io
import sys

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


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
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
