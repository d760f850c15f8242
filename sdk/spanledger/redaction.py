"""What is taken out of log lines before they are written or sent: keys, secrets, prompts and answers.

Given text, replaces what looks like a provider's key, an authorisation or a password, and whatever a pattern of the
user's finds, and cuts what is too long. Given named values, replaces those whose name says what they are.

Never: changes the record itself, which other handlers see as it was written.
"""

from __future__ import annotations

import re
from typing import Any

REDACTED = "[redacted]"
MAX_CHARACTERS = 16_384
_NAMED = r"(?:api[_-]?key|authorization|password|passwd|secret|access[_-]token)"
_SECRET = re.compile(
    rf"""(?ix)
    (?P<kept> {_NAMED}["']?\s*[:=]\s*["']?(?:(?:bearer|basic)\s+)? | \b(?:bearer|basic)\s+(?=\S{{16}}) )
    [^\s"',;&)}}\]]+
    | \b(?: (?:sk|gsk|pk|rk)[-_][a-z0-9_-]{{16,}} | xai-[a-z0-9]{{16,}} | pplx-[a-z0-9]{{16,}} | hf_[a-z0-9]{{16,}}
    | r8_[a-z0-9]{{16,}} | AIza[a-z0-9_-]{{30,}} | (?:AKIA|ASIA)[a-z0-9]{{16}} )"""
)
_SECRET_NAME = re.compile(_NAMED + "$", re.IGNORECASE)
_CONTENT_NAME = re.compile(
    r"(?:gen_ai\.)?(?:(?:input|output|system)[._])?(?:messages?|prompts?|completions?|instructions|content)",
    re.IGNORECASE,
)


class Redaction:
    """The rules that hold.

    Args:
        pattern: A regular expression of the user's own; what it finds is replaced.
        content: Whether values that are named as prompts and answers are kept.
    """

    def __init__(self, pattern: str | None = None, *, content: bool = False) -> None:
        self._pattern = re.compile(pattern) if pattern else None
        self._content = content

    def text(self, text: str) -> str:
        """The text without what must not leave."""
        if len(text) > MAX_CHARACTERS:
            text = text[: MAX_CHARACTERS - 1] + "…"
        text = _SECRET.sub(_replaced, text)
        return self._pattern.sub(REDACTED, text) if self._pattern is not None else text

    def value(self, name: str, value: Any) -> Any:
        """A value by its name: text by the rules, lists and mappings inside too, numbers as they are."""
        if _SECRET_NAME.search(name):
            return REDACTED
        if not self._content and not isinstance(value, (int, float)) and _CONTENT_NAME.fullmatch(name):
            return REDACTED
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(str(key), inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value("", inner) for inner in value]
        return value


def _replaced(found: re.Match[str]) -> str:
    return (found["kept"] or "") + REDACTED
