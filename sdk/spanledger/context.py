"""Who and what for: user, tier, session, feature and tenant, carried as OpenTelemetry baggage.

Given any of the five, everything recorded below (spans, ledger entries, metrics, logs) carries them, across threads
that copy their context, tasks, and services that pass baggage on. Inner values win over outer ones; `None` leaves what
is there; an empty string takes it away.

Baggage travels on outgoing requests where a propagator injects it, which is what OpenTelemetry's HTTP client
instrumentations do, to whatever host is called. `spanledger.instrument()` and `opentelemetry-instrument` keep it away
from requests by httpx and requests to the providers of models that `outgoing` lists; whoever instruments clients by
hand should do the same (`request_hook=spanledger.outgoing.keep_baggage_in`), or users' ids leave the house.

Never: a context that outlives its block, or a value that becomes a metric attribute although it may have millions of
values.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextvars import ContextVar, Token
from types import MappingProxyType, TracebackType
from typing import Any, ParamSpec, TypeVar, cast

from opentelemetry.baggage import _BAGGAGE_KEY
from opentelemetry.context import Context, attach, detach, get_current

from spanledger import semconv

P = ParamSpec("P")
R = TypeVar("R")

MAX_VALUE_LENGTH = 256  # baggage as a whole may be 8,192 bytes on the wire
NOTHING: Mapping[str, str] = MappingProxyType({})

_entered: ContextVar[tuple[Token[Context], ...]] = ContextVar("spanledger_entered", default=())
_last: tuple[Mapping[str, object], Mapping[str, str]] = (
    NOTHING,
    NOTHING,
)  # one assignment: never half of one and half of the other


class context:  # noqa: N801 - used like a function: `with spanledger.context(...)`
    """Say who and what the work inside is for.

    Works as `with`, `async with`, and as a decorator on functions, coroutines, generators and async generators. One
    object may be entered many times, also at the same time by several tasks.

    Args:
        user_id: Who the work is done for; becomes `user.id`.
        user_tier: The user's plan, such as "free"; becomes `spanledger.user_tier`.
        session_id: The conversation or visit; becomes `session.id`.
        feature: The part of the product; becomes `spanledger.feature`.
        tenant: The customer the work is done for; becomes `spanledger.tenant`.
    """

    __slots__ = ("_values",)

    def __init__(
        self,
        *,
        user_id: object = None,
        user_tier: object = None,
        session_id: object = None,
        feature: object = None,
        tenant: object = None,
    ) -> None:
        given = (user_id, user_tier, session_id, feature, tenant)
        self._values = {
            key: str(value)[:MAX_VALUE_LENGTH]
            for key, value in zip(semconv.CONTEXT_KEYS, given, strict=True)
            if value is not None
        }

    def __enter__(self) -> context:
        _entered.set((*_entered.get(), attach(with_values(self._values))))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        entered = _entered.get()
        if entered:
            _entered.set(entered[:-1])
            detach(entered[-1])

    async def __aenter__(self) -> context:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """The same function, run inside this context."""
        wrapped: Any
        if inspect.iscoroutinefunction(function):
            wrapped = _coroutine(self, function)
        elif inspect.isasyncgenfunction(function):
            wrapped = _async_generator(self, function)
        elif inspect.isgeneratorfunction(function):
            wrapped = _generator(self, function)
        else:
            wrapped = _plain(self, function)
        return cast("Callable[P, R]", functools.wraps(function)(wrapped))


def current(parent: Context | None = None) -> Mapping[str, str]:
    """Those of the five keys that are set now (or in `parent`), by their names on the wire.

    The same mapping object is given as long as the same baggage is current, so that a call costs well under a
    microsecond.
    """
    global _last
    carried = (get_current() if parent is None else parent).get(_BAGGAGE_KEY)
    if not carried or not isinstance(carried, dict):
        return NOTHING
    seen, values = _last
    if seen is not carried:
        values = {key: str(carried[key])[:MAX_VALUE_LENGTH] for key in semconv.CONTEXT_KEYS if carried.get(key)}
        _last = (carried, values)
    return values


def with_values(values: Mapping[str, str], around: Context | None = None) -> Context:
    """`around` (or the current OpenTelemetry context) with these baggage values; an empty value takes its key away."""
    if around is None:
        around = get_current()
    before: Any = around.get(_BAGGAGE_KEY)
    carried = {**before, **values} if before else dict(values)
    if not all(carried.values()):
        carried = {key: value for key, value in carried.items() if value}
    return Context({**around, _BAGGAGE_KEY: carried})


def _plain(scope: context, function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with scope:
            return function(*args, **kwargs)

    return wrapper


def _coroutine(scope: context, function: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with scope:
            return await function(*args, **kwargs)

    return wrapper


# A generator is entered for each step and left while it waits at its yield: what its consumer does in between is not
# ours to label, and a context entered in one task cannot be left in another.
def _generator(scope: context, function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        inner = function(*args, **kwargs)
        step, argument = inner.send, None
        while True:
            with scope:
                try:
                    item = step(argument)
                except StopIteration as end:
                    return end.value
            try:
                argument = yield item
                step = inner.send
            except GeneratorExit:
                with scope:
                    inner.close()
                raise
            except BaseException as error:  # noqa: BLE001 - handed to the generator it was thrown at
                step, argument = inner.throw, error

    return wrapper


def _async_generator(scope: context, function: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = function(*args, **kwargs)
        step, argument = inner.asend, None
        while True:
            with scope:
                try:
                    item = await step(argument)
                except StopAsyncIteration:
                    return
            try:
                argument = yield item
                step = inner.asend
            except GeneratorExit:
                with scope:
                    await inner.aclose()
                raise
            except BaseException as error:  # noqa: BLE001 - handed to the generator it was thrown at
                step, argument = inner.athrow, error

    return wrapper
