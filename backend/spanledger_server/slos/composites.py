"""Composites: objectives made of other objectives, looked up by name and kept free of circles.

Given all definitions by name, says what is wrong with those that are new; given an objective, gives it with its parts.

Never: a composite that is a part of itself, on whatever path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from spanledger_server.errors import Conflict, Invalid, Mistakes
from spanledger_server.slos import adjustments
from spanledger_server.slos.adjustments import Adjustments
from spanledger_server.slos.objective import Objective

MOST_DEEP: Final = 10  # composites of composites
MOST_IN_ALL: Final = 200  # objectives that one is made of: all of them are counted for it


def parts(given: Mapping[str, Any]) -> list[str]:
    """The names of the parts of a definition that was checked; none when it is no composite."""
    return [str(part["slo"]) for part in given["indicator"].get("parts", ())]


def check(names: Iterable[str], known: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse composites that name what is not there, or themselves, or that are too large.

    Args:
        names: Of the new definitions.
        known: All definitions as they will be, by name.

    Raises:
        Mistakes: With each part that is wrong; a circle with its path.
    """
    found = [mistake for each in mistakes(names, known) for mistake in each]
    if found:
        raise Mistakes(found)


def mistakes(
    names: Iterable[str], known: Mapping[str, Mapping[str, Any]], beside: frozenset[str] = frozenset()
) -> list[list[Invalid]]:
    """What `check` refuses of each; not of parts `beside`, that are refused themselves."""
    unfolded = _Unfolded(known, beside)
    return [unfolded.mistakes(name) for name in names]


class _Unfolded:
    """How deep composites are and of how many objectives they are made, each looked at once."""

    def __init__(self, known: Mapping[str, Mapping[str, Any]], beside: frozenset[str]) -> None:
        self._known = known
        self._beside = beside
        self._found: dict[str, tuple[int, int]] = {}

    def mistakes(self, name: str) -> list[Invalid]:
        """What is wrong with the parts of one."""
        found, whole = [], 0
        for number, part in enumerate(parts(self._known[name])):
            place = f"indicator.parts[{number}].slo"
            if part not in self._known:
                if part not in self._beside:
                    found.append(Invalid(place, part, "the name of an objective that there is"))
                continue
            try:
                whole += self._look(part, (name,))[1]
            except _Circle as circle:
                path = " → ".join(circle.path)
                found.append(Invalid(place, part, f"no objective that is made of this one ({path})"))
        if whole > MOST_IN_ALL:
            found.append(
                Invalid("indicator.parts", whole, f"at most {MOST_IN_ALL} objectives, parts of parts among them")
            )
        return found

    def _look(self, name: str, above: tuple[str, ...]) -> tuple[int, int]:
        """Its levels, and of how many objectives it is made.

        Raises:
            _Circle: It is a part of itself, or there are too many levels.
        """
        path = (*above, name)
        if name in above or len(above) > MOST_DEEP:
            raise _Circle(path)
        if name not in self._found:
            each = [self._look(part, path) for part in parts(self._known[name]) if part in self._known]
            self._found[name] = (1 + max((deep for deep, _ in each), default=0), sum(n for _, n in each) or 1)
        if len(above) + self._found[name][0] > MOST_DEEP + 1:
            raise _Circle(path)
        return self._found[name]


class _Circle(Exception):
    """The way from a composite back to itself, or to where it is too deep."""

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(path)
        self.path = path


def users(name: str, known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The composites that this objective is a part of, or a part of a part."""
    found: set[str] = set()
    new = {name}
    while new:
        new = {other for other, given in known.items() if new & set(parts(given))} - found
        found |= new
    return sorted(found - {name})


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
