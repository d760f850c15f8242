"""Ollama's own form: chat, generate and embed.

Given an answer's fields, gives `Usage` and `Reading`. The counts stand on the last chunk of a stream only; a prompt
that was read from the cache may have no count.

Never: durations.
"""

from __future__ import annotations

from spanledger.providers.fields import Fields
from spanledger.providers.names import first_text
from spanledger.usage import Reading, Usage, whole


def usage(answer: Fields) -> Usage | None:
    """The counts of an answer; `None` if it has none."""
    said = Usage(whole(answer.get("prompt_eval_count")), whole(answer.get("eval_count")))
    return said or None


def reading(answer: Fields, _: Fields) -> Reading:
    """What an answer says."""
    operation = "chat"
    if answer.get("embeddings") is not None or answer.get("embedding") is not None:
        operation = "embeddings"
    elif answer.get("response") is not None:
        operation = "text_completion"
    return Reading(usage(answer), "ollama", first_text(answer, "model"), None, None, (), operation)
