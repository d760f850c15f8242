"""Any answer: tells whose form it has and reads it.

Given what a function returned, gives a `Reading`, or `None` when it is no answer. Understands provider objects and
their JSON, usage objects by themselves, a `Usage`, and plain dicts such as `{"input_tokens": 12, "output_tokens": 3}`
or `{"usage": {...}}`.

Never: an import of a provider's package.
"""

from __future__ import annotations

from spanledger.providers import anthropic, openai
from spanledger.providers.fields import Fields, fields_of, module_of
from spanledger.usage import USAGE_FIELDS, Reading, Usage, named_usage, text

_NOT_BILLED = frozenset({"MessageTokensCount", "BetaMessageTokensCount", "InputTokenCountResponse"})


def read(answer: object) -> Reading | None:
    """What `answer` says of its usage and of itself, or `None` if it is no answer that is understood."""
    fields = fields_of(answer)
    if fields is None:
        return Reading(answer) if isinstance(answer, Usage) and answer else None
    raw = fields_of(fields.get("usage"))
    if raw is not None and fields.get("object") == "chat.completion":  # the commonest first
        return openai.chat_reading(fields, raw, type(answer))
    return _read(fields, raw, type(answer).__name__, module_of(answer))


def _read(fields: Fields, raw: Fields | None, kind: str, module: str) -> Reading | None:
    if kind in _NOT_BILLED:
        return None
    if raw is None:
        return _without_usage(fields, kind, module)
    if fields.get("type") == "message":
        return anthropic.reading(fields, anthropic.usage(raw))
    used = usage(raw)
    if kind != "dict" or fields.get("object") is not None or fields.get("choices") is not None:
        return openai.reading(fields, kind, module, used)
    return None if used is None else _plain(fields, used)


def finish_reasons(answer: object) -> tuple[str, ...]:
    """Why the model stopped, one a choice."""
    fields = fields_of(answer)
    if fields is None:
        return ()
    reason = text(fields.get("stop_reason"))
    return (reason,) if reason else openai.finish_reasons(fields)


def usage(raw: Fields) -> Usage | None:
    """The usage in whosever words it is: OpenAI's, Anthropic's, or our own (`USAGE_FIELDS`)."""
    if raw.get("prompt_tokens") is None:
        if anthropic.is_exclusive(raw):
            return anthropic.usage(raw)
        if isinstance(raw, dict) and not _ONLY_OURS.isdisjoint(raw):
            return named_usage(raw)
    used = openai.usage(raw)
    return named_usage(raw) if used is None and isinstance(raw, dict) else used


def _without_usage(fields: Fields, kind: str, module: str) -> Reading | None:
    form = fields.get("object")
    if fields.get("type") == "message" and text(fields.get("model")):
        return anthropic.reading(fields, None)
    if isinstance(form, str) and text(fields.get("model")) and fields.get("error") is None:
        return openai.reading(fields, kind, module, None)
    used = usage(fields)
    return None if used is None else _plain(fields, used)


def _plain(fields: Fields, used: Usage) -> Reading:
    return Reading(
        used,
        text(fields.get("provider")),
        text(fields.get("model")),
        text(fields.get("response_id")) or text(fields.get("id")),
        text(fields.get("service_tier")),
    )


_ONLY_OURS = frozenset(USAGE_FIELDS) - {"input_tokens", "output_tokens"}
