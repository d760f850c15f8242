"""`spanledger slo`: objectives, where they stand, their reports, and OpenSLO files in and out.

Exit code 3 of `report`, and of `list --check`, when an objective is missed.

Never: a budget without the state that says whether it can be believed.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli import slo_files
from spanledger_server.cli.asking import CHECK_FAILED, Asked, asks, watched
from spanledger_server.cli.client import decimal, part
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.terminal import Column, Sheet, say

PATH: Final = "/api/v1/slos"
STYLES: Final = {"ok": "green", "breach": "bold red", "unknown": "yellow"}
REASONS: Final = {
    "within": "within its budget",
    "overspent": "the budget is overspent",
    "no_events": "nothing was seen",
    "excluded": "all of it is planned downtime",
    "unknown_part": "too much of its parts is not known",
    "stale": "the service has gone silent",
    "low_coverage": "too much of the time was not seen",
    "uncounted": "too many spans do not say what they stand for",
    "invalid": "more good events than events",
}
MOST_SHOWN: Final = 10
BAR_COLUMNS: Final = 12


@click.group(cls=Listing)
def slo() -> None:
    """Service level objectives and their error budgets. Without a command: list."""


@slo.command(name="list")
@click.option("--check", is_flag=True, help="Exit with 3 when one is missed.")
@watched
def listed(asked: Asked, check: bool) -> None:
    """All objectives and where each stands."""
    answer = asked.client.get(PATH)
    asked.show(answer, lambda console: _list(console, answer.data["slos"]))
    _end(check and any(one["state"] == "breach" for one in answer.data["slos"]))


@slo.command()
@click.argument("name")
@watched
def show(asked: Asked, name: str) -> None:
    """One objective: its budget, its pairs of windows."""
    answer = asked.client.get(f"{PATH}/{part(name)}")
    asked.show(answer, lambda console: _show(console, answer.data))


@slo.command()
@click.argument("name", required=False)
@click.option("--window", help="A length such as 7d in place of the objective's own.")
@click.option("--month", help="A calendar month such as 2026-11; without a name, of all objectives.")
@click.option("--tz", help="IANA time zone in which the month begins; else the server's.")
@asks
def report(asked: Asked, name: str | None, window: str | None, month: str | None, tz: str | None) -> None:
    """What a window looked like, and whose fault it was.

    Incidents, downtime, who contributed. Without NAME: a month of all objectives. Ends with 3 when one is missed.
    """
    if name is None:
        answer = asked.client.get(
            "/api/v1/reports/sla", {"month": month or f"{dt.datetime.now(dt.UTC):%Y-%m}", "tz": tz}
        )
        asked.show(answer, lambda console: _month(console, answer.data))
        _end(answer.data["missed"] > 0)
        return
    answer = asked.client.get(f"{PATH}/{part(name)}/report", {"window": window, "month": month, "tz": tz})
    asked.show(answer, lambda console: _report(console, answer.data))
    _end(answer.data["state"] == "breach")


for _command in slo_files.COMMANDS:
    slo.add_command(_command)


@slo.command()
@click.argument("name")
@asks
def delete(asked: Asked, name: str) -> None:
    """Forget an objective."""
    found = asked.client.get(f"{PATH}/{part(name)}").data
    answer = asked.client.delete(f"{PATH}/{part(found['id'])}")
    asked.show(answer, lambda console: say(console, f"{found['name']} is forgotten"))


@slo.command()
@click.argument("what")
@click.option("--from", "since", default="now-7d", help="RFC 3339 or now-7d.")
@click.option("--to", default="now", help="RFC 3339 or now.")
@asks
def simulate(asked: Asked, what: str, since: str, to: str) -> None:
    """What a definition would have come to in the past.

    WHAT is a file, or an objective that there is. Ends with 3 when it were missed.
    """
    query = {"from": since, "to": to}
    file = Path(what)
    if file.is_file():
        content = file.read_bytes()
        answer = asked.client.upload(f"{PATH}/simulate", [content], len(content), query)
    else:
        answer = asked.client.upload(f"{PATH}/simulate", [], 0, query | {"slo": what})
    asked.show(answer, lambda console: _simulated(console, answer.data["slos"]))
    _end(any((one["remaining_ratio"] or 0) < 0 for one in answer.data["slos"]))


@slo.command()
@click.argument("name")
@asks
def adjustments(asked: Asked, name: str) -> None:
    """Planned downtime and corrections of an objective."""
    answer = asked.client.get(f"{PATH}/{part(name)}/adjustments")
    asked.show(answer, lambda console: _adjustments(console, answer.data["adjustments"]))


@slo.command()
@click.argument("name")
@click.option("--from", "since", required=True, help="A whole minute, such as 2026-11-22T02:00:00Z, or now-1h.")
@click.option("--to", required=True, help="A whole minute after it, or now, now+2h.")
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
@asks
def downtime(asked: Asked, name: str, since: str, to: str, reason: str) -> None:
    """Leave planned downtime out of an objective.

    For what recurs, and for corrections, see docs/slos.md.
    """
    body = {"kind": "downtime", "from": since, "to": to, "reason": reason}
    answer = asked.client.post(f"{PATH}/{part(name)}/adjustments", body)
    asked.show(answer, lambda console: say(console, _left_out(name, answer.data)))


def _left_out(name: str, one: dict[str, Any]) -> str:
    return f"{shown.text(name)}: {shown.moment(one['from'])} to {shown.moment(one['to'])} UTC is left out"


def _end(failed: bool) -> None:
    if failed:
        raise SystemExit(CHECK_FAILED)


def _list(console: Console, each: list[dict[str, Any]]) -> None:
    if not each:
        say(console, "no objective is defined: `spanledger slo import FILE` takes OpenSLO (docs/slos.md)")
        return
    sheet = Sheet(
        Column("objective", text=True),
        Column("state"),
        Column("target", right=True),
        Column("achieved", right=True),
        Column("budget left", right=True),
        Column("", leaves=3),
        Column("burn", right=True, leaves=2),
        Column("window", leaves=1),
    )
    for one in each:
        left = one["remaining_ratio"]
        sheet.add(
            shown.text(one["name"]),
            _state(one),
            shown.hundredths(one["target"]),
            shown.hundredths(one["achieved_performance"]),
            shown.percent(decimal(left)),
            Text(shown.bar(decimal(left), BAR_COLUMNS) if left and left > 0 else "", style="blue"),
            _rate(one["burn_rate"]),
            shown.text(_length(one["window"])),
        )
    sheet.show(console)


def _state(one: dict[str, Any]) -> Text:
    reason = "" if one["state"] == "ok" else f" ({REASONS.get(one['reason'], one['reason'])})"
    return Text(f"{one['state']}{reason}", style=STYLES[one["state"]])


def _show(console: Console, one: dict[str, Any]) -> None:
    say(console, shown.text(one["display_name"]), "bold")
    if one["description"]:
        say(console, shown.text(one["description"]))
    _standing(console, one)
    say(console, "")
    sheet = Sheet(
        Column("told when"),
        Column("long", right=True),
        Column("short", right=True),
        Column("threshold", right=True),
        Column("state"),
    )
    for pair in one["conditions"]:
        said = {True: "firing", False: "quiet", None: "unknown"}[pair["firing"]]
        sheet.add(
            f"{pair['severity']}: {shown.hundredths(pair['budget_percent'])} in {_span(pair['long_s'])}",
            _rate(pair["long_burn_rate"]),
            _rate(pair["short_burn_rate"]),
            _rate(pair["threshold"]),
            Text(f"{said} ({pair['reason']})", style={"firing": "bold red", "unknown": "yellow"}.get(said, "")),
        )
    sheet.show(console)


def _standing(console: Console, one: dict[str, Any]) -> None:
    say(console, f"{one['state']}: {REASONS.get(one['reason'], one['reason'])}", STYLES[one["state"]])
    about = "about " if one["estimated"] else ""
    say(
        console,
        f"{shown.hundredths(one['achieved_performance'])} of {about}{shown.count(one['total'])} events were good, "
        f"the target is {shown.hundredths(one['slo_target'])}; {shown.percent(decimal(one['remaining_ratio']))} of the "
        "budget is left",
    )
    if one["seconds_until_exhausted"]:
        say(console, f"at the pace of the last hour it is spent in {_span(one['seconds_until_exhausted'])}")
    if not one["weighed"]:
        say(console, "spans do not say how they were sampled: each stands for itself", "yellow")


def _report(console: Console, one: dict[str, Any]) -> None:
    say(console, shown.text(one["display_name"]), "bold")
    say(console, f"{shown.moment(one['window']['from'])} to {shown.moment(one['window']['to'])} UTC")
    _standing(console, one)
    before = one["previous"]["achieved_performance"]
    say(
        console,
        f"bad minutes {shown.count(one['bad_minutes'])}, of them {shown.count(one['downtime_minutes'])} down; "
        f"the window before: {shown.hundredths(before)}",
    )
    for incident in one["incidents"][:MOST_SHOWN]:
        say(
            console,
            f"  {shown.moment(incident['from'])} to {shown.moment(incident['to'])}: {_bad(incident)}, "
            f"{shown.hundredths(incident['budget_percent'])} of the budget",
        )
    for each in one["contributors"][:MOST_SHOWN]:
        say(
            console,
            f"  {each['dimension']} {shown.text(each['value'])}: {shown.count(each['bad'])} bad, "
            f"{shown.percent(decimal(each['share_of_bad']))} of all",
        )


def _bad(incident: dict[str, Any]) -> str:
    """How much of it was bad; where slices ask for a number of events, the trouble may be that there were none."""
    if not incident["total"]:
        return "no events"
    return f"{shown.count(incident['bad'])} of {shown.count(incident['total'])} bad"


def _month(console: Console, data: dict[str, Any]) -> None:
    say(console, f"{data['month']}: {data['kept']} kept, {data['missed']} missed, {data['unknown']} unknown", "bold")
    sheet = Sheet(
        Column("objective", text=True),
        Column("state"),
        Column("target", right=True),
        Column("achieved", right=True),
        Column("down", right=True),
        Column("incidents", right=True, leaves=1),
    )
    for one in data["slos"]:
        sheet.add(
            shown.text(one["name"]),
            _state(one),
            shown.hundredths(one["slo_target"]),
            shown.hundredths(one["achieved_performance"]),
            f"{shown.count(one['downtime_minutes'])} min",
            shown.count(len(one["incidents"])),
        )
    sheet.show(console)


def _simulated(console: Console, each: list[dict[str, Any]]) -> None:
    for one in each:
        say(console, shown.text(one["name"]), "bold")
        say(
            console,
            f"{shown.hundredths(one['achieved_performance'])} of {shown.count(one['total'])} events good, "
            f"{shown.percent(decimal(one['remaining_ratio']))} of the budget left; "
            f"{_incidents(len(one['incidents']))}, {one['missed_incidents']} without an alert; "
            f"{one['false_alerts']} of {one['alerts']} alerts false",
        )
        sheet = Sheet(
            Column("pair"), Column("alerts", right=True), Column("false", right=True), Column("late", right=True)
        )
        for pair in one["pairs"]:
            late = [alert["late_s"] for alert in pair["alerts"] if alert["late_s"] is not None]
            sheet.add(
                f"{pair['severity']}: {shown.hundredths(pair['budget_percent'])} in {_span(pair['long_s'])}",
                "never" if pair["unreachable"] else str(len(pair["alerts"])),
                str(sum(alert["false"] for alert in pair["alerts"])),
                f"up to {_span(max(late))}" if late else shown.UNKNOWN,
            )
        sheet.show(console)


def _adjustments(console: Console, each: list[dict[str, Any]]) -> None:
    if not each:
        say(console, "nothing is left out and nothing is corrected")
        return
    sheet = Sheet(Column("id"), Column("what"), Column("when", text=True), Column("reason", text=True), Column("by"))
    for one in each:
        when = one.get("at") or (f"{one['from']} to {one['to']}" if "from" in one else _recurs(one))
        what = one["kind"] if one["kind"] == "downtime" else f"{one['bad']:+g} bad"
        sheet.add(one["id"], what, when, shown.text(one["reason"]), shown.text(one["updated_by"]))
    sheet.show(console)


def _recurs(one: dict[str, Any]) -> str:
    return f"{one['duration']} each {one['repeats']} from {one['starts']} {one.get('timezone', 'UTC')}"


def _rate(value: Any) -> str:
    return shown.UNKNOWN if value is None else f"{float(value):.3g}×"


def _span(seconds: Any) -> str:
    return shown.long_duration(int(seconds))


def _length(window: Any) -> str:
    if isinstance(window, str):
        return window
    return f"{window['duration']}, calendar" if window.get("calendar") else str(window["duration"])


def _incidents(number: int) -> str:
    return "1 incident" if number == 1 else f"{shown.count(number)} incidents"
