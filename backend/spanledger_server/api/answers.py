"""How answers leave: JSON whose money keeps every digit, and RFC 9457 problems from one table of errors.

Given values built of dictionaries, lists, text, numbers, `Decimal` and None, gives bytes. Times and
ids are spelled here too.

Never: money through a float, an exponent, NaN, or a stack trace.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from spanledger_server import errors
from spanledger_server.estimates import Estimate
from spanledger_server.lasting import Lasting

log = logging.getLogger(__name__)

STATUS: Final[tuple[tuple[type[errors.SpanledgerError], int], ...]] = (
    (errors.Malformed, 400),
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.TooLarge, 413),
    (errors.UnsupportedMedia, 415),
    (errors.Invalid, 422),
    (errors.StoreRefused, 503),
    (errors.TooOften, 429),
    (errors.Busy, 503),
    (errors.SpanledgerError, 500),
)
PROBLEM_TYPE: Final = "application/problem+json"
LARGEST_INTEGER: Final = 2**63 - 1
MOST_ECHOED: Final = 200  # characters of a bad value that are told back
PATTERNS: Final = {  # in words, of those that bodies are held against
    r"^\d{1,9}[smhdw]$": "a length such as 30m, 2h or 1d (units s, m, h, d, w)",
    "^[0-9a-f]{32}$": "32 hexadecimal digits, small letters",
    "^[0-9a-f]{16}$": "16 hexadecimal digits, small letters",
    r"^https?://": "an address that begins with http:// or https://",
    r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,63}$": "1 to 64 letters, digits, spaces and . _ -, not one of these first",
}
PLAIN: Final[tuple[type[Any], ...]] = (dict, list, str, int)  # what kinds of these are written as
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def number(amount: Decimal | None) -> Any:
    """`amount` as a JSON number with its exact digits, no exponent, no idle zeros; null when it is none."""
    if amount is None:
        return None
    text = str(amount)
    if "E" in text or "N" in text or "I" in text:  # an exponent, not a number, infinity
        if not amount.is_finite():
            return None
        text = f"{amount:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return orjson.Fragment("0" if text in ("-0", "") else text)


def _other(value: Any) -> Any:
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, Lasting):
        return _written(value)
    if isinstance(value, UUID):
        return value.hex
    for kind in PLAIN:
        if isinstance(value, kind):
            return kind(value)
    raise TypeError(f"{type(value).__name__} has no place in an answer")


def _written(piece: Lasting) -> orjson.Fragment:
    """A piece of many answers, written once."""
    try:
        found: orjson.Fragment = piece.written
    except AttributeError:
        once = bytes(memoryview(rendered(dict(piece))))  # a copy: orjson's own has room for eight kilobytes
        found = piece.written = orjson.Fragment(once)
    return found


def _bounded(value: Any) -> Any:
    """`value` as JSON can carry it: integers beyond 64 bits as exact decimals, lone surrogates replaced."""
    if isinstance(value, int) and not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        return Decimal(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_bounded(key): _bounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_bounded(item) for item in value]
    return value


def rendered(value: Any) -> bytes:
    """`value` as JSON."""
    try:
        return orjson.dumps(value, default=_other, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    except orjson.JSONEncodeError:
        return orjson.dumps(_bounded(value), default=_other)


def answer(value: Any, status: int = 200) -> Response:
    """`value` as an answer that no cache keeps."""
    return Response(rendered(value), status, {"Cache-Control": "no-store"}, "application/json")


def when(at_ns: int | None) -> str | None:
    """A time as RFC 3339 in UTC, with as many digits of the second as it has, at most nine."""
    if at_ns is None:
        return None
    seconds, nanoseconds = divmod(at_ns, 10**9)
    text = (EPOCH + dt.timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    return f"{text}.{nanoseconds:09d}".rstrip("0") + "Z" if nanoseconds else f"{text}Z"


def bounded(found: Mapping[str, Any]) -> dict[str, Any]:
    """`found` with its `from_ns` and `to_ns` as times `from` and `to`, in front."""
    rest = {name: value for name, value in found.items() if name not in ("from_ns", "to_ns")}
    return {"from": when(found["from_ns"]), "to": when(found["to_ns"]), **rest}


def span_hex(span_id: int | None) -> str | None:
    """A span id as 16 lower-case hexadecimal digits."""
    return None if span_id is None else f"{span_id:016x}"


def estimate(found: Estimate) -> dict[str, float]:
    """A figure from sampled spans, and its interval of 95 %."""
    return {"value": found.value, "low": found.low, "high": found.high}


def milliseconds(duration_ns: int | None) -> float | None:
    """Nanoseconds as milliseconds."""
    return None if duration_ns is None else duration_ns / 1e6


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """A problem as RFC 9457 has it.

    Args:
        status: The HTTP status.
        detail: What was wrong, where, and what to do.
        headers: Further headers.
        more: Further members, such as `parameter` and `allowed`; those that are None are left out.
    """
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    body |= {name: value for name, value in more.items() if value is not None}
    return Response(rendered(body), status, {"Cache-Control": "no-store", **(headers or {})}, PROBLEM_TYPE)


def status_of(error: errors.SpanledgerError) -> int:
    """The HTTP status of `error`."""
    return next(status for kind, status in STATUS if isinstance(error, kind))


def problem_of(error: errors.SpanledgerError) -> Response:
    """The problem that tells `error`."""
    status = status_of(error)
    if status == 500:
        log.error("a request failed", exc_info=error)
        return problem(500, "The server could not answer this; its log says why.")
    if isinstance(error, errors.Invalid):
        each = [_mistake(one) for one in (error.each if isinstance(error, errors.Mistakes) else (error,))]
        detail = "; ".join(f"{one['parameter']}={one['value']!r} is not allowed: {one['allowed']}" for one in each)
        return problem(status, detail, **each[0], errors=each if len(each) > 1 else None)
    headers: dict[str, str] = {}
    if isinstance(error, errors.Busy):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="spanledger"'
    return problem(status, str(error), headers=headers)


def _mistake(error: errors.Invalid) -> dict[str, Any]:
    return {"parameter": error.parameter, "value": str(error.value)[:MOST_ECHOED], "allowed": error.allowed}


def _of_validation(error: RequestValidationError) -> Response:
    """What the framework found wrong, in our words: every mistake, the first of which names the parameter."""
    found = error.errors()
    if found[0]["type"] == "json_invalid":
        return problem(400, f"The body is not JSON: {found[0]['ctx']['error']}.")
    each = [_in_our_words(one) for one in found]
    if len(each) == 1 and found[0]["type"] == "missing":
        return problem(422, f"{each[0].parameter} is missing", parameter=each[0].parameter, allowed=each[0].allowed)
    return problem_of(errors.Mistakes(each))


def _in_our_words(one: Mapping[str, Any]) -> errors.Invalid:
    place = [str(part) for part in one["loc"]]
    context = one.get("ctx", {})
    said = PATTERNS.get(context.get("pattern")) or context.get("expected") or one["msg"]
    allowed = str(said).removeprefix("Value error, ")
    return errors.Invalid(
        ".".join(place[1:]) or place[0], None if one["type"] == "missing" else one.get("input"), allowed
    )


def install(app: FastAPI) -> None:
    """Let `app` answer every error with a problem: ours, the framework's, and unknown paths and methods."""

    async def ours(_request: Request, error: Exception) -> Response:
        if not isinstance(error, errors.SpanledgerError):
            raise error
        return problem_of(error)

    async def framework(_request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return _of_validation(error)

    async def http(_request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        return problem(error.status_code, str(error.detail), headers=error.headers)

    app.add_exception_handler(errors.SpanledgerError, ours)
    app.add_exception_handler(RequestValidationError, framework)
    app.add_exception_handler(HTTPException, http)
