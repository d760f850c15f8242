"""What is taken out of spans, log records, ledger lines and log files: keys, secrets, prompts and answers.

Given text, replaces what looks like a provider's key, an authorisation, a password or a signed address, and whatever a
pattern of the user's finds, and cuts what is too long. Given named values, replaces those whose name says what they
are.

Never: changes the record itself, which other handlers see as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from spanledger import semconv, withheld
from spanledger.settings import Settings

REDACTED: Final = "[redacted]"
MAX_CHARACTERS: Final = 16_384
_FLAGS: Final = re.IGNORECASE | re.VERBOSE | re.ASCII  # ASCII: `_WORDS` would overlook letters that only look alike
_NAMED: Final = r"""(?: api[_-]?key | (?:access|auth|private|secret|subscription)[_-]key | authorization | passw(?:or)?d
    | (?:access|api|auth|bearer|id|refresh|security|session)[_-]token | secret )"""
_QUOTE: Final = r"""\\*["']"""
_SECRET: Final = re.compile(
    rf"""
    (?P<kept> {_NAMED} (?: (?:{_QUOTE})?\s*[:=]\s*(?:b?{_QUOTE})? | {_QUOTE}\s*,\s*b?{_QUOTE} ) (?:(?:bearer|basic)\s+)?
            | \b(?:bearer|basic)\s+(?=\S{{16}}) )
        [^\s"',;&)}}\]]+
    | (?P<asked> (?:^|[?&]) (?: key | token | sig | (?:x-(?:amz|goog)-)?signature | x-(?:amz|goog)-credential ) = )
        [^\s"'&\#]+
    | (?P<userinfo> :// ) [^\s/@:"']* : [^\s/@"']+ (?=@)
    | \b(?: (?:sk|gsk|csk|pk|rk|sl|tgp)[-_][a-z0-9_-]{{16,}} | (?:xai|pplx|nvapi|glpat)-[a-z0-9_-]{{16,}}
          | (?:hf|r8|fw|gh[opsu]|github_pat)_[a-z0-9_]{{16,}} | pa-[a-z0-9_-]{{30,}} | xox[abeprs]-[a-z0-9-]{{10,}}
          | AIza[a-z0-9_-]{{30,}} | ya29\.[a-z0-9_-]{{16,}} | (?:AKIA|ASIA)[a-z0-9]{{16}}
          | (?<![\w-])eyJ[a-z0-9_-]{{8,}}\.[a-z0-9_-]{{8,}}(?:\.[a-z0-9_-]*)? )
    | -----BEGIN\ [a-z ]{{0,30}}PRIVATE\ KEY-----[^-]*
    """,
    _FLAGS,
)
_SECRET_NAME: Final = re.compile(rf"(?: {_NAMED} | cookie | credentials? | passphrase | pwd )$", _FLAGS)
_CONTENT_NAME: Final = re.compile(
    r"""(?: (?:gen_ai|llm|ai)\. )? (?: (?:input|output|system)[._] )?
            (?:messages?|prompts?|completions?|instructions|content)
            (?: \.\d+\. (?! (?:.*[._])? (?:role|finish_reason|name|id|type)$ ) .* )?
      | gen_ai\.tool\.(?:call\.(?:arguments|result)|definitions) | (?:input|output)\.value
      | traceloop\.entity\.(?:input|output) | ai\.response\.(?:text|object|reasoning|toolCalls)
      | (?:pydantic_ai\.)?all_messages(?:_events)? | final_result | tool_(?:arguments|response)
      | retrieval\.documents\..*\.content | embedding\.embeddings\..*\.text""",
    _FLAGS,
)
# A text without any of these, in small letters, holds nothing that `_SECRET` finds: looking for them first is quick.
_WORDS: Final = """
key token auth passw secret bearer basic sig credential @ k- k_ sl- sl_ tgp xai- pplx- nvapi- glpat- hf_ r8_ fw_ gho_
ghp_ ghs_ ghu_ github pa- xox aiza ya29 akia asia eyj
""".split()  # noqa: SIM905 - thirty quoted words are not easier to read
_BARE: Final = ("aiza", "akia", "asia")  # those of them that a text may hold in which there are no signs
_ASKED_FOR: Final = frozenset({semconv.GEN_AI_INPUT_MESSAGES, semconv.GEN_AI_OUTPUT_MESSAGES})
_KEPT: Final = 4_096  # answers that are kept: names, models, routes and users come again and again
_LONGEST_KEPT: Final = 128


class Redaction:
    """The rules that hold.

    Args:
        pattern: A regular expression of the user's own; what it finds is replaced.
        content: Whether values that are named as prompts and answers are kept.
        keys: Further names whose values are replaced, whole or as the last part after a dot.
        longest: Characters of a text that are kept.
        is_content: Whether a value of this name is a prompt or an answer.

    Attributes:
        content: As given.
    """

    def __init__(
        self,
        pattern: str | None = None,
        *,
        content: bool = False,
        keys: Sequence[str] = (),
        longest: int = MAX_CHARACTERS,
        is_content: Callable[[str], bool] | None = None,
    ) -> None:
        self._pattern = re.compile(pattern) if pattern else None
        self.content, self._longest = content, longest
        self._is_content = is_content or is_content_of_others
        self._keys = frozenset(key.lower() for key in keys)
        self._known_text = lru_cache(_KEPT)(self._text)
        self.hides = lru_cache(_KEPT)(self._hides)

    def text(self, text: str) -> str:
        """The text without what must not leave."""
        return self._known_text(text) if len(text) <= _LONGEST_KEPT else self._text(text)

    def finds(self, name: str, value: Any) -> bool:
        """Whether `value` would give something else."""
        kind = type(value)
        if self.hides(name, kind is int or kind is float or kind is bool):
            return True
        if kind is str:
            if self._pattern is None and len(value) <= self._longest and value.isalnum():
                small = value.lower()  # most are ids that never come again: not worth remembering
                if "aiza" not in small and "akia" not in small and "asia" not in small:  # `_BARE`
                    return False
            return bool(self.text(value) != value)
        if kind is int or kind is float or kind is bool or value is None:
            return False
        return True if kind is not tuple and kind is not list else any(self.finds("", inner) for inner in value)

    def value(self, name: str, value: Any) -> Any:
        """A value by its name: text by the rules, lists and mappings inside too, numbers as they are."""
        if self.hides(name, isinstance(value, (int, float))):
            return REDACTED
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(str(key), inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value("", inner) for inner in value]
        return value

    def _hides(self, name: str, number: bool) -> bool:
        """Whether the name alone says that its value must not leave; content is never a number."""
        if _SECRET_NAME.search(name) or (not number and not self.content and self._is_content(name)):
            return True
        small = name.lower()
        return bool(self._keys) and not self._keys.isdisjoint((small, small.rpartition(".")[2]))

    def _text(self, text: str) -> str:
        if len(text) > self._longest:
            text = text[: self._longest - 1] + "…"
        small = text.lower()
        for word in _BARE if small.isalnum() else _WORDS:  # written out: half the time of `any`
            if word in small:
                text = _SECRET.sub(_replaced, text)
                break
        return self._pattern.sub(REDACTED, text) if self._pattern is not None else text


def rules_of(settings: Settings, *, content: bool, is_content: Callable[[str], bool] | None = None) -> Redaction:
    """The rules that the settings ask for; the others are as `Redaction` has them."""
    return Redaction(
        settings.redact,
        content=content,
        keys=settings.redact_keys,
        longest=settings.redact_longest,
        is_content=is_content,
    )


def is_content_of_others(name: str) -> bool:
    """Of what other instrumentations put onto spans and log records, whose names are known."""
    return _CONTENT_NAME.fullmatch(name) is not None


def is_content_of_programs(name: str) -> bool:
    """Of what a program says itself, in whatever words."""
    return is_content_of_others(name) or withheld.is_content(name)


def is_content_of_ours(name: str) -> bool:
    """The same for our own spans, which have messages and answers only where `capture_content` asks for them."""
    return name not in _ASKED_FOR and is_content_of_programs(name)


def _replaced(found: re.Match[str]) -> str:
    return (found["kept"] or found["asked"] or found["userinfo"] or "") + REDACTED
