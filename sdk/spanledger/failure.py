"""What an exception says of a call that failed.

Given what a traced function raised, gives the error's name, and the HTTP status of the provider's answer where the
exception carries one, as those of the `openai` and `anthropic` packages and of HTTP clients do. The backend bills
nothing for a call that was refused.

Never: an import of a provider's package, or the status that the program's own server is about to answer with.
"""

from __future__ import annotations

from typing import Any

from spanledger.guard import guard

_GUARD = guard("traced_cost.http_status")
_CANCELLED = frozenset({"CancelledError", "Cancelled", "GeneratorExit"})  # asyncio's, trio's, a closed generator's
_STATUSES = range(100, 600)
# Raised to answer a client of ours, which says nothing of the provider: it may have been asked, and paid, before.
_SERVERS = frozenset({"aiohttp", "django", "falcon", "litestar", "rest_framework", "sanic", "starlette", "werkzeug"})


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
