"""A message in words: what, where, since when, how much against what, how it was, who has most of it, what to do.

Given a message, gives its parts as text without any markup (`told`), and those parts as one line, a few lines, or all
of them. Channels with a format of their own (mail, Slack) lay the same parts out themselves.

Never: markup, a raw float, or a word that has to be explained.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from spanledger_server.notify.event import Event
from spanledger_server.notify.message import Message
from spanledger_server.notify.text_values import COMPARED, STATE, UNKNOWN, against, lasted, moment

STATUS: Final = {
    "firing": "Firing",
    "acknowledged": "Acknowledged",
    "resolved": "Resolved",
    "digest": "Summary",
    "test": "Test",
}
CHANGED: Final = {
    "worse": "got worse",
    "flapping": "goes on and off: it is told again when it has come to rest",
    "unflapping": "has come to rest",
    "unacknowledged": "is no longer acknowledged",
}
MEASURED: Final = ("measured", "value", "threshold")  # facts that one row tells together
MOST_WHERE: Final = 500  # characters
JUST_NOW_NS: Final = 10 * 10**9
Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """The parts of a message.

    Attributes:
        status: One word.
        severity: One word.
        title: What, in one line.
        when: Since when, or for how long, in a few words; empty where there is nothing to say.
        text: A few sentences.
        rows: Names and values, the most important first.
        contributors: Who has most of it, a line each.
        traces: Name and address of requests that show it.
        runbook: Where it says what to do.
        links: Name and address of pages.
        alerts: Where there are several: a line each.
        omitted: How many more there are.
    """

    status: str
    severity: str
    title: str
    when: str
    text: str
    rows: tuple[Row, ...]
    contributors: tuple[str, ...]
    traces: tuple[Row, ...]
    runbook: str | None
    links: tuple[Row, ...]
    alerts: tuple[str, ...]
    omitted: int

    @property
    def heading(self) -> str:
        """What happened, in one line: ``Critical: checkout is slow``, ``Resolved: checkout is slow``."""
        return f"{self.severity if self.status == STATUS['firing'] else self.status}: {self.title}"

    @property
    def more(self) -> str | None:
        """That there are more; None where there are not."""
        return f"and {self.omitted} more" if self.omitted else None


def told(message: Message, pages: str) -> Told:
    """A message's parts.

    Args:
        message: It was cleaned.
        pages: Where people reach the pages, without a slash at the end.
    """
    worst = message.alerts[0] if message.alerts and message.status != "digest" else None
    several = len(message.alerts) > 1 or message.omitted > 0 or message.status == "digest"
    return Told(
        status=STATUS[message.status],
        severity=message.severity.capitalize(),
        title=message.title,
        when=_when(message),
        text=_text(message, worst),
        rows=_rows(message, worst),
        contributors=tuple(f"{share} {dimension} {name}" for dimension, name, share in worst.contributors)
        if worst is not None
        else (),
        traces=tuple((trace[:8], f"{pages}/traces/{trace}") for trace in worst.traces) if worst is not None else (),
        runbook=worst.runbook_url if worst is not None else None,
        links=_links(message, worst, pages),
        alerts=tuple(_line(event, message.at_ns) for event in message.alerts) if several else (),
        omitted=message.omitted,
    )


def line(parts: Told) -> str:
    """All that matters in one line, without an address."""
    measured = dict(parts.rows).get("Measured", "").split(", ")
    calm = parts.status != STATUS["firing"]  # what matters then is how long it lasted
    new = () if calm else (each for each in measured if not _says(parts.title, each))
    return ", ".join(each for each in (parts.heading, *new, parts.when, parts.more) if each)


def short(parts: Told) -> str:
    """A few lines, for places that show little."""
    kept = [f"{name}: {value}" for name, value in parts.rows[:3]]
    where = [parts.links[0][1]] if parts.links else []
    return "\n".join([parts.heading, *kept, *parts.alerts[:5], *([parts.more] if parts.more else []), *where])


def full(parts: Told) -> str:
    """All of it, in plain text."""
    width = max((len(name) for name, _ in parts.rows), default=0)
    blocks = [
        [parts.heading],
        [parts.text] if parts.text else [],
        [f"{name:<{width}}  {value}" for name, value in parts.rows],
        _under("Alerts", [*parts.alerts, *([parts.more] if parts.more else [])]),
        _under("Where most of it comes from", parts.contributors),
        _under("What to do", [parts.runbook] if parts.runbook else []),
        _under("Requests that show it", [address for _, address in parts.traces]),
        [f"{name}: {address}" for name, address in parts.links],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def measured(event: Event) -> str | None:
    """The value against the threshold; None where there is nothing to hold against each other."""
    if event.value is None and event.threshold is None:
        return None
    value, threshold = against(event.value, event.threshold, event.unit)
    value = "not known" if event.value is None else value
    began = ""
    if event.present is not None:
        now, was = against(event.present, event.value, event.unit)
        value, began = f"{now} now", "" if event.value is None else f"; {was} when it began"
    if event.threshold is None or event.unit == STATE:
        return value + began
    compared = f"{COMPARED.get(event.operator or '', 'held against')} {threshold}"
    return f"{value} (it was told when {compared})" if event.kind == "resolved" else f"{value}, {compared}{began}"


def labels(event: Event) -> str:
    """What an alert is of: ``service checkout, model gpt-5``."""
    itself = ("alertname", event.name)
    wanted = sorted((name, value) for name, value in event.labels.items() if value and (name, value) != itself)
    found = ", ".join(f"{name} {value}" for name, value in wanted)
    return found if len(found) <= MOST_WHERE else found[: MOST_WHERE - 1] + "…"


def _under(name: str, items: Sequence[str]) -> list[str]:
    return [f"{name}:", *(f"- {item}" for item in items)] if items else []


def _text(message: Message, worst: Event | None) -> str:
    text = message.text or (worst.text if worst is not None else "")
    if text == message.title:
        return ""
    began = text and message.status == "resolved" and len(message.alerts) == 1
    return f"When it began: {text}" if began else text


def _when(message: Message) -> str:
    if message.status == "resolved":
        return f"after {lasted(message.at_ns - message.started_ns)}"
    if message.status in ("firing", "acknowledged"):
        began, now = moment(message.started_ns), moment(message.at_ns)
        return f"since {began[11:] if began[:10] == now[:10] else began}"
    return ""


def _rows(message: Message, worst: Event | None) -> tuple[Row, ...]:
    rows: list[tuple[str, str | None]] = []
    if worst is not None:
        rows = [
            ("Measured", measured(worst)),
            ("Where", labels(worst) or None),
        ]
    if message.status in ("firing", "acknowledged"):
        length_ns = message.at_ns - message.started_ns
        how_long = "just now" if length_ns < JUST_NOW_NS else f"for {lasted(length_ns)}"
        rows.append(("Since", f"{moment(message.started_ns)}, {how_long}"))
    if message.status == "resolved":
        rows.append(("Lasted", f"{lasted(message.at_ns - message.started_ns)}, from {moment(message.started_ns)}"))
        rows.append(("Until", moment(message.at_ns)))
    if worst is not None:
        rows.append(("Changed", CHANGED.get(worst.kind)))
        rows.append((_by(worst), worst.by))
        facts = () if message.status == "resolved" else worst.facts  # they are of when it began
        rows.extend(fact for fact in facts if fact[0].lower() not in MEASURED)
    if message.repeat and message.status == "firing":
        rows.append(("Told before", "once" if message.repeat == 1 else f"{message.repeat} times"))
    return tuple((name, value) for name, value in rows if value)


def _by(event: Event) -> str:
    return {"acknowledged": "Acknowledged by", "resolved": "Resolved by"}.get(event.kind, "By")


def _links(message: Message, worst: Event | None, pages: str) -> tuple[Row, ...]:
    """The alert's own page, and the one that shows what it is about at that time."""
    if message.status == "test":
        return message.links
    links = [("Open the alerts", f"{pages}/alerts")]
    if worst is not None and worst.path.startswith("/alerts"):
        links = [("Open the alert", pages + worst.path)]
    elif worst is not None:
        links = [
            ("Open the alert", f"{pages}/alerts/{worst.alert_id}"),
            ("See it at that time", pages + worst.path),
        ]
    known = {address for _, address in links}
    return (*links, *(each for each in message.links if each[1] not in known))


def _says(title: str, value: str) -> bool:
    """Whether a title has the figure of a value already, perhaps without what is counted."""
    figure = next((word.rstrip(",") for word in value.split() if any(map(str.isdigit, word))), value)
    return re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d]|[.,]\d)", title) is not None


def _line(event: Event, now_ns: int) -> str:
    """One of several alerts."""
    kind = "Resolved" if event.kind == "resolved" else event.severity.capitalize()
    value = measured(event)
    if value and _says(event.title, value):
        value = None
    since = "" if event.kind == "resolved" else f", for {lasted(now_ns - event.started_ns)}"
    return f"{kind}: {event.title}{f' — {value}' if value and value != UNKNOWN else ''}{since}"
