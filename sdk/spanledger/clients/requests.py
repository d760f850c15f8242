"""Which requests of a client are calls to a model, and to whom.

Given a client and the options of a request, gives what `traced_cost` would be told of it; nothing for requests that
list, delete, count or fetch.

Never: an import of a provider's package, or a look at what is asked beyond the model's name.
"""

from __future__ import annotations

import functools
from typing import Any

from spanledger.call import Options
from spanledger.providers.names import provider_at

_OPERATIONS = {  # paths without version and query
    "/chat/completions": "chat",
    "/responses": "chat",
    "/completions": "text_completion",
    "/embeddings": "embeddings",
    "/audio/transcriptions": "speech_to_text",
    "/audio/translations": "speech_to_text",
    "/audio/speech": "text_to_speech",
    "/images/generations": "image_generation",
    "/images/edits": "image_generation",
    "/messages": "chat",
    "/complete": "text_completion",
}


def call_of(client: Any, request: Any) -> tuple[Options, str | None] | None:
    """The options of the call that a request is, and the model asked for; `None` when it is none.

    Args:
        client: The client.
        request: The options that its `request` is given.
    """
    if request.method.lower() != "post":
        return None
    path = request.url.partition("?")[0].removeprefix("/v1")
    operation = _OPERATIONS.get(path)
    if operation is None:
        return None
    model = asked(request).get("model")
    return _options(operation, client.base_url.host), model if isinstance(model, str) else None


def asked(request: Any) -> dict[str, Any]:
    """The body of a request, where it is JSON or a form."""
    return request.json_data if isinstance(request.json_data, dict) else {}


@functools.lru_cache(maxsize=256)
def _options(operation: str, host: str) -> Options:
    return Options(operation=operation, provider=provider_at(host))
