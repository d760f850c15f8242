"""Options that several commands have, called and explained alike.

Never: an option of one command only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
Options = Callable[[Command], Command]

PERIODS: Final = ("today", "week", "month", "year")
NARROWS: Final = "Only these; may be repeated, ! before a value negates."
FROM: Final = click.option("--from", "from_", metavar="TIME", help="RFC 3339, or now-15m.")
SINCE: Final = click.option("--since", metavar="LENGTH", help="1h is --from now-1h.")
TO: Final = click.option("--to", metavar="TIME", help="RFC 3339, or now.")


def filters(meaning: str = NARROWS) -> Options[Any]:
    """What to look at only."""
    return click.option("--filter", "-f", "filters", multiple=True, metavar="KEY:VALUE", help=meaning)


def rows(limit: int, meaning: str = NARROWS) -> Options[Any]:
    """Of a list of what happened in a window: when, of what, how many, and the next page.

    Args:
        limit: How many, unless it is said.
        meaning: Of the filters.
    """
    several = click.option("--limit", type=click.IntRange(1, 1000), default=limit, show_default=True)
    further = click.option("--cursor", help="next_cursor of an answer before.")
    return _all(FROM, SINCE, TO, filters(meaning), several, further)


def groups(known: Sequence[str]) -> Options[Any]:
    """Of a statistic of a period: which, by what of `known`, in whose days, of what."""
    period = click.option("--period", type=click.Choice(PERIODS), default="month", show_default=True)
    by = click.option("--group-by", type=click.Choice(known), default=known[0], show_default=True)
    zone = click.option("--tz", help="IANA time zone in which days begin; else the server's.")
    return _all(period, by, zone, filters())


def _all(*options: Options[Any]) -> Options[Any]:
    """All of them, explained in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
