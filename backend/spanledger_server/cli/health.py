"""`spanledger health`: services, providers and checks, why each is as it is; and the checks made, run and put away.

Never: a state of its own, the server says it; or a password in what is shown.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import CHECK_FAILED, WRONG_USAGE, Asked, asks, fail, watched
from spanledger_server.cli.client import decimal, part
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.terminal import Column, Sheet, say

PATH: Final = "/api/v1/health/checks"
STYLES = {"healthy": "green", "degraded": "yellow", "down": "red", "unknown": "dim"}
MARKS = {"healthy": "✓", "degraded": "!", "down": "✗", "unknown": "?"}
BEATS = {"healthy": "▁", "degraded": "▄", "down": "█", "unknown": "·", None: " "}


@click.group(cls=Listing)
def health() -> None:
    """How services, providers and checks do. Without a command: list."""


@health.command(name="list")
@click.option("--check", is_flag=True, help="Exit with 3 when a service, provider or check is down.")
@click.option("--fail-on", type=click.Choice(["degraded", "down"]), help="Exit with 3 when anything is this bad.")
@watched
def listed(asked: Asked, check: bool, fail_on: str | None) -> None:
    """Services, providers and checks, and why.

    healthy, degraded, down or unknown.
    """
    answer = asked.client.get("/api/admin/monitoring/health/services")
    asked.show(answer, lambda console: _all(console, answer.data))
    bad = ("degraded", "down") if fail_on == "degraded" else ("down",) if check or fail_on else ()
    known = (*answer.data["services"], *answer.data["providers"], *answer.data["checks"])
    if any(one["status"] in bad for one in known):
        raise SystemExit(CHECK_FAILED)


@health.command()
@click.argument("check")
@watched
def show(asked: Asked, check: str) -> None:
    """One check: how it stands, its uptime, what changed.

    By name or id.
    """
    answer = asked.client.get(f"{PATH}/{part(check)}")
    history = asked.client.get(f"{PATH}/{part(check)}/history", {"from": "now-30d", "limit": 10})
    uptime = asked.client.get(f"{PATH}/{part(check)}/uptime", {"from": "now-1d"})
    asked.show(answer, lambda console: _one(console, answer.data, history.data["items"], uptime.data))


@health.command()
@click.argument("name")
@click.argument("kind")
@click.argument("target", required=False)
@click.option("--service", help="The service that it belongs to.")
@click.option("--interval", type=float, metavar="SECONDS", help="How often; else every 30 s.")
@click.option("--timeout", type=float, metavar="SECONDS", help="How long a look may take; else 5 s.")
@click.option("--down-after", type=int, metavar="COUNT", help="Bad answers in a row that are believed; else 3.")
@click.option("--up-after", type=int, metavar="COUNT", help="Good answers in a row that are believed; else 1.")
@click.option("--slow", type=float, metavar="MS", help="Degraded when a look takes longer.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="Of the kind, VALUE as JSON or text.")
@click.option("--run", "at_once", is_flag=True, help="Look at once and say what was found.")
@asks
def add(
    asked: Asked, name: str, kind: str, target: str | None, options: tuple[str, ...], at_once: bool, **more: Any
) -> None:
    """Make a check.

    KIND is one of those of `spanledger health kinds`; with - as TARGET it is read from the first line of the input,
    so that a password in it is seen by nobody.
    """
    if target == "-":
        target = sys.stdin.readline().strip()
    named = {"interval": "interval_s", "timeout": "timeout_s", "slow": "slow_ms"}
    body: dict[str, Any] = {"name": name, "kind": kind, "options": _options(options)}
    body |= {named.get(key, key): value for key, value in more.items() if value is not None}
    if target is not None:
        body["target"] = target
    answer = asked.client.post(PATH, body)
    if at_once:
        answer = asked.client.post(f"{PATH}/{part(answer.data['id'])}/run", {})
    asked.show(answer, lambda console: _brief(console, answer.data))


@health.command()
@click.argument("check")
@click.option("--check", "fails", is_flag=True, help="Exit with 3 when it does not answer as it should.")
@asks
def run(asked: Asked, check: str, fails: bool) -> None:
    """Look at once and say what was found."""
    answer = asked.client.post(f"{PATH}/{part(check)}/run", {})
    asked.show(answer, lambda console: _brief(console, answer.data))
    latest = answer.data["latest"]
    if fails and (latest is None or latest["state"] == "down"):
        raise SystemExit(CHECK_FAILED)


@health.command()
@click.argument("check")
@asks
def delete(asked: Asked, check: str) -> None:
    """Forget a check; what changed in its time stays."""
    answer = asked.client.delete(f"{PATH}/{part(check)}")
    asked.show(answer, lambda console: say(console, f"{check} is forgotten"))


@health.command()
@asks
def kinds(asked: Asked) -> None:
    """What can be checked, and the options of each kind."""
    answer = asked.client.get("/api/v1/health/kinds")
    asked.show(answer, lambda console: _kinds(console, answer.data["items"]))


def _options(texts: tuple[str, ...]) -> dict[str, Any]:
    return dict(_option(text) for text in texts)


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        fail(f"--option {text!r} is not KEY=VALUE", WRONG_USAGE)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _state(state: str) -> Text:
    return Text(f"{MARKS[state]} {state}", style=STYLES[state])


def _all(console: Console, data: dict[str, Any]) -> None:
    say(console, f"{MARKS[data['status']]} {data['sentence']}", STYLES[data["status"]])
    rows = [("service", one) for one in data["services"]] + [("provider", one) for one in data["providers"]]
    rows += [("check", one) for one in data["checks"]]
    if not rows:
        return
    say(console, "")
    sheet = Sheet(Column("name", text=True), Column("", leaves=2), Column("health"), Column("why", text=True, leaves=1))
    for kind, one in rows:
        sheet.add(shown.text(one["name"]), kind, _state(one["status"]), one["reason"] or "")
    sheet.show(console)


def _brief(console: Console, check: dict[str, Any]) -> None:
    say(console, f"{MARKS[check['state']]} {shown.text(check['name'])}: {check['reason']}", STYLES[check["state"]])
    latest = check["latest"]
    if latest is not None and latest["state"] != check["state"]:
        counted = f", {check['in_a_row']} of {check['needed']} in a row" if latest["state"] != "unknown" else ""
        say(console, f"  the latest look: {latest['state']}: {latest['reason']}{counted}", STYLES[latest["state"]])


def _one(console: Console, check: dict[str, Any], history: list[dict[str, Any]], uptime: dict[str, Any]) -> None:
    _brief(console, check)
    latest = check["latest"] or {"at": None, "latency_ms": None}
    up, known = (shown.percent(_number(uptime[name])) for name in ("uptime", "known"))
    told = {
        "id": check["id"],
        "asks": f"{check['kind']} {check['target']}",
        "service": check["service"],
        "every": f"{check['interval_s']:g} s, at most {check['timeout_s']:g} s",
        "since": shown.moment(check["since"]),
        "last checked": "Not checked yet" if latest["at"] is None else shown.moment(latest["at"]),
        "took": shown.duration(_number(latest["latency_ms"])),
        "up, 24 h": f"{up} of the {known} that is known",
    }
    for name, value in told.items():
        say(console, f"  {name}: {shown.text(value)}")
    say(console, f"  {''.join(BEATS[beat['state']] for beat in uptime['beats'])}")
    for change in history:
        line = f"{shown.moment(change['at'])}  {change['state']}: {change['reason']}"
        say(console, line, STYLES[change["state"]])


def _number(value: Any) -> Any:
    return None if value is None else decimal(value)


def _kinds(console: Console, items: list[dict[str, Any]]) -> None:
    for kind in items:
        say(console, f"{kind['kind']}: {kind['meaning']}", "bold")
        if kind["target"]:
            say(console, f"  target: {kind['target']}")
        for name, option in kind["options"].items():
            usual = "" if option["secret"] else f" (else {json.dumps(option['default'])})"
            say(console, f"  {name}: {option['meaning']}{usual}")
