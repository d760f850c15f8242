"""What the rollups' notes and marks say on one snapshot: what was recomputed, what waits for it, what is kept.

Given a snapshot, reads all of it in one statement, once: every question needs some of it, and each statement takes
longer to plan than to run. Notes that this process has read are not read again.

Never: a note that the snapshot does not know.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

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
    """A bucket that was recomputed: its number among all changes, and its stretch of time.

    Of a minute whose rows are numbered also up to which commit it holds, and when the last of its rows was.
    """

    change: int
    family: str
    from_ns: int
    to_ns: int
    commit_no: int | None = None
    last_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """What a snapshot says.

    Attributes:
        notes: The buckets that were recomputed, the last ones, ascending.
        marks: Family and level -> the buckets that wait to be recomputed, ascending.
        kept: Subject -> from when on it is kept, of what something was deleted.
        changed: The marks of those that did not just get more rows.
    """

    notes: Sequence[Note]
    marks: Mapping[tuple[str, str], Sequence[int]]
    kept: Mapping[str, int]
    changed: Mapping[tuple[str, str], Collection[int]]

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

    def begun(self, family: Family, minute: int) -> Note | None:
        """The last note of a minute that has got nothing but more rows since; None where that is not sure."""
        if minute in self.changed.get((family, "1m"), ()):
            return None
        from_ns, to_ns = minute * MINUTE_NS, (minute + 1) * MINUTE_NS
        for note in reversed(self.notes):
            if (note.family, note.from_ns, note.to_ns) == (family, from_ns, to_ns):
                return None if note.commit_no is None else note
        return None

    def all_kept(self, family: Family, from_ns: int) -> bool:
        """Whether nothing was deleted from a time on of what answers of a family's days long gone are made of."""
        return all(self.kept.get(subject, 0) <= from_ns for subject in LAST.get(family, (f"{family}_1d",)))


def of(reader: Reader) -> Noted:
    """What this snapshot says."""
    return reader.once(("noted",), lambda: _read(reader))


def _read(reader: Reader) -> Noted:
    memory = reader.memory
    known: Sequence[Note] = () if memory is None else memory.get("rollups.notes", ())
    rows = reader.tuples(SQL["noted"], since=known[-1].change if known else -1)
    notes = _notes(rows)
    if known and (not notes or notes[0].change != known[-1].change):  # a snapshot from before, or an emptied store
        rows = reader.tuples(SQL["noted"], since=-1)
        notes = _notes(rows)
    else:
        notes = [*known, *notes[1:]][-MOST_NOTES:] if known else notes
        if memory is not None:
            memory["rollups.notes"] = notes
    waiting = [row for row in rows if row[0] is None and row[2]]
    marks: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for _, family, level, buckets, *_ in waiting:
        marks[family, level].update(buckets)
    return Noted(
        notes,
        {key: sorted(buckets) for key, buckets in marks.items()},
        {subject: from_ns for _, subject, level, (from_ns, *_), *_ in rows if not level},
        {(family, level): set(buckets) for _, family, level, buckets, added, _ in waiting if not added},
    )


def _notes(rows: Sequence[tuple[Any, ...]]) -> list[Note]:
    found = [
        Note(change, family, bucket * WIDTH_NS[level], (bucket + 1) * WIDTH_NS[level], *held)
        for change, family, level, (bucket, *_), *held in rows
        if change is not None
    ]
    return sorted(found)


def _change(note: Note) -> int:
    return note.change
