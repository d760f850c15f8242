"""What each administrator wants to hear: which severities on which channels, how often, and when not.

Given what a client says, writes; given a snapshot, reads. The members are the seed's (e-mail, SMS and Slack on or off,
severities, quiet hours), and beside them a grid of channels and severities, a time zone and a limit an hour.

Never: a preference that adds a channel: that is a route's affair.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID, uuid4

from spanledger_server.errors import Invalid, Mistakes
from spanledger_server.notify.event import Severity
from spanledger_server.notify.quiet import DAYS, Quiet
from spanledger_server.notify.reading import MOST_ITEMS, SEVERITIES, Reading, clock, severities, weekdays, zone
from spanledger_server.notify.terms import Preference
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

KINDS: Final = ("email", "sms", "slack")
DEFAULTS: Final[dict[str, Any]] = {
    "email_notifications": True,
    "sms_notifications": False,
    "slack_notifications": True,
    "critical_alerts": True,
    "error_alerts": True,
    "warning_alerts": True,
    "info_alerts": False,
    "quiet_hours_enabled": False,
    "quiet_start_time": None,
    "quiet_end_time": None,
    "timezone": None,
    "quiet_days": list(DAYS),
    "quiet_passes": ["critical"],
    "max_alerts_per_hour": None,
    "channels": None,
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What an administrator said.

    Attributes:
        preference_id: Its id; None where nothing was said yet.
        admin: Who.
        given: All members, as they are from now on.
        created_ns: When something was said first.
        updated_ns: When it was said.
    """

    preference_id: UUID | None
    admin: str
    given: dict[str, Any]
    created_ns: int | None
    updated_ns: int | None


def listed(reader: Reader) -> list[Kept]:
    """Of all who have said something, by name."""
    return [_kept(row) for row in reader.rows(SQL["preferences"])]


def of(reader: Reader, admin: str) -> Kept:
    """Of one; what holds without a word where nothing was said."""
    nothing = Kept(None, admin, dict(DEFAULTS), None, None)
    return next((each for each in listed(reader) if each.admin == admin), nothing)


def put(tx: Transaction, before: Kept, given: Any, now_ns: int, default_zone: str) -> Kept:
    """What one wants from now on; members that are left out stay as they are.

    Args:
        tx: The transaction it is written in.
        before: As it was, read in this transaction.
        given: What a client says.
        now_ns: The time.
        default_zone: The IANA zone of quiet hours that name none.

    Raises:
        Mistakes: Something is wrong; all of it is told at once.
    """
    Reading(given, tuple(DEFAULTS)).done()
    whole = {**before.given, **given}
    whole["timezone"] = whole["timezone"] or default_zone
    preference(before.admin, whole)
    kept = replace(
        before,
        preference_id=before.preference_id or uuid4(),
        given=_tidy(whole),
        created_ns=before.created_ns or now_ns,
        updated_ns=now_ns,
    )
    tx.execute(SQL["delete_preference"], admin=kept.admin)
    tx.execute(
        SQL["add_preference"],
        preference_id=kept.preference_id,
        admin=kept.admin,
        definition=json.dumps(kept.given),
        created_ns=kept.created_ns,
        updated_ns=now_ns,
    )
    return kept


def preference(admin: str, given: Mapping[str, Any]) -> Preference:
    """All members as the planner reads them.

    Raises:
        Mistakes: With everything that is wrong.
    """
    reading = Reading(given, tuple(DEFAULTS))
    chosen = tuple(each for each in SEVERITIES if reading.flag(f"{each}_alerts", bool(DEFAULTS[f"{each}_alerts"])))
    told = {kind: reading.flag(f"{kind}_notifications", bool(DEFAULTS[f"{kind}_notifications"])) for kind in KINDS}
    grid = reading.part(lambda: _grid(reading.given.get("channels")), None)
    quiet = _quiet(reading)
    most = reading.whole("max_alerts_per_hour", None, 1, 1000)
    reading.done()
    wanted = {kind: chosen if on else () for kind, on in told.items()} if grid is None else grid
    return Preference(admin, wanted, quiet, most)


def _grid(given: Any) -> dict[str, tuple[Severity, ...]] | None:
    """Channels with the severities that are wanted on each."""
    if given is None:
        return None
    if not isinstance(given, Mapping) or len(given) > MOST_ITEMS:
        raise Invalid("channels", given, 'an object: channel -> severities, such as {"ops-sms": ["critical"]}')
    wrong: list[Invalid] = []
    found: dict[str, tuple[Severity, ...]] = {}
    for name, wanted in given.items():
        try:
            found[str(name)] = severities(f"channels.{name}", wanted)
        except Invalid as error:
            wrong.append(error)
    if wrong:
        raise Mistakes(wrong)
    return found


def _quiet(reading: Reading) -> Quiet | None:
    enabled = reading.flag("quiet_hours_enabled", False)
    begin, end = (_maybe_clock(reading, name, enabled) for name in ("quiet_start_time", "quiet_end_time"))
    name = reading.part(lambda: zone("timezone", reading.given.get("timezone") or "UTC"), "UTC")
    days = reading.part(lambda: weekdays("quiet_days", reading.given.get("quiet_days", DAYS)), DAYS)
    passing = reading.severities("quiet_passes", ("critical",))
    if not enabled or begin is None or end is None:
        return None
    return Quiet(begin, end, name, days, passing)


def _maybe_clock(reading: Reading, name: str, needed: bool) -> dt.time | None:
    value = reading.given.get(name)
    if value is None:
        if needed:
            reading.wrong(name, value, "a time such as 22:00, where quiet hours are enabled")
        return None
    return reading.part(lambda: clock(name, value), None)


def _tidy(given: Mapping[str, Any]) -> dict[str, Any]:
    """Times as HH:MM."""
    times = ("quiet_start_time", "quiet_end_time")
    told = {name: None if given[name] is None else f"{clock(name, given[name]):%H:%M}" for name in times}
    return {**given, **told}


def _kept(row: Mapping[str, Any]) -> Kept:
    given = {**DEFAULTS, **json.loads(row["definition"])}
    return Kept(row["preference_id"], row["admin"], given, row["created_ns"], row["updated_ns"])
