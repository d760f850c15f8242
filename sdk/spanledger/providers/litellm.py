"""LiteLLM's objects: OpenAI's form, with the provider that was called kept aside.

Given what was read and the object, gives it with the provider's name.

Never: LiteLLM's own estimate of the cost.
"""

from __future__ import annotations

from spanledger.providers.fields import fields_of
from spanledger.providers.names import provider_name
from spanledger.usage import Reading


def named(read: Reading, answer: object) -> Reading:
    """The reading with the provider that LiteLLM called, where the answer keeps it."""
    hidden = fields_of(getattr(answer, "_hidden_params", None))
    provider = None if hidden is None else provider_name(hidden.get("custom_llm_provider"))
    return read if provider is None else read._replace(provider=provider)
