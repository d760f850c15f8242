"""On which terms people are told: routes, preferences, escalations, and the channels that there are.

Given an alert's labels and severity, gives the channels that may hear of it and on which terms each does.

Routes decide where an alert goes; a rule that names channels of its own goes around them. An escalation adds channels
as time passes. Preferences add nothing: they say which severities somebody wants on the channels named in them, how
many messages an hour, and when quiet.

Never: reads or writes the store, or a pattern that takes long to match.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final
from uuid import UUID

from spanledger_server.notify.event import Event, Severity
from spanledger_server.notify.quiet import Quiet
from spanledger_server.timegrid import MINUTE_NS, SECOND_NS

RANKS: Final[dict[Severity, int]] = {"info": 0, "warning": 1, "error": 2, "critical": 3}
EVERY: Final = "*"  # as a channel: all that there are
RULE: Final = "rule"  # as a label: the rule's name
EACH: Final = "..."  # as a label: every alert by itself
FAILING: Final = "failing_channel"  # the label of alerts on channels: they do not go there
DEFAULT: Final = "default"
MOST_REMEMBERED: Final = 50_000


@dataclass(frozen=True, slots=True)
class Known:
    """A channel that there is."""

    channel_id: str
    name: str
    kind: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """Of an escalation: `delay_ns` after the step before, these channels."""

    delay_ns: int
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who is told when nobody takes care.

    Attributes:
        escalation_id: Its id.
        name: Of no other.
        steps: One after the other.
        loops: How often the whole is gone through; at least once.
    """

    escalation_id: str
    name: str
    steps: tuple[Step, ...]
    loops: int = 1

    def turns(self, channel: Callable[[str], frozenset[str]], channel_id: str, elapsed_ns: int) -> int:
        """How often a channel was to be told within a time."""
        at_ns, count = 0, 0
        for _ in range(self.loops):
            for step in self.steps:
                at_ns += step.delay_ns
                if at_ns > elapsed_ns:
                    return count
                count += any(channel_id in channel(name) for name in step.channels)
        return count

    def next_ns(self, elapsed_ns: int) -> int | None:
        """After which time the next step comes; None when none does."""
        at_ns = 0
        for _ in range(self.loops):
            for step in self.steps:
                at_ns += step.delay_ns
                if at_ns > elapsed_ns:
                    return at_ns
        return None


@dataclass(frozen=True, slots=True)
class Route:
    """Which alerts go where.

    Attributes:
        route_id: Its id; ``default`` for the one that takes what no other took.
        name: Of no other.
        labels: Name -> patterns, one of which has to match; with ``!`` in front, none of which may.
        severities: Of which; empty: of all.
        channels: Ids, names or kinds of channels, or ``*``.
        onward: Whether the routes below are asked as well.
        group_by: Labels that the alerts of one incident share.
        first_wait_ns: How long the first message of an incident waits for more alerts; a critical one never does.
        group_wait_ns: How long after the first message the second one waits at least.
        group_interval_ns: How long each one after that.
        repeat_ns: After which time an incident that nobody takes care of is told again; None: never.
        escalation: Id of the escalation; None: without one.
        quiet: Its quiet hours; None: it has none.
        enabled: Whether it is asked.
    """

    route_id: str
    name: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    severities: tuple[Severity, ...] = ()
    channels: tuple[str, ...] = (EVERY,)
    onward: bool = False
    group_by: tuple[str, ...] = (RULE,)
    first_wait_ns: int = 0
    group_wait_ns: int = 30 * SECOND_NS
    group_interval_ns: int = 5 * MINUTE_NS
    repeat_ns: int | None = None
    escalation: str | None = None
    quiet: Quiet | None = None
    enabled: bool = True

    def takes(self, labels: Mapping[str, str], severity: Severity) -> bool:
        """Whether an alert with these labels goes this way."""
        if not self.enabled or (self.severities and severity not in self.severities):
            return False
        return all(_matches(patterns, labels.get(name, "")) for name, patterns in self.labels.items())


@dataclass(frozen=True, slots=True)
class Preference:
    """What an administrator wants to hear.

    Attributes:
        admin: Who.
        wanted: Channel (id, name or kind) -> severities; channels that are not named are as they are without it.
        quiet: When only what passes; None: never quiet.
        most_per_hour: Messages an hour on each of these channels; None: without a limit.
    """

    admin: str
    wanted: Mapping[str, tuple[Severity, ...]]
    quiet: Quiet | None = None
    most_per_hour: int | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """How one alert reaches one channel.

    Attributes:
        channel_id: Which.
        group: What the alerts of one incident share there.
        route: How it groups and repeats.
        usual: Whether the route leads there itself; otherwise only the escalation does.
        escalation: Who is told later; None: nobody.
    """

    channel_id: str
    group: str
    route: Route
    usual: bool
    escalation: Escalation | None


@dataclass(frozen=True)
class Terms:
    """All of them, as they hold now.

    Attributes:
        routes: In the order in which they are asked; the default one last.
        channels: By id.
        preferences: Of the administrators who have said something.
        escalations: By id.
    """

    routes: Sequence[Route]
    channels: Mapping[str, Known]
    preferences: Sequence[Preference] = ()
    escalations: Mapping[str, Escalation] = field(default_factory=dict)

    @cached_property
    def _named(self) -> dict[str, frozenset[str]]:
        return _named(self.channels)

    @cached_property
    def _claims(self) -> dict[str, tuple[tuple[Preference, frozenset[Severity]], ...]]:
        return {channel_id: tuple(self._claims_of(channel_id)) for channel_id in self.channels}

    def meant(self, name: str) -> frozenset[str]:
        """The channels of that id, name or kind."""
        return self._named.get(name, frozenset())

    @cached_property
    def _ways(self) -> dict[UUID, tuple[Way, ...]]:
        return {}

    def ways(self, event: Event) -> tuple[Way, ...]:
        """Every channel that may hear of an alert, now or later; of two ways to one channel the first."""
        known = self._ways.get(event.event_id)
        if known is None:
            if len(self._ways) >= MOST_REMEMBERED:
                self._ways.clear()
            known = self._ways[event.event_id] = self._found(event)
        return known

    def _found(self, event: Event) -> tuple[Way, ...]:
        found: dict[str, Way] = {}
        for route, channels in self._routes(event):
            group = _group(event, route)
            escalation = self.escalations.get(route.escalation or "")
            later = {name for step in escalation.steps for name in step.channels} if escalation else set()
            for names, usual in ((channels, True), (sorted(later), False)):
                for channel_id in sorted(frozenset[str]().union(*(self.meant(name) for name in names))):
                    found.setdefault(channel_id, Way(channel_id, group, route, usual, escalation))
        failing = event.labels.get(FAILING)
        if failing is None:
            return tuple(found.values())
        found.pop(failing, None)
        return tuple(found.values()) or self._any_other(event, failing)

    def _routes(self, event: Event) -> Iterator[tuple[Route, tuple[str, ...]]]:
        """The routes that an alert takes, each with its channels; also where its rule names only what is gone."""
        last = self.routes[-1]
        if any(self.meant(name) for name in event.channels):
            yield last, event.channels
            return
        for route in self.routes:
            if route.takes(event.labels, event.severity):
                yield route, route.channels
                if not route.onward:
                    return

    def _any_other(self, event: Event, failing: str) -> tuple[Way, ...]:
        """Somebody has to hear that a channel fails, even where no route leads elsewhere."""
        route = self.routes[-1]
        others = [each.channel_id for each in self.channels.values() if each.enabled and each.channel_id != failing]
        return tuple(Way(channel_id, _group(event, route), route, True, None) for channel_id in sorted(others))

    def wanted(self, channel_id: str, severity: Severity) -> bool:
        """Whether somebody wants to hear of this severity there; also where nobody said anything about the channel."""
        claims = self._claims_for(channel_id)
        return not claims or any(severity in severities for _, severities in claims)

    def quiet_until(self, way: Way, severity: Severity, now_ns: int) -> int | None:
        """When that may be told there again; None: it may now. All who want to hear it have to be quiet."""
        ends = []
        if way.route.quiet is not None:
            ends.append(way.route.quiet.holds_back(severity, now_ns))
        wanting = [preference for preference, severities in self._claims_for(way.channel_id) if severity in severities]
        if wanting:
            theirs = [each.quiet.holds_back(severity, now_ns) if each.quiet else None for each in wanting]
            known = [end_ns for end_ns in theirs if end_ns is not None]
            ends.append(min(known) if len(known) == len(theirs) else None)
        known = [end_ns for end_ns in ends if end_ns is not None]
        return max(known) if known else None

    def most_per_hour(self, channel_id: str) -> int | None:
        """How many messages an hour a channel may get; None: people set no limit."""
        limits = [preference.most_per_hour for preference, _ in self._claims_for(channel_id)]
        known = [limit for limit in limits if limit is not None]
        return max(known) if known and len(known) == len(limits) else None

    def _claims_for(self, channel_id: str) -> tuple[tuple[Preference, frozenset[Severity]], ...]:
        return self._claims.get(channel_id, ())

    def _claims_of(self, channel_id: str) -> Iterator[tuple[Preference, frozenset[Severity]]]:
        for preference in self.preferences:
            mine = [severities for name, severities in preference.wanted.items() if channel_id in self.meant(name)]
            if mine:
                yield preference, frozenset(severity for severities in mine for severity in severities)


def _named(channels: Mapping[str, Known]) -> dict[str, frozenset[str]]:
    """Ids come before names, names before kinds."""
    found: dict[str, frozenset[str]] = {}
    for key in ("kind", "name", "channel_id"):
        by_key: dict[str, set[str]] = {}
        for channel in channels.values():
            by_key.setdefault(getattr(channel, key), set()).add(channel.channel_id)
        found |= {name: frozenset(ids) for name, ids in by_key.items()}
    return found | {EVERY: frozenset(channels)}


def _group(event: Event, route: Route) -> str:
    """What the alerts of one incident share, as a short text."""
    if EACH in route.group_by:
        shared: list[object] = [event.dedup_key]
    else:
        rule = event.name if event.rule_id is None else event.rule_id.hex
        shared = [[name, rule if name == RULE else event.labels.get(name, "")] for name in route.group_by]
    text = json.dumps([route.route_id, shared])
    return hashlib.blake2b(text.encode(), digest_size=12, person=b"notify group").hexdigest()


def _matches(patterns: Sequence[str], value: str) -> bool:
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    unwanted = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    if any(_fits(pattern, value) for pattern in unwanted):
        return False
    return not wanted or any(_fits(pattern, value) for pattern in wanted)


@lru_cache(maxsize=10_000)
def _fits(pattern: str, value: str) -> bool:
    return fnmatch.fnmatchcase(value, pattern)
