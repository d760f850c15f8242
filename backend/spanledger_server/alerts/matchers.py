"""Alertmanager's filters: `severity="critical"`, `team!=shop`, `instance=~"10.*"`, `job!~test`.

Given their text, gives matchers; given firing alerts, those that all of them match. A label that is missing counts as
empty; a regular expression has to match the whole value.

Never: a regular expression in an engine that can be made to take for ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from spanledger_server.alerts.episodes import Episode
from spanledger_server.errors import Invalid
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, StatementFailed

SQL = sqlfile.load(__package__)

Operator = Literal["=", "!=", "=~", "!~"]
ALLOWED: Final = 'a matcher such as severity="critical", team!=shop, instance=~"10.*" or job!~test'
MOST_MATCHERS: Final = 50
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_MATCHER = re.compile(
    rf"\s*(?P<name>[a-zA-Z_:][\w:.]*|{_QUOTED})\s*(?P<how>=~|!~|!=|=)\s*(?P<value>{_QUOTED}|[^\"]*?)\s*", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label."""

    name: str
    how: Operator
    value: str


def parse(texts: Sequence[str]) -> list[Matcher]:
    """The matchers in these filters, one in each.

    Raises:
        Invalid: One of them is no matcher, or there are too many.
    """
    found: list[Matcher] = []
    for text in texts[: MOST_MATCHERS + 1]:
        match = _MATCHER.fullmatch(text)
        if match is None or len(found) == MOST_MATCHERS:
            raise Invalid("filter", text, ALLOWED)
        found.append(Matcher(_plain(match["name"], text), match["how"], _plain(match["value"], text)))  # type: ignore[arg-type]  # the four of the pattern
    return found


def _plain(text: str, given: str) -> str:
    """Without its quotes, if it has any."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text, strict=False))
    except ValueError as error:
        raise Invalid("filter", given, ALLOWED) from error


def kept(reader: Reader, episodes: Sequence[Episode], matchers: Sequence[Matcher]) -> list[Episode]:
    """Those that all matchers match.

    Raises:
        Invalid: A regular expression is none.
    """
    left = [(episode, json.loads(episode.labels)) for episode in episodes]
    for matcher in matchers:
        values = {labels.get(matcher.name, "") for _, labels in left}
        by_pattern = matcher.how.endswith("~")
        matching = _matching(reader, values, "filter", matcher.value) if by_pattern else {matcher.value}
        wanted = not matcher.how.startswith("!")
        left = [(each, labels) for each, labels in left if (labels.get(matcher.name, "") in matching) is wanted]
    return [episode for episode, _ in left]


def matches(reader: Reader, value: str, parameter: str, pattern: str) -> bool:
    """Whether a regular expression matches the whole value.

    Raises:
        Invalid: It is none; `parameter` is where it was given.
    """
    return bool(_matching(reader, {value}, parameter, pattern))


def _matching(reader: Reader, values: set[str], parameter: str, pattern: str) -> set[str]:
    try:
        rows = reader.tuples(SQL["matching_values"], given=list(values), pattern=pattern)
    except StatementFailed as error:
        raise Invalid(parameter, pattern, "a regular expression as RE2 reads them") from error
    return {value for (value,) in rows}
