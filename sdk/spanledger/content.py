"""What was asked and answered, for a span whose function was decorated with `capture_content=True`.

Given keyword arguments and an answer, gives JSON text of bounded length. Off by default, and only ever on the span.

Never: in a ledger entry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from spanledger import semconv
from spanledger.providers.fields import fields_of

MAX_CHARACTERS = 16_384


def asked(arguments: Mapping[str, Any]) -> Any:
    """The messages among a function's keyword arguments, if they are there."""
    for name in ("messages", "input", "prompt"):
        if arguments.get(name) is not None:
            return arguments[name]
    return None


def show(shown: dict[str, Any], messages: Any, answer: Any) -> None:
    """Put messages and answer among a span's attributes."""
    if messages is not None:
        shown[semconv.GEN_AI_INPUT_MESSAGES] = _bounded(messages)
    said = _said(answer)
    if said is not None:
        shown[semconv.GEN_AI_OUTPUT_MESSAGES] = _bounded(said)


def _said(answer: Any) -> Any:
    if isinstance(answer, str):
        return answer
    fields = fields_of(answer)
    if fields is None:
        return None
    choices = fields.get("choices")
    if isinstance(choices, (list, tuple)):
        return [(fields_of(choice) or {}).get("message") for choice in choices]
    return fields.get("content") or fields.get("output")


def _bounded(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=_plain, ensure_ascii=False)
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump(exclude_none=True) if callable(dump) else str(value)
