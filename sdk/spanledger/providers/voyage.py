"""Voyage AI's form: embeddings and rerank, whose usage is one total.

Given the fields of an answer and of its usage (the client's own objects carry the total themselves), gives a `Reading`.

Never: a total that may also hold output.
"""

from __future__ import annotations

from spanledger.providers.fields import Fields, fields_of
from spanledger.providers.names import first_text
from spanledger.usage import Reading, Usage, whole


def reading(answer: Fields, raw: Fields) -> Reading | None:
    """What an embedding or a ranking says: all tokens are input; `None` for other answers and other words."""
    total = whole(raw.get("total_tokens"))
    if total is None or not any(
        isinstance(answer.get(name), (list, tuple)) for name in ("data", "embeddings", "results")
    ):
        return None
    if any(raw.get(name) is not None for name in _OTHERS):
        return None
    return Reading(Usage(total), "voyageai", first_text(answer, "model"), operation=operation(answer))


def operation(answer: Fields) -> str:
    """`rerank` where results have a score, else `embeddings`."""
    if answer.get("results") is not None:
        return "rerank"
    data = answer.get("data")
    first = fields_of(data[0]) if isinstance(data, (list, tuple)) and data else None
    return "rerank" if first is not None and first.get("relevance_score") is not None else "embeddings"


_OTHERS = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")
