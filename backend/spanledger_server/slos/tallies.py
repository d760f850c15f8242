"""What was counted of buckets of time, remembered by this process for as long as it holds.

Given the snapshot's notes of what the rollups have recomputed, forgets the counts of these buckets; what is remembered
is given only to those whose snapshot is the newest that was seen here, and taken only from them. Whoever has another
snapshot counts for itself. Nothing is on disk: a restart counts anew.

Never: a count that outlives a change of the rows it was made of.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from spanledger_server.store.database import Reader

Bucket = tuple[str, int]  # a level of the rollups, and a number there
Figures = tuple[float, ...]  # what is counted, in the order of `burn.Counts`
Changes = Mapping[int, tuple[str, str, int]]  # number of the change -> family, level and bucket

MOST_FIGURES: Final = 100_000  # buckets of all questions, about 300 bytes each
MOST_OF_ONE: Final = 50_000  # of one question: the minutes of a month and more


@dataclass(slots=True)
class _Question:
    """What was counted for one question.

    Attributes:
        families: The rollups whose changes it depends on.
        minutes: Level -> minutes in each of its buckets, where a bucket is made of minutes that change one by one;
            None: it is the rollups' own, and changes with it.
        found: The counts by bucket.
    """

    families: frozenset[str]
    minutes: Mapping[str, int] | None = None
    found: dict[Bucket, Figures] = field(default_factory=dict)

    def buckets(self, level: str, number: int) -> list[Bucket]:
        """Those that change with one of the rollups."""
        if self.minutes is None:
            return [(level, number)]
        return [(each, number // minutes) for each, minutes in self.minutes.items()] if level == "1m" else []


class Tallies:
    """The counts of one database."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: int | None = None  # the last change that is accounted for
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
        """Forget what has changed.

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
                self._held = 0
            else:
                self._forget({change for number, change in changes.items() if number > known})
            self._known = last
            return last

    def _forget(self, changed: Iterable[tuple[str, str, int]]) -> None:
        for family, level, bucket in changed:
            for question in self._questions.values():
                if family in question.families:
                    for of_it in question.buckets(level, bucket):
                        self._held -= question.found.pop(of_it, None) is not None

    def find(self, version: int | None, question: Hashable, buckets: Iterable[Bucket]) -> dict[Bucket, Figures]:
        """What is remembered of these buckets.

        Args:
            version: As `bring_up_to` gave it.
            question: What was counted.
            buckets: Of what.
        """
        with self._lock:
            if version is None or version != self._known or question not in self._questions:
                return {}
            self._questions.move_to_end(question)
            found = self._questions[question].found
            return {bucket: found[bucket] for bucket in buckets if bucket in found}

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
            mine = self._questions.setdefault(question, _Question(families, minutes))
            self._questions.move_to_end(question)
            before = len(mine.found)
            mine.found = {**mine.found, **counted} if before + len(counted) <= MOST_OF_ONE else dict(counted)
            self._held += len(mine.found) - before
            while self._held > MOST_FIGURES:
                _, oldest = self._questions.popitem(last=False)
                self._held -= len(oldest.found)
