"""`spanledger prices`: what models cost and since when, what waits for a price, and prices of one's own.

Never: a price without where it is from, or a change of what calls cost already.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import WRONG_USAGE, Asked, asks, fail
from spanledger_server.cli.client import decimal, part
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.terminal import Column, Sheet, say

PATH: Final = "/api/v1/prices"
SHORT: Final = {
    "input_mtok": "in",
    "output_mtok": "out",
    "cache_read_mtok": "cached",
    "cache_write_mtok": "written",
}
COLUMNS: Final = {"input_mtok": "input", "output_mtok": "output", "cache_read_mtok": "cached"}
MOST_FILE: Final = 2**20


@click.group(cls=Listing, unnamed="search", worded="search")
def prices() -> None:
    """What models cost, and since when. Without a command: search."""


@prices.command()
@click.argument("model", required=False)
@click.option("--provider", help="Only this provider's.")
@click.option("--at", metavar="TIME", help="RFC 3339, or now-7d; else now.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@asks
def search(asked: Asked, model: str | None, provider: str | None, at: str | None, limit: int) -> None:
    """Prices of models whose name holds MODEL."""
    answer = asked.client.get(PATH, {"model": model, "provider": provider, "at": at, "limit": limit})
    asked.show(answer, lambda console: _list(console, answer.data))


@prices.command()
@click.argument("provider")
@click.argument("model")
@click.option("--tier", help="As served by this tier.")
@click.option("--batch", is_flag=True, help="Through the batch interface.")
@asks
def show(asked: Asked, provider: str, model: str, tier: str | None, batch: bool) -> None:
    """A model's prices one after another, and who set which."""
    asking = {"provider": provider, "model": model, "service_tier": tier, "batch": batch or None}
    answer = asked.client.get(f"{PATH}/history", asking)
    asked.show(answer, lambda console: _history(console, answer.data))


def _stated(command: Any) -> Any:
    """What `set` and `add` have in common."""
    for option in (
        click.argument("rates", nargs=-1, required=True, metavar="UNIT=USD..."),
        click.argument("model"),
        click.argument("provider"),
        click.option("--prefix", is_flag=True, help="MODEL is what the model's name begins with."),
        click.option("--to", "until", metavar="TIME", help="From then on it no longer holds."),
        click.option("--batch", is_flag=True, help="For the batch interface."),
        click.option("--tier", help="For this service tier only."),
        click.option("--estimated", is_flag=True, help="Mark lines as estimated."),
        click.option("--note", metavar="TEXT", help="Where the rate is from."),
    ):
        command = option(command)
    return command


@prices.command(name="set")
@_stated
@click.option("--from", "since", metavar="TIME", default="now", show_default=True, help="The first moment.")
@click.option("--id", "override_id", metavar="ID", help="In place of this price.")
@asks
def set_price(asked: Asked, since: str, override_id: str | None, **stated: Any) -> None:
    """Set a model's price from a moment on.

    spanledger prices set openai gpt-5 input_mtok=1.10 output_mtok=9
    """
    body = _body(stated) | {"valid_from": since}
    answer = asked.client.put(PATH, body) if override_id is None else _changed(asked, override_id, body)
    asked.show(answer, lambda console: _set(console, answer.data))


def _changed(asked: Asked, override_id: str, body: dict[str, Any]) -> Any:
    return asked.client.put(f"{PATH}/{part(override_id)}", body)


@prices.command()
@_stated
@asks
def add(asked: Asked, **stated: Any) -> None:
    """Give a model that has no price one, from the beginning of time."""
    asking = {"provider": stated["provider"], "model": stated["model"]}
    known = asked.client.get(f"{PATH}/history", asking).data["stretches"]
    if not stated["prefix"] and any(stretch["rates"] is not None for stretch in known):
        fail(f"{stated['model']} has a price: `spanledger prices set` sets another one from a moment on", WRONG_USAGE)
    answer = asked.client.post(PATH, _body(stated) | {"valid_from": None})
    asked.show(answer, lambda console: _set(console, answer.data))


@prices.command()
@click.argument("override_id", metavar="ID")
@asks
def delete(asked: Asked, override_id: str) -> None:
    """Let a price that was set count no longer."""
    answer = asked.client.delete(f"{PATH}/{part(override_id)}")
    asked.show(answer, lambda console: say(console, f"deleted {answer.data['id']}: what stood before holds again"))


@prices.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="Take the place of the prices of this name; else the file's.")
@asks
def refresh(asked: Asked, file: Path, name: str | None) -> None:
    """Take the prices of a FILE.

    In place of those that came with such a file before.
    """
    try:
        content = file.read_text(encoding="utf-8") if file.stat().st_size <= MOST_FILE else None
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {error}")
    if content is None:
        fail(f"{file} has more than {MOST_FILE} bytes", WRONG_USAGE)
    answer = asked.client.post(f"{PATH}/refresh", {"name": name or file.name, "content": content})
    told = ", ".join(f"{answer.data[what]} {what}" for what in ("added", "changed", "unchanged", "ended"))
    asked.show(answer, lambda console: say(console, f"{answer.data['name']}: {told}"))


@prices.command()
@click.option("--from", "from_", metavar="TIME", help="RFC 3339, or now-7d; else the last 30 days.")
@click.option("--to", metavar="TIME", help="RFC 3339, or now.")
@asks
def missing(asked: Asked, from_: str | None, to: str | None) -> None:
    """Calls that wait for a price."""
    answer = asked.client.get(f"{PATH}/missing", {"from": from_, "to": to})
    asked.show(answer, lambda console: _missing(console, answer.data))


def _body(stated: dict[str, Any]) -> dict[str, Any]:
    rates = {}
    for text in stated["rates"]:
        unit, equals, rate = text.partition("=")
        if not equals:
            fail(f"{text!r} is not UNIT=USD, such as input_mtok=1.25", WRONG_USAGE)
        rates[unit] = rate
    body = {
        "provider": stated["provider"],
        "model_prefix" if stated["prefix"] else "model": stated["model"],
        "rates": rates,
        "valid_to": stated["until"],
        "batch": stated["batch"] or None,
        "service_tier": stated["tier"],
        "estimated": stated["estimated"] or None,
        "source": stated["note"],
    }
    return {key: value for key, value in body.items() if value is not None}


def _rates(price: dict[str, Any]) -> str:
    if price["rates"] is None:
        return price["reason"] or shown.UNKNOWN
    found = {unit: shown.exact_money(decimal(rate)) for unit, rate in price["rates"].items()}
    first = [f"{word} {found.pop(unit)}" for unit, word in SHORT.items() if unit in found]
    tiers = " (more for long input)" if price.get("tiers") else ""
    return ", ".join([*first, *(f"{unit} {rate}" for unit, rate in found.items())]) + tiers


def _name(price: dict[str, Any]) -> str:
    return f"{price['model']}*" if price["match"] == "prefix" else str(price["model"])


def _list(console: Console, data: dict[str, Any]) -> None:
    if not data["items"]:
        say(console, "no model of this name is known: `spanledger prices add` gives it a price")
        return
    sheet = Sheet(
        Column("provider", text=True, leaves=1),
        Column("model", text=True),
        *(Column(word, right=True, leaves=place) for place, word in enumerate(COLUMNS.values())),
        Column("since", leaves=4),
        Column("from", leaves=3),
        Column("other rates", leaves=5),
    )
    for price in data["items"]:
        rates = dict(price["rates"] or {})
        cells = [shown.exact_money(decimal(rates.pop(unit))) if unit in rates else "" for unit in COLUMNS]
        more = ", ".join(f"{unit} {shown.exact_money(decimal(rate))}" for unit, rate in rates.items())
        tiers = "more for long input" if price["tiers"] else ""
        sheet.add(
            shown.text(price["provider"]),
            _name(price),
            *cells,
            shown.moment(price["valid_from"])[:10] if price["valid_from"] else shown.UNKNOWN,
            price["source"] or Text(price["reason"] or shown.UNKNOWN, style="yellow"),
            ", ".join(filter(None, (more, tiers))),
        )
    say(console, "US dollars for a million tokens, or for one of the unit named", "dim")
    sheet.show(console)
    if data["next_cursor"]:
        say(console, "and more: name the model, or raise --limit", "dim")


def _history(console: Console, data: dict[str, Any]) -> None:
    sheet = Sheet(Column("from"), Column("to"), Column("price", text=True), Column("source", text=True, leaves=1))
    for price in data["stretches"]:
        sheet.add(
            shown.moment(price["valid_from"]) if price["valid_from"] else "the beginning",
            shown.moment(price["valid_to"]) if price["valid_to"] else "now on",
            _rates(price),
            price["version"] or shown.UNKNOWN,
        )
    sheet.show(console)
    for each in data["overrides"]:
        ended = f", ended {shown.moment(each['ended_at'])} by {each['ended_by']}" if each["ended_at"] else ""
        told = f"{each['id']} r{each['revision']}: set {shown.moment(each['set_at'])} by {each['set_by']}{ended}"
        say(console, told, "dim")


def _set(console: Console, price: dict[str, Any]) -> None:
    since = f"from {shown.moment(price['valid_from'])} UTC on" if price["valid_from"] else "from the beginning on"
    say(console, f"{price['id']}: {price['provider']} {_name(price)}, {_rates(price)}, {since}")
    say(console, "lines that stand keep their price: `spanledger reprice` prices them anew", "dim")


def _missing(console: Console, data: dict[str, Any]) -> None:
    if not data["items"]:
        say(console, "no call waits for a price")
        return
    sheet = Sheet(
        Column("provider", text=True, leaves=1),
        Column("model", text=True),
        Column("calls", right=True),
        Column("input", right=True, leaves=2),
        Column("output", right=True, leaves=3),
        Column("why", text=True, leaves=4),
        Column("what helps"),
    )
    for row in data["items"]:
        sheet.add(
            shown.text(row["provider"]),
            shown.text(row["model"]),
            shown.count(row["calls"]),
            shown.count(row["input_tokens"]),
            shown.count(row["output_tokens"]),
            shown.text(row["reason"]),
            "reprice" if row["has_price_now"] else "prices add",
        )
    sheet.show(console)
    if data["more"]:
        say(console, f"and {data['more']} more", "dim")
