"""The report of a month over all objectives, as Markdown that reads well and prints well.

Never: a month that looks kept because nothing was seen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from spanledger_server.slos.register import Kept
from spanledger_server.slos.report import Incident, Report
from spanledger_server.slos.status import State

WORDS: Final = {"ok": "kept", "breach": "**missed**", "unknown": "unknown"}
COUNTED: Final[dict[State, str]] = {"ok": "kept", "breach": "missed", "unknown": "unknown"}
REASONS: Final = {
    "within": "",
    "overspent": "the error budget is overspent",
    "no_events": "nothing was seen",
    "excluded": "all of it was planned downtime",
    "unknown_part": "too much of its parts is not known",
    "stale": "the service has gone silent",
    "low_coverage": "too much of the time was not seen",
    "uncounted": "too many spans do not say what they stand for",
    "invalid": "more good events than events",
}
MINUTE_NS: Final = 60 * 10**9


def markdown(month: str, zone: str, each: Sequence[tuple[Kept, Report]]) -> str:
    """The report as Markdown.

    Args:
        month: As it was asked for, ``2026-11``.
        zone: In whose days the month begins.
        each: The objectives and their reports.
    """
    states = [found.status.state for _, found in each]
    counted = ", ".join(f"{states.count(state)} {word}" for state, word in COUNTED.items())
    lines = [
        f"# Service levels, {month} ({zone})",
        "",
        f"{len(states)} objectives: {counted}.",
        "",
        "| objective | service | target | achieved | budget left | downtime | excluded | incidents | state |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_row(kept, found) for kept, found in each),
    ]
    for kept, found in each:
        if found.incidents:
            lines += ["", f"## {_plain(kept.objective.display_name or kept.objective.name)}", ""]
            lines += [_incident(one) for one in found.incidents]
    return "\n".join(lines) + "\n"


def _row(kept: Kept, found: Report) -> str:
    objective, status = kept.objective, found.status
    achieved, left = status.period.counts.good_ratio, status.budget.remaining_ratio if status.budget else None
    reason = REASONS.get(status.reason, status.reason)
    cells = [
        _plain(objective.display_name or objective.name),
        _plain(objective.service),
        _percent(float(objective.target)),
        _percent(achieved),
        "-" if left is None else f"{left * 100:.1f} %",
        f"{found.down_ns // MINUTE_NS} min",
        f"{status.period.excluded_ns // MINUTE_NS} min",
        str(len(found.incidents)),
        WORDS[status.state] + (f" ({reason})" if reason else ""),
    ]
    return f"| {' | '.join(cells)} |"


def _incident(one: Incident) -> str:
    bad = f"{one.counts.bad:,.0f} of {one.counts.total:,.0f} events were bad" if one.counts.total else "no events"
    return (
        f"- {_moment(one.window.from_ns)} to {_moment(one.window.to_ns)} UTC: {bad}, "
        f"{one.budget_share * 100:.1f} % of the budget"
        + (f", {one.down_ns // MINUTE_NS} min down" if one.down_ns else "")
    )


def _moment(at_ns: int) -> str:
    return f"{dt.datetime.fromtimestamp(at_ns // 10**9, dt.UTC):%Y-%m-%d %H:%M}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.5g} %"


def _plain(text: str) -> str:
    """Text that is no Markdown."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|!" else letter for letter in " ".join(text.split()))
