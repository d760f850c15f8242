"""Amazon Bedrock's forms: converse, and what `invoke_model` gives around and for other makers' models.

Given fields of JSON or of what boto3 returns, gives `Usage` and `Reading`. Converse counts the input without what was
read from or written to a cache; `Usage` counts all of it. Where a model's own answer says nothing, the headers do.

Never: the body of `invoke_model`, which can be read once only and is the user's.
"""

from __future__ import annotations

import json
from typing import Any

from spanledger.providers.fields import Fields, fields_of
from spanledger.usage import Reading, Usage, text, whole

METRICS = "amazon-bedrock-invocationMetrics"
_LARGEST_CHUNK = 1 << 20


def usage(raw: Fields) -> Usage | None:
    """Usage in the words of converse, of Nova, or of the invocation's metrics; `None` if it says nothing."""
    fresh = _first(raw, "inputTokens", "inputTokenCount")
    answered = _first(raw, "outputTokens", "outputTokenCount")
    if fresh is None and answered is None:
        return None
    read = _first(raw, "cacheReadInputTokens", "cacheReadInputTokenCount")
    written = _first(raw, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    lasting = _by_lifetime(raw.get("cacheDetails"))
    total = None if fresh is None else fresh + (read or 0) + (written or 0)
    return Usage(total, answered, read, written, lasting.get("5m"), lasting.get("1h"))


def reading(answer: Fields, raw: Fields) -> Reading:
    """What converse or `invoke_model` answered; the model is named in the request only."""
    about = fields_of(answer.get("ResponseMetadata"))
    request_id = None if about is None else text(about.get("RequestId"))
    tier = fields_of(answer.get("serviceTier"))
    return Reading(
        usage(raw), "aws.bedrock", None, request_id, None if tier is None else text(tier.get("type")), (), "chat"
    )


def titan_usage(answer: Fields) -> Usage | None:
    """Usage of Amazon Titan's own form: text, a chunk of it, or an embedding."""
    results = answer.get("results")
    produced = whole(answer.get("totalOutputTextTokenCount"))
    for result in results if isinstance(results, list) else ():
        produced = (produced or 0) + (whole((fields_of(result) or {}).get("tokenCount")) or 0)
    return Usage(whole(answer.get("inputTextTokenCount")), produced)


def titan(answer: Fields, _: Fields) -> Reading:
    """What Titan answered."""
    embedded = answer.get("embedding") is not None or answer.get("embeddingsByType") is not None
    operation = "embeddings" if embedded else "text_completion"
    return Reading(titan_usage(answer), "aws.bedrock", operation=operation)


def llama_usage(answer: Fields) -> Usage | None:
    """Usage of Meta's own form."""
    return Usage(whole(answer.get("prompt_token_count")), whole(answer.get("generation_token_count")))


def llama(answer: Fields, _: Fields) -> Reading:
    """What Llama answered."""
    return Reading(llama_usage(answer), "aws.bedrock", operation="text_completion")


def of_headers(answer: Fields, about: Fields) -> Reading | None:
    """What boto3's answer of `invoke_model` says of itself, its body unread."""
    headers = fields_of(about.get("HTTPHeaders"))
    if headers is None:
        return None
    units = {unit: headers.get(f"x-amzn-bedrock-{name}-token-count") for unit, name in _HEADERS.items()}
    used = usage(units)
    return None if used is None else reading(answer, units)


def chunk(event: Fields) -> Any:
    """The JSON inside a chunk of `invoke_model_with_response_stream`; `None` for another form."""
    inside = fields_of(event.get("chunk"))
    data = None if inside is None else inside.get("bytes")
    if not isinstance(data, (bytes, bytearray)) or len(data) > _LARGEST_CHUNK:
        return None
    try:
        return json.loads(data)
    except ValueError:
        return None


def _by_lifetime(details: Any) -> dict[str, int | None]:
    parts = [fields_of(detail) or {} for detail in details] if isinstance(details, (list, tuple)) else []
    return {str(part.get("ttl")): whole(part.get("inputTokens")) for part in parts}


def _first(raw: Fields, *names: str) -> int | None:
    return next((count for name in names if (count := whole(raw.get(name))) is not None), None)


_HEADERS = {
    "inputTokens": "input",
    "outputTokens": "output",
    "cacheReadInputTokens": "cache-read-input",
    "cacheWriteInputTokens": "cache-write-input",
}
