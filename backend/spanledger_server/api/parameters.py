"""Query parameters: text into times, windows, limits, choices and cursors.

Given what stands in the URL, gives typed values. FastAPI sees every parameter as text, so that each mistake gets the
same answer.

Never: a value that was silently replaced by another one.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.errors import Invalid, Mistakes
from spanledger_server.timegrid import Range

MOST_ITEMS: Final = 1000
MOST_TEXT: Final = 2000  # characters of a free text
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
EARLIEST_NS: Final = 0
LATEST_NS: Final = 2**63 - 1
TIME: Final = (
    "a time such as 2026-11-21T09:00:00Z, a day (its midnight in UTC), now, or now-15m (units s, m, h, d, w), "
    "from 1970 to 2262"
)
CURSOR: Final = "next_cursor of an answer to the same question"
_RELATIVE = re.compile(r"now(?:(?P<sign>[-+ ])(?P<count>\d{1,9})(?P<unit>[smhdw]))?", re.ASCII)
_ABSOLUTE = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[Tt ](?P<time>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,9}))?"
    r"(?:(?P<utc>[Zz])|(?P<sign>[-+ ])(?P<hours>\d\d):(?P<minutes>\d\d))",
    re.ASCII,
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def instant(parameter: str, text: str, now_ns: int) -> int:
    """Nanoseconds since 1970 of an RFC 3339 time, of a day's midnight in UTC, of ``now`` or of ``now-15m``.

    Args:
        parameter: Its name, for the message.
        text: What was given; a ``+`` that the URL turned into a space is understood.
        now_ns: What ``now`` means.

    Raises:
        Invalid: It is neither, or outside of 1970 to 2262.
    """
    found = _relative_ns(text, now_ns)
    if found is None:
        found = _absolute_ns(text)
    if found is None or not EARLIEST_NS <= found <= LATEST_NS:
        raise Invalid(parameter, text, TIME)
    return found


def _relative_ns(text: str, now_ns: int) -> int | None:
    match = _RELATIVE.fullmatch(text.strip())
    if match is None:
        return None
    if match["count"] is None:
        return now_ns
    offset_ns = int(match["count"]) * SECONDS[match["unit"]] * 10**9
    return max(0, now_ns - offset_ns) if match["sign"] == "-" else now_ns + offset_ns


def _absolute_ns(text: str) -> int | None:
    text = text.strip()
    match = _ABSOLUTE.fullmatch(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)
    if match is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(f"{match['date']}T{match['time']}+00:00")
    except ValueError:
        return None
    offset_s = 0
    if match["utc"] is None:
        hours, minutes = int(match["hours"]), int(match["minutes"])
        if hours > 23 or minutes > 59:
            return None
        offset_s = (hours * 3600 + minutes * 60) * (-1 if match["sign"] == "-" else 1)
    since = moment - _EPOCH
    seconds = since.days * 86400 + since.seconds - offset_s
    return seconds * 10**9 + int((match["fraction"] or "").ljust(9, "0"))


def window(from_text: str | None, to_text: str | None, now_ns: int, default_s: int = 3600) -> Range:
    """The window between `from` and `to`; without them, the last `default_s` seconds.

    Raises:
        Invalid: One of them is no time, or `from` is not before `to`.
    """
    to_ns = instant("to", to_text, now_ns) if to_text else now_ns
    from_ns = instant("from", from_text, now_ns) if from_text else max(0, to_ns - default_s * 10**9)
    if from_ns >= to_ns:
        raise Invalid("from", from_text, "a time before `to`")
    return Range(from_ns, to_ns)


def limit(text: str | None, default: int = 100, most: int = MOST_ITEMS, fewest: int = 1) -> int:
    """How many items are wanted.

    Raises:
        Invalid: It is not a whole number from `fewest` to `most`.
    """
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and fewest <= int(text) <= most):
        raise Invalid("limit", text, f"a whole number from {fewest} to {most}")
    return int(text)


def choice(parameter: str, text: str | None, allowed: Sequence[str], default: str) -> str:
    """One of `allowed`.

    Raises:
        Invalid: It is something else.
    """
    if text is None:
        return default
    if text not in allowed:
        raise Invalid(parameter, text, "one of " + ", ".join(allowed))
    return text


def together(*reads: Callable[[], Any]) -> list[Any]:
    """What each of these reads.

    Raises:
        Mistakes: All that is wrong, at once.
    """
    found: list[Any] = []
    wrong: list[Invalid] = []
    for read in reads:
        try:
            found.append(read())
        except Invalid as error:
            wrong.extend(error.each if isinstance(error, Mistakes) else (error,))
    if wrong:
        raise Mistakes(wrong)
    return found


def free_text(parameter: str, text: str | None) -> str:
    """Text to search for, of a bounded length.

    Raises:
        Invalid: It is too long.
    """
    if text is not None and len(text) > MOST_TEXT:
        raise Invalid(parameter, text, f"at most {MOST_TEXT} characters")
    return (text or "").replace("\x00", " ").strip()


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the window stays as it was on the first page, the position is the last item's sort key."""

    window: Range
    position: tuple[Any, ...]


def _signature(question: Sequence[object], content: bytes) -> bytes:
    asked = json.dumps([str(part) for part in question]).encode()
    return hashlib.blake2b(asked + b"\0" + content, digest_size=9, person=b"page cursor").digest()


def cursor_text(cursor: Cursor, question: Sequence[object]) -> str:
    """`cursor` as opaque text that only fits `question` (the endpoint, filters, sort and free text)."""
    content = json.dumps([cursor.window.from_ns, cursor.window.to_ns, *cursor.position]).encode()
    return base64.urlsafe_b64encode(_signature(question, content) + content).decode().rstrip("=")


def cursor(text: str | None, question: Sequence[object]) -> Cursor | None:
    """The cursor that was given out for `question`; None when none was given.

    Raises:
        Invalid: It was changed, or belongs to another question.
    """
    if text is None:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("cursor", text, CURSOR) from error
    signature, content = raw[:9], raw[9:]
    if signature != _signature(question, content):
        raise Invalid("cursor", text, CURSOR)
    from_ns, to_ns, *position = json.loads(content)
    return Cursor(Range(from_ns, to_ns), tuple(position))


def version(given: Any) -> int | None:
    """The version that a client has seen of what it changes; None does not mind.

    Raises:
        Invalid: It is no version.
    """
    if given is not None and (not isinstance(given, int) or isinstance(given, bool) or not 0 <= given < 2**31):
        raise Invalid("version", given, "the version that you have seen: a whole number")
    return given
