"""The registry: by which field a provider's form is known, and who reads it.

Given fields, gives the `Usage` of a usage object in anybody's words (`usage`), what an answer says whose usage stands
under a name of its own or beside its text (`reading`), and the answer inside an event or a batch's line (`opened`).

Never: a form that is known by a value; a field that only one form has is enough.
"""

from __future__ import annotations

from collections.abc import Callable

from spanledger.providers import anthropic, bedrock, cohere, google, langchain, ollama, openai, pydantic_ai, voyage
from spanledger.providers.fields import Fields, fields_of, lacks
from spanledger.usage import USAGE_FIELDS, Reading, Usage, named_usage, text

UsageReader = Callable[[Fields], Usage | None]
AnswerReader = Callable[[Fields, Fields], Reading | None]


def usage(raw: Fields) -> Usage | None:
    """The usage in whosever words it is."""
    if raw.get("prompt_tokens") is not None:
        return openai.usage(raw)
    if raw.get("input_tokens") is not None or raw.get("output_tokens") is not None:
        return _of_input(raw)
    for word, read in _USAGES:
        if raw.get(word) is not None:
            return read(raw)
    return _openai_or_ours(raw)


def _of_input(raw: Fields) -> Usage | None:
    """`input_tokens` and `output_tokens` are said by many; what stands beside them tells who it is."""
    if anthropic.is_exclusive(raw):
        return anthropic.usage(raw)
    if pydantic_ai.is_usage(raw):
        return pydantic_ai.usage(raw)
    if isinstance(raw, dict) and not _ONLY_OURS.isdisjoint(raw):
        return named_usage(raw)
    details = fields_of(raw.get("input_token_details"))
    if details is not None and any(details.get(name) is not None for name in ("cache_read", "cache_creation", "audio")):
        return langchain.usage(raw)
    return _openai_or_ours(raw)


def _openai_or_ours(raw: Fields) -> Usage | None:
    used = openai.usage(raw)
    return named_usage(raw) if used is None and isinstance(raw, dict) else used


def is_empty(answer: Fields) -> bool:
    """Whether these are surely no fields of an answer: most functions return something of the program's own."""
    return lacks(answer, _ANY)


def reading(answer: Fields) -> Reading | None:
    """What an answer says that has a form of its own; `None` for OpenAI's, Anthropic's and plain ones."""
    for mark, read in _ANSWERS:
        raw = answer.get(mark)
        if raw is not None:
            found = read(answer, fields_of(raw) or answer)
            if found is not None and (found.usage or found.model or found.response_id):
                return found
    return None


def opened(answer: Fields) -> tuple[object, bool]:
    """What an event, a batch's line or a wrapper holds, and whether it is of a batch; `(None, False)` if nothing."""
    if lacks(answer, _HOLDERS):
        return None, False
    of_batch = answer.get("custom_id") is not None or answer.get("recordId") is not None
    inside = bedrock.chunk(answer)
    if inside is not None:
        return inside, False
    for name in _ENVELOPES:
        inside = answer.get(name)
        fields = fields_of(inside)
        if fields is None:
            continue
        for deeper in ("body", "message"):  # of a batch's line
            if of_batch and fields_of(fields.get(deeper)) is not None:
                return fields.get(deeper), True
        return inside, of_batch
    return None, False


def _metadata(answer: Fields, raw: Fields) -> Reading | None:
    """`usage_metadata`: LangChain's message, or the answer of one of Google's clients."""
    if answer.get("response_metadata") is not None or text(answer.get("type")) in langchain.MESSAGES:
        return langchain.reading(answer, langchain.usage(raw))
    return google.reading(answer, raw)


def _message(answer: Fields, about: Fields) -> Reading | None:
    """A LangChain message without `usage_metadata`: the provider's own words may be among what it keeps."""
    if text(answer.get("type")) not in langchain.MESSAGES:
        return None
    raw = fields_of(about.get("token_usage")) or fields_of(about.get("usage"))
    return langchain.reading(answer, None if raw is None else usage(raw))


def _generations(_: Fields, about: Fields) -> Reading | None:
    """LangChain's result of a whole generation."""
    raw = fields_of(about.get("token_usage"))
    used = None if raw is None else usage(raw)
    return None if used is None else Reading(used, model=text(about.get("model_name")), operation="chat")


def _nested(answer: Fields, raw: Fields) -> Reading | None:
    """An answer whose `usage` or `meta` is in the words of its maker alone."""
    for word, read in _MAKERS:
        if raw.get(word) is not None:
            return read(answer, raw)
    return None


def _response(answer: Fields, _: Fields) -> Reading | None:
    if not pydantic_ai.is_response(answer):
        return None
    return pydantic_ai.response(answer, fields_of(answer.get("usage")) or {})


def _run(answer: Fields, _: Fields) -> Reading | None:
    return pydantic_ai.run(answer) if pydantic_ai.is_run(answer) else None


_ONLY_OURS = frozenset(USAGE_FIELDS) - {"input_tokens", "output_tokens"}
_USAGES: tuple[tuple[str, UsageReader], ...] = (
    ("generation_token_count", bedrock.llama_usage),  # before Google's: it says `prompt_token_count` too
    ("promptTokenCount", google.usage),
    ("prompt_token_count", google.usage),
    ("total_input_tokens", google.interaction_usage),
    ("inputTokens", bedrock.usage),
    ("inputTokenCount", bedrock.usage),
    ("inputTextTokenCount", bedrock.titan_usage),
    ("billed_units", cohere.usage),
    ("prompt_eval_count", ollama.usage),
    ("eval_count", ollama.usage),
)
_MAKERS: tuple[tuple[str, AnswerReader], ...] = (
    ("inputTokens", bedrock.reading),
    ("billed_units", cohere.reading),
    ("tokens", cohere.reading),
    ("total_input_tokens", google.interaction),
    ("total_tokens", voyage.reading),
)
_ANSWERS: tuple[tuple[str, AnswerReader], ...] = (
    ("usageMetadata", google.reading),
    ("usage_metadata", _metadata),
    ("response_metadata", _message),
    ("provider_response_id", _response),
    ("model_name", _response),
    ("new_messages", _run),
    ("usage", _nested),
    ("meta", _nested),
    ("prompt_eval_count", ollama.reading),
    ("eval_count", ollama.reading),
    ("generation_token_count", bedrock.llama),
    ("inputTextTokenCount", bedrock.titan),
    (bedrock.METRICS, bedrock.reading),
    ("ResponseMetadata", bedrock.of_headers),
    ("llm_output", _generations),
    ("total_tokens", voyage.reading),
)
_ENVELOPES = ("response", "result", "interaction", "message", "data", "modelOutput", "raw", "delta", "metadata")
_HOLDERS = frozenset({"chunk", *_ENVELOPES})
_ANY = frozenset(
    {
        *("duration", "object", "prompt_tokens", "seconds", "type", *USAGE_FIELDS),
        *(name for name, *_ in (*_USAGES, *_ANSWERS)),
        *_HOLDERS,
    }
)
