"""`spanledger mcp`: the store as tools of the Model Context Protocol, over stdin and stdout.

Never: anything on stdout but the protocol.
"""

from __future__ import annotations

import importlib.util

import click

from spanledger_server.cli.asking import Asked, asks, fail

MISSING = "`spanledger mcp` needs the MCP SDK: pip install 'spanledger[server,mcp]'"


@click.command()
@asks
def mcp(asked: Asked) -> None:
    """Let an assistant ask: MCP on stdin and stdout."""
    if importlib.util.find_spec("mcp") is None:
        fail(MISSING)
    from spanledger_server.cli import mcp_tools  # the SDK is an extra, and is loaded by nobody else

    mcp_tools.server(asked.client).run("stdio")
