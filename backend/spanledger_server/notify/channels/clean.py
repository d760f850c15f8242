"""Messages as channels can carry them: names and labels come from strangers, and some of them mean harm.

Given a message, gives the same one with texts that are printable and of a bounded length, numbers that are finite, and
links that lead to the web. What a channel's format needs beyond this (escaping, shorter limits) is the channel's part.

Never: a control character, a change of direction, half a character, or a line break where one line is meant.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final
from urllib.parse import urlsplit

from spanledger_server.notify.event import Event
from spanledger_server.notify.message import Message

MORE: Final = "…"
TITLE: Final = 200  # characters, as all of these
TEXT: Final = 4000
NAME: Final = 200
VALUE: Final = 1000
LONGEST_LINK: Final = 2000
MOST_LABELS: Final = 50
MOST_FACTS: Final = 20
MOST_CONTRIBUTORS: Final = 10
MOST_TRACES: Final = 10
MOST_LINKS: Final = 10
MOST_ALERTS: Final = 20
READ: Final = 2  # times as many characters are looked at as are kept: the rest of a megabyte is not
_UNSEEN = re.compile(  # controls, halves of characters, marks of direction, and spaces without width
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
_SPACE = re.compile(r"[^\S\n]")
_TRACE = re.compile(r"[0-9a-f]{32}")


def line(text: object, most: int) -> str:
    """`text` in one line of at most `most` characters."""
    return cut(" ".join(_UNSEEN.sub("", str(text)[: most * READ]).split()), most)


def lines(text: object, most: int) -> str:
    """`text` with its line breaks, at most `most` characters."""
    broken = "\n".join(_UNSEEN.sub("", str(text)[: most * READ]).splitlines())
    return cut(_SPACE.sub(" ", broken).strip(), most)


def cut(text: str, most: int) -> str:
    """At most `most` characters; what was left out shows as ``…``."""
    return text if len(text) <= most else text[: most - 1].rstrip() + MORE


def link(address: str) -> str | None:
    """An address of the web; None for anything else."""
    if len(address) > LONGEST_LINK or not address.isprintable() or any(each in address for each in ' "<>\\'):
        return None
    try:
        parsed = urlsplit(address)
        host = parsed.hostname
    except ValueError:
        return None
    return address if parsed.scheme in ("http", "https") and host and "@" not in parsed.netloc else None


def cleaned(message: Message) -> Message:
    """The same message, harmless."""
    links = ((line(name, NAME), link(address)) for name, address in message.links[:MOST_LINKS])
    behind = max(0, len(message.alerts) - MOST_ALERTS)
    return replace(
        message,
        incident_id=line(message.incident_id, 255),
        title=line(message.title, TITLE),
        text=lines(message.text, TEXT),
        alerts=tuple(_event(event) for event in message.alerts[:MOST_ALERTS]),
        omitted=message.omitted + behind,
        links=tuple((name, address) for name, address in links if address is not None),
    )


def _event(event: Event) -> Event:
    return replace(
        event,
        dedup_key=line(event.dedup_key, 255),
        name=line(event.name, NAME),
        labels=_pairs(event.labels),
        value=_finite(event.value),
        present=_finite(event.present),
        threshold=_finite(event.threshold),
        unit=None if event.unit is None else line(event.unit, 20),
        title=line(event.title, TITLE),
        text=lines(event.text, TEXT),
        facts=tuple((line(name, NAME), line(value, VALUE)) for name, value in event.facts[:MOST_FACTS]),
        contributors=tuple(
            (line(dimension, NAME), line(name, NAME), line(share, 40))
            for dimension, name, share in event.contributors[:MOST_CONTRIBUTORS]
        ),
        traces=tuple(trace for trace in event.traces[:MOST_TRACES] if _TRACE.fullmatch(trace)),
        runbook_url=None if event.runbook_url is None else link(event.runbook_url),
        path=_path(event.path),
        by=None if event.by is None else line(event.by, NAME),
        annotations=_pairs(event.annotations),
    )


def _pairs(given: Mapping[str, str]) -> dict[str, str]:
    """Names and values; of very many, the first by name."""
    return {line(name, NAME): line(given[name], VALUE) for name in sorted(given)[:MOST_LABELS]}


def _finite(value: float | Decimal | None) -> float | Decimal | None:
    return None if value is None or not math.isfinite(value) else value


def _path(path: str) -> str:
    """Of a page of ours; the list of alerts for anything else."""
    fine = path.startswith("/") and not path.startswith(("//", "/\\")) and link(f"http://x{path}") is not None
    return path if fine else "/alerts"
