"""The handful of things that can go wrong, as types; `api/` maps each to HTTP and to gRPC in one table.

Never: an error without what was wrong, where, and what to do about it.
"""

from __future__ import annotations


class SpanledgerError(Exception):
    """The root: its text is fit to show to the person or program that asked."""


class Malformed(SpanledgerError):
    """The body cannot be read as what it says it is (HTTP 400, gRPC INVALID_ARGUMENT)."""


class UnsupportedMedia(SpanledgerError):
    """A content type or encoding that is not spoken here (HTTP 415)."""


class TooLarge(SpanledgerError):
    """More bytes than the limit, before or after decompression (HTTP 413, gRPC RESOURCE_EXHAUSTED); do not retry."""


class Invalid(SpanledgerError):
    """A parameter has a value that is not allowed (HTTP 422)."""

    def __init__(self, parameter: str, value: object, allowed: str) -> None:
        super().__init__(f"{parameter}={value!r} is not allowed: {allowed}")
        self.parameter = parameter
        self.value = value
        self.allowed = allowed


class NotFound(SpanledgerError):
    """There is no such thing (HTTP 404)."""


class Unauthenticated(SpanledgerError):
    """No token, or one that is not known, expired or revoked (HTTP 401)."""


class Forbidden(SpanledgerError):
    """The token's role does not reach this far (HTTP 403)."""


class Busy(SpanledgerError):
    """Not now: come back after `retry_after_s` (HTTP 503 with Retry-After, gRPC UNAVAILABLE with RetryInfo)."""

    def __init__(self, message: str, retry_after_s: int = 2) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreRefused(SpanledgerError):
    """The database file cannot be opened safely: newer, damaged, or in use. It was not touched."""
