"""`spanledger demo`: a whole shop on this machine, with real traffic.

Never: loads the demo before it is asked for; it needs more than the server does.
"""

from __future__ import annotations

import click


@click.command()
@click.option("--incident", is_flag=True, help="In place of the shop: an hour with an incident, and its objectives.")
def demo(incident: bool) -> None:
    """A whole shop with real traffic, checked.

    Runs the server, a simulated provider and a bookshop, and checks every total; Ctrl-C ends it.
    """
    try:
        from spanledger_examples import incident as an_hour
        from spanledger_examples.demo import main as run
    except ImportError as error:
        raise click.ClickException(f"the demo cannot be loaded ({error}): install 'spanledger[server]'") from error
    raise SystemExit(an_hour.main() if incident else run())
