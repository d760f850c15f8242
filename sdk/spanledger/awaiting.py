"""Instrumentations that wait for their library: a program that never imports it pays nothing for it.

Given a library's name and what is to be done with it, does it at once where the library is imported, else right after
it is. Importing one to change it takes seconds of a program's start (`anthropic` has 2,400 modules), and each garbage
collection looks through all that it holds.

Never: an import of what the program does not import itself.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType
from typing import Final

import wrapt

MODULES: Final = {  # by the name of an entry point, what a program imports of its library
    "anthropic": "anthropic",
    "asyncpg": "asyncpg",
    "botocore": "botocore",
    "celery": "celery",
    "fastapi": "fastapi",
    "google-genai": "google.genai",
    "httpx": "httpx",
    "httpx2": "httpx2",
    "openai": "openai",
    "redis": "redis",
    "requests": "requests",
    "sqlalchemy": "sqlalchemy",
}
_lock = threading.Lock()
_waited_for: set[str] = set()


def is_to_come(name: str, instrumentation: str) -> bool:
    """Whether the library of this entry point can be imported, and is not imported yet.

    Args:
        name: Of the entry point.
        instrumentation: The module that instruments it.
    """
    module = MODULES.get(name)
    return module is not None and module not in sys.modules and _is_there(module) and _is_there(instrumentation)


def when_imported(name: str, instrumentation: str, then: Callable[[], object]) -> None:
    """Have `then` called once, right after the library of this entry point is imported; it must not raise.

    An instrumentation that the program imports itself imports the library: then it waits for both.
    """
    with _lock:
        if name in _waited_for:
            return
        _waited_for.add(name)
    library = MODULES[name]

    def imported(module: ModuleType) -> None:
        is_library_here = module.__name__ == library or (library in sys.modules and not _is_under_way(library))
        if not is_library_here or (module.__name__ != instrumentation and _is_under_way(instrumentation)):
            return
        with _lock:
            if name not in _waited_for:
                return
            _waited_for.remove(name)
        then()

    wrapt.register_post_import_hook(imported, library)
    wrapt.register_post_import_hook(imported, instrumentation)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # of a package that is not there, or a module that is being made up
        return False


def _is_under_way(module: str) -> bool:
    """Whether somebody is importing it: what it will hold is not all there."""
    return bool(getattr(getattr(sys.modules.get(module), "__spec__", None), "_initializing", False))
