"""Alerts that others sent, as episodes like all others: listed, acknowledged, silenced and told in the same way.

Given what became of received alerts, gives what is to be recorded.

Never: a word on an alert that was over before anybody here heard of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final
from uuid import UUID

from spanledger_server.alerts import kept
from spanledger_server.alerts.episodes import Episode, Why
from spanledger_server.alerts.kept import Kept
from spanledger_server.alerts.record import Moved
from spanledger_server.alerts.state import Change, Standing, State
from spanledger_server.rules.verdict import Story
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Transaction

SQL = sqlfile.load(__package__)

NAMELESS: Final = "an alert without a name"
TOLD_BY: Final = ("summary", "message", "description", "title")
MOST_TITLE: Final = 200
SOURCE_OF_LINKS: Final = ("runbook_url", "runbook", "playbook_url")


def moved(tx: Transaction, noted: Sequence[tuple[Episode, Why]], sender: str | None) -> list[Moved]:
    """What is to be recorded of these changes, in their order.

    Args:
        tx: The transaction in which received alerts are changed.
        noted: Alerts as they are from now on, and why.
        sender: Name of the token.
    """
    keys = [str(alert_id) for alert_id in {episode.alert_id for episode, _ in noted}]
    known = {row["alert_id"]: kept.of_row(row) for row in tx.rows(SQL["alerts_by_id"], alert_ids=keys)}
    found: dict[UUID, Moved] = {}
    for episode, why in noted:
        before = known.get(episode.alert_id)
        so_far = found.get(episode.alert_id)
        stood = so_far.after if so_far is not None else before
        if stood is not None and stood.standing.state == episode.state:  # somebody here ended it before its sender did
            continue
        change = _change(None if stood is None else stood.standing.state, episode, why)
        found[episode.alert_id] = Moved(
            before=before,
            after=_after(stood, episode),
            changes=(*(so_far.changes if so_far else ()), change),
            actor=None if why == "superseded" else sender,
            story=partial(story, episode.name, json.loads(episode.annotations), episode.labels),
        )
    return list(found.values())


def _change(stood: State | None, episode: Episode, why: Why) -> Change:
    return Change("fired" if episode.state == "firing" else "resolved", stood, episode.state, why)


def _after(stood: Kept | None, episode: Episode) -> Kept:
    begun = Standing(
        state=episode.state,
        severity=episode.severity or "warning",
        pending_ns=episode.starts_ns,
        fired_ns=episode.starts_ns,
        resolved_ns=episode.ends_ns,
        alert_id=episode.alert_id,
    )
    if stood is None:
        key = kept.received_key(episode.labels)
        return Kept("prometheus", "alert", None, None, key, episode.name or "", episode.labels, begun)
    if episode.state == "firing":  # again: whoever took care of it may not know
        return replace(stood, standing=begun)
    return replace(stood, standing=replace(stood.standing, state="resolved", resolved_ns=episode.ends_ns))


def message(name: str | None, annotations: Mapping[str, str]) -> str:
    """What an alert says in one line: its summary, else what comes nearest, else its name."""
    told = next((annotations[each] for each in TOLD_BY if annotations.get(each)), None)
    return told or name or NAMELESS


def story(name: str | None, annotations: Mapping[str, str], labels: str) -> Story:
    """What a received alert says, in the form of ours."""
    title = message(name, annotations)[:MOST_TITLE]
    text = annotations.get("description") or annotations.get("message") or ""
    links = (annotations[each] for each in SOURCE_OF_LINKS if annotations.get(each))
    return Story(
        title=title,
        text="" if text == title else text,
        facts=tuple(kept.labels_of(labels).items()),
        runbook_url=next((link for link in links if link.startswith(("http://", "https://"))), None),
        annotations=annotations,
    )
