"""Silences: alerts that match are not told until a time that was set when the silence was made.

Given values, checks and writes them; given an id or a state, reads.

Never: a silence without an end, a comment, or somebody who made it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from spanledger_server.errors import Conflict, Invalid, Mistakes, NotFound
from spanledger_server.silences import matchers as written
from spanledger_server.silences.matchers import Matcher
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

State = Literal["pending", "active", "expired"]
STATES: Final = ("pending", "active", "expired", "any")
LONGEST_NS: Final = 366 * 86_400 * 10**9
MOST: Final = 10_000  # that are not over
MOST_COMMENT: Final = 2000


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence.

    Attributes:
        silence_id: Its id.
        matchers: All have to match.
        starts_ns: From when.
        ends_ns: Until when.
        comment: Why.
        created_by: Who made it.
        created_ns: When.
        updated_by: Who changed it last.
        updated_ns: When.
    """

    silence_id: UUID
    matchers: tuple[Matcher, ...]
    starts_ns: int
    ends_ns: int
    comment: str
    created_by: str
    created_ns: int
    updated_by: str
    updated_ns: int

    def state(self, now_ns: int) -> State:
        """Whether it has begun, and whether it is over."""
        if now_ns >= self.ends_ns:
            return "expired"
        return "active" if now_ns >= self.starts_ns else "pending"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants silenced; as in `Silence`."""

    matchers: Sequence[Matcher]
    starts_ns: int
    ends_ns: int
    comment: str


def listed(reader: Reader, state: str, now_ns: int, most: int | None = None) -> list[Silence]:
    """Those of a state, or of ``any``: those that end last first."""
    return [_of_row(row) for row in reader.rows(SQL["silences"], state=state, now_ns=now_ns, most=most or MOST)]


def one(reader: Reader, silence_id: UUID) -> Silence:
    """The silence of that id.

    Raises:
        NotFound: There is none.
    """
    row = reader.row(SQL["silence"], silence_id=str(silence_id))
    if row is None:
        raise NotFound(f"there is no silence {silence_id}")
    return _of_row(row)


def add(tx: Transaction, wish: Wish, actor: str, now_ns: int) -> Silence:
    """A new silence.

    Raises:
        Invalid: It has no matcher that says anything, no comment, or no sensible end; or there are too many.
    """
    _check(wish, now_ns)
    if int(tx.value(SQL["silences_to_come"], now_ns=now_ns)) >= MOST:
        raise Invalid("matchers", "…", f"at most {MOST} silences that are not over: expire some")
    made = Silence(
        uuid4(), tuple(wish.matchers), wish.starts_ns, wish.ends_ns, wish.comment, actor, now_ns, actor, now_ns
    )
    tx.execute(SQL["add_silence"], **_row(made))
    return made


def change(tx: Transaction, silence_id: UUID, wish: Wish, actor: str, now_ns: int) -> Silence:
    """Another end, other matchers or another comment for a silence that is not over.

    Raises:
        NotFound: There is none of that id.
        Conflict: It is over.
        Invalid: As for a new one.
    """
    before = one(tx, silence_id)
    if before.state(now_ns) == "expired":
        raise Conflict(f"the silence {silence_id} is over: make a new one")
    begun = before.state(now_ns) == "active"
    _check(replace(wish, starts_ns=max(wish.starts_ns, now_ns)) if begun else wish, now_ns)
    starts_ns = before.starts_ns if begun else wish.starts_ns
    after = replace(
        before,
        matchers=tuple(wish.matchers),
        starts_ns=starts_ns,
        ends_ns=wish.ends_ns,
        comment=wish.comment,
        updated_by=actor,
        updated_ns=now_ns,
    )
    _rewrite(tx, after)
    return after


def expire(tx: Transaction, silence_id: UUID, actor: str, now_ns: int) -> Silence:
    """End it now.

    Raises:
        NotFound: There is none of that id.
        Conflict: It is over already.
    """
    before = one(tx, silence_id)
    if before.state(now_ns) == "expired":
        raise Conflict(f"the silence {silence_id} is over already")
    after = replace(
        before, starts_ns=min(before.starts_ns, now_ns), ends_ns=now_ns, updated_by=actor, updated_ns=now_ns
    )
    _rewrite(tx, after)
    return after


def _rewrite(tx: Transaction, after: Silence) -> None:
    tx.execute(SQL["change_silence"], **{name: value for name, value in _row(after).items() if "created" not in name})


def _check(wish: Wish, now_ns: int) -> None:
    mistakes = [*meaningful("matchers", wish.matchers)]
    if not wish.comment.strip() or len(wish.comment) > MOST_COMMENT:
        mistakes.append(Invalid("comment", wish.comment[:100], f"why: 1 to {MOST_COMMENT} characters"))
    if wish.ends_ns <= now_ns or wish.ends_ns <= wish.starts_ns:
        mistakes.append(Invalid("ends_at", wish.ends_ns, "a time to come, after starts_at"))
    elif wish.ends_ns - wish.starts_ns > LONGEST_NS:
        mistakes.append(Invalid("ends_at", wish.ends_ns, "at most 366 days after starts_at: a rule can be disabled"))
    if mistakes:
        raise Mistakes(mistakes)


def meaningful(parameter: str, matchers: Sequence[Matcher]) -> list[Invalid]:
    """What is wrong with matchers that decide what is not told: one of them has to say something."""
    if not 0 < len(matchers) <= written.MOST_MATCHERS:
        return [Invalid(parameter, len(matchers), f"1 to {written.MOST_MATCHERS} matchers")]
    if all(each.holds({}) for each in matchers):
        return [Invalid(parameter, matchers[0].told(), "at least one that does not match an alert without labels")]
    return []


def _row(silence: Silence) -> dict[str, Any]:
    told = {name: getattr(silence, name) for name in Silence.__slots__}
    return told | {"silence_id": str(silence.silence_id), "matchers": written.text(silence.matchers)}


def _of_row(row: Mapping[str, Any]) -> Silence:
    return Silence(**{**row, "matchers": written.of_text(row["matchers"])})
