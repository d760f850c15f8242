"""Why an alert is not told now: silenced, in maintenance, or inhibited.

Given a reader and the time, gives what holds then; asked with an alert's labels, names what holds it back.

Never: an alert that is held back without saying by what.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass

from spanledger_server.silences import inhibition, maintenance, silence
from spanledger_server.silences.inhibition import Inhibition
from spanledger_server.silences.maintenance import Window
from spanledger_server.silences.matchers import all_hold
from spanledger_server.silences.silence import Silence
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range

SQL = sqlfile.load(__package__)


@dataclass(frozen=True, slots=True)
class Why:
    """What holds an alert back; ids as text.

    Attributes:
        silenced_by: Silences.
        maintained_by: Maintenance windows.
        inhibited_by: Alerts' inhibitions.
        told: The first of them, in words.
    """

    silenced_by: tuple[str, ...]
    maintained_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    told: str


@dataclass(frozen=True, slots=True)
class Held:
    """What holds at one time.

    Attributes:
        silences: Those that are active.
        windows: Maintenance that lasts, and until when.
        inhibitions: Those whose source fires, with the values of the labels that have to be the same.
    """

    silences: tuple[Silence, ...] = ()
    windows: tuple[tuple[Window, Range], ...] = ()
    inhibitions: tuple[tuple[Inhibition, frozenset[tuple[str, ...]]], ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether no alert is held back."""
        return not (self.silences or self.windows or self.inhibitions)

    def why(self, labels: Mapping[str, str], severity: str) -> str | None:
        """What holds back an alert of these labels, in words; None when it may be told."""
        found = self.all(labels, severity)
        return None if found is None else found.told

    def all(self, labels: Mapping[str, str], severity: str) -> Why | None:
        """Everything that holds back an alert of these labels; None when it may be told."""
        if self.nothing:
            return None
        known = {"severity": severity, **labels}
        silences = [each for each in self.silences if all_hold(each.matchers, known)]
        windows = [(each, span) for each, span in self.windows if all_hold(each.plan.matchers, known)]
        sources = [
            each for each, values in self.inhibitions if each.rule.holds_back(known) and each.rule.same(known) in values
        ]
        told = [
            *(f"silenced by {each.updated_by} until {_when(each.ends_ns)}: {each.comment}" for each in silences),
            *(f"maintenance {each.plan.name!r} until {_when(span.to_ns)}" for each, span in windows),
            *(f"inhibited by an alert that fires ({each.rule.name})" for each in sources),
        ]
        if not told:
            return None
        return Why(
            tuple(str(each.silence_id) for each in silences),
            tuple(str(each.window_id) for each, _ in windows),
            tuple(str(each.inhibition_id) for each in sources),
            told[0],
        )


def holding(reader: Reader, now_ns: int) -> Held:
    """What holds now."""
    lasting = ((window, maintenance.now(window.plan, now_ns)) for window in maintenance.listed(reader))
    rules = inhibition.listed(reader)
    return Held(
        silences=tuple(silence.listed(reader, "active", now_ns)),
        windows=tuple((window, span) for window, span in lasting if span is not None),
        inhibitions=_sources(reader, rules) if rules else (),
    )


def _sources(reader: Reader, rules: list[Inhibition]) -> tuple[tuple[Inhibition, frozenset[tuple[str, ...]]], ...]:
    rows = reader.tuples(SQL["firing_labels"])
    firing = [{"severity": severity, **json.loads(labels)} for labels, severity in rows]
    found = []
    for each in rules:
        values = frozenset(each.rule.same(labels) for labels in firing if all_hold(each.rule.source, labels))
        if values:
            found.append((each, values))
    return tuple(found)


def _when(at_ns: int) -> str:
    return f"{dt.datetime.fromtimestamp(at_ns // 10**9, dt.UTC):%Y-%m-%d %H:%M} UTC"
