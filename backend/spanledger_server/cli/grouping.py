"""Groups of commands of which one is meant where none is named: `spanledger budgets` is `spanledger budgets list`.

Never: a mistyped command taken for something else than a mistake, but where a word alone has a meaning.
"""

from __future__ import annotations

from typing import Any

import click


class Listing(click.Group):
    """A group that lists where no command is named: `spanledger alerts --json` is `spanledger alerts list --json`."""

    def __init__(self, *args: Any, unnamed: str = "list", worded: str | None = None, **more: Any) -> None:
        """As any group.

        Args:
            args: As of `click.Group`.
            unnamed: The command that is meant where there are only options.
            worded: The one that is meant by a word that is no command; None where there is none.
            more: As of `click.Group`.
        """
        super().__init__(*args, **more)
        self._unnamed, self._worded = unnamed, worded

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Name the command that is meant; not for a shell, which asks what may come next."""
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args.insert(0, self._unnamed)
        elif self._worded is not None and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args.insert(0, self._worded)
        return super().parse_args(ctx, args)
