"""What ended processes left behind becomes ours: files of their spool, and what still waited in their journals.

Given a lane with a spool, takes their files over, and turns what their journals hold into files of our own spool, under
the resource that those processes had. From there it is delivered before anything new.

Never: an entry in neither place; a kill in between leaves it in both, and the backend keeps one by its key.
"""

from __future__ import annotations

from spanledger.delivery.encode import Breathe, Encoder
from spanledger.delivery.journal_left import Left, journals_left
from spanledger.delivery.lane import Lane
from spanledger.delivery.spool import Spool

DAMAGED = "journal_damaged"


def recover(lane: Lane, breathe: Breathe) -> None:
    """Take over what there is; a journal for which the spool has no room is left to the next look."""
    lane.recover()
    if lane.spool is not None and lane.encoder_under is not None:
        for left in journals_left(lane.spool.directory):
            left.finished = _moved(left, lane, lane.spool, lane.encoder_under(left.resource), breathe)


def _moved(left: Left, lane: Lane, spool: Spool, encoder: Encoder, breathe: Breathe) -> bool:
    while found := left.read(lane.batch_size):
        entries = [entry for entry in found if entry is not None]
        payload, good = encoder.encode(entries, breathe)
        if good and not spool.write(payload, len(good)):
            return False
        left.moved()
        lost = {"encode_error": len(entries) - len(good), DAMAGED: len(found) - len(entries)}
        lane.recovered(len(good), lost)
    lane.recovered(0, {DAMAGED: left.unreadable()})
    return True
