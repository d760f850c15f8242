"""Routes: which alerts go where; made, changed, put in order and deleted.

Given what a client says, writes; given a snapshot, reads. The default route is always there, is asked last, takes what
no other route took, and can be changed but not deleted.

Never: two routes of one name, or one that leads to an escalation that there is not.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.errors import Conflict, Invalid, Mistakes, NotFound
from spanledger_server.notify.reading import MOST_ITEMS, Reading, quiet, texts, told_quiet
from spanledger_server.notify.terms import DEFAULT, EVERY, RULE, Route
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction
from spanledger_server.timegrid import SECOND_NS

SQL = sqlfile.load(__package__)

MOST: Final = 500
LAST: Final = 2**31 - 1  # the default route's position
HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S
MEMBERS: Final = (
    "name",
    "matchers",
    "severities",
    "channels",
    "continue",
    "group_by",
    "first_wait_seconds",
    "group_wait_seconds",
    "group_interval_seconds",
    "repeat_seconds",
    "escalation",
    "quiet_hours",
    "enabled",
    "position",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A route as it is kept.

    Attributes:
        route: The route.
        position: Among the others; the smallest is asked first.
        version: 1, and one more with each change; 0 for the default route that nobody has changed.
        created_ns: Since when it exists.
        updated_ns: Since when it is what it is.
        updated_by: Who made it so.
    """

    route: Route
    position: int
    version: int
    created_ns: int
    updated_ns: int
    updated_by: str

    def told(self) -> dict[str, Any]:
        """As a client would say it."""
        return definition(self.route) | {"position": None if self.route.route_id == DEFAULT else self.position}


UNCHANGED: Final = Kept(Route(DEFAULT, DEFAULT), LAST, 0, 0, 0, "")


def listed(reader: Reader) -> list[Kept]:
    """All routes in the order in which they are asked, the default one last."""
    found = [_kept(row) for row in reader.rows(SQL["routes"])]
    return found if any(each.route.route_id == DEFAULT for each in found) else [*found, UNCHANGED]


def one(reader: Reader, key: str) -> Kept:
    """The route of that id or name.

    Raises:
        NotFound: There is none.
    """
    for each in listed(reader):
        if key in (each.route.route_id, each.route.name):
            return each
    raise NotFound(f"there is no route {key!r}; GET /api/v1/routes lists all")


def add(tx: Transaction, given: Any, now_ns: int, actor: str) -> Kept:
    """A new route; behind the others, unless it says where.

    Args:
        tx: The transaction it is written in.
        given: What a client says of it; docs/notifications.md lists the members.
        now_ns: The time.
        actor: Who makes it.

    Raises:
        Mistakes: Something is wrong; all of it is told at once.
        Conflict: Its name is taken.
    """
    known = listed(tx)
    route, position = read(given, secrets.token_hex(8), [each["escalation_id"] for each in tx.rows(SQL["escalations"])])
    if len(known) > MOST:
        raise Invalid("name", route.name, f"at most {MOST} routes; delete some")
    _check_name(known, route)
    behind = max((each.position for each in known if each.position < LAST), default=0) + 1
    kept = Kept(route, behind if position is None else position, 1, now_ns, now_ns, actor)
    _write(tx, kept)
    return kept


def change(tx: Transaction, before: Kept, given: Any, now_ns: int, actor: str, *, seen: int | None = None) -> Kept:
    """A route as it is from now on.

    Args:
        tx: The transaction it is written in.
        before: As it was, read in this transaction.
        given: What a client says of it.
        now_ns: The time.
        actor: Who changes it.
        seen: The version that the client knows; None does not mind.

    Raises:
        Mistakes: Something is wrong; all of it is told at once.
        Conflict: Its name is taken, or somebody else has changed it since.
    """
    if seen is not None and seen != before.version:
        raise Conflict(f"version {seen} of this route was changed since: version {before.version} holds")
    default = before.route.route_id == DEFAULT
    said = given
    if default and isinstance(given, Mapping):
        said = {"name": DEFAULT, **given}
    known = [each["escalation_id"] for each in tx.rows(SQL["escalations"])]
    route, position = read(said, before.route.route_id, known)
    if default:
        _check_default(route)
    _check_name(listed(tx), route)
    kept = Kept(
        route,
        LAST if default else before.position if position is None else position,
        before.version + 1,
        before.created_ns or now_ns,
        now_ns,
        actor,
    )
    tx.execute(SQL["delete_route"], route_id=route.route_id)
    _write(tx, kept)
    return kept


def delete(tx: Transaction, gone: Kept) -> None:
    """Forget a route.

    Raises:
        Conflict: It is the default one.
    """
    if gone.route.route_id == DEFAULT:
        raise Conflict("the default route takes what no other route took: it can be changed, not deleted")
    tx.execute(SQL["delete_route"], route_id=gone.route.route_id)


def read(given: Any, route_id: str, escalations: list[str] | None = None) -> tuple[Route, int | None]:
    """What a client says of a route, and its position; None where it says none.

    Args:
        given: The JSON.
        route_id: Of the route.
        escalations: Ids of those that there are; None: do not mind.

    Raises:
        Mistakes: With everything that is wrong.
    """
    reading = Reading(given, MEMBERS)
    escalation = reading.maybe_text("escalation")
    if escalation is not None and escalations is not None and escalation not in escalations:
        reading.wrong("escalation", escalation, "the id of an escalation; GET /api/v1/escalations lists all")
    route = Route(
        route_id=route_id,
        name=reading.text("name"),
        labels=reading.part(lambda: _labels(reading.given.get("matchers", {})), {}),
        severities=reading.severities("severities", ()),
        channels=reading.texts("channels", (EVERY,)),
        onward=reading.flag("continue", False),
        group_by=reading.texts("group_by", (RULE,)),
        first_wait_ns=reading.seconds("first_wait_seconds", 0, 0, HOUR_S) or 0,
        group_wait_ns=reading.seconds("group_wait_seconds", 30, 0, HOUR_S) or 0,
        group_interval_ns=reading.seconds("group_interval_seconds", 300, 10, DAY_S) or 0,
        repeat_ns=reading.seconds("repeat_seconds", None, 60, 30 * DAY_S)
        if "repeat_seconds" in reading.given
        else None,
        escalation=escalation,
        quiet=reading.part(lambda: quiet("quiet_hours", reading.given.get("quiet_hours")), None),
        enabled=reading.flag("enabled", True),
    )
    position = reading.whole("position", None, 0, LAST - 1)
    reading.done()
    return route, position


def definition(route: Route) -> dict[str, Any]:
    """A route as `read` reads it."""
    return {
        "name": route.name,
        "matchers": {name: list(patterns) for name, patterns in route.labels.items()},
        "severities": list(route.severities),
        "channels": list(route.channels),
        "continue": route.onward,
        "group_by": list(route.group_by),
        "first_wait_seconds": route.first_wait_ns / SECOND_NS,
        "group_wait_seconds": route.group_wait_ns / SECOND_NS,
        "group_interval_seconds": route.group_interval_ns / SECOND_NS,
        "repeat_seconds": None if route.repeat_ns is None else route.repeat_ns / SECOND_NS,
        "escalation": route.escalation,
        "quiet_hours": told_quiet(route.quiet),
        "enabled": route.enabled,
    }


def _labels(given: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, Mapping) or len(given) > MOST_ITEMS:
        raise Invalid("matchers", given, f"an object of at most {MOST_ITEMS} labels, each with patterns")
    wrong: list[Invalid] = []
    found = {}
    for name, patterns in given.items():
        try:
            found[str(name)] = texts(f"matchers.{name}", patterns, 1)
        except Invalid as error:
            wrong.append(error)
    if wrong:
        raise Mistakes(wrong)
    return found


def _check_default(route: Route) -> None:
    wrong = []
    if route.name != DEFAULT:
        wrong.append(Invalid("name", route.name, f"{DEFAULT!r} for the default route"))
    if route.labels or route.severities:
        wrong.append(
            Invalid("matchers", dict(route.labels), "nothing for the default route: it takes all that is left")
        )
    if not route.enabled:
        wrong.append(Invalid("enabled", False, "true for the default route; an empty list of channels tells nobody"))
    if wrong:
        raise Mistakes(wrong)


def _check_name(known: list[Kept], route: Route) -> None:
    if any(each.route.name == route.name and each.route.route_id != route.route_id for each in known):
        raise Conflict(f"another route is called {route.name!r}")


def _kept(row: Mapping[str, Any]) -> Kept:
    route, _ = read(json.loads(row["definition"]), row["route_id"])
    times = row["created_ns"], row["updated_ns"], row["updated_by"]
    return Kept(route, row["position"], row["version"], *times)


def _write(tx: Transaction, kept: Kept) -> None:
    tx.execute(
        SQL["add_route"],
        route_id=kept.route.route_id,
        position=kept.position,
        name=kept.route.name,
        definition=json.dumps(definition(kept.route)),
        version=kept.version,
        created_ns=kept.created_ns,
        updated_ns=kept.updated_ns,
        updated_by=kept.updated_by,
    )
