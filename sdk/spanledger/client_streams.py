"""Stream objects of provider packages, watched without changing how they are used.

Given a call and what its function returned, tells whether that is a stream (or a helper around one, or a manager that
will make one, or what another instrumentation has wrapped around any of them) and sees to it that the call ends when
the stream ends, is closed, fails, or is thrown away. The object stays the object it is: its iterator is watched, and
its class is replaced by a subclass that knows when it is closed.

Never: a proxy, an import of a provider's package, or an item held back.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Literal

from opentelemetry.trace import get_current_span

from spanledger import lone
from spanledger.attached import attach, detach
from spanledger.call import Call
from spanledger.guard import guard
from spanledger.lifecycle import finish, scope
from spanledger.streams import Progress

_WATCH = guard("traced_cost.watch")

_MOST_CLASSES = 256
_MOST_WRAPPERS = 4  # around one another
_INSIDE = ("__wrapped__", "stream", "_manager")  # where wrappers keep what they wrap
_EVENTS = ("botocore", "mistralai")  # packages whose streams are called `EventStream…`
_Kind = Literal["stream", "wrapper", "neither"]
_watched_classes: dict[type, type] = {}
_kinds: dict[type, _Kind] = {}


def watch(call: Call, answer: Any) -> bool:
    """Watch a provider's stream object, so that the call ends with it; gives whether `answer` is one."""
    with _WATCH:
        stream = _inside(answer)
        if stream is None:
            return False
        if _is_of(type(stream), "botocore"):
            _make_watched(stream, Progress(call))
        elif hasattr(stream, "_raw_stream"):  # what `.stream()` of the clients gives once it is entered
            _watch_object(call, stream, stream._raw_stream)
        elif _is_manager(stream):
            _watch_manager(call, stream)
        else:
            _watch_object(call, stream, stream)
        return True
    return False


def watch_held(call: Call, answer: Mapping[str, Any]) -> bool:
    """Watch the event stream in what boto3 gave, if there is one."""
    with _WATCH:
        held = (answer.get(name) for name in ("stream", "body"))
        stream = next((one for one in held if _is_of(type(one), "botocore")), None)
        return stream is not None and watch(call, stream)
    return False


def is_never_a_stream(kind: type) -> bool:
    """Whether no object of this type needs to be shown to `watch`."""
    return _kind_of(kind) == "neither"


def _kind_of(kind: type) -> _Kind:
    known = _kinds.get(kind)
    if known is None:
        if hasattr(kind, "__stream__") or kind.__name__.endswith("StreamManager") or _is_of(kind, *_EVENTS):
            known = "stream"
        elif hasattr(kind, "__wrapped__") or kind.__name__.endswith(("StreamWrapper", "StreamManagerWrapper")):
            known = "wrapper"
        else:
            known = "neither"
        if len(_kinds) >= _MOST_CLASSES:
            _kinds.clear()
        _kinds[kind] = known
    return known


def _is_of(kind: type, *packages: str) -> bool:
    """Whether it is an event stream of one of the packages."""
    return kind.__name__ in ("EventStream", "EventStreamAsync") and kind.__module__.partition(".")[0] in packages


def _inside(answer: Any) -> Any:
    """The provider's own object, which other instrumentations may have wrapped; `None` where it is no stream."""
    for _ in range(_MOST_WRAPPERS):
        kind = _kind_of(type(answer))
        if kind != "wrapper":
            return answer if kind == "stream" else None
        answer = next((inner for name in _INSIDE if (inner := getattr(answer, name, None)) is not None), None)
    return None


def _watch_object(call: Call, handle: Any, source: Any) -> Progress:
    """Watch `source` item by item, and `handle`, which the user holds and may close or drop."""
    progress = Progress(call)
    name = "_iterator" if hasattr(source, "_iterator") else "generator"
    iterator = getattr(source, name)
    watched = _AsyncWatched if hasattr(iterator, "__anext__") else _Watched
    setattr(source, name, watched(iterator, progress))
    return _make_watched(handle, progress)


def _make_watched(handle: Any, progress: Progress) -> Progress:
    handle.__dict__.setdefault("_spanledger_streams", []).append(progress)
    handle.__class__ = _subclass(type(handle))
    weakref.finalize(handle, progress.abandon)
    return progress


def _subclass(kind: type) -> type:
    """The type with its ways of closing watched; cached, so that two streams of a type stay of one type."""
    if "_spanledger_watched" in kind.__dict__:
        return kind
    made = _watched_classes.get(kind)
    if made is None:
        body: dict[str, Any] = {
            "_spanledger_watched": True,
            "__module__": kind.__module__,
            "__qualname__": kind.__qualname__,
            "__doc__": kind.__doc__,
        }
        for name in ("close", "__exit__", "__aexit__"):
            ends = getattr(kind, name, None)
            if ends is not None:
                body[name] = (_then_async if inspect.iscoroutinefunction(ends) else _then)(ends)
        if _is_of(kind, "botocore"):
            body["__iter__"] = _iterating(kind.__iter__)  # type: ignore[attr-defined]
        made = type(kind.__name__, (kind,), body)
        if len(_watched_classes) >= _MOST_CLASSES:
            _watched_classes.clear()
        _watched_classes[kind] = made
    return made


def _iterating(iterate: Callable[[Any], Iterator[Any]]) -> Callable[[Any], Iterator[Any]]:
    """For a stream that makes a new iterator each time it is asked for one."""

    @functools.wraps(iterate)
    def watched(self: Any) -> Iterator[Any]:
        iterator = iterate(self)
        for progress in self.__dict__["_spanledger_streams"]:
            iterator = _Watched(iterator, progress)
        return iterator

    return watched


def _then(ends: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(ends)
    def close(self: Any, *args: Any) -> Any:
        try:
            return ends(self, *args)
        finally:
            _abandon(self)

    return close


def _then_async(ends: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(ends)
    async def close(self: Any, *args: Any) -> Any:
        try:
            return await ends(self, *args)
        finally:
            _abandon(self)

    return close


def _abandon(handle: Any) -> None:
    for progress in handle.__dict__.get("_spanledger_streams", ()):
        progress.abandon()


def _request_of(manager: Any) -> str | None:
    return next((name for name in vars(manager) if name.endswith("__api_request")), None)


def _is_manager(answer: Any) -> bool:
    return not hasattr(answer, "_iterator") and _request_of(answer) is not None


def _watch_manager(call: Call, manager: Any) -> None:
    """A manager makes its request when it is entered: watch the stream that it gets, and the manager's exit."""
    name = _request_of(manager)
    if name is None:
        return
    request = getattr(manager, name)
    streams: list[Progress] = []
    manager.__dict__["_spanledger_streams"] = streams
    manager.__class__ = _subclass(type(manager))
    if callable(request):
        setattr(manager, name, _requesting(call, request, streams))
    else:
        setattr(manager, name, _requesting_async(call, request, streams))


def _requesting(call: Call, request: Callable[[], Any], streams: list[Progress]) -> Callable[[], Any]:
    def make() -> Any:
        lone.claim(get_current_span(), call.entry.span_id)
        token = attach(scope(call))
        try:
            stream = request()
        except BaseException as error:
            finish(call, None, error=error)
            raise
        finally:
            detach(token)
        with _WATCH:
            streams.append(_watch_object(call, stream, stream))
        return stream

    return make


async def _requesting_async(call: Call, request: Awaitable[Any], streams: list[Progress]) -> Any:
    lone.claim(get_current_span(), call.entry.span_id)
    token = attach(scope(call))
    try:
        stream = await request
    except BaseException as error:
        finish(call, None, error=error)
        raise
    finally:
        detach(token)
    with _WATCH:
        streams.append(_watch_object(call, stream, stream))
    return stream


class _Watched:
    __slots__ = ("_inner", "_progress")

    def __init__(self, inner: Iterator[Any], progress: Progress) -> None:
        self._inner = inner
        self._progress = progress

    def __iter__(self) -> _Watched:
        return self

    def __next__(self) -> Any:
        try:
            chunk = next(self._inner)
        except StopIteration:
            self._progress.end()
            raise
        except BaseException as error:
            self._progress.end(error)
            raise
        self._progress.chunk(chunk)
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _AsyncWatched:
    __slots__ = ("_inner", "_progress")

    def __init__(self, inner: AsyncIterator[Any], progress: Progress) -> None:
        self._inner = inner
        self._progress = progress

    def __aiter__(self) -> _AsyncWatched:
        return self

    async def __anext__(self) -> Any:
        try:
            chunk = await anext(self._inner)
        except StopAsyncIteration:
            self._progress.end()
            raise
        except BaseException as error:
            self._progress.end(error)
            raise
        self._progress.chunk(chunk)
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
