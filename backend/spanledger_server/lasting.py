"""Pieces that many answers have alike: made once, and their JSON made once.

Never: a piece that is changed after it was made.
"""

from __future__ import annotations

from typing import Any


class Lasting(dict[str, Any]):
    """A dictionary that never changes; whoever writes it as JSON keeps that in `written`."""

    __slots__ = ("written",)
    written: Any
