"""Pydantic AI's form: model responses, and the results of an agent's runs.

Given fields, gives `Usage` and `Reading`. The counts are inclusive, and nought where nobody said anything. A run that
asked models several times is several responses: one is the reading, the others are `further`.

Never: responses of earlier runs that stand in a run's history, or a run's total where its responses are known.
"""

from __future__ import annotations

import functools
from typing import Any

from spanledger.providers.fields import Fields, fields_of
from spanledger.providers.names import first_text, provider_name
from spanledger.usage import Reading, Usage, added, seconds, text, whole


def is_usage(raw: Fields) -> bool:
    """Whether the usage is in Pydantic AI's words."""
    return raw.get("cache_audio_read_tokens") is not None or raw.get("input_audio_tokens") is not None


def usage(raw: Fields) -> Usage | None:
    """Usage of a request or a run; `None` if it was measured nowhere."""
    received, answered = whole(raw.get("input_tokens")), whole(raw.get("output_tokens"))
    duration = seconds(raw.get("audio_seconds")) or None
    if not (received or answered or duration):
        return None
    details = fields_of(raw.get("details")) or {}
    parts = (whole(raw.get(name)) or None for name in _PARTS)
    read, written, hour, reasoned, heard, spoken, heard_again = parts
    return Usage(
        received,
        answered,
        read,
        written,
        None if hour is None else (written or 0) - hour,
        hour,
        reasoned or whole(details.get("reasoning_tokens")) or None,
        heard,
        spoken,
        heard_again,
        duration,
    )


def is_response(answer: Fields) -> bool:
    """Whether these are the fields of a model's response."""
    return answer.get("kind") == "response" and answer.get("model_name") is not None


def response(answer: Fields, raw: Fields) -> Reading:
    """What a model's response says."""
    return Reading(
        usage(raw),
        provider_name(answer.get("provider_name")),
        first_text(answer, "model_name"),
        first_text(answer, "provider_response_id", "vendor_id"),
        None,
        (),
        "chat",
    )


def is_run(answer: Fields) -> bool:
    """Whether these are the fields of a run's result."""
    return callable(answer.get("new_messages")) and answer.get("usage") is not None


def run(answer: Fields) -> Reading | None:
    """What a run used: each response a reading, if all have an id, else their sum."""
    responses = _responses(answer)
    if not responses:
        total = answer.get("usage")
        raw = fields_of(total() if callable(total) else total)
        used = None if raw is None else usage(raw)
        return None if used is None else Reading(used)
    last = responses[-1]
    if len({read.response_id for read in responses if read.response_id}) == len(responses):
        return last._replace(further=tuple(responses[:-1]))
    return last._replace(usage=functools.reduce(added, [read.usage for read in responses if read.usage is not None]))


def _responses(answer: Fields) -> list[Reading]:
    found: Any = answer.get("new_messages")()
    messages = [fields_of(message) for message in found] if isinstance(found, list) else []
    answers = [message for message in messages if message is not None and text(message.get("kind")) == "response"]
    read = [response(one, fields_of(one.get("usage")) or {}) for one in answers]
    return [one for one in read if one.usage is not None]


_PARTS = (
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "output_reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "cache_audio_read_tokens",
)
