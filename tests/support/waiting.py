"""Waiting for something that will happen, with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

STEP_S = 0.02


def until(what: Callable[[], Found], within_s: float = 30.0, *, called: str = "") -> Found:
    """Ask again and again until the answer is true; that answer.

    Raises:
        AssertionError: It was not within `within_s` seconds.
    """
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within_s} s: {called or what}"
        pause.wait(STEP_S)
