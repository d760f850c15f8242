"""From what each look found to what is held to be true: one failure is an accident, several in a row are a state.

Given where a check stands and a new answer, gives where it stands then, and what changed. A worse state is believed
after so many worse answers in a row, and then the mildest of them; a better one after so many better answers, and then
the worst of them. Answers that say nothing count for nothing, unless nothing else comes.

Never: a state that goes on being believed while nobody looks, or a change that lies in the future.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from spanledger_server.health.answer import CODES, Answer, State

NOT_YET: Final = "Not checked yet"
PAUSED: Final = "Paused"
INTERVALS: Final = 3  # without an answer, until nobody knows any more


@dataclass(frozen=True, slots=True)
class Patience:
    """What it takes to believe something.

    Attributes:
        down_after: Worse answers in a row.
        up_after: Better answers in a row.
        silent_ns: How long an answer holds.
    """

    down_after: int
    up_after: int
    silent_ns: int


@dataclass(frozen=True, slots=True)
class Change:
    """A new state, from `at_ns` on."""

    at_ns: int
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a check stands.

    Attributes:
        state: What is believed.
        reason: Why it came to be believed.
        since_ns: From when on.
        seen_ns: When it last answered; None before its first answer.
        answer: That answer.
        recent: The states of the latest answers, oldest first.
        changes: How often the state changed.
    """

    state: State
    reason: str
    since_ns: int
    seen_ns: int | None = None
    answer: Answer | None = None
    recent: tuple[State, ...] = ()
    changes: int = 0

    @property
    def streak(self) -> int:
        """How many of the latest answers in a row were not what is believed."""
        count = 0
        for state in reversed(self.recent):
            if state == self.state:
                break
            count += state != "unknown"
        return count

    @property
    def said(self) -> str:
        """Why it stands so, in the words of the latest answer where that agrees."""
        if self.answer is None or not self.recent:
            return self.reason
        if self.answer.state == self.state:
            return self.answer.reason
        return f"Not sure yet: {self.answer.reason}" if self.reason == NOT_YET else self.reason

    def at(self, now_ns: int, silent_ns: int) -> Standing:
        """The same, as far as it holds now: what nobody has looked at for `silent_ns` is unknown."""
        if self.state == "unknown" or self.seen_ns is None or now_ns - self.seen_ns <= silent_ns:
            return self
        return _unseen(self, self.seen_ns + silent_ns)


def fresh(now_ns: int, reason: str = NOT_YET) -> Standing:
    """Where a check stands that nobody has looked at."""
    return Standing("unknown", reason, now_ns)


def heard(before: Standing, answer: Answer, now_ns: int, patience: Patience) -> tuple[Standing, list[Change]]:
    """Where a check stands after an answer, and the changes on the way there, oldest first.

    Args:
        before: Where it stood.
        answer: What was found.
        now_ns: When; earlier than `before` when the clock was set back.
        patience: What it takes to believe it.
    """
    changes: list[Change] = []
    held = replace(before, since_ns=min(before.since_ns, now_ns))
    known = held.at(now_ns, patience.silent_ns)
    if known is not held:
        changes.append(Change(known.since_ns, known.state, known.reason))
    kept = max(patience.down_after, patience.up_after)
    recent = (*known.recent, answer.state)[-2 * kept :]
    state = _believed(known.state, recent, patience)
    seen = replace(known, seen_ns=now_ns, answer=answer, recent=recent)
    if state != known.state:
        reason = answer.reason if state == answer.state else f"{answer.reason} (not each time)"
        seen = replace(seen, state=state, reason=reason, since_ns=now_ns, changes=known.changes + 1)
        changes.append(Change(now_ns, state, reason))
    return seen, changes


def paused(before: Standing, now_ns: int, reason: str = PAUSED) -> tuple[Standing, list[Change]]:
    """Where a check stands that nobody looks at any more, or that asks something else from now on."""
    if before.state == "unknown" and before.reason == reason:
        return before, []
    after = Standing("unknown", reason, max(now_ns, before.since_ns), changes=before.changes + 1)
    return after, [Change(after.since_ns, "unknown", reason)]


def _unseen(before: Standing, from_ns: int) -> Standing:
    reason = "Nobody has looked since"
    return replace(before, state="unknown", reason=reason, since_ns=from_ns, recent=(), changes=before.changes + 1)


def _believed(state: State, recent: Sequence[State], patience: Patience) -> State:
    """What to believe after these answers."""
    if len(recent) >= patience.down_after and set(recent[-patience.down_after :]) == {"unknown"}:
        return "unknown"
    known = [each for each in recent if each != "unknown"]
    if state == "unknown":
        return _first(known, patience)
    worse, better = known[-patience.down_after :], known[-patience.up_after :]
    if len(worse) == patience.down_after and all(CODES[each] > CODES[state] for each in worse):
        return min(worse, key=CODES.__getitem__)
    if len(better) == patience.up_after and all(CODES[each] < CODES[state] for each in better):
        return max(better, key=CODES.__getitem__)
    return state


def _first(known: Sequence[State], patience: Patience) -> State:
    """What to believe where nothing was: an answer as soon as it is sure that it is no accident."""
    better, worse = known[-patience.up_after :], known[-patience.down_after :]
    if len(better) == patience.up_after and "down" not in better:
        return max(better, key=CODES.__getitem__)
    if len(worse) == patience.down_after and "healthy" not in worse:
        return min(worse, key=CODES.__getitem__)
    return "unknown"
