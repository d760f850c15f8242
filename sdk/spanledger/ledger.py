"""The ledger's way out: one entry for each billable call, kept apart from spans so that no sampler ever touches money.

Given a finished call's `Entry`, puts it on a bounded queue and returns; the delivery worker encodes it as an OTLP log
record named `spanledger.ledger.entry`, records the GenAI metrics, and sends it. Without `configure()` the way out is
started from the environment by the first entry.

Never: raises, blocks, or loses an entry without counting it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from spanledger import checked, lone
from spanledger.guard import guard

if TYPE_CHECKING:
    from spanledger.call import Entry

_GUARD = guard("ledger.record")
_put: Callable[[Entry], None] | None = None


def record(entry: Entry) -> None:
    """Hand a finished call over; O(1), safe from any thread, in a task, in a signal handler and after a fork."""
    with _GUARD:
        hand_over(entry)


def hand_over(entry: Entry) -> None:
    """`record` for who keeps failures from the program already."""
    (_put or _start())(entry)
    if lone.watched:
        lone.note(entry)
    if checked.entered:
        checked.bill(entry)


def connect(put: Callable[[Entry], None] | None) -> None:
    """Say where entries go from now on; None: find out from the environment with the next one."""
    global _put
    _put = put


def _start() -> Callable[[Entry], None]:
    from spanledger.configure import ledger_way_out  # the one import upwards: only where nobody called configure()

    put = ledger_way_out()
    connect(put)
    return put
