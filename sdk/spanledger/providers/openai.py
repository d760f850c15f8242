"""OpenAI's forms: chat, completions, responses, embeddings, transcription; and everybody who speaks them.

Given the fields of a usage object or of an answer, gives `Usage` and `Reading`. Azure, DeepSeek, Groq, Mistral,
Moonshot, OpenRouter, Perplexity, Together, Writer, xAI and LiteLLM answer in the same form with additions, which are
read too.

Never: a guess at who answered from a model's name that is not OpenAI's own; that stays unknown.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from spanledger.providers import voyage
from spanledger.providers.fields import Fields, fields_of
from spanledger.usage import Reading, Usage, merged, seconds, text, whole

_new = tuple.__new__
_MOST_MODELS = 1024
_OWN_IN_JSON: set[str] = set()  # models of which it is known that OpenAI answers, by what the answer is
_OWN_IN_CLIENT: set[str] = set()
_OPERATIONS = {
    "text_completion": "text_completion",
    "chat.completion": "chat",
    "response": "chat",
    "realtime.response": "realtime",
}
_TYPES = {
    "CreateEmbeddingResponse": "embeddings",
    "Completion": "text_completion",
    "Transcription": "speech_to_text",
    "TranscriptionVerbose": "speech_to_text",
    "TranscriptionDiarized": "speech_to_text",
    "TranscriptionResponse": "speech_to_text",
    "TranslationVerbose": "speech_to_text",
    "ImagesResponse": "image_generation",
}
_VERBOSE = frozenset({"TranscriptionVerbose", "TranscriptionDiarized", "TranslationVerbose"})
_TASKS = ("transcribe", "translate")
_PACKAGES = {
    "anthropic": "anthropic",
    "cerebras": "cerebras",
    "groq": "groq",
    "mistralai": "mistral_ai",
    "together": "together",
    "voyageai": "voyageai",
    "writerai": "writer",
}
_OWN = re.compile(  # OpenAI's models by their names; Azure writes `gpt-35`, and `gpt-oss` is served by anybody
    r"(?:ft:)?(?:gpt-(?!oss|35)|chatgpt-|o\d|text-|code-|codex-|davinci|babbage|curie|ada$|dall-e|whisper-|tts-|sora-"
    r"|computer-use-|omni-moderation-)"
)
_FOREIGN = (
    *("claude", "codestral", "command", "deepseek", "devstral", "gemini", "gemma", "glm", "gpt-35", "gpt-oss"),
    *("granite", "grok", "jamba", "kimi", "llama", "magistral", "minimax", "ministral", "mistral", "mixtral"),
    *("moonshot", "nova", "palmyra", "phi", "pixtral", "qwen", "rerank", "sonar", "voxtral", "voyage"),
)


def usage(raw: Fields) -> Usage | None:
    """Usage in the words of chat and completions (`prompt_tokens`) or of responses and audio (`input_tokens`)."""
    prompt = whole(raw.get("prompt_tokens"))
    if prompt is not None:
        return _with_additions(_chat(raw, prompt), raw)
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
    asked, answered = raw.get("prompt_tokens_details"), raw.get("completion_tokens_details")
    if type(asked) is not dict:
        asked = fields_of(asked) or _NONE
    if type(answered) is not dict:
        answered = fields_of(answered) or _NONE
    cached = asked.get("cached_tokens")
    if cached is None:
        cached = raw.get("prompt_cache_hit_tokens")  # DeepSeek
    return _counted(
        prompt,
        raw.get("completion_tokens"),
        cached,
        asked.get("cache_write_tokens"),
        answered.get("reasoning_tokens"),
        asked.get("audio_tokens"),
        answered.get("audio_tokens"),
    )


def _counted(prompt: int, made: Any, cached: Any, written: Any, reasoned: Any, heard: Any, said: Any) -> Usage:
    units = (  # `whole` is not asked about what is a count: it takes as long as all the rest
        prompt,
        made if type(made) is int and made >= 0 else whole(made),
        cached if type(cached) is int and cached >= 0 else whole(cached),
        None if written is None else whole(written),
        None,
        None,
        reasoned if type(reasoned) is int and reasoned >= 0 else whole(reasoned),
        heard if type(heard) is int and heard >= 0 else whole(heard),
        said if type(said) is int and said >= 0 else whole(said),
        None,
        None,
        None,
        None,
        None,
    )
    return _new(Usage, units)  # `Usage(...)`, twice as fast: every call comes by here


def _with_additions(used: Usage, raw: Fields) -> Usage:
    """What others than OpenAI say beside its words."""
    asked = fields_of(raw.get("prompt_tokens_details") or raw.get("prompt_token_details")) or _NONE
    lasting = fields_of(asked.get("cache_creation_token_details")) or _NONE  # LiteLLM, of Anthropic
    more: dict[str, Any] = {
        "cache_read_tokens": whole(asked.get("cached_tokens")) or whole(raw.get("cached_tokens")) or None,
        "cache_write_tokens": whole(raw.get("cache_creation_input_tokens")),
        "cache_write_5m_tokens": whole(lasting.get("ephemeral_5m_input_tokens")),
        "cache_write_1h_tokens": whole(lasting.get("ephemeral_1h_input_tokens")),
        "audio_seconds": seconds(raw.get("prompt_audio_seconds")),  # Mistral
        "web_searches": whole(raw.get("num_search_queries")),  # Perplexity
    }
    used = merged(used, Usage(**more))
    reasoned, total = used.reasoning_tokens, whole(raw.get("total_tokens"))
    if reasoned and total and total == (used.input_tokens or 0) + (used.output_tokens or 0) + reasoned:
        return used._replace(output_tokens=(used.output_tokens or 0) + reasoned)  # xAI counts it beside the output
    return used


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
    by = "azure.ai.openai" if azure else _provider_of(model, kind)
    prompt = raw.get("prompt_tokens")
    said = (
        _chat(raw, prompt) if type(prompt) is int and prompt >= 0 and by == "openai" else usage(raw),
        by or told_by(answer, raw),
        model,
        response_id if isinstance(response_id, str) and response_id else None,
        tier if isinstance(tier, str) and tier else None,
        (),
        "chat",
        "reported",
        (),
    )
    return _new(Reading, said)  # as in `_chat`


def usual_chat(answer: Any, kind: type) -> Reading | None:
    """What a chat completion of OpenAI's says in its usual form, be it an object of its own client or a dict.

    Says what `chat_reading` says in half the time; None where there is anything unusual about the answer.

    Args:
        answer: A dict, or an object of a type that `is_own_chat`.
        kind: Its type.
    """
    try:
        if kind is dict:
            fields = answer
            if fields.get("object") != "chat.completion" or "prompt_filter_results" in fields:
                return None
            raw = fields["usage"]
            asked, answered = raw["prompt_tokens_details"], raw["completion_tokens_details"]
        else:
            fields = answer.__dict__
            used = fields["usage"]
            raw = used.__dict__
            in_prompt, in_completion = raw["prompt_tokens_details"], raw["completion_tokens_details"]
            if answer.__pydantic_extra__ or used.__pydantic_extra__ or in_prompt.__pydantic_extra__:
                return None
            asked, answered = in_prompt.__dict__, in_completion.__dict__
            if fields["object"] != "chat.completion":
                return None
        prompt, made, cached = raw["prompt_tokens"], raw["completion_tokens"], asked["cached_tokens"]
        heard, reasoned, said = asked["audio_tokens"], answered["reasoning_tokens"], answered["audio_tokens"]
        model, response_id, tier = fields["model"], fields["id"], fields.get("service_tier")
        own = _OWN_IN_JSON if kind is dict else _OWN_IN_CLIENT
        if model not in own and not _is_own_model(model, kind, own):
            return None
    except (AttributeError, KeyError, TypeError):  # no usage, no details, or those of another version
        return None
    if type(prompt) is not int or type(made) is not int or type(cached) is not int or type(heard) is not int:
        return None
    if type(reasoned) is not int or type(said) is not int or prompt | made | cached | heard | reasoned | said < 0:
        return None
    if type(response_id) is not str or not response_id or type(model) is not str or not model:
        return None
    if tier is not None and (type(tier) is not str or not tier):
        return None
    written = asked.get("cache_write_tokens")
    if written is not None:
        written = whole(written)
    units = (prompt, made, cached, written, None, None, reasoned, heard, said, None, None, None, None, None)
    return _new(Reading, (_new(Usage, units), "openai", model, response_id, tier, (), "chat", "reported", ()))


def _is_own_model(model: str, kind: type, known: set[str]) -> bool:
    if _provider_of(model, kind) != "openai":
        return False
    if len(known) >= _MOST_MODELS:
        known.clear()
    known.add(model)
    return True


def own_reason(answer: Any) -> str | None:
    """Why the only choice of such an answer ended; None where there is anything unusual about it."""
    try:
        (choice,) = answer.__dict__["choices"]
        reason = choice.__dict__["finish_reason"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return reason if type(reason) is str else None


@functools.lru_cache(maxsize=1024)
def is_own_chat(kind: type) -> bool:
    """Whether objects of this type may be shown to `usual_chat`."""
    return kind.__name__ == "ChatCompletion" and kind.__module__.partition(".")[0] == "openai"


def reading(answer: Fields, kind: str, module: str, used: Usage | None) -> Reading:
    """What an answer in OpenAI's form says, but for why it stopped, which only a span that is kept needs.

    Args:
        answer: The answer's fields.
        kind: The name of its type (`ChatCompletion`, `dict`, …).
        module: The package that the type comes from.
        used: The usage already read from it.
    """
    model = text(answer.get("model"))
    form = answer.get("object")
    operation = _TYPES.get(kind) or (_OPERATIONS.get(form) if isinstance(form, str) else None)
    if form == "list" and operation is None:
        operation = voyage.operation(answer)
    if operation == "embeddings" and used is not None:
        used = used._replace(output_tokens=None)
    elif form == "response" and used is not None:
        used = with_searches(used, answer.get("output"))
    azure = answer.get("prompt_filter_results") is not None
    by = "azure.ai.openai" if azure else provider(model, module)
    raw = fields_of(answer.get("usage")) or _NONE
    tier = text(answer.get("service_tier")) or text(raw.get("service_tier"))
    return Reading(used, by or told_by(answer, raw), model, text(answer.get("id")), tier, (), operation)


def transcript(answer: Fields, kind: str, module: str) -> Reading | None:
    """What a transcript says that tells how long the audio was and no usage (`verbose_json`); None for all else."""
    heard = seconds(answer.get("duration"))
    known = kind in _VERBOSE or answer.get("task") in _TASKS
    if heard is None or not known or not isinstance(answer.get("text"), str):
        return None
    return reading(answer, kind, module, Usage(audio_seconds=heard))._replace(operation="speech_to_text")


def told_by(answer: Fields, raw: Fields) -> str | None:
    """Who answered, by the additions to OpenAI's form that only one of them makes."""
    if fields_of(answer.get("x_groq")) is not None:
        return "groq"
    if raw.get("prompt_cache_miss_tokens") is not None:
        return "deepseek"
    if raw.get("num_sources_used") is not None:
        return "x_ai"
    if raw.get("search_context_size") is not None:
        return "perplexity"
    routed = text(answer.get("provider")) and (text(answer.get("id")) or "").startswith("gen-")
    return "openrouter" if routed else None


@functools.lru_cache(maxsize=1024)
def provider(model: str | None, module: str) -> str | None:
    """Who answered in OpenAI's form; `None` when the model is somebody else's.

    Args:
        model: The model that answered.
        module: The package that the answer's type comes from; `builtins` for JSON.
    """
    if module not in {"openai", "builtins"}:
        return _PACKAGES.get(module)
    name = (model or "").lower()
    if module == "openai":
        return None if "/" in name or name.startswith(_FOREIGN) else "openai"
    return "openai" if _OWN.match(name) else None


@functools.lru_cache(maxsize=1024)
def _provider_of(model: str | None, kind: type) -> str | None:
    return provider(model, kind.__module__.partition(".")[0])


def with_searches(used: Usage, output: Any) -> Usage:
    """The usage with the web searches that stand among the answer's output items."""
    if not isinstance(output, (list, tuple)):
        return used
    searches = sum(1 for item in output if (fields_of(item) or _NONE).get("type") == "web_search_call")
    if not searches:
        return used
    return used._replace(web_searches=searches)


_NONE: Fields = {}
