"""From when to when a snapshot knows anything: its first line, its last sign of life, the first buckets of its rollups.

Given a snapshot, reads all of it in one statement, once. Each is looked for no further than where it was found
before: of a table that is written to, all would be read for it.

Never: a bound that the snapshot does not hold itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from spanledger_server.rollups import noted
from spanledger_server.rollups.dirty import Level
from spanledger_server.rollups.levels import WIDTH_NS
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS

SQL = sqlfile.load(__package__)

FAR: Final = 2**62
EVER: Final[dict[str, int]] = {
    **dict.fromkeys(("first_ns", "cost_1m", "cost_1h", "cost_1d", "first_day"), FAR),
    **dict.fromkeys(("last_ns", "last_day"), -FAR),
}


@dataclass(frozen=True, slots=True)
class Reach:
    """What a snapshot knows of; None where there is nothing.

    Attributes:
        first_ns: When the first line was, or began the first day of costs, if that was before.
        last_ns: When the last line, span, point or record of anybody was.
        cost_1m: The first minute from which on the rollup of costs is whole.
        cost_1h: The first hour.
        cost_1d: The first day.
        first_day: Of the days by user the first that is there.
        last_day: The last one.
    """

    first_ns: int | None
    last_ns: int | None
    cost_1m: int | None
    cost_1h: int | None
    cost_1d: int | None
    first_day: int | None
    last_day: int | None

    def rolled_from(self, level: Level) -> int | None:
        """The first bucket of a level from which on the rollup of costs is whole."""
        found: int | None = getattr(self, f"cost_{level}")
        return found


def of(reader: Reader) -> Reach:
    """That of this snapshot."""
    return reader.once(("reach",), lambda: _read(reader))


def _read(reader: Reader) -> Reach:
    memory = reader.memory
    known: dict[str, int] = EVER if memory is None else memory.get("statistics.reach", EVER)
    found = _found(reader, known)
    if any(found[name] is None and known[name] != bound for name, bound in EVER.items()):  # what was known is deleted
        found = _found(reader, EVER)
    if memory is not None:
        memory["statistics.reach"] = {
            name: bound if found[name] is None else found[name] for name, bound in EVER.items()
        }
    kept = noted.of(reader).kept
    firsts = [found["first_ns"], None if found["cost_1d"] is None else found["cost_1d"] * DAY_NS]
    rolled = {
        f"cost_{level}": None if first is None else max(first, -(-kept.get(f"cost_{level}", 0) // width_ns))
        for level, width_ns in WIDTH_NS.items()
        for first in [found[f"cost_{level}"]]
    }
    return Reach(**found | rolled | {"first_ns": min((each for each in firsts if each is not None), default=None)})


def _found(reader: Reader, known: dict[str, int]) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for what, value in reader.tuples(SQL["reach"], **known):
        told = [each for each in (found.get(what), value) if each is not None]
        found[what] = max(told, default=None)
    return found
