"""Google's forms: `generate_content` of the Gemini API and of Vertex AI, and interactions.

Given fields in either spelling (JSON's `promptTokenCount`, the clients' `prompt_token_count`), gives `Usage` and
`Reading`. The prompt holds what was read from a cache; what tools gave to the model and its thoughts are counted beside
prompt and candidates, and are added.

Never: thoughts left out of the output.
"""

from __future__ import annotations

from typing import Any

from spanledger.providers.fields import Fields, fields_of
from spanledger.providers.names import first_text
from spanledger.usage import Reading, Usage, whole

_AUDIO = ("AUDIO", 4)  # Vertex's older client gives the number


def usage(raw: Fields) -> Usage | None:
    """Usage in the words of `usageMetadata`; `None` if it says nothing."""
    names = _SNAKE if raw.get("prompt_token_count") is not None or raw.get("total_token_count") is not None else _CAMEL
    prompt, tools, candidates, thoughts, cached = (whole(raw.get(name)) for name in names[:5])
    if prompt is None and candidates is None:
        return None
    asked, of_tools, answered, read = (_audio(raw.get(name)) for name in names[5:])
    return Usage(
        _sum(prompt, tools),
        _sum(candidates, thoughts),
        cached,
        reasoning_tokens=thoughts,
        audio_input_tokens=_sum(asked, of_tools),
        audio_output_tokens=answered,
        audio_cache_read_tokens=read,
    )


def reading(answer: Fields, raw: Fields) -> Reading:
    """What `generate_content` answered; Vertex alone says what kind of traffic it was."""
    traffic = raw.get("trafficType") or raw.get("traffic_type")
    return Reading(
        usage(raw),
        "gcp.gemini" if traffic is None else "gcp.vertex_ai",
        first_text(answer, "modelVersion", "model_version"),
        first_text(answer, "responseId", "response_id"),
        first_text(raw, "serviceTier", "service_tier") or _TIERS.get(str(getattr(traffic, "value", traffic))),
        (),
        "generate_content",
    )


def interaction_usage(raw: Fields) -> Usage | None:
    """Usage in the words of interactions: `total_input_tokens` and its like."""
    received, answered = whole(raw.get("total_input_tokens")), whole(raw.get("total_output_tokens"))
    if received is None and answered is None:
        return None
    thoughts = whole(raw.get("total_thought_tokens"))
    return Usage(
        _sum(received, whole(raw.get("total_tool_use_tokens"))),
        _sum(answered, thoughts),
        whole(raw.get("total_cached_tokens")),
        reasoning_tokens=thoughts,
        audio_input_tokens=_audio(raw.get("input_tokens_by_modality")),
        audio_output_tokens=_audio(raw.get("output_tokens_by_modality")),
    )


def interaction(answer: Fields, raw: Fields) -> Reading:
    """What an interaction says; while it is in progress it says no usage."""
    return Reading(
        interaction_usage(raw),
        "gcp.gemini",
        first_text(answer, "model", "agent"),
        first_text(answer, "id", "interaction_id"),
        first_text(answer, "service_tier"),
        (),
        "generate_content",
    )


def _audio(details: Any) -> int | None:
    """The tokens of sound in a list of counts by modality; `None` if sound is not in it."""
    found = None
    for detail in details if isinstance(details, (list, tuple)) else ():
        fields = fields_of(detail)
        if fields is None:
            continue
        modality = fields.get("modality")
        if modality in _AUDIO or getattr(modality, "value", modality) in _AUDIO or modality == "audio":
            counts = (whole(fields.get(name)) for name in ("tokenCount", "token_count", "tokens"))
            found = _sum(found, next((count for count in counts if count is not None), None))
    return found


def _sum(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return second if first is None else first
    return first + second


_TIERS = {
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_PRIORITY": "priority",
    "PROVISIONED_THROUGHPUT": "provisioned_throughput",
}
_CAMEL = (
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "cachedContentTokenCount",
    "promptTokensDetails",
    "toolUsePromptTokensDetails",
    "candidatesTokensDetails",
    "cacheTokensDetails",
)
_SNAKE = (
    "prompt_token_count",
    "tool_use_prompt_token_count",
    "candidates_token_count",
    "thoughts_token_count",
    "cached_content_token_count",
    "prompt_tokens_details",
    "tool_use_prompt_tokens_details",
    "candidates_tokens_details",
    "cache_tokens_details",
)
