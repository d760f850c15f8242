"""What a program tells of itself: money that it knows, its caches, its rate limits, its requests and its dialogues.

Given figures, `track_cost` makes a line in the ledger, exact to 1e-12 USD; the others make a log record with an event
name, and count it in a metric. All of them carry the span and the context they are called in; what is given wins.

Never: raises, blocks, or samples. What cannot be is left out, logged once, and counted in `stats()["failures"]`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Context, Decimal, DecimalException
from typing import Any, Final

from spanledger import events, semconv, withheld
from spanledger.configure import enabled, held
from spanledger.context import MAX_VALUE_LENGTH, NOTHING, current
from spanledger.delivery.ledger_record import plain
from spanledger.guard import guard
from spanledger.ledger import record
from spanledger.recording import line_of_its_own
from spanledger.redaction import REDACTED
from spanledger.usage import named_usage

MOST_USD: Final = Decimal(10) ** 12
LEAST_USD: Final = Decimal("1e-12")
LONGEST_NUMBER: Final = 64
MOST_FIGURE: Final = 1e15
MOST_METADATA: Final = 64
LONGEST_TEXT: Final = 8_192
CACHE_EVENTS: Final = ("hit", "miss", "store")
RATE_LIMIT_EVENTS: Final = ("allowed", "denied")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
# What the backend reads from a line: metadata of the same name must not say it differently.
_READ: Final = frozenset(name for names in semconv.DIALECTS.values() for name in names)
_exact: Final = Context(prec=96)
_metadata_guard = guard("track_cost.metadata")


def track_cost(
    service: str,
    operation: str,
    cost: Decimal | int | float | str,
    *,
    tokens_input: int | None = None,
    tokens_output: int | None = None,
    user_id: object = None,
    user_tier: object = None,
    session_id: object = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write an amount that you know into the ledger: a line of its own, below the current span.

    Args:
        service: Who is paid, such as "openai".
        operation: What for.
        cost: USD, from 0 to below 1e12; a float counts as the decimal that Python prints for it.
        tokens_input: Input tokens, for the statistics; they change no cost.
        tokens_output: Output tokens, the same.
        user_id: Who it was done for; if not given, as `context` says.
        user_tier: The user's plan; if not given, as `context` says.
        session_id: The conversation; if not given, as `context` says.
        metadata: What else is to stand on the line, up to 64 entries; a name that means something else there gets the
            prefix `metadata.`. What is named as a prompt or an answer is `[redacted]` unless the setting
            `ledger_content` says otherwise.
    """
    with guard("track_cost"):
        if not enabled():
            return
        usage = named_usage({"input_tokens": tokens_input, "output_tokens": tokens_output})
        said = {semconv.USER_ID: user_id, semconv.USER_TIER: user_tier, semconv.SESSION_ID: session_id}
        record(
            replace(
                line_of_its_own(),
                kind="cost",
                operation=_text(operation),
                provider=_text(service),
                usage=usage,
                usage_state="unknown" if usage is None else "reported",
                cost_usd=amount(cost),
                context={**current(), **_texts(said)},
                attributes=_metadata(metadata or {}),
            )
        )


def track_cache(
    event: str,
    provider: str | None = None,
    saved_cost: Decimal | int | float | str | None = None,
    saved_tokens: int | None = None,
) -> None:
    """Tell that a cache of answers was asked.

    Args:
        event: `hit`, `miss` or `store`.
        provider: Whose answers they are.
        saved_cost: USD that a hit saved.
        saved_tokens: Tokens that a hit saved.
    """
    with guard("track_cache"):
        if not enabled():
            return
        _one_of(event, CACHE_EVENTS)
        said = {semconv.CACHE_OUTCOME: event, semconv.GEN_AI_PROVIDER_NAME: _text(provider)}
        figures = {semconv.CACHE_SAVED_TOKENS: _count(saved_tokens), semconv.CACHE_SAVED_COST_USD: _usd(saved_cost)}
        _tell(semconv.CACHE_EVENT, said | figures, semconv.METRIC_CACHE_EVENTS, labels=said)


def track_rate_limit(
    event: str, limit_type: str | None = None, key: object = None, remaining: int | None = None
) -> None:
    """Tell what a rate limiter decided.

    Args:
        event: `allowed` or `denied`.
        limit_type: Which limit, such as "user"; one of a few.
        key: Whose limit, such as the user's id; in the record only, never in the metric.
        remaining: How many more would be allowed.
    """
    with guard("track_rate_limit"):
        if not enabled():
            return
        _one_of(event, RATE_LIMIT_EVENTS)
        said = {semconv.RATE_LIMIT_DECISION: event, semconv.RATE_LIMIT_TYPE: _text(limit_type)}
        more = {semconv.RATE_LIMIT_KEY: _text(key), semconv.RATE_LIMIT_REMAINING: _count(remaining)}
        _tell(semconv.RATE_LIMIT_EVENT, said | more, semconv.METRIC_RATE_LIMIT_DECISIONS, labels=said)


def track_request(
    method: str,
    route: str,
    status_code: int,
    duration_s: float,
    *,
    user_id: object = None,
    client_address: str | None = None,
    user_agent: str | None = None,
) -> None:
    """Tell of an HTTP request that was served, where no instrumentation does: one that does makes it count twice.

    Args:
        method: `GET` and so on.
        route: The route's pattern, such as "/books/{id}"; it is in the metric, so never the path with its ids.
        status_code: What was answered.
        duration_s: Seconds that it took.
        user_id: Who asked; if not given, as `context` says.
        client_address: From where.
        user_agent: With what.
    """
    with guard("track_request"):
        if not enabled():
            return
        took_s, status = _figure(duration_s), _count(status_code)
        named = _text(method)
        said = {
            semconv.HTTP_REQUEST_METHOD: named if named in METHODS else "_OTHER",
            semconv.HTTP_ROUTE: _text(route),
            semconv.HTTP_RESPONSE_STATUS_CODE: status,
        }
        who = {semconv.USER_ID: _text(user_id), semconv.CLIENT_ADDRESS: _text(client_address)}
        more = who | {semconv.USER_AGENT: _text(user_agent), semconv.PROCESS_TIME_S: took_s}
        _tell(semconv.REQUEST_EVENT, said | more, semconv.METRIC_REQUEST_DURATION, took_s, said)


def track_dialogue(
    session_id: object,
    book_id: object,
    *,
    user_id: object = None,
    model: str | None = None,
    type: str | None = None,  # noqa: A002 - the word that users know
    message_count: int | None = None,
    duration_s: float | None = None,
    rating: float | None = None,
    feedback: str | None = None,
) -> None:
    """Tell of a dialogue that has ended; each call is one dialogue.

    Args:
        session_id: The conversation.
        book_id: What it was about: a book, or any topic.
        user_id: Who talked; if not given, as `context` says.
        model: Which model answered.
        type: What kind of dialogue.
        message_count: Messages of both sides.
        duration_s: Seconds from the first to the last.
        rating: How content the user was, on whatever scale you use, from 0.
        feedback: What the user said of it; 8,192 characters are kept.
    """
    with guard("track_dialogue"):
        if not enabled():
            return
        said = {
            semconv.SESSION_ID: _text(session_id),
            semconv.USER_ID: _text(user_id),
            semconv.GEN_AI_REQUEST_MODEL: _text(model),
            semconv.DIALOGUE_BOOK_ID: _text(book_id),
            semconv.DIALOGUE_TYPE: _text(type),
            semconv.DIALOGUE_MESSAGE_COUNT: _count(message_count),
            semconv.DIALOGUE_DURATION_S: _figure(duration_s),
            semconv.DIALOGUE_RATING: _figure(rating),
            semconv.DIALOGUE_FEEDBACK: _text(feedback, LONGEST_TEXT),
        }
        labels = {semconv.GEN_AI_REQUEST_MODEL: said[semconv.GEN_AI_REQUEST_MODEL], semconv.DIALOGUE_TYPE: _text(type)}
        _tell(semconv.DIALOGUE_EVENT, said, semconv.METRIC_DIALOGUES, labels=labels)


def amount(cost: object) -> Decimal:
    """An amount of money, exact to 1e-12.

    Raises:
        ValueError: When it is no amount from 0 to below 1e12.
    """
    written = "" if isinstance(cost, bool) else str(cost)
    with suppress(DecimalException):
        if len(written) <= LONGEST_NUMBER and 0 <= (told := Decimal(written)) < MOST_USD:
            found = abs(_exact.quantize(told, LEAST_USD))  # no minus before a nought
            if found < MOST_USD:
                return found
    raise ValueError(f"an amount of USD from 0 to below 1e12 was expected, not {written[:LONGEST_NUMBER]!r}")


def _usd(cost: object) -> str | None:
    with guard("tracking.saved_cost"):
        return None if cost is None else plain(amount(cost))
    return None


def _figure(value: object) -> float | None:
    """A number from 0 up; None where nothing, or nothing of the kind, was given."""
    with guard("tracking.figure"):
        if value is None:
            return None
        number = float(str(value))
        if 0 <= number < MOST_FIGURE:
            return number
        raise ValueError(f"a number from 0 was expected, not {value!r}")
    return None


def _count(value: object) -> int | None:
    """A whole number from 0 up; None where nothing, or nothing of the kind, was given."""
    with guard("tracking.figure"):
        number = _figure(value)
        if number is None or number.is_integer():
            return None if number is None else int(number)
        raise ValueError(f"a whole number was expected, not {value!r}")
    return None


def _one_of(event: object, known: tuple[str, ...]) -> None:
    if event not in known:
        raise ValueError(f"one of {', '.join(known)} was expected, not {event!r}")


def _text(value: object, longest: int = MAX_VALUE_LENGTH) -> str | None:
    return None if value is None else str(value)[:longest]


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: text for name, value in values.items() if (text := _text(value)) is not None}


def _tell(
    event: str, said: Mapping[str, Any], metric: str, value: float | None = 1, labels: Mapping[str, Any] = NOTHING
) -> None:
    events.tell(event, {**current(), **{name: told for name, told in said.items() if told is not None}})
    if value is not None:
        events.measure(metric, value, labels)


def _metadata(given: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of what can be written: an amount must not be lost for what stands beside it."""
    kept: dict[str, Any] = {}
    takes_content = held().ledger_content
    with _metadata_guard:
        for name, value in list(given.items())[:MOST_METADATA]:
            with _metadata_guard:
                key = str(name)[:MAX_VALUE_LENGTH]
                means_something = key in _READ or key.startswith(("spanledger.", "gen_ai."))
                plain_value = _plain(value)
                kept[f"metadata.{key}" if means_something else key] = (
                    plain_value if takes_content else _without_content(key, plain_value)
                )
    return kept


def _without_content(name: str, value: Any) -> Any:
    """The value without what is named as a prompt or an answer, at any depth; numbers are none."""
    if value is None or isinstance(value, int | float):
        return value
    if withheld.is_content(name):
        withheld.count("track_cost.metadata", f"metadata named {name!r}", "SPANLEDGER_LEDGER_CONTENT")
        return REDACTED
    if isinstance(value, dict):
        return {key: _without_content(key, inner) for key, inner in value.items()}
    return [_without_content("", inner) for inner in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    written = json.dumps(value, default=str)
    return json.loads(written) if len(written) <= LONGEST_TEXT else written
