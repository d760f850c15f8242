"""Cohere's forms: chat (both versions), embed and rerank.

Given fields, gives `Usage` and `Reading`. What counts is what is billed (`billed_units`), not what the model read; a
re-ranker's search units are billed requests.

Never: `tokens` where `billed_units` are said.
"""

from __future__ import annotations

from spanledger.providers.fields import Fields, fields_of
from spanledger.providers.names import first_text
from spanledger.usage import Reading, Usage, whole


def usage(raw: Fields) -> Usage | None:
    """Usage in the words of `usage` or `meta`; `None` if neither units nor tokens are said."""
    units = fields_of(raw.get("billed_units")) or fields_of(raw.get("tokens"))
    if units is None:
        return None
    said = Usage(
        whole(units.get("input_tokens")), whole(units.get("output_tokens")), requests=whole(units.get("search_units"))
    )
    return said or None


def reading(answer: Fields, raw: Fields) -> Reading:
    """What an answer says; it names no model."""
    operation = "chat"
    if answer.get("embeddings") is not None:
        operation = "embeddings"
    elif answer.get("results") is not None:
        operation = "rerank"
    return Reading(
        usage(raw), "cohere", first_text(answer, "model"), first_text(answer, "response_id", "id"), None, (), operation
    )
