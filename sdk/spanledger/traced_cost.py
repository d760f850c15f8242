"""The decorator: a function that calls a model leaves one span and one line in the ledger.

Given any callable (sync, async, generator, async generator, method, class or static method, partial, callable
object), gives a real function of the same kind with the same signature. What it returns, raises, yields and is sent
passes through untouched.

What happens inside a decorated function is one call: retries made by a client, say, are known only from what is
returned, yielded, told with `record_usage`, or seen by an instrumentation below.

Never: raises, waits, or changes a result.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from spanledger.attached import attach, detach
from spanledger.call import Call, Options
from spanledger.client_streams import is_never_a_stream, watch, watch_held
from spanledger.guard import guard
from spanledger.lifecycle import begin, finish, returned, scope
from spanledger.streams import Progress, relaying, steps

P = ParamSpec("P")
R = TypeVar("R")

_FINALIZE = guard("traced_cost.finalize")
_MOST_TYPES = 4096
_FINAL: set[type] = {dict, str, type(None)}  # types of answers that nothing more comes after


class Decorator(Protocol):
    """What `traced_cost(...)` gives: it takes a function and gives it back with the same type."""

    @overload
    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def __call__(self, function: classmethod[Any, P, R], /) -> classmethod[Any, P, R]: ...


@overload
def traced_cost(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def traced_cost(function: classmethod[Any, P, R], /) -> classmethod[Any, P, R]: ...
@overload
def traced_cost(
    function: None = None,
    /,
    *,
    name: str | None = None,
    provider: str | None = None,
    model: str | None = None,
    operation: str = "chat",
    feature: str | None = None,
    usage: Callable[[Any], Any] | None = None,
    attributes: Mapping[str, Any] | None = None,
    capture_content: bool = False,
) -> Decorator: ...
def traced_cost(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    provider: str | None = None,
    model: str | None = None,
    operation: str = "chat",
    feature: str | None = None,
    usage: Callable[[Any], Any] | None = None,
    attributes: Mapping[str, Any] | None = None,
    capture_content: bool = False,
) -> Any:
    """Trace a function that calls a model, and record what the call used.

    Usage is read from what the function returns (a provider's response, its JSON, a dict such as `{"input_tokens":
    12}`), from the stream object it returns, from the chunks it yields, from `record_usage`, or from another
    instrumentation's span below it.

    Args:
        function: The function, when used without arguments: `@traced_cost`.
        name: The span's name; default `{operation} {model}`.
        provider: Who is called, under OpenTelemetry's name (`openai`, `aws.bedrock`, …); wins over what the answer
            looks like.
        model: The model asked for; default: the function's keyword argument `model`. The model that answered is read
            from the answer.
        operation: `chat`, `embeddings`, `text_completion`, …; an answer of another form says so itself while this is
            `chat`.
        feature: The part of the product that the call is made for; wins over the surrounding `context`.
        usage: Given the result (of a stream: the last chunk), gives a `Usage`, a dict of units, or None for "as read".
            A dict with `"estimated": True` is a count of yours: it gives way to what the provider reports.
        attributes: Further attributes for the span and the ledger entry. What is named as a prompt or an answer is
            `[redacted]` on both, unless the settings `spans_content` and `ledger_content` say otherwise.
        capture_content: Whether messages and answers go onto the span (never into the ledger); off by default.

    Returns:
        The decorated function, or a decorator.

    Raises:
        TypeError: When what is decorated cannot be called.
    """
    options = Options(name, provider, model, operation, feature, usage, attributes, capture_content)
    if function is None:
        return functools.partial(_decorated, options)
    return _decorated(options, function)


def _decorated(options: Options, function: Any) -> Any:
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(_decorated(options, function.__func__))
    if not callable(function):
        raise TypeError(f"traced_cost decorates functions; {function!r} cannot be called")
    behind = _behind(function)
    make: Callable[[Any, Options], Any] = _plain
    if inspect.iscoroutinefunction(behind):
        make = _coroutine
    elif inspect.isgeneratorfunction(behind):
        make = _generator
    elif inspect.isasyncgenfunction(behind):
        make = _async_generator
    wrapper = functools.update_wrapper(make(function, options), function)
    if not hasattr(function, "__name__") and hasattr(behind, "__name__"):
        wrapper.__name__, wrapper.__qualname__, wrapper.__doc__ = behind.__name__, behind.__qualname__, behind.__doc__
    return wrapper


def _behind(function: Any) -> Any:
    """The function that runs: behind partials, and behind an object that can be called."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return type(function).__call__


def _plain(function: Callable[..., Any], options: Options) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        call = begin(options, kwargs)
        if call is None:
            return function(*args, **kwargs)
        token = attach(scope(call))
        try:
            answer = function(*args, **kwargs)
        except BaseException as error:
            finish(call, None, error=error)
            raise
        finally:
            detach(token)
        return _answered(call, answer)

    return wrapper


def _coroutine(function: Callable[..., Awaitable[Any]], options: Options) -> Callable[..., Awaitable[Any]]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        call = begin(options, kwargs)
        if call is None:
            return await function(*args, **kwargs)
        token = attach(scope(call))
        try:
            answer = await function(*args, **kwargs)
        except BaseException as error:
            finish(call, None, error=error)
            raise
        finally:
            detach(token)
        return _answered(call, answer)

    return wrapper


def _generator(
    function: Callable[..., Generator[Any, Any, Any]], options: Options
) -> Callable[..., Generator[Any, Any, Any]]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        inner = function(*args, **kwargs)
        return (yield from steps(Progress.of_steps(begin(options, kwargs)), inner))

    return wrapper


def _async_generator(
    function: Callable[..., AsyncGenerator[Any, Any]], options: Options
) -> Callable[..., AsyncGenerator[Any, Any]]:
    def start(*args: Any, **kwargs: Any) -> tuple[Progress, AsyncGenerator[Any, Any]]:
        inner = function(*args, **kwargs)
        return Progress.of_steps(begin(options, kwargs)), inner

    return relaying(start)


def _answered(call: Call, answer: Any) -> Any:
    """End the call with its answer, or hand the call to what is still to be awaited or read."""
    kind = type(answer)
    if kind in _FINAL:
        if kind is dict and "ResponseMetadata" in answer and watch_held(call, answer):
            return answer
        returned(call, answer)
        return answer
    if kind is GeneratorType:
        progress = Progress.of_steps(call)
        return _ending_with(steps(progress, answer), progress)
    if kind is AsyncGeneratorType:
        progress = Progress.of_steps(call)
        return _ending_with(relaying(lambda: (progress, answer))(), progress)
    if kind is CoroutineType:
        return _awaited(call, answer)
    if not watch(call, answer):
        if len(_FINAL) < _MOST_TYPES and is_never_a_stream(kind):
            _FINAL.add(kind)
        returned(call, answer)
    return answer


def _ending_with(generator: Any, progress: Progress) -> Any:
    """A generator that was made by a call and is never started ends that call when it is thrown away."""
    with _FINALIZE:
        weakref.finalize(generator, progress.abandon)
    return generator


async def _awaited(call: Call, coroutine: Any) -> Any:
    token = attach(scope(call))
    try:
        answer = await coroutine
    except BaseException as error:
        finish(call, None, error=error)
        raise
    finally:
        detach(token)
    return _answered(call, answer)
