"""The command line: `spanledger COMMAND`. Exit codes: 0 fine, 1 an error, 2 wrong usage, 3 a check failed.

Never: opens the database file, but in `serve` and `check`.
"""

from __future__ import annotations

import io
import sys

import click

from spanledger.version import __version__
from spanledger_server.cli import check, costs, demo, ledger, sampling, serve, status, token, traces


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="spanledger")
def main() -> None:
    """What LLM calls cost, exactly: a server for OpenTelemetry data, and questions to it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no ✓ gets a ?, and everything else


for command in (
    serve.serve,
    demo.demo,
    status.status,
    costs.costs,
    traces.traces,
    traces.trace,
    ledger.ledger,
    ledger.loss,
    sampling.sampling,
    token.token,
    check.check,
):
    main.add_command(command)
