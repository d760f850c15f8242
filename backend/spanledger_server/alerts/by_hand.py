"""What people do to alerts: take care of them, end them, write beside them, and say whether they were useful.

Given ids, or a filter that names them, writes what changes; those to which it does not apply are named too.

Never: something that somebody did without their name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from spanledger_server.alerts import kept, listed, record, state
from spanledger_server.alerts.kept import Kept
from spanledger_server.alerts.listed import Wanted
from spanledger_server.alerts.record import Moved
from spanledger_server.alerts.state import Change, Standing
from spanledger_server.errors import NotFound
from spanledger_server.silences.matchers import Matcher, all_hold
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

MOST: Final = 10_000

Does = Callable[[Standing], tuple[Standing, tuple[Change, ...]] | None]


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who does something.

    Attributes:
        name: Who.
        now_ns: When.
        note: What they said.
    """

    name: str
    now_ns: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of it: ids that were changed, and those to which it does not apply."""

    changed: tuple[UUID, ...]
    left: tuple[UUID, ...]


def chosen(reader: Reader, wanted: Wanted, matchers: Sequence[Matcher]) -> list[UUID]:
    """The ids of the alerts that a filter means: at most `MOST`."""
    found = listed.page(reader, wanted, None, MOST)
    return [each.episode.alert_id for each in found if all_hold(matchers, each.labels)]


def existing(reader: Reader, ids: Sequence[UUID]) -> list[UUID]:
    """These ids, each once.

    Raises:
        NotFound: One of them does not exist.
    """
    rows = reader.tuples(SQL["alert_marks"], alert_ids=list(map(str, ids)))
    known = {alert_id for alert_id, *_ in rows}
    missing = next((alert_id for alert_id in ids if alert_id not in known), None)
    if missing is not None:
        raise NotFound(f"there is no alert {missing}")
    return list(dict.fromkeys(ids))


def acknowledge(tx: Transaction, ids: Sequence[UUID], until_ns: int | None, who: Who) -> Done:
    """Somebody takes care of alerts that fire, until a time or until they end.

    Raises:
        NotFound: One of them does not exist.
    """

    def does(stood: Standing) -> tuple[Standing, tuple[Change, ...]] | None:
        same = (stood.acked_by, stood.acked_until_ns) == (who.name, until_ns)
        return None if not stood.fires or same else state.acknowledged(stood, who.name, until_ns, who.now_ns)

    return _do(tx, ids, does, who)


def unacknowledge(tx: Transaction, ids: Sequence[UUID], who: Who) -> Done:
    """Nobody takes care of them any more.

    Raises:
        NotFound: One of them does not exist.
    """

    def does(stood: Standing) -> tuple[Standing, tuple[Change, ...]] | None:
        taken = stood.open and stood.acked_by is not None
        return state.unacknowledged(stood, "by hand") if taken else None

    return _do(tx, ids, does, who)


def resolve(tx: Transaction, ids: Sequence[UUID], who: Who) -> Done:
    """End alerts; each fires again only after its condition was seen to be over.

    Raises:
        NotFound: One of them does not exist.
    """

    def does(stood: Standing) -> tuple[Standing, tuple[Change, ...]] | None:
        return state.resolved(stood, who.now_ns, "by hand", waits=True) if stood.fires else None

    return _do(tx, ids, does, who)


def _do(tx: Transaction, ids: Sequence[UUID], does: Does, who: Who) -> Done:
    episodes = _episodes(tx, ids)
    moved: list[Moved] = []
    for each in episodes:
        done = does(each.standing)
        if done is not None:
            after = replace(each, standing=done[0])
            moved.append(Moved(each, after, done[1], who.name, who.note))
    record.write(tx, moved, who.now_ns)
    changed = dict.fromkeys(one.after.alert_id for one in moved if one.after is not None)
    return Done(tuple(changed), tuple(each.alert_id for each in episodes if each.alert_id not in changed))


def _episodes(tx: Transaction, ids: Sequence[UUID]) -> list[Kept]:
    rows = tx.rows(SQL["alerts_by_id"], alert_ids=[str(alert_id) for alert_id in ids])
    found = {row["alert_id"]: kept.of_row(row) for row in rows}
    missing = next((alert_id for alert_id in ids if alert_id not in found), None)
    if missing is not None:
        raise NotFound(f"there is no alert {missing}")
    return [found[alert_id] for alert_id in dict.fromkeys(ids)]


def note(tx: Transaction, alert_id: UUID, who: Who) -> None:
    """Write something beside an alert, whatever its state.

    Raises:
        NotFound: It does not exist.
    """
    (episode,) = _episodes(tx, [alert_id])
    stands = episode.standing.state
    record.write(tx, [Moved(episode, episode, (Change("note", stands, stands, ""),), who.name, who.note)], who.now_ns)


def feedback(tx: Transaction, alert_id: UUID, useful: bool, who: Who) -> None:
    """Say whether an alert was useful; the newest word of each person counts.

    Raises:
        NotFound: It does not exist.
    """
    _episodes(tx, [alert_id])
    said = {"at_ns": who.now_ns, "actor": who.name, "useful": useful, "note": who.note}
    tx.execute(SQL["add_feedback"], alert_id=str(alert_id), **said)


def judged_of(reader: Reader, alert_id: UUID) -> dict[str, int]:
    """How many found an alert useful, and how many did not."""
    useful, not_useful = reader.tuples(SQL["feedback_of_alert"], alert_id=str(alert_id))[0]
    return {"useful": useful, "not_useful": not_useful}


def precision(reader: Reader, since_ns: int) -> list[dict[str, Any]]:
    """Of each rule that fired since then: how often, how much was judged and useful, and what was held back and why."""
    held: dict[tuple[Any, ...], dict[str, int]] = {}
    for row in reader.rows(SQL["held_back"], since_ns=since_ns):
        held.setdefault((row["source"], row["rule_id"], row["name"]), {})[row["reason"]] = row["alerts"]
    rows = reader.rows(SQL["precision"], since_ns=since_ns)
    return [row | {"held_back": held.get((row["source"], row["rule_id"], row["name"]), {})} for row in rows]
