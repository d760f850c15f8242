"""What the rollups' notes and marks say on one snapshot: what was recomputed, what waits for it, what is kept.

Given a snapshot, reads all of it in one statement, once: every question needs some of it, and each statement takes
longer to plan than to run. Notes that this process has read are not read again.

Never: a note that the snapshot does not know.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from spanledger_server.rollups.dirty import Family, Level
from spanledger_server.rollups.levels import LEVELS, WIDTH_NS
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import MINUTE_NS, Range

SQL = sqlfile.load(__package__)

MOST_NOTES: Final = 10_000  # that are remembered; the store keeps as many
OF_LINES: Final = ("ledger", "cost_1h", "cost_1d", "user_1d")
LAST: Final[dict[Family, tuple[str, ...]]] = {"cost": OF_LINES, "user": OF_LINES}  # of others, days are kept longest
MINUTES: Final[dict[Level, int]] = {level: WIDTH_NS[level] // MINUTE_NS for level in LEVELS}


class Note(NamedTuple):
    """A bucket that was recomputed: its number among all changes, and its stretch of time."""

    change: int
    family: str
    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True)
class Noted:
    """What a snapshot says.

    Attributes:
        notes: The buckets that were recomputed, the last ones, ascending.
        marks: Family and level -> the buckets that wait to be recomputed, ascending.
        kept: Subject -> from when on it is kept, of what something was deleted.
    """

    notes: Sequence[Note]
    marks: Mapping[tuple[str, str], Sequence[int]]
    kept: Mapping[str, int]

    @property
    def last(self) -> int | None:
        """The last change; None without any."""
        return self.notes[-1].change if self.notes else None

    def holds(self, since: int, family: Family, window: Range) -> bool:
        """Whether all changes since one are known, and none of them is of the family within the window."""
        if not self.notes or not self.notes[0].change <= since <= self.notes[-1].change:
            return False
        later = self.notes[bisect_right(self.notes, since, key=_change) :]
        return not any(
            note.family == family and note.from_ns < window.to_ns and note.to_ns > window.from_ns for note in later
        )

    def waits(self, family: Family, levels: Collection[Level], window: Range) -> bool:
        """Whether something of a family that lies in a window waits to be recomputed at one of these levels."""
        for level in levels:
            buckets, width_ns = self.marks.get((family, level), ()), WIDTH_NS[level]
            place = bisect_left(buckets, window.from_ns // width_ns)
            if place < len(buckets) and buckets[place] * width_ns < window.to_ns:
                return True
        return False

    def waiting(self, family: Family, first_minute: int, end_minute: int) -> Iterator[tuple[Level, int]]:
        """What of a family waits that begins within some minutes: its level, and the number of its first minute."""
        for level, minutes in MINUTES.items():
            buckets = self.marks.get((family, level), ())
            first, end = (
                bisect_left(buckets, -(-first_minute // minutes)),
                bisect_left(buckets, -(-end_minute // minutes)),
            )
            for bucket in buckets[first:end]:
                yield level, bucket * minutes

    def all_kept(self, family: Family, from_ns: int) -> bool:
        """Whether nothing was deleted from a time on of what answers of a family's days long gone are made of."""
        return all(self.kept.get(subject, 0) <= from_ns for subject in LAST.get(family, (f"{family}_1d",)))


def of(reader: Reader) -> Noted:
    """What this snapshot says."""
    return reader.once(("noted",), lambda: _read(reader))


def _read(reader: Reader) -> Noted:
    memory = reader.memory
    known: Sequence[Note] = () if memory is None else memory.get("statistics.notes", ())
    rows = reader.tuples(SQL["noted"], since=known[-1].change if known else -1)
    notes = _notes(rows)
    if known and (not notes or notes[0].change != known[-1].change):  # a snapshot from before, or an emptied store
        rows = reader.tuples(SQL["noted"], since=-1)
        notes = _notes(rows)
    else:
        notes = [*known, *notes[1:]][-MOST_NOTES:] if known else notes
        if memory is not None:
            memory["statistics.notes"] = notes
    marks = {(name, level): sorted(set(values)) for change, name, level, values in rows if change is None and level}
    return Noted(notes, marks, {name: values[0] for change, name, level, values in rows if not level})


def _notes(rows: Sequence[tuple[int | None, str, Level, list[int]]]) -> list[Note]:
    found = [
        Note(change, family, values[0] * WIDTH_NS[level], (values[0] + 1) * WIDTH_NS[level])
        for change, family, level, values in rows
        if change is not None
    ]
    return sorted(found)


def _change(note: Note) -> int:
    return note.change
