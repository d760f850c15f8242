"""`spanledger profile`: servers by name.

Never: a token shown.
"""

from __future__ import annotations

import json
from dataclasses import replace

import click

from spanledger_server.cli import profiles, terminal
from spanledger_server.cli.asking import WRONG_USAGE, fail
from spanledger_server.cli.client import BadQuestionError, connected
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.profiles import Profile, Profiles
from spanledger_server.cli.terminal import Column, Sheet, say


@click.group(cls=Listing)
def profile() -> None:
    """Keep several servers by name. Without a command: list.

    `spanledger --profile NAME costs` asks the one of that name.
    """


def _known() -> Profiles:
    try:
        return profiles.read()
    except profiles.ProfileError as error:
        fail(str(error), WRONG_USAGE)


def names(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """What a shell may complete a name to; nothing where the file cannot be read, since nobody would see why."""
    try:
        return [name for name in sorted(profiles.read().by_name) if name.startswith(begun)]
    except profiles.ProfileError:
        return []


def _keep(known: Profiles) -> None:
    try:
        profiles.write(known)
    except profiles.ProfileError as error:
        fail(str(error))


@profile.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def listed(as_json: bool) -> None:
    """All profiles; * is used when none is named."""
    known = _known()
    if as_json:
        items = [
            {"name": name, "url": each.url, "token": each.token_from, "in_use": name == known.chosen}
            for name, each in sorted(known.by_name.items())
        ]
        click.echo(json.dumps({"items": items}))
        return
    console = terminal.console()
    if not known.by_name:
        say(console, "no profiles: `spanledger profile add NAME --url URL` makes one")
        return
    sheet = Sheet(Column(""), Column("name"), Column("url", text=True), Column("token", text=True, leaves=1))
    for name, each in sorted(known.by_name.items()):
        sheet.add("*" if name == known.chosen else "", name, each.url, each.token_from)
    sheet.show(console)


@profile.command()
@click.argument("name")
@click.option("--url", required=True, help="Address of the server.")
@click.option("--token", help="Its token, kept in the file of profiles, which only you can read.")
@click.option("--token-file", help="A file that holds the token, read whenever it is needed.")
@click.option("--token-env", metavar="VARIABLE", help="A variable that holds the token.")
@click.option("--ca-file", help="Certificates of the authority that the server's own comes from.")
def add(
    name: str, url: str, token: str | None, token_file: str | None, token_env: str | None, ca_file: str | None
) -> None:
    """Make a profile, or give it another address.

    The first one is used at once.
    """
    if not profiles.NAME.fullmatch(name):
        fail(f"{name!r} is no name for a profile: {profiles.ALLOWED_NAME}", WRONG_USAGE)
    if sum(each is not None for each in (token, token_file, token_env)) > 1:
        fail("--token, --token-file and --token-env: give one of them", WRONG_USAGE)
    made = Profile(url, token, token_file, token_env, ca_file)
    try:
        connected(url, token, ca_file)
    except BadQuestionError as error:
        fail(str(error), WRONG_USAGE)
    known = _known()
    _keep(Profiles({**known.by_name, name: made}, known.chosen if known.default() else name))
    click.echo(f"{name} is {url}; kept in {profiles.path()}")


@profile.command()
@click.argument("name", shell_complete=names)
def remove(name: str) -> None:
    """Forget a profile."""
    known = _known()
    _named(known, name)
    left = {key: each for key, each in known.by_name.items() if key != name}
    _keep(Profiles(left, None if known.chosen == name else known.chosen))
    click.echo(f"removed {name}")


@profile.command()
@click.argument("name", shell_complete=names)
def use(name: str) -> None:
    """Use this one when none is named."""
    known = _known()
    _named(known, name)
    _keep(replace(known, chosen=name))
    click.echo(f"{name} is used when no other server is named")


def _named(known: Profiles, name: str) -> Profile:
    try:
        return known.named(name)
    except profiles.ProfileError as error:
        fail(str(error), WRONG_USAGE)
