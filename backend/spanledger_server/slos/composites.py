"""Composites: objectives made of other objectives, looked up by name and kept free of circles.

Given all definitions by name, says what is wrong with those that are new; given an objective, gives it with its parts.

Never: a composite that is a part of itself, on whatever path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from spanledger_server.errors import Conflict, Invalid, Mistakes
from spanledger_server.slos import adjustments
from spanledger_server.slos.adjustments import Adjustments
from spanledger_server.slos.objective import Objective

MOST_DEEP = 10  # composites of composites


def parts(given: Mapping[str, Any]) -> list[str]:
    """The names of the parts of a definition that was checked; none when it is no composite."""
    return [str(part["slo"]) for part in given["indicator"].get("parts", ())]


def check(names: Iterable[str], known: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse composites that name what is not there, or themselves.

    Args:
        names: Of the new definitions.
        known: All definitions as they will be, by name.

    Raises:
        Mistakes: With each part that is wrong; a circle with its path.
    """
    mistakes = []
    for name in names:
        for number, part in enumerate(parts(known[name])):
            place = f"indicator.parts[{number}].slo"
            if part not in known:
                mistakes.append(Invalid(place, part, "the name of an objective that there is"))
                continue
            path = _path(part, name, known, (name, part))
            if path is not None:
                told = " → ".join(path)
                mistakes.append(Invalid(place, part, f"no objective that is made of this one ({told})"))
    if mistakes:
        raise Mistakes(mistakes)


def _path(
    at: str, sought: str, known: Mapping[str, Mapping[str, Any]], gone: tuple[str, ...]
) -> tuple[str, ...] | None:
    """The way from `at` back to `sought`, or to where it is too deep; None when there is none."""
    if at == sought or len(gone) > MOST_DEEP:
        return gone
    for part in parts(known[at]) if at in known else ():
        found = _path(part, sought, known, (*gone, part))
        if found is not None:
            return found
    return None


def unused(name: str, known: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse to take away a name that composites stand on.

    Raises:
        Conflict: Naming them.
    """
    users = sorted(other for other, given in known.items() if name in parts(given))
    if users:
        raise Conflict(f"objective {name!r} is a part of {', '.join(users[:5])}: change that first")


def resolved(
    objective: Objective,
    slo_id: str,
    find: Callable[[str], tuple[str, Objective] | None],
    adjusted: Mapping[str, Adjustments],
    above: Adjustments = adjustments.NONE,
) -> Objective:
    """An objective with what does not count, and with its parts.

    Args:
        objective: As it was read.
        slo_id: Its id.
        find: A part's id and definition by its name; None when it is gone.
        adjusted: Adjustments by id.
        above: What does not count of the composite that it is a part of: downtime only.
    """
    own = adjusted.get(slo_id, adjustments.NONE) + above
    down = Adjustments(own.downtimes)
    found = []
    for part in objective.indicator.parts:
        there = find(part.name)
        inner = None if there is None else resolved(there[1], there[0], find, adjusted, down)
        found.append(replace(part, objective=inner))
    return replace(objective, indicator=replace(objective.indicator, parts=tuple(found)), adjusted=own)
