"""The one method of a client that every request goes through, watched: retries are inside it, and so are all variants.

`create`, `parse`, `stream`, `with_raw_response` and `with_streaming_response`, and whatever a program posts itself, end
in a client's `request`. Given a client's class, puts a watching method in its place and gives what undoes it. A call
inside a traced function is told to that function's call, which makes the line; any other makes a span and a line of its
own.

Never: raises, waits, or changes what is returned or raised.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

from opentelemetry.trace import get_current_span

from spanledger.attached import attach, detach
from spanledger.call import Call, Options, current_call
from spanledger.client_streams import watch
from spanledger.clients.raw import is_raw, watch_raw
from spanledger.clients.requests import asked, call_of
from spanledger.configure import enabled
from spanledger.guard import guard
from spanledger.lifecycle import begin, finish, returned, scope
from spanledger.providers import plain
from spanledger.usage import Reading, Usage

_BEGIN = guard("clients.begin")
_ANSWERED = guard("clients.answered")


def take_place(kind: type) -> Callable[[], None]:
    """Watch the requests of a client's class and of all that is derived from it; gives what undoes it.

    Args:
        kind: The class; the method may be that of one of its bases, which other clients share.
    """
    owner: Any = next(base for base in kind.__mro__ if "request" in vars(base))
    before = owner.request
    made = owner.request = (_watching_async if inspect.iscoroutinefunction(before) else _watching)(before)

    def undo() -> None:
        if vars(owner).get("request") is made:
            owner.request = before

    return undo


def _watching(request: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(request)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = _begun(self, args, kwargs)
        if call is None:
            return request(self, *args, **kwargs)
        token = attach(scope(call))
        try:
            answer = request(self, *args, **kwargs)
        except BaseException as error:
            _failed(call, error)
            raise
        finally:
            detach(token)
        _ANSWERED.run(_answered, call, answer, args, kwargs)
        return answer

    return watched


def _watching_async(request: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(request)
    async def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = _begun(self, args, kwargs)
        if call is None:
            return await request(self, *args, **kwargs)
        token = attach(scope(call))
        try:
            answer = await request(self, *args, **kwargs)
        except BaseException as error:
            _failed(call, error)
            raise
        finally:
            detach(token)
        _ANSWERED.run(_answered, call, answer, args, kwargs)
        return answer

    return watched


def _begun(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
    return _BEGIN.run(_begin, client, _request(args, kwargs)) if enabled() else None


def _request(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return args[1] if len(args) > 1 else kwargs.get("options")


def _begin(client: Any, request: Any) -> Call | None:
    found = call_of(client, request)
    if found is None:
        return None
    options, model = found
    outer = current_call()
    if outer is not None and outer.open:
        return _inside(outer, options, model)
    return begin(options, {"model": model})


def _inside(outer: Call, options: Options, model: str | None) -> Call:
    """A call that tells the traced call around it what was used; it has neither a span nor a line of its own."""
    now_ns = time.time_ns()
    around = get_current_span().get_span_context().span_id
    entry = dataclasses.replace(
        outer.entry,
        parent_span_id=around if around != outer.entry.span_id else None,
        start_ns=now_ns,
        end_ns=now_ns,
        operation=options.operation,
        provider=options.provider,
        request_model=model,
    )
    started = time.perf_counter_ns()
    return Call(options, outer.span, entry, started, False, outer, [None], own_ids=True, observed=[], witness=True)


def _failed(call: Call, error: BaseException) -> None:
    """A client may find fault with an answer that was paid for; it keeps it on the exception then."""
    finish(call, _BEGIN.run(plain.read, getattr(error, "completion", None)), error=error)


def _answered(call: Call, answer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if call.options.operation == "text_to_speech":  # nobody counts in the answer what was asked to be said
        said = asked(_request(args, kwargs)).get("input")
        if isinstance(said, str):
            call.explicit = [Reading(Usage(characters=len(said)), state="estimated")]
    if is_raw(answer):
        watch_raw(call, answer)
    elif not watch(call, answer):
        returned(call, answer)
