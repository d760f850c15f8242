"""Where all objectives stand, read again and again, for whoever asks without wanting to wait.

A tick reads objectives for at most `LONGEST_S`, those first that were read longest ago.

Never: a status that is kept after its objective was changed or deleted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from spanledger_server.slos import register, status
from spanledger_server.slos.register import Kept
from spanledger_server.slos.status import Status
from spanledger_server.store.database import Database

LONGEST_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Standing:
    """An objective as it stood.

    Attributes:
        kept: The objective.
        status: Where it stood.
        at_ns: When that was.
    """

    kept: Kept
    status: Status
    at_ns: int


class Watch:
    """Holds where each objective stands; `tick` brings it up to date."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.standing: tuple[Standing, ...] = ()

    def tick(self, now_ns: int) -> None:
        """Read what can be read within the time of a tick."""
        before = {(each.kept.slo_id, each.kept.generation): each for each in self.standing}
        until = time.monotonic() + LONGEST_S
        with self._database.reader() as reader:
            kept = register.listed(reader)
            known = {one.slo_id: before.get((one.slo_id, one.generation)) for one in kept}
            for one in sorted(kept, key=lambda one: _age(known[one.slo_id])):
                if time.monotonic() > until:
                    break
                known[one.slo_id] = Standing(one, status.of(reader, one.objective, now_ns), now_ns)
        self.standing = tuple(found for one in kept if (found := known[one.slo_id]) is not None)


def _age(found: Standing | None) -> int:
    return 0 if found is None else found.at_ns
