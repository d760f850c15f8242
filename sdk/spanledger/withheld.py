"""Prompts and answers where nobody expects them: in the metadata of a cost, and in what a provider's error says.

Given named values, tells which of them are content by their names; given an exception or a stack trace, gives what
providers' exceptions say in it, because a provider that refuses a prompt repeats it. What is held back is counted, and
told once, with the setting that lets it through.

Never: an import of a provider's package.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Final

from spanledger.failure import error_type, http_status
from spanledger.guard import say_once

PACKAGES: Final = (  # whose exceptions may repeat what a model was asked
    *("ai21", "anthropic", "assemblyai", "boto3", "botocore", "cerebras", "cohere", "deepgram", "elevenlabs"),
    *("fireworks", "google.api_core", "google.genai", "google.generativeai", "groq", "huggingface_hub", "instructor"),
    *("litellm", "mistralai", "ollama", "openai", "openrouter", "replicate", "together", "vertexai", "voyageai"),
)
_CONTENT: Final = re.compile(
    r"""(?: metadata\. )? (?: (?: gen_ai | llm | ai ) [._] )?
        (?: (?: user | system | assistant | model | llm | raw | full | final | original | last | input | output )
            [._-] )*
        (?: prompts? | messages | completions? | instructions | content | input | output | question | answer | response
          | reply | transcript | text | dialogue | conversation | chat_?history | query | (?<=user[._-]) message
          | (?<=system[._-]) message | (?<=assistant[._-]) message | (?<=last[._-]) message )
        (?: [._-] (?: text | texts | messages | content | contents | raw | json | body ) )*
        (?: \.\d+\..* )?""",
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_RAISED: Final = re.compile(  # the last lines of each traceback: the exception's qualified name, and what it says
    rf"^[ |+-]*(?P<kind>(?:{'|'.join(map(re.escape, PACKAGES))})(?:\.\w+)*): (?P<said>.+?)"
    r"(?=\n\n[ |]*(?:The above exception|During handling)|\n[ |]*\+-|\Z)",
    re.MULTILINE | re.DOTALL,
)
MARK: Final = "_spanledger_may_repeat"  # on an exception that left a request in which a model was asked
_LEAST: Final = 4  # characters; what is shorter is no prompt, and would be found in every text
_lock = threading.RLock()
_counts: dict[str, int] = {}


def is_content(name: str) -> bool:
    """Whether a value of this name is a prompt, an answer, or a part of one."""
    return _CONTENT.fullmatch(name) is not None


def count(where: str, what: str, setting: str) -> None:
    """Count something that was held back, and tell the first of its kind."""
    with _lock:
        _counts[where] = _counts.get(where, 0) + 1
    said = "%s is not sent, as prompts and answers are not captured; %s=true lets it through"
    say_once(f"withheld {where}", logging.WARNING, said, what, setting)


def counts() -> dict[str, int]:
    """How much was held back since the program began, by place."""
    with _lock:
        return dict(_counts)


def said_by_providers(errors: Iterable[BaseException]) -> dict[str, str]:
    """What the providers' exceptions among these, and among their causes, say; each with what stands for it.

    Of one that is marked, what it and all that caused it say.
    """
    found: dict[str, str] = {}
    for given in errors:
        marked = hasattr(given, MARK)
        for error in _behind(given):
            if marked or any(_is_of_provider(kind.__module__) for kind in type(error).__mro__):
                _hold_all(found, error)
    return found


def held_of(error: BaseException) -> dict[str, str]:
    """What an exception and all that caused it say, each with what stands for it."""
    found: dict[str, str] = {}
    for each in _behind(error):
        _hold_all(found, each)
    return found


def _behind(error: BaseException) -> Iterator[BaseException]:
    """An exception and those that caused it."""
    left, seen = [error], set[int]()
    while left and len(seen) < 64:
        error = left.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        left += [cause for cause in (error.__cause__, error.__context__) if cause is not None]
        left += getattr(error, "exceptions", ())


def _hold_all(found: dict[str, str], error: BaseException) -> None:
    status = http_status(error)
    kind = f"{error_type(error)}{'' if status is None else f' {status}'}"
    for said in (str(error), *map(str, getattr(error, "__notes__", ()))):
        _hold(found, said, kind)


def said_in_trace(trace: str) -> dict[str, str]:
    """The same from the text of a stack trace."""
    found: dict[str, str] = {}
    if any(package in trace for package in PACKAGES):
        for raised in _RAISED.finditer(trace):
            _hold(found, raised["said"].rstrip(), raised["kind"].rpartition(".")[2])
    return found


def without(text: str, held: dict[str, str]) -> str:
    """The text with what stands for each of these in its place, also where it is written as Python writes a string."""
    for said, instead in held.items():
        text = text.replace(said, instead)
        if "\n" in said or "'" in said or "\\" in said:
            text = text.replace(repr(said)[1:-1], instead)
    return text


def _is_of_provider(module: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in PACKAGES)


def _hold(found: dict[str, str], said: str, kind: str) -> None:
    if len(said) >= _LEAST:
        found[said] = f"[withheld: what {kind} says]"
