"""Answers cut to what an assistant can read: long lists keep what matters most, and say how much was left off.

Given an answer and how many entries are wanted, gives one with `left_off`: list -> entries that it had beyond those.

Never: a figure changed, or something left off in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import simplejson

from spanledger_server.cli.client import Answer

MOST_SPLIT: Final = 31  # points of a trend that each tell their parts
USUAL_STATES: Final = ("ok", "unknown")

Cut = Callable[[dict[str, Any], int], dict[str, int]]


def short(answer: Answer, cut: Cut, most: int) -> Answer:
    """`answer`, cut; as it was where nothing is too long."""
    data = simplejson.loads(answer.text, use_decimal=True)
    left_off = {name: count for name, count in cut(data, most).items() if count > 0}
    if not left_off:
        return answer
    data["left_off"] = left_off
    return Answer(simplejson.dumps(data, use_decimal=True, ensure_ascii=False, separators=(",", ":")), data)


def costs(data: dict[str, Any], most: int) -> dict[str, int]:
    """The dearest categories; of a long trend the totals alone."""
    left_off = {"breakdown": _first(data, "breakdown", most)}
    trend = data.get("trend") or []
    if len(trend) > MOST_SPLIT:
        left_off["trend.by"] = sum(1 for point in trend if point.pop("by", None))
    return left_off


def loss(data: dict[str, Any], most: int) -> dict[str, int]:
    """Services that lost something first."""
    data["services"] = sorted(data["services"], key=lambda each: not _lost(each))
    return {"services": _first(data, "services", most)}


def status(data: dict[str, Any], most: int) -> dict[str, int]:
    """Services that are not well first, then those with the most calls."""
    data["services"] = sorted(
        data["services"], key=lambda each: (each.get("state") in USUAL_STATES, -(each.get("calls") or 0))
    )
    return {"services": _first(data, "services", most)}


def _first(data: dict[str, Any], name: str, most: int) -> int:
    found = data.get(name) or []
    data[name] = found[:most]
    return len(found) - most


def _lost(service: Mapping[str, Any]) -> bool:
    return any(service.get(name) for name in ("refused", "dropped", "unexplained", "reasons"))
