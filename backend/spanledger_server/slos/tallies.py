"""What was counted of buckets of time, remembered by this process for as long as it holds.

Given the snapshot's notes of what the rollups have recomputed, forgets the counts of these buckets; what is remembered
is given only to those whose snapshot is the newest that was seen here, and taken only from them. Whoever has another
snapshot counts for itself. Nothing is on disk: a restart counts anew.

Never: a count that outlives a change of the rows it was made of.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from spanledger_server.store.database import Reader

Bucket = tuple[str, int]  # a level of the rollups, and a number there
Figures = tuple[float, ...]  # what is counted, in the order of `burn.Counts`
Changes = Mapping[int, tuple[str, str, int]]  # number of the change -> family, level and bucket

MOST_FIGURES: Final = 100_000  # buckets of all questions, about 300 bytes each
MOST_OF_ONE: Final = 50_000  # of one question: the minutes of a month and more
MOST_CHANGES: Final = 10_000  # of one family; a question that was not asked for longer begins anew


@dataclass(slots=True)
class _Question:
    """What was counted for one question.

    Attributes:
        families: The rollups whose changes it depends on.
        minutes: Level -> minutes in each of its buckets, where a bucket is made of minutes that change one by one;
            None: it is the rollups' own, and changes with it.
        known: The last change that its counts account for.
        found: The counts by bucket.
    """

    families: frozenset[str]
    minutes: Mapping[str, int] | None
    known: int
    found: dict[Bucket, Figures] = field(default_factory=dict)

    def forget(self, level: str, number: int) -> None:
        """One of the rollups' buckets has changed."""
        if self.minutes is None:
            self.found.pop((level, number), None)
        elif level == "1m":
            for each, minutes in self.minutes.items():
                self.found.pop((each, number // minutes), None)


class Tallies:
    """The counts of one database."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: int | None = None  # the last change that is accounted for
        self._changes: dict[str, list[tuple[int, str, int]]] = {}  # by family, oldest first, for questions asked later
        self._since = 0  # from which change on those are all there
        self._questions: OrderedDict[Hashable, _Question] = OrderedDict()  # least lately asked first
        self._held = 0

    @classmethod
    def of(cls, reader: Reader) -> Tallies | None:
        """Those of a reader's database; None where rows are changed."""
        memory = reader.memory
        if memory is None:
            return None
        found: Tallies = memory.setdefault("slos.tallies", cls())
        return found

    @property
    def known(self) -> int | None:
        """The last change that is accounted for: changes are read from it on."""
        return self._known

    def bring_up_to(self, last: int | None, changes: Changes) -> int | None:
        """Note what has changed; each question forgets it when it is asked.

        Args:
            last: The number of the snapshot's last change; None: it has none.
            changes: The snapshot's changes from what was `known` on, with that one.

        Returns:
            What to ask with; None: this snapshot is not the newest, and nothing is remembered for it.
        """
        with self._lock:
            known = self._known
            if last is None or (known is not None and last < known):
                return None
            if known is None or known not in changes:  # who can tell what has changed since
                self._questions.clear()
                self._changes.clear()
                self._held, self._since = 0, last
            else:
                self._note(sorted(number for number in changes if number > known), changes)
            self._known = last
            return last

    def _note(self, numbers: Sequence[int], changes: Changes) -> None:
        for number in numbers:
            family, level, bucket = changes[number]
            self._changes.setdefault(family, []).append((number, level, bucket))
        for family, each in self._changes.items():
            if len(each) > MOST_CHANGES:
                self._since = max(self._since, each[-MOST_CHANGES // 2][0])
                self._changes[family] = each[-MOST_CHANGES // 2 :]

    def _asked(self, name: Hashable, known: int) -> _Question | None:
        """A question without what has changed since it was asked last."""
        question = self._questions.get(name)
        if question is None:
            return None
        self._questions.move_to_end(name)
        before = len(question.found)
        if question.known < self._since:
            question.found.clear()
        else:
            for family in question.families:
                each = self._changes.get(family, [])
                for _, level, bucket in each[bisect_right(each, question.known, key=_number) :]:
                    question.forget(level, bucket)
        question.known = known
        self._held += len(question.found) - before
        return question

    def find(self, version: int | None, question: Hashable, buckets: Iterable[Bucket]) -> dict[Bucket, Figures]:
        """What is remembered of these buckets.

        Args:
            version: As `bring_up_to` gave it.
            question: What was counted.
            buckets: Of what.
        """
        with self._lock:
            if version is None or version != self._known:
                return {}
            mine = self._asked(question, version)
            return {} if mine is None else {bucket: mine.found[bucket] for bucket in buckets if bucket in mine.found}

    def keep(
        self,
        version: int | None,
        question: Hashable,
        families: frozenset[str],
        counted: Mapping[Bucket, Figures],
        minutes: Mapping[str, int] | None = None,
    ) -> None:
        """Remember what was counted on the snapshot of this version; the rest as `_Question` has it."""
        with self._lock:
            if version is None or version != self._known:
                return
            mine = self._asked(question, version)
            if mine is None:
                mine = self._questions[question] = _Question(families, minutes, version)
            before = len(mine.found)
            if before + len(counted) > MOST_OF_ONE:
                mine.found = dict(counted)
            else:
                mine.found.update(counted)
            self._held += len(mine.found) - before
            while self._held > MOST_FIGURES:
                _, oldest = self._questions.popitem(last=False)
                self._held -= len(oldest.found)


def _number(change: tuple[int, str, int]) -> int:
    return change[0]
