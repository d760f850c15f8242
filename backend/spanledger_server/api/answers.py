"""How answers leave: JSON whose money keeps every digit; times and ids have their spelling here too.

Given values built of dictionaries, lists, text, numbers, `Decimal` and None, gives bytes.

Never: money through a float, an exponent, or NaN.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from spanledger_server.api import problem
from spanledger_server.errors import Invalid

LARGEST_INTEGER: Final = 2**63 - 1
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def number(amount: Decimal | None) -> Any:
    """`amount` as a JSON number with its exact digits, no exponent, no idle zeros; null when it is none."""
    if amount is None or not amount.is_finite():
        return None
    text = f"{amount:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return orjson.Fragment("0" if text in ("-0", "") else text)


def _other(value: Any) -> Any:
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, UUID):
        return value.hex
    raise TypeError(f"{type(value).__name__} has no place in an answer")


def _bounded(value: Any) -> Any:
    """`value` with integers of more than 64 bits as decimals: sums of hostile token counts reach that far."""
    if isinstance(value, int) and not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        return Decimal(value)
    if isinstance(value, dict):
        return {key: _bounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_bounded(item) for item in value]
    return value


def rendered(value: Any) -> bytes:
    """`value` as JSON."""
    try:
        return orjson.dumps(value, default=_other)
    except orjson.JSONEncodeError:
        return orjson.dumps(_bounded(value), default=_other)


def answer(value: Any) -> Response:
    """`value` as an answer that no cache keeps."""
    return Response(rendered(value), 200, {"Cache-Control": "no-store"}, "application/json")


def when(at_ns: int | None) -> str | None:
    """A time as RFC 3339 in UTC, with as many digits of the second as it has, at most nine."""
    if at_ns is None:
        return None
    seconds, nanoseconds = divmod(at_ns, 10**9)
    text = (EPOCH + dt.timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    return f"{text}.{nanoseconds:09d}".rstrip("0") + "Z" if nanoseconds else f"{text}Z"


def span_hex(span_id: int | None) -> str | None:
    """A span id as 16 lower-case hexadecimal digits."""
    return None if span_id is None else f"{span_id:016x}"


def milliseconds(duration_ns: int | None) -> float | None:
    """Nanoseconds as milliseconds."""
    return None if duration_ns is None else duration_ns / 1e6


async def answer_invalid_request(_request: Request, error: Exception) -> Response:
    """The handler for what the framework itself refuses: the first mistake as a problem of ours.

    Raises:
        Exception: `error`, when it is something else.
    """
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    parameter = ".".join(place[1:]) or place[0]
    allowed = str(first.get("ctx", {}).get("expected") or first["msg"])
    return problem.of(Invalid(parameter, first.get("input"), allowed))
