"""`spanledger completion`: what a shell needs to complete our commands and options.

Never: a shell started, or one of its files changed.
"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

PROGRAM = "spanledger"
VARIABLE = "_SPANLEDGER_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion for a shell.

    bash: eval "$(spanledger completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc; fish: spanledger completion
    fish > ~/.config/fish/completions/spanledger.fish
    """
    kind = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if kind is None:
        raise click.BadParameter(f"{shell} is not known")
    made = kind(root, {}, PROGRAM, VARIABLE)
    click.echo(kind.source_template % made.source_vars())
