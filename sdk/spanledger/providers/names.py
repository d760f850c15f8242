"""Names as others write them, to OpenTelemetry's.

Given a provider's name by any spelling that is known, gives OpenTelemetry's, or the name as it is; given the host that
was asked, the name of whom it belongs to; given a reason why a model stopped, in whatever it is kept, its text.

Never: a guess.
"""

from __future__ import annotations

from enum import Enum

from spanledger import semconv
from spanledger.providers.fields import Fields, fields_of
from spanledger.usage import text


def provider_name(said: object) -> str | None:
    """OpenTelemetry's name of a provider, `None` for what is no name."""
    name = text(said)
    if name is None:
        return None
    name = name.lower()
    return semconv.PROVIDER_ALIASES.get(name, name)


def provider_at(host: str) -> str | None:
    """OpenTelemetry's name of the provider whose host it is, `None` for any other."""
    name = "." + host.lower()
    return next((by for end, by in _HOSTS.items() if name.endswith(("." + end, "-" + end))), None)


def first_text(fields: Fields, *names: str) -> str | None:
    """The first of the fields that is a non-empty string."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def finish_reasons(fields: Fields) -> tuple[str, ...]:
    """Why the model stopped, one a choice; for OpenAI's responses form, its status or what made it incomplete."""
    choices = fields.get("choices")
    if isinstance(choices, (list, tuple)):
        said = [(fields_of(choice) or {}).get("finish_reason") for choice in choices]
        return tuple([reason for reason in said if isinstance(reason, str)])
    for many, names in _CHOICES:
        choices = fields.get(many)
        if isinstance(choices, (list, tuple)):
            reasons = [_reason(fields_of(choice), names) for choice in choices]
            return tuple([reason for reason in reasons if reason])
    reason = _reason(fields, _REASONS) or _reason(fields_of(fields.get("incomplete_details")), ("reason",))
    reason = reason or text(fields.get("status"))
    return (reason,) if reason else ()


def _reason(fields: Fields | None, names: tuple[str, ...]) -> str | None:
    for name in names if fields is not None else ():
        value = fields.get(name)  # type: ignore[union-attr]
        if isinstance(value, Enum):
            value = value.name
        if isinstance(value, str) and value:
            return value
    return None


_HOSTS = {  # how hosts end
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "ai.azure.com": "azure.ai.inference",
    "anthropic.com": "anthropic",
    "amazonaws.com": "aws.bedrock",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "deepseek.com": "deepseek",
    "groq.com": "groq",
    "mistral.ai": "mistral_ai",
    "x.ai": "x_ai",
    "openrouter.ai": "openrouter",
    "perplexity.ai": "perplexity",
    "together.ai": "together",
    "together.xyz": "together",
    "moonshot.ai": "moonshot_ai",
    "moonshot.cn": "moonshot_ai",
    "cerebras.ai": "cerebras",
    "cohere.com": "cohere",
}
_CHOICES = (
    ("candidates", ("finishReason", "finish_reason")),
    ("results", ("completionReason",)),  # Amazon Titan
    ("outputs", ("stop_reason",)),  # Mistral on Bedrock
)
_REASONS = ("stop_reason", "stopReason", "finish_reason", "done_reason", "completionReason")
