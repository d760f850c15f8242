"""`audio_pipeline` and `stage`: for `with`, `async with`, and as decorators.

Given a name or an id, opens a span below the current one and puts it on; the block or function runs inside. A decorated
generator's steps run inside, and nothing of ours is attached while it waits at a yield.

Never: raises, or leaves a context behind.
"""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from types import TracebackType
from typing import Any, Generic, ParamSpec, TypeVar, cast

from opentelemetry.context import Context

from spanledger import semconv
from spanledger.attached import attach, attached, detach
from spanledger.audio.work import PIPELINE, STAGE, Pipeline, Stage
from spanledger.streams import Progress, relaying, steps

P = ParamSpec("P")
R = TypeVar("R")
W = TypeVar("W", Pipeline, Stage)


class _Scope(ABC, Generic[W]):
    """What both do; an object made for `with` is for one block at a time, a decorator opens anew for each call."""

    __slots__ = ("_entered",)

    def __init__(self) -> None:
        self._entered: list[tuple[W, Any]] = []

    @abstractmethod
    def _open(self) -> W:
        """Begin the work."""

    def __enter__(self) -> W:
        work = self._open()
        self._entered.append((work, attach(work.inside())))
        return work

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._entered:
            work, token = self._entered.pop()
            detach(token)
            work.close(error)

    async def __aenter__(self) -> W:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """The same function; each call of it is one pipeline, or one stage."""
        make: Callable[[Callable[[], W], Callable[..., Any]], Callable[..., Any]] = _plain
        if inspect.iscoroutinefunction(function):
            make = _coroutine
        elif inspect.isasyncgenfunction(function):
            make = _async_generator
        elif inspect.isgeneratorfunction(function):
            make = _generator
        return cast("Callable[P, R]", functools.wraps(function)(make(self._open, function)))


class audio_pipeline(_Scope[Pipeline]):  # noqa: N801 - used like a function: `with spanledger.audio_pipeline(...)`
    """One audio on its way through load, analysis, enhancement, validation, output, or any other stages.

    Args:
        audio_id: What the audio is called where it comes from; becomes `audio.id`.
        source: Where it comes from, such as "upload"; becomes `audio.source`.
        name: The span's name.
        attributes: Further attributes of the span.
    """

    __slots__ = ("_attributes", "_name")

    def __init__(
        self,
        audio_id: object = None,
        *,
        source: str | None = None,
        name: str = "audio pipeline",
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._name, self._attributes = name, dict(attributes or {})
        if audio_id is not None:
            self._attributes[semconv.AUDIO_ID] = str(audio_id)
        if source is not None:
            self._attributes[semconv.AUDIO_SOURCE] = str(source)

    def _open(self) -> Pipeline:
        return Pipeline(self._name, self._attributes, attached())


class stage(_Scope[Stage]):  # noqa: N801 - used like a function: `with spanledger.stage(...)`
    """One step of the pipeline around it.

    Args:
        name: Such as `load_audio`, `quality_analysis`, `enhancement`, `validation`, `output`; the span's name and its
            `audio.stage`.
        attributes: Further attributes of the span.
        pipeline: The pipeline it belongs to; the current one where None.
    """

    __slots__ = ("_attributes", "_name", "_pipeline")

    def __init__(
        self, name: str, *, attributes: Mapping[str, Any] | None = None, pipeline: Pipeline | None = None
    ) -> None:
        super().__init__()
        self._name, self._attributes, self._pipeline = str(name), dict(attributes or {}), pipeline

    def _open(self) -> Stage:
        around = attached()
        current, pipeline = around.get(PIPELINE), self._pipeline
        if pipeline is None:
            pipeline = cast("Pipeline | None", current)
        elif current is not pipeline:  # in another thread, which knows nothing of it
            around = pipeline.inside()
        return Stage(self._name, self._attributes, around, pipeline)


def current_pipeline() -> Pipeline | None:
    """The pipeline that is running here, or None."""
    return cast("Pipeline | None", attached().get(PIPELINE))


def current_stage() -> Stage | None:
    """The stage that is running here, or None."""
    return cast("Stage | None", attached().get(STAGE))


class _Steps(Progress):
    """A generator's steps inside a pipeline or stage."""

    __slots__ = ("_close",)

    def __init__(self, work: Pipeline | Stage) -> None:
        inside: Context = work.inside()
        super().__init__(None, inside)
        self._close = work.close

    def end(self, error: BaseException | None = None, *, complete: bool = True, value: Any = None) -> None:
        """The generator has ended."""
        del complete, value
        self._close(error)


def _plain(open_: Callable[[], W], function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        work = open_()
        token = attach(work.inside())
        try:
            answer = function(*args, **kwargs)
        except BaseException as error:
            work.close(error)
            raise
        finally:
            detach(token)
        work.close()
        return answer

    return wrapper


def _coroutine(open_: Callable[[], W], function: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        work = open_()
        token = attach(work.inside())
        try:
            answer = await function(*args, **kwargs)
        except BaseException as error:
            work.close(error)
            raise
        finally:
            detach(token)
        work.close()
        return answer

    return wrapper


def _generator(open_: Callable[[], W], function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        inner = function(*args, **kwargs)
        return (yield from steps(_Steps(open_()), inner))

    return wrapper


def _async_generator(open_: Callable[[], W], function: Callable[..., Any]) -> Callable[..., Any]:
    def start(*args: Any, **kwargs: Any) -> tuple[Progress, AsyncGenerator[Any, Any]]:
        inner = function(*args, **kwargs)
        return _Steps(open_()), inner

    return relaying(start)
