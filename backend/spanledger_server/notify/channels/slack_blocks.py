"""A message as Slack's blocks, within the limits that Slack has for each of them.

Given the parts of a message, gives what stands in `blocks` and, for notifications and old clients, in `text`. All texts
are escaped, and mrkdwn is marked verbatim, so that nothing in a name becomes a mention, a channel or a link.

Never: a block that Slack refuses, or a mention that nobody meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from spanledger_server.notify.text import Told, line

HEADER: Final = 150  # characters, as all of these; after escaping
SECTION: Final = 3000
FIELDS: Final = 10
FIELD: Final = 400  # Slack takes 2000; all texts of one message together 13000
TEXT: Final = 2000
LIST: Final = 2000
FALLBACK: Final = 1000
MARKS: Final = {"Critical": "🔴", "Error": "🔴", "Warning": "🟠", "Info": "🔵"}
CALM: Final = {"Resolved": "✅", "Acknowledged": "👀", "Summary": "📋", "Test": "🔔"}
ESCAPED: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
MORE: Final = "…"


def blocks(parts: Told) -> list[dict[str, Any]]:
    """The whole of it."""
    found: list[dict[str, Any]] = [{"type": "header", "text": _plain(f"{mark(parts)} {parts.heading}", HEADER)}]
    if parts.text:
        found.append({"type": "section", "text": _plain(parts.text, TEXT)})
    if parts.rows:
        pairs = [_mrkdwn(f"*{fit(name, 100)}*\n{fit(value, FIELD - 110)}") for name, value in parts.rows[:FIELDS]]
        found.append({"type": "section", "fields": pairs})
    more = [parts.more] if parts.more else []
    for name, items in (("Alerts", [*parts.alerts, *more]), ("Where most of it comes from", parts.contributors)):
        if items:
            found.append({"type": "section", "text": _mrkdwn(_list(name, items))})
    if parts.traces:
        found.append({"type": "section", "text": _mrkdwn(f"*Requests that show it*\n{_links(parts.traces)}")})
    pages = [*parts.links, *([("What to do", parts.runbook)] if parts.runbook else [])]
    if shown := _links(pages):
        found.append({"type": "section", "text": _mrkdwn(shown)})
    return found


def fallback(parts: Told) -> str:
    """One line, escaped."""
    return fit(f"{mark(parts)} {line(parts)}", FALLBACK)


def change(parts: Told) -> str:
    """What is new, for a thread, escaped."""
    rows = [f"{name}: {value}" for name, value in parts.rows if name in NEWS]
    return fit("\n".join([f"{mark(parts)} {parts.heading}", *rows]), FALLBACK)


NEWS: Final = ("Measured", "Changed", "Acknowledged by", "Resolved by", "By", "Lasted", "Since", "Told before")


def mark(parts: Told) -> str:
    """A sign for how bad it is."""
    return CALM.get(parts.status) or MARKS.get(parts.severity, "🔵")


def fit(text: str, most: int) -> str:
    """`text` escaped, in at most `most` characters, and no half of an escape."""
    escaped = [ESCAPED.get(each, each) for each in text]
    if sum(map(len, escaped)) <= most:
        return "".join(escaped)
    length, kept = len(MORE), []
    for each in escaped:
        length += len(each)
        if length > most:
            break
        kept.append(each)
    return "".join(kept).rstrip() + MORE


def _plain(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": fit(text, most), "emoji": False}


def _mrkdwn(escaped: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": escaped, "verbatim": True}


def _list(name: str, items: Iterable[str]) -> str:
    text = f"*{name}*"
    for item in items:
        entry = f"\n• {fit(item, FIELD)}"
        if len(text) + len(entry) > LIST:
            return text + f"\n{MORE}"
        text += entry
    return text


def _links(links: Iterable[tuple[str, str]]) -> str:
    """Links beside each other; those that there is no room for are left out."""
    text = ""
    for name, address in links:
        entry = f"<{fit(address.replace('|', '%7C'), SECTION)}|{fit(name, 100).replace('|', ' ')}>"
        if len(text) + len(entry) + 3 <= LIST:
            text += f" · {entry}" if text else entry
    return text
