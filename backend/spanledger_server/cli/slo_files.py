"""`spanledger slo validate|import|export|rules|defaults`: definitions of objectives in files, in and out.

Never: half a file kept, or an objective replaced by somebody who did not say so.
"""

from __future__ import annotations

from typing import IO, Any, Final

import click
from rich.console import Console

from spanledger_server.cli import differing
from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import WRONG_USAGE, Asked, asks, fail
from spanledger_server.cli.client import Answer
from spanledger_server.cli.terminal import say
from spanledger_server.errors import Invalid
from spanledger_server.slos import ready

PATH: Final = "/api/v1/slos"
BECAME: Final = {"created": "is kept", "changed": "is changed", "unchanged": "is as it was"}
WOULD_BECOME: Final = {"created": "would be kept", "changed": "would be changed", "unchanged": "would stay as it is"}
WHERE_TO = click.option(
    "--output", type=click.File("wb"), default="-", help="Where to; the terminal when none is named."
)


@click.command()
@click.argument("file", type=click.File("rb"))
@asks
def validate(asked: Asked, file: IO[bytes]) -> None:
    """Say all that is wrong with a file of definitions.

    OpenSLO or our own form, YAML or JSON; nothing is kept.
    """
    answer = _sent(asked, f"{PATH}/validate", file)
    asked.show(answer, lambda console: _named(console, answer.data["slos"], dict.fromkeys(BECAME, "is fine")))


@click.command(name="import")
@click.argument("file", type=click.File("rb"))
@click.option("--replace", is_flag=True, help="Also in place of objectives that have these names.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of each, and what would change.")
@asks
def take(asked: Asked, file: IO[bytes], replace: bool, dry_run: bool) -> None:
    """Keep the definitions of a file, all or none.

    OpenSLO or our own form, YAML or JSON. One whose name is taken is refused, but with --replace: then it is another
    generation of that objective, and what it was stays readable.
    """
    if not dry_run:
        answer = _sent(asked, PATH, file, {"replace": "true"} if replace else {})
        asked.show(answer, lambda console: _named(console, answer.data["slos"], BECAME))
        return
    answer = _sent(asked, f"{PATH}/validate", file)
    asked.show(answer, lambda console: _named(console, answer.data["slos"], WOULD_BECOME))
    taken = [one["name"] for one in answer.data["slos"] if one["change"] != "created"]
    if taken and not replace:
        fail(f"{', '.join(map(shown.text, taken))}: there already; --replace puts the file in their place", WRONG_USAGE)


@click.command()
@WHERE_TO
@asks
def export(asked: Asked, output: IO[bytes]) -> None:
    """All objectives as documents of openslo/v1."""
    _download(asked, "openslo", output)


@click.command()
@click.option(
    "--format", "_form", type=click.Choice(["prometheus"]), default="prometheus", help="Whose rules they are."
)
@WHERE_TO
@asks
def rules(asked: Asked, _form: str, output: IO[bytes]) -> None:
    """A rule file for those who alert in Prometheus."""
    _download(asked, "rules.yaml", output)


@click.command()
@click.argument("kind", type=click.Choice(ready.KINDS))
@click.option("--service", required=True, help="The service whose objectives they become.")
def defaults(kind: str, service: str) -> None:
    """Print objectives to begin with, as OpenSLO.

    Pipe them into `spanledger slo import -`.
    """
    try:
        click.echo(ready.text(kind, service), nl=False)
    except Invalid as error:
        fail(str(error), WRONG_USAGE)


COMMANDS: Final = (validate, take, export, rules, defaults)


def _sent(asked: Asked, path: str, file: IO[bytes], parameters: dict[str, str] | None = None) -> Answer:
    content = file.read()
    return asked.client.upload(path, [content], len(content), parameters or {})


def _download(asked: Asked, name: str, output: IO[bytes]) -> None:
    def write(piece: bytes, _whole: int | None) -> None:
        output.write(piece)

    asked.client.download(f"{PATH}/{name}", {}, write)


def _named(console: Console, each: list[dict[str, Any]], became: dict[str, str]) -> None:
    for one in each:
        target = f"{shown.hundredths(one['target'])} of {shown.text(one['service'])}"
        say(console, f"{shown.text(one['name'])} {became[one['change']]}: {target}")
        if one.get("before") and one["change"] == "changed" and became is WOULD_BECOME:
            for line in differing.lines(one["before"], one["definition"]):
                say(console, f"  {line}")
        for warning in one["warnings"]:
            say(console, f"  {shown.text(warning)}", "yellow")
