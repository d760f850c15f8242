"""`spanledger rules`: what is watched; made, tried on now and on the past, switched on and off, deleted.

Never: "well" for a rule that cannot be judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import yaml
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.alerts import tell
from spanledger_server.cli.asking import CHECK_FAILED, WRONG_USAGE, Asked, asks, fail, watched
from spanledger_server.cli.client import decimal, part
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.terminal import Column, Sheet, say

PATH: Final = "/api/v1/rules"
MOST: Final = 1000
MOST_BYTES: Final = 1024 * 1024
SEVERITIES: Final = ("info", "warning", "error", "critical")
STYLES: Final = {"critical": "red", "error": "red", "warning": "yellow"}
SAYS: Final = {"true": "red", "error": "yellow", "no_data": "dim"}
SUGGESTED: Final = {"limit": "another limit", "on": "switch on", "new": "a new rule"}
OUTCOMES: Final = {"true": "holds", "false": "does not hold", "no_data": "no data", "error": "cannot be judged"}


@click.group(cls=Listing)
def rules() -> None:
    """What is watched, and when it is too much. Without a command: list."""


@rules.command(name="list")
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only these.")
@click.option("--enabled/--disabled", default=None, help="Only these.")
@watched
def listed(asked: Asked, severity: str | None, enabled: bool | None) -> None:
    """Every rule: what it watches, and whether it is enabled."""
    answer = asked.client.get(PATH, {"limit": MOST})
    items = [
        item
        for item in answer.data["items"]
        if severity in (None, item["severity"]) and enabled in (None, item["enabled"])
    ]
    asked.show(answer, lambda console: _show_list(console, items))


@rules.command()
@click.argument("rule")
@asks
def show(asked: Asked, rule: str) -> None:
    """All that was said of a rule."""
    answer = asked.client.get(f"{PATH}/{part(rule)}")
    asked.show(answer, lambda console: _show(console, answer.data))


@rules.command()
@click.argument("name", required=False)
@click.argument("condition", required=False)
@click.option("--severity", type=click.Choice(SEVERITIES), help="Of its alerts; else warning.")
@click.option("--channel", "channels", multiple=True, metavar="NAME", help="Whom it tells; repeated.")
@click.option("--only", multiple=True, metavar="LABEL=VALUE", help="What it is about; repeated.")
@click.option("--by", "group_by", multiple=True, metavar="LABEL", help="Judge each value of a label apart; repeated.")
@click.option("--min-events", type=int, metavar="NUMBER", help="Fewer events say nothing.")
@click.option("--runbook", metavar="URL", help="What to do.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A rule, or a list of them, as YAML or JSON (docs/rules.md).",
)
@asks
def add(asked: Asked, name: str | None, condition: str | None, file: Path | None, **options: Any) -> None:
    """Make a rule: NAME "error_rate > 5% for 5m", or of a file."""
    bodies = of_file(file) if file is not None else []
    if name is not None:
        bodies = [{**(bodies[0] if bodies else {}), "name": name}, *bodies[1:]]
    if not bodies:
        fail("a rule needs a NAME and a CONDITION, or --file", WRONG_USAGE)
    if condition is not None:
        bodies[0]["condition"] = condition
    bodies[0] |= _body(options)
    for body in bodies:
        answer = asked.client.post(PATH, body)
        asked.show(answer, partial(_show_made, item=answer.data))


@rules.command()
@click.argument("rule")
@asks
def enable(asked: Asked, rule: str) -> None:
    """Let a rule make alerts."""
    answer = asked.client.post(f"{PATH}/{part(rule)}/enable", {})
    asked.show(answer, lambda console: say(console, f"{answer.data['name']} is enabled"))


@rules.command()
@click.argument("rule")
@asks
def disable(asked: Asked, rule: str) -> None:
    """Let a rule make no alerts."""
    answer = asked.client.post(f"{PATH}/{part(rule)}/disable", {})
    asked.show(answer, lambda console: say(console, f"{answer.data['name']} is disabled"))


@rules.command()
@click.argument("rule")
@asks
def delete(asked: Asked, rule: str) -> None:
    """Put a rule away; its history stays."""
    found = asked.client.get(f"{PATH}/{part(rule)}").data
    answer = asked.client.delete(f"{PATH}/{part(found['id'])}")
    asked.show(answer, lambda console: say(console, f"{found['name']} is deleted"))


@rules.command()
@click.argument("rule")
@click.option("--check", is_flag=True, help="Exit with 3 when it holds, or cannot be judged.")
@asks
def test(asked: Asked, rule: str, check: bool) -> None:
    """What a rule says now; nobody is told."""
    answer = asked.client.post(f"{PATH}/{part(rule)}/test", {})
    asked.show(answer, lambda console: _show_test(console, answer.data))
    if check and any(each["outcome"] in ("true", "error") for each in answer.data["verdicts"]):
        raise SystemExit(CHECK_FAILED)


@rules.command()
@click.argument("rule", required=False)
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A rule that is not kept.")
@click.option("--from", "from_", metavar="TIME", help="RFC 3339 or now-30d; else now-7d.")
@click.option("--to", metavar="TIME", help="RFC 3339 or now.")
@click.option("--threshold", "thresholds", multiple=True, type=float, help="To compare with; repeated.")
@asks
def backtest(
    asked: Asked, rule: str | None, file: Path | None, from_: str | None, to: str | None, thresholds: tuple[float, ...]
) -> None:
    """What a rule would have done in the past."""
    if (rule is None) == (file is None):
        fail("name a rule, or give a --file with one", WRONG_USAGE)
    chosen: Any = rule if file is None else of_file(file)[0]
    body = {"rule": chosen, "from": from_, "to": to, "thresholds": list(thresholds)}
    answer = asked.client.post(f"{PATH}/backtest", body)
    asked.show(answer, lambda console: _show_replay(console, answer.data))


@rules.command()
@click.option("--cursor", help="next_cursor of an answer before.")
@asks
def suggest(asked: Asked, cursor: str | None) -> None:
    """Rules that may be worth having, each tried on the last week."""
    answer = asked.client.get(f"{PATH}/suggest", {"cursor": cursor})
    asked.show(answer, lambda console: _show_suggested(console, _pages(asked, answer.data)))


def _pages(asked: Asked, page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A page of suggestions and those behind it, each once it is worked out: two seconds a page, twelve at most."""
    yield page
    while page["next_cursor"] is not None:
        page = asked.client.get(f"{PATH}/suggest", {"cursor": page["next_cursor"]}).data
        yield page


@rules.command()
@click.option("--apply", "applied", is_flag=True, help="Make rules of those that are not in use.")
@click.argument("names", nargs=-1)
@asks
def defaults(asked: Asked, applied: bool, names: tuple[str, ...]) -> None:
    """The rules that every server begins with.

    NAMES of defaults or packs: make these again.
    """
    if applied:
        made = asked.client.post(f"{PATH}/defaults", {"names": list(names)})
        asked.show(made, lambda console: _show_list(console, made.data["items"]))
        return
    answer = asked.client.get(f"{PATH}/defaults")
    items = [each for each in answer.data["items"] if not names or {each["name"], each["pack"]} & set(names)]
    asked.show(answer, lambda console: _show_defaults(console, items))


def of_file(file: Path) -> list[dict[str, Any]]:
    """What a file holds: one thing, or a list of them, as YAML or JSON; ends the command where it holds nothing."""
    try:
        if file.stat().st_size > MOST_BYTES:
            fail(f"{file} is larger than {MOST_BYTES} bytes", WRONG_USAGE)
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        fail(f"{file} cannot be read as YAML or JSON: {error}", WRONG_USAGE)
    listed_rules = found if isinstance(found, list) else [found]
    if not listed_rules or not all(isinstance(each, dict) for each in listed_rules):
        fail(f"{file} holds nothing that could be sent", WRONG_USAGE)
    bodies: list[dict[str, Any]] = json.loads(json.dumps(listed_rules, default=str))
    return bodies


def _body(options: dict[str, Any]) -> dict[str, Any]:
    """What the options say, in the API's names."""
    body: dict[str, Any] = {}
    for option, name in (("severity", "severity"), ("min_events", "min_events"), ("runbook", "runbook_url")):
        if options[option] is not None:
            body[name] = options[option]
    for option, name in (("channels", "notification_channels"), ("group_by", "group_by")):
        if options[option]:
            body[name] = list(options[option])
    for text in options["only"]:
        label, equals, value = text.partition("=")
        if not label or not equals:
            fail(f"--only {text!r} is not LABEL=VALUE", WRONG_USAGE)
        body.setdefault("filters", {}).setdefault(label, []).append(value)
    return body


def _condition(item: dict[str, Any]) -> str:
    """What a rule watches, in a line."""
    kind = item["kind"]
    if kind == "composite":
        return str(item["expression"])
    if kind == "absence":
        return f"nothing of {item['metric'] or 'anything'} for {_length(item['window_seconds'])}"
    if kind == "burn_rate":
        return f"error budget of {item['slo'] or 'any objective'} burns ({item['burn']})"
    if kind == "anomaly":
        return f"{item['metric']} unusual by {_number(item['threshold'])} deviations"
    subject = {
        "ratio": f"{item.get('metric')} / {item.get('divided_by')}",
        "change": f"change of {item.get('metric')} against {item.get('against')}",
        "budget": f"percent of {item.get('budget') or 'any budget'}",
        "forecast": f"chance to exceed {item.get('budget') or 'any budget'}",
    }.get(kind, str(item.get("metric")))
    held = f" for {_length(item['duration_seconds'])}" if item["duration_seconds"] else ""
    return f"{subject} {item['operator']} {_number(item['threshold'])}{held}"


def _number(value: Any) -> str:
    number = decimal(value)
    return shown.UNKNOWN if number is None else f"{number.normalize():f}"


def _length(seconds: int) -> str:
    return shown.long_duration(int(seconds))


def _show_list(console: Console, items: list[dict[str, Any]]) -> None:
    if not items:
        say(console, "no rules")
        return
    sheet = Sheet(
        Column(""),
        Column("rule", text=True),
        Column("condition", text=True),
        Column("by", text=True, leaves=2),
        Column("severity", leaves=1),
        Column("channels", text=True, leaves=3),
    )
    for item in items:
        enabled = item["enabled"]
        sheet.add(
            Text("on" if enabled else "off", style="green" if enabled else "dim"),
            shown.text(item["name"]),
            _condition(item),
            ", ".join(item["group_by"]),
            Text(item["severity"], style=STYLES.get(item["severity"], "")),
            ", ".join(item["notification_channels"]),
        )
    sheet.show(console)


def _show(console: Console, item: dict[str, Any]) -> None:
    say(console, f"{item['name']}: {_condition(item)}", "bold")
    hidden = ("id", "name", "warnings", "annotations")
    for name, value in item.items():
        if value in (None, "", [], {}, 0, False) or name in hidden:
            continue
        text = ", ".join(f"{key}={each}" for key, each in value.items()) if isinstance(value, dict) else value
        say(console, f"  {name}: {', '.join(map(str, text)) if isinstance(text, list) else shown.text(text)}")
    for name, text in item["annotations"].items():
        say(console, f"  {name}: {text}")
    say(console, f"  id: {item['id']}", "dim")


def _show_made(console: Console, item: dict[str, Any]) -> None:
    say(console, f"{item['name']}: {_condition(item)}, id {item['id']}")
    for warning in item["warnings"]:
        say(console, f"  {warning}", "yellow")


def _show_test(console: Console, data: dict[str, Any]) -> None:
    say(console, data["message"], "red" if data["triggered"] else "")
    if data["story"] is not None:
        tell(console, data["story"]["text"])
    if not data["verdicts"]:
        return
    sheet = Sheet(
        Column("group", text=True),
        Column("says"),
        Column("value", right=True),
        Column("threshold", right=True, leaves=1),
        Column("events", right=True, leaves=2),
        Column("why", text=True, leaves=3),
    )
    for each in data["verdicts"]:
        group = ", ".join(f"{name}={value}" for name, value in each["labels"].items())
        sheet.add(
            group or "all",
            Text(OUTCOMES[each["outcome"]], style=SAYS.get(each["outcome"], "")),
            _figure(each["value"]),
            _figure(each["threshold"]),
            shown.count(decimal(each["events"])),
            each["reason"] or "",
        )
    sheet.show(console)


def _figure(value: Any) -> str:
    number = decimal(value)
    return shown.UNKNOWN if number is None else f"{float(number):,.4g}" if abs(number) < 1000 else f"{number:,.0f}"


def _show_replay(console: Console, data: dict[str, Any]) -> None:
    say(console, f"{data['rule_name']} {data['sentence']}", "bold")
    say(console, f"judged every {_length(data['step_seconds'])}; the condition held {_minutes(data['breach_minutes'])}")
    if data["episodes"]:
        sheet = Sheet(
            Column("from"), Column("lasted", right=True), Column("worst", right=True), Column("group", text=True)
        )
        for each in data["episodes"]:
            group = ", ".join(f"{name}={value}" for name, value in each["labels"].items())
            sheet.add(shown.moment(each["from"]), _minutes(each["minutes"]), _figure(each["worst"]), group or "all")
        sheet.show(console)
    if data["omitted"]:
        say(console, f"and {data['omitted']} more", "dim")
    for each in data["compared"]:
        say(console, f"at a threshold of {_number(each['threshold'])} it {each['sentence']}")


def _show_suggested(console: Console, pages: Iterable[dict[str, Any]]) -> None:
    tried = offered = loud = unknown = 0
    for data in pages:
        for each in data["items"]:
            limit = each["calmer"]
            say(console, f"{SUGGESTED[each['kind']]}: {each['title']}", "bold")
            say(console, f"  {each['why']}")
            at = "" if limit is None else f"at a threshold of {_number(limit['threshold'])} "
            say(console, f"  {at}it {(limit or each['replay'])['sentence']}")
        tried, offered = tried + data["tried"], offered + len(data["items"])
        loud, unknown = loud + data["noisy"], unknown + data["unknown"]
    if not tried:
        say(console, "nothing to try: no rule is off or too loud, and every metric is watched", "dim")
        return
    left = f"{loud} would have been too loud, of {unknown} too little is known"
    say(console, f"{tried} tried: {offered} worth having, {left}", "dim")


def _minutes(value: Any) -> str:
    return _length(round(float(value) * 60))


def _show_defaults(console: Console, items: list[dict[str, Any]]) -> None:
    sheet = Sheet(
        Column("default", text=True),
        Column("pack", leaves=1),
        Column("here"),
        Column("what it says", text=True, leaves=2),
    )
    for each in items:
        here = each["state"] if each["enabled"] is None else "enabled" if each["enabled"] else "disabled"
        sheet.add(each["name"], each["pack"], here, each["description"] or "")
    sheet.show(console)
