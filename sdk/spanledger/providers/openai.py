"""OpenAI's forms: chat, completions, responses, embeddings, transcription; and everybody who speaks them.

Given the fields of a usage object or of an answer, gives `Usage` and `Reading`. DeepSeek, Groq, OpenRouter, Together
and Azure answer in the same form with additions, which are read too.

Never: a guess at who answered from a model's name that is not OpenAI's own; that stays unknown.
"""

from __future__ import annotations

import functools
from typing import Any

from spanledger.providers.fields import Fields, fields_of
from spanledger.usage import Reading, Usage, seconds, text, whole

_OPERATIONS = {
    "text_completion": "text_completion",
    "list": "embeddings",
    "chat.completion": "chat",
    "response": "chat",
}
_TYPES = {
    "CreateEmbeddingResponse": "embeddings",
    "Completion": "text_completion",
    "Transcription": "speech_to_text",
    "TranscriptionVerbose": "speech_to_text",
    "TranscriptionDiarized": "speech_to_text",
}
_PACKAGES = {"groq": "groq", "mistralai": "mistral_ai", "anthropic": "anthropic"}
_FOREIGN = ("deepseek", "claude", "gemini", "gemma", "llama", "mistral", "mixtral", "qwen", "grok", "command", "sonar")


def usage(raw: Fields) -> Usage | None:
    """Usage in the words of chat and completions (`prompt_tokens`) or of responses and audio (`input_tokens`)."""
    prompt = whole(raw.get("prompt_tokens"))
    if prompt is not None:
        return _chat(raw, prompt)
    received = whole(raw.get("input_tokens"))
    duration = seconds(raw.get("seconds"))
    if received is None and duration is None:
        return None
    asked = fields_of(raw.get("input_tokens_details") or raw.get("input_token_details")) or _NONE
    answered = fields_of(raw.get("output_tokens_details") or raw.get("output_token_details")) or _NONE
    cached = fields_of(asked.get("cached_tokens_details")) or _NONE
    return Usage(
        received,
        whole(raw.get("output_tokens")),
        whole(asked.get("cached_tokens")),
        whole(asked.get("cache_write_tokens")),
        reasoning_tokens=whole(answered.get("reasoning_tokens")),
        audio_input_tokens=whole(asked.get("audio_tokens")),
        audio_output_tokens=whole(answered.get("audio_tokens")),
        audio_cache_read_tokens=whole(cached.get("audio_tokens")),
        audio_seconds=duration,
    )


def _chat(raw: Fields, prompt: int) -> Usage:
    asked = fields_of(raw.get("prompt_tokens_details")) or _NONE
    answered = fields_of(raw.get("completion_tokens_details")) or _NONE
    cached = asked.get("cached_tokens")
    if cached is None:
        cached = raw.get("prompt_cache_hit_tokens")  # DeepSeek
    units = (
        prompt,
        whole(raw.get("completion_tokens")),
        whole(cached),
        whole(asked.get("cache_write_tokens")),
        None,
        None,
        whole(answered.get("reasoning_tokens")),
        whole(asked.get("audio_tokens")),
        whole(answered.get("audio_tokens")),
        None,
        None,
        None,
        None,
        None,
    )
    return tuple.__new__(Usage, units)  # `Usage(...)`, twice as fast: every call comes by here


def chat_reading(answer: Fields, raw: Fields, kind: type) -> Reading:
    """What a chat completion says: `reading`, with nothing asked that a chat completion does not have.

    Args:
        answer: The answer's fields.
        raw: The fields of its usage.
        kind: The answer's type.
    """
    model, response_id, tier = answer.get("model"), answer.get("id"), answer.get("service_tier")
    azure = answer.get("prompt_filter_results") is not None
    model = model if isinstance(model, str) and model else None
    prompt = whole(raw.get("prompt_tokens"))
    said = (
        usage(raw) if prompt is None else _chat(raw, prompt),
        "azure.ai.openai" if azure else _provider_of(model, kind),
        model,
        response_id if isinstance(response_id, str) and response_id else None,
        tier if isinstance(tier, str) and tier else None,
        (),
        "chat",
        "reported",
    )
    return tuple.__new__(Reading, said)  # as in `_chat`


def reading(answer: Fields, kind: str, module: str, used: Usage | None) -> Reading:
    """What an answer in OpenAI's form says, but for `finish_reasons`, which only a span that is kept needs.

    Args:
        answer: The answer's fields.
        kind: The name of its type (`ChatCompletion`, `dict`, …).
        module: The package that the type comes from.
        used: The usage already read from it.
    """
    model = text(answer.get("model"))
    form = answer.get("object")
    operation = _TYPES.get(kind) or (_OPERATIONS.get(form) if isinstance(form, str) else None)
    if operation == "embeddings" and used is not None:
        used = Usage(used.input_tokens)
    elif form == "response" and used is not None:
        used = with_searches(used, answer.get("output"))
    return Reading(
        used,
        "azure.ai.openai" if answer.get("prompt_filter_results") is not None else provider(model, module),
        model,
        text(answer.get("id")),
        text(answer.get("service_tier")),
        (),
        operation,
    )


@functools.lru_cache(maxsize=1024)
def provider(model: str | None, module: str) -> str | None:
    """Who answered in OpenAI's form; `None` when the model is somebody else's.

    Args:
        model: The model that answered.
        module: The package that the answer's type comes from; `builtins` for JSON.
    """
    if module not in {"openai", "builtins"}:
        return _PACKAGES.get(module)
    if model is None:
        return "openai" if module == "openai" else None
    name = model.lower()
    return None if "/" in name or name.startswith(_FOREIGN) else "openai"


@functools.lru_cache(maxsize=1024)
def _provider_of(model: str | None, kind: type) -> str | None:
    return provider(model, kind.__module__.partition(".")[0])


def finish_reasons(answer: Fields) -> tuple[str, ...]:
    """Why each choice stopped; for the responses form, its status or what made it incomplete."""
    choices = answer.get("choices")
    if isinstance(choices, (list, tuple)):
        reasons = [(fields_of(choice) or _NONE).get("finish_reason") for choice in choices]
        return tuple([reason for reason in reasons if isinstance(reason, str)])
    incomplete = fields_of(answer.get("incomplete_details")) or _NONE
    reason = text(incomplete.get("reason")) or text(answer.get("status"))
    return (reason,) if reason else ()


def with_searches(used: Usage, output: Any) -> Usage:
    """The usage with the web searches that stand among the answer's output items."""
    if not isinstance(output, (list, tuple)):
        return used
    searches = sum(1 for item in output if (fields_of(item) or _NONE).get("type") == "web_search_call")
    if not searches:
        return used
    return used._replace(web_searches=searches)


_NONE: Fields = {}
