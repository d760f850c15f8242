"""One way to look into an answer, whatever it is made of: a dict, a pydantic model, any object.

Given a value, gives something with `get(name)`, or `None` for what has no fields (text, numbers, lists). How a type
is looked into is learnt once per type; a model's own fields are read where they lie, without dumping it.

Never: an import of a provider's package, and never a validation or copy of the answer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

_MOST_TYPES = 4096
_WITHOUT_FIELDS = (str, bytes, bytearray, int, float, complex, type(None), list, tuple, set, frozenset, type)


class Fields(Protocol):
    """Something whose fields are asked for by name."""

    def get(self, name: str, /) -> Any:
        """The field's value, or `None`."""


class _Attributes:
    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def get(self, name: str, /) -> Any:
        return getattr(self.value, name, None)


def fields_of(value: object) -> Fields | None:
    """How to ask `value` for its fields, or `None` if it has none."""
    kind = type(value)
    if kind is dict:
        return value  # type: ignore[return-value]  # a dict's get() takes a default as well
    look = _LOOKS.get(kind) or _learn(kind)
    if look is _model and not value.__pydantic_extra__:  # type: ignore[attr-defined]
        return value.__dict__  # four times for each answer: not worth a call
    return look(value)


def lacks(fields: Fields, names: frozenset[str]) -> bool:
    """Whether none of the names is a field; `False` where only asking could tell."""
    if type(fields) is dict:
        return fields.keys().isdisjoint(names)
    if type(fields) is not _Attributes:
        return False
    value = fields.value
    kind: Any = type(value)  # `type[object]` is not seen to be hashable
    return _type_lacks(kind, names) and names.isdisjoint(getattr(value, "__dict__", ()))


@functools.lru_cache(maxsize=_MOST_TYPES)
def _type_lacks(kind: type, names: frozenset[str]) -> bool:
    """Whether a type gives its objects none of the names, nor makes names up when it is asked."""
    asks: Any = kind.__getattribute__
    usual = asks is object.__getattribute__ and not hasattr(kind, "__getattr__")
    return usual and names.isdisjoint(dir(kind))


def module_of(value: object) -> str:
    """The top-level package that the value's type comes from, such as `openai`."""
    return type(value).__module__.partition(".")[0]


def _learn(kind: type) -> Callable[[Any], Fields | None]:
    look: Callable[[Any], Fields | None]
    if issubclass(kind, _WITHOUT_FIELDS):
        look = _nothing
    elif issubclass(kind, Mapping):
        look = _itself
    elif hasattr(kind, "__pydantic_fields__"):
        look = _model
    else:
        look = _Attributes
    if len(_LOOKS) >= _MOST_TYPES:
        _LOOKS.clear()  # types made at run time would pile up
    _LOOKS[kind] = look
    return look


def _nothing(_: object) -> None:
    return None


def _itself(value: Fields) -> Fields:
    return value


def _model(value: Any) -> Fields:
    extra = value.__pydantic_extra__
    return {**value.__dict__, **extra} if extra else value.__dict__


_LOOKS: dict[type, Callable[[Any], Fields | None]] = {}
