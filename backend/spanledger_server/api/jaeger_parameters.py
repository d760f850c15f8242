"""What Jaeger's clients ask, read from the URL: both generations, every name of a parameter that Jaeger takes.

Given the query part of a URL, gives typed values; an empty value is the same as none, as in Jaeger.

Never: an answer about something else than was asked. What is given and cannot be read is refused by its name.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from starlette.datastructures import QueryParams

from spanledger_server.api.parameters import LATEST_NS, instant
from spanledger_server.errors import Invalid
from spanledger_server.timegrid import Range
from spanledger_server.traces.filters import KINDS, NANOSECONDS
from spanledger_server.traces.jaeger_read import Question

MOST_TRACES: Final = 1500  # as the search form of Jaeger's UI allows
MOST_TAGS: Final = 50
DAY_NS: Final = 86400 * 10**9
LOOKBACK_NS: Final = 2 * DAY_NS  # of a search that names no start
DURATION: Final = "a duration such as 1.5s, 20ms or 1h30m"
BOOLEANS: Final = dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "false", "FALSE", "False"), False
)
_DURATION = re.compile(r"(?P<sign>[-+]?)(?P<parts>0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+)", re.ASCII)
_PART = re.compile(r"([\d.]+)([a-zµ]+)")
_WHOLE = re.compile(r"[-+]?\d{1,19}", re.ASCII)
_TRACE_ID = re.compile(r"[0-9a-fA-F]{1,32}", re.ASCII)


class Asked:
    """One request's parameters."""

    def __init__(self, query: QueryParams) -> None:
        self._query = query

    def text(self, *names: str) -> str | None:
        """The first of these names that has a value."""
        return next((value for name in names if (value := self._query.get(name))), None)

    def texts(self, name: str) -> list[str]:
        """All values of a name."""
        return self._query.getlist(name)

    def number(self, name: str) -> int | None:
        """A whole number.

        Raises:
            Invalid: It is none.
        """
        text = self.text(name)
        if text is not None and not _WHOLE.fullmatch(text):
            raise Invalid(name, text, "a whole number")
        return None if text is None else int(text)

    def boolean(self, *names: str) -> bool:
        """A truth value, false when it is not there.

        Raises:
            Invalid: It is none.
        """
        text = self.text(*names)
        if text is not None and text not in BOOLEANS:
            raise Invalid(names[0], text, "true or false")
        return text is not None and BOOLEANS[text]

    def duration_ns(self, *names: str) -> int | None:
        """A duration as Go spells it, in nanoseconds; None when it is not there, or no time at all.

        Raises:
            Invalid: It is none.
        """
        text = self.text(*names)
        if text is None:
            return None
        length_ns = duration_ns(text)
        if length_ns is None:
            raise Invalid(names[0], text, DURATION)
        return length_ns or None

    def time_ns(self, name: str, unit_ns: int, default_ns: int) -> int:
        """A time that is counted in `unit_ns` since 1970.

        Raises:
            Invalid: It is no whole number.
        """
        number = self.number(name)
        return default_ns if number is None else _bounded(number * unit_ns)

    def most(self, *names: str) -> int:
        """How many traces.

        Raises:
            Invalid: It is not a whole number from 1 to `MOST_TRACES`.
        """
        text = self.text(*names)
        if text is None:
            return 100
        if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= MOST_TRACES:
            raise Invalid(names[0], text, f"a whole number from 1 to {MOST_TRACES}")
        return int(text)

    def kind(self, *names: str) -> int | None:
        """A span's kind by its OTLP number, -1 for one that no span has, None when it is not there."""
        text = self.text(*names)
        if text is None:
            return None
        return KINDS.index(text) if text in KINDS[1:] else -1


def duration_ns(text: str) -> int | None:
    """A duration as Go spells it, in nanoseconds; None when it is not one that fits into 64 bits."""
    match = _DURATION.fullmatch(text.replace("\u03bc", "µ"))  # the Greek letter is the same unit
    if match is None or any(number.count(".") > 1 for number, _ in _PART.findall(match["parts"])):
        return None
    length_ns = sum(int(Decimal(number) * NANOSECONDS[unit]) for number, unit in _PART.findall(match["parts"]))
    return None if length_ns > LATEST_NS else -length_ns if match["sign"] == "-" else length_ns


def trace_id(name: str, text: str) -> UUID:
    """A trace id of up to 32 hexadecimal digits, those on the left left out when they are zeros.

    Raises:
        Invalid: It is none.
    """
    if not _TRACE_ID.fullmatch(text):
        raise Invalid(name, text, "up to 32 hexadecimal digits")
    return UUID(int=int(text, 16))


def first_search(asked: Asked, now_ns: int) -> Question:
    """The search that the parameters of ``/api/traces`` ask for.

    Raises:
        Invalid: One of them cannot be read, or the service is missing.
    """
    to_ns = asked.time_ns("end", 1000, now_ns)
    lookback_ns = duration_ns(asked.text("lookback") or "") or LOOKBACK_NS  # Jaeger's UI also sends words here
    from_ns = asked.time_ns("start", 1000, _bounded(to_ns - lookback_ns))
    service = asked.text("service")
    if service is None:
        raise Invalid("service", "", "parameter 'service' is required")
    least_ns, most_ns = asked.duration_ns("minDuration"), asked.duration_ns("maxDuration")
    if least_ns and most_ns and most_ns < least_ns:
        raise Invalid("maxDuration", asked.text("maxDuration"), "'maxDuration' should be greater than 'minDuration'")
    tags = _pairs(asked.texts("tag"))
    for text in asked.texts("tags"):
        tags |= _text_map("tags", text)
    return Question(
        window=Range(from_ns, _bounded(to_ns + 1)),
        service=service,
        operation=asked.text("operation"),
        least_ns=least_ns,
        most_ns=most_ns,
        tags=few(tags),
        most=asked.most("limit"),
    )


def second_search(asked: Asked, now_ns: int) -> Question:
    """The search that the ``query.…`` parameters of ``/api/v3/traces`` ask for.

    Raises:
        Invalid: One of them cannot be read, or a bound of the time is missing.
    """
    times = []
    for names in (("query.startTimeMin", "query.start_time_min"), ("query.startTimeMax", "query.start_time_max")):
        text = asked.text(*names)
        if text is None:
            raise Invalid(names[0], "", "query.startTimeMin and query.startTimeMax are required")
        times.append(instant(names[0], text, now_ns))
    attributes = asked.text("query.attributes")
    return Question(
        window=Range(times[0], _bounded(times[1] + 1)),
        service=asked.text("query.serviceName", "query.service_name"),
        operation=asked.text("query.operationName", "query.operation_name"),
        least_ns=asked.duration_ns("query.durationMin", "query.duration_min"),
        most_ns=asked.duration_ns("query.durationMax", "query.duration_max"),
        tags=few(_text_map("query.attributes", attributes) if attributes else {}),
        most=asked.most("query.searchDepth", "query.search_depth", "query.num_traces", "query.numTraces"),
    )


def dependency_window(asked: Asked, now_ns: int) -> Range:
    """The window of ``/api/dependencies``: `endTs` and `lookback`, both in milliseconds.

    Raises:
        Invalid: One of them is no whole number.
    """
    to_ns = asked.time_ns("endTs", 10**6, now_ns)
    lookback = asked.number("lookback")
    return Range(_bounded(to_ns - (DAY_NS if lookback is None else lookback * 10**6)), _bounded(to_ns + 1))


def _bounded(at_ns: int) -> int:
    return min(max(at_ns, 0), LATEST_NS)


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, colon, value = text.partition(":")
        if not colon:
            raise Invalid("tag", text, "key:value")
        pairs[key] = value
    return pairs


def _text_map(name: str, text: str) -> dict[str, str]:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        found = text
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Invalid(name, text, 'a JSON object of texts, such as {"error":"true"}')
    return found


def few(tags: dict[str, str]) -> dict[str, str]:
    """The tags of a search.

    Raises:
        Invalid: There are too many, or one of them has a NUL in it.
    """
    if len(tags) > MOST_TAGS:
        raise Invalid("tags", f"{len(tags)} tags", f"at most {MOST_TAGS}")
    if any("\x00" in text for pair in tags.items() for text in pair):
        raise Invalid("tags", tags, "texts without NUL")
    return tags
