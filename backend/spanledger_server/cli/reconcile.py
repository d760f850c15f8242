"""`spanledger reconcile`: does the provider's bill say what the ledger says? Exit code 3 when it does not.

Never: a difference without what explains it, or "unknown".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.bills.formats import NAMES
from spanledger_server.bills.opening import MOST_SENT
from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import CHECK_FAILED, WRONG_USAGE, Asked, asks, fail
from spanledger_server.cli.client import decimal, part
from spanledger_server.cli.progress import Tell, progress
from spanledger_server.cli.terminal import Column, Sheet, say

PATH: Final = "/api/v1/reconcile"
PIECE: Final = 2**18
WORDS: Final = {
    "missing_calls": "calls that the ledger lacks",
    "not_billed": "calls that the bill lacks",
    "unpriced": "calls without a price",
    "price": "another price",
    "tokens": "other tokens",
    "time_zone": "days that begin at another hour",
    "rounding": "rounding",
    "unknown": "not known what",
}
MOST_CELLS: Final = 20
WIDE: Final = 140  # columns of a terminal that has room for sentences


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--format", "kind", type=click.Choice(NAMES), help="What it is; else found out.")
@click.option("--provider", multiple=True, help="Only this provider's lines; may be repeated.")
@click.option("--tz", metavar="ZONE", help="IANA time zone in which the bill's days begin; else its provider's.")
@click.option("--columns", metavar="WHAT=COLUMN,...", help="date=DAY,model=MODEL,amount=AMOUNT,project=…")
@click.option(
    "--project", metavar="COLUMN", help="What the bill's project is in the ledger: service, feature, tenant …"
)
@click.option("--decimal", "mark", type=click.Choice((".", ",")), help="What parts decimals; else found out.")
@click.option("--dates", type=click.Choice(("dmy", "mdy")), help="For dates such as 01/02/2026; else found out.")
@click.option("--duplicates", type=click.Choice(("once", "keep")), help="Rows that stand there twice.")
@click.option("--currency-rate", multiple=True, metavar="EUR=1.08", help="US dollars for one; may be repeated.")
@click.option("--tolerance", metavar="PERCENT", help="How much of the bill may differ; else 1.")
@click.option("--list", "only_list", is_flag=True, help="Read none; list those that were read.")
@click.option("--show", "shown_id", metavar="ID", help="Read none; show this one again.")
@click.option("--all", "everything", is_flag=True, help="Show every day and model, also where nothing differs.")
@asks
def reconcile(
    asked: Asked,
    file: Path | None,
    only_list: bool,
    shown_id: str | None,
    everything: bool,
    kind: str | None,
    mark: str | None,
    **options: Any,
) -> None:
    """Hold a provider's bill or usage export against the ledger."""
    if only_list:
        answer = asked.client.get(PATH)
        asked.show(answer, lambda console: _list(console, answer.data))
        return
    if shown_id is not None:
        answer = asked.client.get(f"{PATH}/{part(shown_id)}")
    elif file is None:
        fail("name the bill's FILE, --list, or --show ID", WRONG_USAGE)
    else:
        asking = {**options, "format": kind, "decimal": mark, "name": file.name}
        size = file.stat().st_size
        if size > MOST_SENT:  # the server refuses it at once, but is heard only when all of it is sent
            fail(f"{file.name} is larger than {MOST_SENT} bytes: cut it up by month, or pack it with gzip", WRONG_USAGE)
        with progress("sending", then="comparing") as tell, file.open("rb") as opened:
            answer = asked.client.upload(PATH, _pieces(opened, size, tell), size, asking)
    asked.show(answer, lambda console: _show(console, answer.data, everything))
    if answer.data["state"] != "agrees":
        raise SystemExit(CHECK_FAILED)


def _pieces(opened: Any, size: int, tell: Tell) -> Iterator[bytes]:
    done = 0
    while piece := opened.read(PIECE):
        done += len(piece)
        tell(done, size)
        yield piece


def _amount(data: dict[str, Any], value: Any) -> str:
    number = decimal(value)
    return shown.money(number) if data["compared"] == "cost" else shown.count(number)


def _show(console: Console, data: dict[str, Any], everything: bool) -> None:
    style = {"agrees": "bold green", "differs": "bold yellow"}.get(data["state"], "bold")
    say(console, data["sentence"], style)
    pair = f"bill {_amount(data, data['bill'])}, ledger {_amount(data, data['ledger'])}"
    say(console, f"{pair}, difference {_amount(data, data['difference'])}")
    where = f"{data['format']}, {data['from']} to {data['to']}, days of {data['timezone']}"
    say(console, f"{where}, {shown.count(data['rows'])} rows")
    for each in data["explained"]:
        if decimal(each["difference"]):
            say(console, f"  {WORDS.get(each['why'], each['why'])}: {_amount(data, each['difference'])}")
    if data["unpriced_calls"]:
        say(
            console,
            f"  {shown.count(data['unpriced_calls'])} calls wait for a price: spanledger prices missing",
            "yellow",
        )
    for each in data["credits"]:
        say(console, f"  credit {shown.text(each['what'])}: {_amount(data, each['amount'])}, not compared", "dim")
    for each in data["left_out"]:
        rows = "row" if each["rows"] == 1 else "rows"
        told = f"{shown.count(each['rows'])} {rows} of {shown.text(each['what'])}"
        say(console, f"  left out: {told}, {shown.money(decimal(each['amount']))}", "dim")
    for note in data["notes"]:
        say(console, f"  {note}", "dim")
    cells = data["cells"] if everything else [cell for cell in data["cells"] if cell["why"] not in (None, "rounding")]
    _cells(console, data, cells if everything else cells[:MOST_CELLS])
    if len(cells) > MOST_CELLS and not everything:
        say(console, f"and {len(cells) - MOST_CELLS} more: --show {data['id']} --all", "dim")


def _cells(console: Console, data: dict[str, Any], cells: list[dict[str, Any]]) -> None:
    if not cells:
        return
    say(console, "")
    projects = any(cell["project"] for cell in cells)
    sheet = Sheet(
        Column("day"),
        Column("model", text=True),
        *([Column("project", text=True, leaves=4)] if projects else []),
        Column("bill", right=True),
        Column("ledger", right=True),
        Column("difference", right=True, leaves=1),
        Column("calls", right=True, leaves=3),
        Column("why", text=True, leaves=2),
    )
    for cell in cells:
        why = cell["text"] if console.width >= WIDE else WORDS.get(cell["why"], cell["why"])
        sheet.add(
            cell["day"],
            shown.text(cell["model"]),
            *([shown.text(cell["project"])] if projects else []),
            _amount(data, cell["bill"]),
            _amount(data, cell["ledger"]),
            Text(_amount(data, cell["difference"]), style="" if cell["why"] in (None, "rounding") else "yellow"),
            shown.count(cell["ledger_calls"]),
            why or "",
        )
    sheet.show(console)


def _list(console: Console, data: dict[str, Any]) -> None:
    if not data["items"]:
        say(console, "no bill was held against the ledger yet")
        return
    sheet = Sheet(
        Column("id"),
        Column("read", leaves=3),
        Column("file", text=True, leaves=4),
        Column("from"),
        Column("to"),
        Column("bill", right=True, leaves=2),
        Column("seen", right=True),
        Column("state", leaves=1),
    )
    for each in data["items"]:
        sheet.add(
            each["id"],
            shown.moment(each["at"]),
            shown.text(each["file"]),
            each["from"],
            each["to"],
            _amount(each, each["bill"]),
            shown.percent(decimal(each["seen"])),
            each["state"],
        )
    sheet.show(console)
