"""Bodies as they are sent: JSON whose money keeps every digit, and the times in it.

Never: NaN, an exponent in money, or a lone surrogate.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final

import orjson

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LATEST_S: Final = 253_402_300_799  # the year 9999


def encoded(value: Any) -> bytes:
    """`value` as JSON."""
    return orjson.dumps(value, default=_decimal)


def when(at_ns: int) -> str:
    """A time as RFC 3339 in UTC, to the millisecond."""
    seconds, nanoseconds = divmod(at_ns, 10**9)
    moment = EPOCH + dt.timedelta(seconds=min(max(0, seconds), LATEST_S))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds // 10**6:03d}Z"


def _decimal(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}")
    raise TypeError(f"{type(value).__name__} has no place in a body")
