"""What a look is given: the check's own words, the time it has, and what it may ask of this server.

Never: a reason that holds a secret: what a kind says is shown to everybody who may read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from spanledger_server.health.answer import Answer, State
from spanledger_server.health.deadline import Deadline
from spanledger_server.health.options import Option
from spanledger_server.health.target import Place
from spanledger_server.health.wire import Line, Trust
from spanledger_server.store.database import Database

DAY_NS: Final = 24 * 3600 * 10**9


@dataclass(frozen=True, slots=True)
class House:
    """This server, as far as checks ask it.

    Attributes:
        database: The store.
        started_ns: From when on it has listened.
        unready: Why nothing should be sent here; none when all is well.
        troubles: The same, and what of its own work fails.
    """

    database: Database
    started_ns: int
    unready: Callable[[], list[str]]
    troubles: Callable[[], list[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """One look.

    Attributes:
        target: Where, as it was given, with its secrets; a service or a figure for kinds that ask the store.
        place: The same in parts, for kinds that ask over a network.
        options: By the names of the kind's options, each as it was given or its default.
        deadline: Runs from now on.
        now_ns: The time.
        slow_ms: What is slower is degraded; None: nothing is.
        house: This server.
        before: The figures of the answer before.
    """

    target: str
    place: Place | None
    options: Mapping[str, Any]
    deadline: Deadline
    now_ns: int
    slow_ms: float | None
    house: House
    before: Mapping[str, Any] = field(default_factory=dict)

    @property
    def at(self) -> Place:
        """The place, for kinds that have one."""
        return cast("Place", self.place)

    @property
    def trust(self) -> Trust:
        """Whose certificates are believed."""
        return Trust(self.options["verify"], self.options["authority"])

    def answered(self, reason: str, line: Line | None = None, state: State = "healthy", **told: Any) -> Answer:
        """The answer of something asked over a network; slow, or with a certificate that ends soon: degraded."""
        taken_ns = self.deadline.taken_ns()
        reasons = [reason] if state != "healthy" else []
        if line is not None and line.ends_ns is not None:
            days = (line.ends_ns - self.now_ns) / DAY_NS
            told["certificate_days"] = round(days, 2)
            if days < self.options["certificate_days"] and state != "down":
                reasons.append(f"its certificate {'ends in' if days >= 0 else 'ended'} {_days(days)}")
        if self.slow_ms is not None and taken_ns > self.slow_ms * 1e6:
            reasons.append(f"slow: {taken_ns / 1e6:.0f} ms, more than {self.slow_ms:g} ms")
        worse: State = state if state != "healthy" or not reasons else "degraded"
        return Answer(worse, "; ".join(reasons) or reason, taken_ns, told)


def _days(days: float) -> str:
    whole = int(abs(days))
    text = "less than a day" if whole == 0 else "1 day" if whole == 1 else f"{whole} days"
    return text if days >= 0 else f"{text} ago"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of check.

    Attributes:
        name: What definitions call it.
        meaning: For people.
        target: What its target is, for people; empty when it has none.
        options: What may be said beside.
        ask: The look. Raises LookFailedError.
        schemes: Schemes of its target with their usual ports; None where the target is no place in a network.
        allowed: The targets that there are, where there are only some.
    """

    name: str
    meaning: str
    target: str
    options: Mapping[str, Option]
    ask: Callable[[Question], Answer]
    schemes: Mapping[str, int | None] | None = None
    allowed: tuple[str, ...] = ()
