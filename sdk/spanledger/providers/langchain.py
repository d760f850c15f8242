"""LangChain's form: messages of models, their chunks, and results of whole generations.

Given fields, gives `Usage` and `Reading`. The counts are inclusive. Those of a stream's chunks are increments, made to
be added: `chunks` does. A message's own id is LangChain's; the provider's is among its response metadata.

Never: counts of earlier messages in a list of them.
"""

from __future__ import annotations

from spanledger.providers.fields import Fields, fields_of
from spanledger.providers.names import first_text, provider_name
from spanledger.usage import Reading, Usage, whole

MESSAGES = frozenset({"ai", "AIMessageChunk"})


def usage(raw: Fields) -> Usage | None:
    """Usage in the words of `usage_metadata`; `None` if it says nothing."""
    received, answered = whole(raw.get("input_tokens")), whole(raw.get("output_tokens"))
    if received is None and answered is None:
        return None
    asked = fields_of(raw.get("input_token_details")) or {}
    said = fields_of(raw.get("output_token_details")) or {}
    five_minutes, hour = (whole(asked.get(f"ephemeral_{name}_input_tokens")) for name in ("5m", "1h"))
    written = whole(asked.get("cache_creation"))
    if not written and (five_minutes or hour):  # its reader of Anthropic's answers says either the sum or the parts
        written = (five_minutes or 0) + (hour or 0)
    return Usage(
        received,
        answered,
        whole(asked.get("cache_read")),
        written,
        five_minutes,
        hour,
        whole(said.get("reasoning")),
        whole(asked.get("audio")),
        whole(said.get("audio")),
    )


def reading(message: Fields, used: Usage | None) -> Reading:
    """What a message says.

    Args:
        message: The message's fields.
        used: The usage already read from it.
    """
    about = fields_of(message.get("response_metadata")) or {}
    return Reading(
        used,
        provider_name(about.get("model_provider")),
        first_text(about, "model_name", "model", "model_id"),
        first_text(about, "id", "response_id"),
        first_text(about, "service_tier"),
        (),
        "chat",
    )
