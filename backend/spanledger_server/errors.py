"""The handful of things that can go wrong, as types; `api/` maps each to HTTP and to gRPC in one table.

Never: an error without what was wrong, where, and what to do about it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence


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


class Mistakes(Invalid):
    """Several at once (HTTP 422): all are told, the first one stands for them where only one can be."""

    def __init__(self, each: Sequence[Invalid]) -> None:
        super().__init__(each[0].parameter, each[0].value, each[0].allowed)
        self.each = tuple(each)


class NotFound(SpanledgerError):
    """There is no such thing (HTTP 404)."""


class Conflict(SpanledgerError):
    """What is asked goes against what is there or under way (HTTP 409)."""


class Unauthenticated(SpanledgerError):
    """No token, or one that is not known, expired or revoked (HTTP 401)."""


class Forbidden(SpanledgerError):
    """The token's role does not reach this far (HTTP 403)."""


class Busy(SpanledgerError):
    """Not now: come back after `retry_after_s` (HTTP 503 with Retry-After, gRPC UNAVAILABLE with RetryInfo)."""

    def __init__(self, message: str, retry_after_s: int = 2) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.chance = random.random()  # so that those who were turned away together do not come back together


class TooOften(Busy):
    """Too many failures from one address (HTTP 429 with Retry-After, gRPC RESOURCE_EXHAUSTED with RetryInfo)."""


class StoreRefused(SpanledgerError):
    """The database file cannot be opened safely: newer, damaged, or in use. It was not touched."""
