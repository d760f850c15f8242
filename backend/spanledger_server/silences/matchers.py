"""Matchers as Alertmanager writes them: `severity="critical"`, `team!=shop`, `instance=~"10.*"`, `job!~test`.

Given their text, gives matchers; given labels, says whether all of them match. A label that is missing counts as
empty; a regular expression, as RE2 reads it, has to match the whole value.

Never: a regular expression in an engine that can be made to take for ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from spanledger_server.errors import Invalid

Operator = Literal["=", "!=", "=~", "!~"]
ALLOWED: Final = 'a matcher such as severity="critical", team!=shop, instance=~"10.*" or job!~test'
RE2: Final = "a regular expression as RE2 reads them"
MOST_MATCHERS: Final = 50
MOST_LENGTH: Final = 4096
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

    def told(self) -> str:
        """As people write it."""
        return f"{self.name}{self.how}{json.dumps(self.value, ensure_ascii=False)}"

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels match."""
        given = labels.get(self.name, "")
        same = _matches(self.value, given) if self.how.endswith("~") else given == self.value
        return same is not self.how.startswith("!")


def all_hold(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether these labels match all of them; no matcher matches everything."""
    return all(matcher.holds(labels) for matcher in matchers)


def parse(texts: Sequence[str], parameter: str = "filter") -> list[Matcher]:
    """The matchers in these texts, one in each.

    Args:
        texts: As people write them.
        parameter: Where they were given.

    Raises:
        Invalid: One of them is no matcher, or there are too many.
    """
    found: list[Matcher] = []
    for text in texts[: MOST_MATCHERS + 1]:
        match = _MATCHER.fullmatch(text)
        if match is None or len(found) == MOST_MATCHERS:
            raise Invalid(parameter, text, ALLOWED)
        name, value = (_plain(match[part], parameter, text) for part in ("name", "value"))
        found.append(checked(Matcher(name, match["how"], value), parameter))  # type: ignore[arg-type]  # of the pattern
    return found


def checked(matcher: Matcher, parameter: str) -> Matcher:
    """The matcher, if it can be used.

    Raises:
        Invalid: Its operator is none, its regular expression is none, or it is too long.
    """
    if matcher.how not in get_args(Operator) or not 0 < len(matcher.name) <= MOST_LENGTH:
        raise Invalid(parameter, matcher.told(), ALLOWED)
    if len(matcher.value) > MOST_LENGTH or "\0" in matcher.name + matcher.value:
        raise Invalid(parameter, matcher.value[:100], f"at most {MOST_LENGTH} characters, and no NUL")
    if matcher.how.endswith("~"):
        check_pattern(matcher.value, parameter)
    return matcher


def check_pattern(pattern: str, parameter: str) -> None:
    """Refuse a regular expression that is none.

    Raises:
        Invalid: It is none; `parameter` is where it was given.
    """
    try:
        _matches(pattern, "")
    except ValueError as error:
        raise Invalid(parameter, pattern, RE2) from error


@lru_cache(maxsize=65_536)
def _matches(pattern: str, value: str) -> bool:
    """Whether a regular expression matches the whole value; Arrow's are RE2's, which takes no longer for a hostile one.

    Raises:
        ValueError: It is none.
    """
    if not pattern.isascii() or not value.isascii():
        pattern, value = (text.encode("utf-8", "replace").decode() for text in (pattern, value))
    _found(value, pattern)  # by itself: it must not be one only between the brackets below
    return _found(value, rf"\A(?:{pattern})\z")


def _found(value: str, pattern: str) -> bool:
    compute: Any = pc
    return bool(compute.match_substring_regex(pa.array([value]), pattern)[0].as_py())


def matches(pattern: str, value: str, parameter: str) -> bool:
    """Whether a regular expression matches the whole value.

    Raises:
        Invalid: It is none; `parameter` is where it was given.
    """
    check_pattern(pattern, parameter)
    return _matches(pattern, value)


def _plain(text: str, parameter: str, given: str) -> str:
    """Without its quotes, if it has any."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text, strict=False))
    except ValueError as error:
        raise Invalid(parameter, given, ALLOWED) from error


def text(matchers: Sequence[Matcher]) -> str:
    """The matchers as the store keeps them."""
    return json.dumps([{"name": each.name, "how": each.how, "value": each.value} for each in matchers])


def of_text(stored: str) -> tuple[Matcher, ...]:
    """The matchers that `text` wrote."""
    return tuple(Matcher(**each) for each in json.loads(stored))
