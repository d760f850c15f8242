"""Keeps who a call is for in the house: requests to LLM providers carry the trace, and no baggage.

Given the request hooks of OpenTelemetry's HTTP client instrumentations, takes all baggage out of the context for that
one request where it goes to a provider; requests to other services carry it on, which is how they know the user.

Never: a request that is changed or refused because of telemetry.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import baggage
from opentelemetry.context import attach
from opentelemetry.trace import Span

from spanledger.guard import guard

PROVIDERS = (
    "ai21.com",
    "aleph-alpha.com",
    "amazonaws.com",
    "anthropic.com",
    "assemblyai.com",
    "cartesia.ai",
    "cerebras.ai",
    "cognitiveservices.azure.com",
    "cohere.ai",
    "cohere.com",
    "deepgram.com",
    "deepinfra.com",
    "deepseek.com",
    "elevenlabs.io",
    "fireworks.ai",
    "googleapis.com",
    "groq.com",
    "huggingface.co",
    "inference.ai.azure.com",
    "mistral.ai",
    "moonshot.ai",
    "moonshot.cn",
    "nvidia.com",
    "openai.azure.com",
    "openai.com",
    "openrouter.ai",
    "perplexity.ai",
    "replicate.com",
    "sambanova.ai",
    "services.ai.azure.com",
    "together.ai",
    "together.xyz",
    "voyageai.com",
    "writer.com",
    "x.ai",
)
_guard = guard("outgoing")


@lru_cache(maxsize=1024)
def is_provider(host: str) -> bool:
    """Whether requests to this host leave the house for a provider of models."""
    name = "." + host.lower().rstrip(".")
    return any(name.endswith("." + provider) for provider in PROVIDERS)


def keep_baggage_in(span: Span, request: Any) -> None:
    """The request hook of httpx and requests: called inside the span, before headers are written."""
    del span
    with _guard:
        if is_provider(urlsplit(str(request.url)).hostname or ""):
            attach(baggage.clear())  # let go of with the span: it resets the context to what was before itself


async def keep_baggage_in_async(span: Span, request: Any) -> None:
    """The same for httpx's asynchronous client."""
    keep_baggage_in(span, request)
