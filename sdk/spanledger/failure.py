"""What an exception says of a call that failed.

Given what a traced function raised, gives the error's name, the HTTP status of the provider's answer, and which
provider and model were asked, where the exception carries them, as those of the `openai` and `anthropic` packages and
of HTTP clients do. The backend bills nothing for a call that was refused.

Never: an import of a provider's package, or the status that the program's own server is about to answer with.
"""

from __future__ import annotations

import json
from typing import Any

from spanledger.guard import guard
from spanledger.providers.names import provider_at, provider_name
from spanledger.usage import text

_GUARD = guard("traced_cost.http_status")
_ASKED = guard("traced_cost.asked")
_CANCELLED = frozenset({"CancelledError", "Cancelled", "GeneratorExit"})  # asyncio's, trio's, a closed generator's
_STATUSES = range(100, 600)
# Raised to answer a client of ours, which says nothing of the provider: it may have been asked, and paid, before.
_SERVERS = frozenset({"aiohttp", "django", "falcon", "litestar", "rest_framework", "sanic", "starlette", "werkzeug"})
_CLIENTS = frozenset({"anthropic", "cohere", "groq", "mistralai", "openai"})  # packages whose host need not be known
_LONGEST_BODY = 1 << 20  # bytes; an error should not cost its caller more than some milliseconds


def error_type(error: BaseException) -> str | None:
    """The name of its type; `None` for a cancellation, which is no error."""
    name = type(error).__qualname__
    return None if name in _CANCELLED else name


def http_status(error: BaseException) -> int | None:
    """The status that the provider answered with: the exception's own, or that of the response it carries."""
    with _GUARD:  # properties of somebody else's exception may raise
        if any(kind.__module__.partition(".")[0] in _SERVERS for kind in type(error).__mro__):
            return None
        for carrier in (error, getattr(error, "response", None)):
            status: Any = getattr(carrier, "status_code", None)
            if isinstance(status, int) and status in _STATUSES:
                return int(status)
    return None


def asked_of(error: BaseException) -> tuple[str | None, str | None]:
    """The provider and the model that were asked, as far as the exception tells or carries the request.

    LiteLLM's exceptions name both; those of clients over httpx carry the request, whose host is the provider's and
    whose JSON body names the model. A host that is nobody's, such as a gateway's, leaves the client's own name.
    """
    with _ASKED:  # read from what the exception holds: its properties may raise
        held = vars(error)
        provider = provider_name(held.get("llm_provider"))
        if provider is not None:
            return provider, text(held.get("model"))
        request = held.get("request") or held.get("_request") or getattr(held.get("response"), "_request", None)
        host, package = getattr(getattr(request, "url", None), "host", None), type(error).__module__.partition(".")[0]
        provider = provider_at(host) if isinstance(host, str) else None
        provider = provider or (provider_name(package) if package in _CLIENTS else None)
        return provider, None if provider is None else _model(request)
    return None, None


def _model(request: Any) -> str | None:
    body = getattr(request, "content", None)
    if not isinstance(body, bytes) or len(body) > _LONGEST_BODY or not body.startswith(b"{"):
        return None
    try:
        return text(json.loads(body).get("model"))
    except ValueError:
        return None
