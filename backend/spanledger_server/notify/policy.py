"""What to tell whom now: given what stands, the terms and the time, the messages, and why there are not more.

Everything is decided from what stands, not from what just happened: what a channel was told of an alert is compared
with how the alert is. So whatever holds a message back only delays it: as long as the alert fires, it is told once
nothing does any more. Deterministic in its arguments.

Never: an end that is told before its beginning, or a reason to be silent that is not given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from spanledger_server.notify import limits
from spanledger_server.notify.bundles import Bundle, Kind, News, due_ns, told_of
from spanledger_server.notify.event import Severity
from spanledger_server.notify.message import Message
from spanledger_server.notify.standing import NOWHERE, Alert, Hold, Incident, Key, Reason, Standing, Told
from spanledger_server.notify.terms import RANKS, Terms, Way

Held = Callable[[Mapping[str, str], Severity], str | None]
LONGEST_NS: Final = 2**62
_SAID: Final[tuple[tuple[str, Reason], ...]] = (("maintenance", "maintenance"), ("inhibited", "inhibited"))


@dataclass(frozen=True, slots=True)
class Planned:
    """A message, and how it came about.

    Attributes:
        message: To be sent.
        channel_id: Through which channel.
        alert_ids: Of all alerts that it tells of, also of those that it does not list.
        rules: Of what is new in it: a message that counts.
        breach_ns: Since when there was something to tell that nothing held back.
    """

    message: Message
    channel_id: str
    alert_ids: tuple[UUID, ...]
    rules: frozenset[str]
    breach_ns: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is decided.

    Attributes:
        messages: In their order.
        told: What channels know once these are sent; only what changed.
        incidents: The same.
        holds: Every reason why a channel is not told something now.
        next_ns: When there may be something to tell that is not there now.
    """

    messages: tuple[Planned, ...]
    told: tuple[Told, ...]
    incidents: tuple[Incident, ...]
    holds: tuple[Hold, ...]
    next_ns: int


def plan(standing: Standing, terms: Terms, held: Held, now_ns: int) -> Plan:
    """Decide.

    Args:
        standing: What stands, with all events that are known.
        terms: Whom to tell what.
        held: Why an alert with these labels is not told now (silence, maintenance, inhibition); None: it is.
        now_ns: The time.
    """
    looking = _Looking(standing, terms, held, now_ns)
    for alert in standing.alerts.values():
        looking.at(alert)
    messages: list[Planned] = []
    told = list(looking.gone)
    incidents: list[Incident] = []
    for channel_id in sorted(looking.bundles):
        ready = []
        for bundle in looking.bundles[channel_id].values():
            at_ns = due_ns(bundle, now_ns)
            looking.wake(at_ns)
            if at_ns <= now_ns:
                ready.append(bundle)
            else:
                looking.hold_all(bundle.fired, "grouping", "more alerts of the same group are collected", at_ns)
        outcome = limits.apply(ready, terms, standing.sent.get(channel_id, ()), now_ns)
        for news, reason, detail, until_ns in outcome.held:
            looking.hold(news, reason, detail, until_ns)
        for bundle in outcome.sent:
            message, incident, changed, rules, breach_ns = told_of(bundle, now_ns)
            alert_ids = tuple(each.alert.alert_id for each in bundle.news)
            messages.append(Planned(message, channel_id, alert_ids, rules, breach_ns))
            told += changed
            incidents.append(incident)
    return Plan(tuple(messages), tuple(told), tuple(incidents), tuple(looking.holds.values()), looking.next_ns)


class _Looking:
    """Looks at each alert: what is there to tell, by which way, and does anything hold it back."""

    def __init__(self, standing: Standing, terms: Terms, held: Held, now_ns: int) -> None:
        self.bundles: dict[str, dict[str, Bundle]] = defaultdict(dict)  # by channel, by incident or group
        self.holds: dict[Key, Hold] = {}
        self.gone: list[Told] = []
        self.next_ns = LONGEST_NS
        self._standing = standing
        self._terms = terms
        self._held = held
        self._now_ns = now_ns
        self._quiet: dict[tuple[str, str, Severity], int | None] = {}
        self._of_alert: dict[UUID, list[Told]] = defaultdict(list)
        self._open: dict[tuple[str, str], Incident] = {}
        self._members: dict[tuple[str, str], list[Told]] = defaultdict(list)
        for incident in standing.incidents.values():
            if not incident.closed and not incident.digest:
                self._open[incident.channel_id, incident.group] = incident
        for told in standing.told.values():
            self._of_alert[told.alert_id].append(told)
            if not told.over:
                self._members[told.channel_id, told.incident_id].append(told)

    def at(self, alert: Alert) -> None:
        """Find what there is to tell of one alert."""
        told = {each.channel_id: each for each in self._of_alert.get(alert.alert_id, ())}
        if alert.fires:
            ways = self._terms.ways(alert.event)
            if not ways:
                self.holds[NOWHERE, alert.alert_id] = Hold(NOWHERE, alert.alert_id, "no_route", "no route takes it")
            self._firing(alert, ways, told)
        for each in told.values():
            if each.channel_id not in self._terms.channels:
                if not each.over:
                    self.gone.append(replace(each, over=True))
            elif not alert.fires and not each.over:
                self._ended(alert, each)

    def _firing(self, alert: Alert, ways: tuple[Way, ...], told: Mapping[str, Told]) -> None:
        start_ns = self._start_ns(alert, ways, told)
        elapsed_ns = max(0, self._now_ns - start_ns - alert.cared_ns(start_ns, self._now_ns))
        why = self._held(alert.event.labels, alert.event.severity)
        for way in ways:
            turns = self._turns(alert, way, elapsed_ns)
            known = told.get(way.channel_id)
            kind = _kind(alert, known, turns)
            if kind is None:
                continue
            alone_ns = elapsed_ns if self._is_escalated(way, kind, elapsed_ns) else None
            quiet = self._quiet_before(way, alert)
            news = News(alert, kind, known, way.channel_id, turns, way.route, self._since(alert), quiet, alone_ns)
            if not self._hold(news, way, why):
                self._bundle(news, way.group)

    def _start_ns(self, alert: Alert, ways: tuple[Way, ...], told: Mapping[str, Told]) -> int:
        """Since when the escalation's clock runs: since the first word; it does not while the first one is deferred."""
        if told:
            return min(each.first_ns for each in told.values())
        severity = alert.event.severity
        first = any(
            (way.usual or (way.escalation is not None and self._steps(way, 0)))
            and self._terms.channels[way.channel_id].enabled
            and self._terms.wanted(way.channel_id, severity)
            for way in ways
        )
        return self._now_ns if first else alert.fired_ns

    def _steps(self, way: Way, elapsed_ns: int) -> int:
        if way.escalation is None:
            return 0
        return way.escalation.turns(self._terms.meant, way.channel_id, elapsed_ns)

    def _is_escalated(self, way: Way, kind: Kind, elapsed_ns: int) -> bool:
        """Whether the channel is told of it because nobody took care in time."""
        late = kind == "repeat" or (kind == "fired" and not way.usual)
        return late and self._steps(way, elapsed_ns) > self._steps(way, 0)

    def _turns(self, alert: Alert, way: Way, elapsed_ns: int) -> int:
        """How often the channel was to be told by now that it fires."""
        repeat_ns = way.route.repeat_ns
        turns = self._steps(way, elapsed_ns)
        if way.usual:
            turns += 1 if repeat_ns is None else 1 + elapsed_ns // repeat_ns
        if not alert.acked:
            nexts = [way.escalation.next_ns(elapsed_ns) if way.escalation else None]
            nexts += [(elapsed_ns // repeat_ns + 1) * repeat_ns if way.usual and repeat_ns else None]
            for at_ns in nexts:
                self.wake(None if at_ns is None else self._now_ns + at_ns - elapsed_ns)
        return turns

    def _since(self, alert: Alert) -> int:
        """Since when there is something to tell: with what just happened, or because nothing holds it back any more."""
        return alert.event.at_ns if alert.alert_id in self._standing.fresh else self._now_ns

    def _quiet_before(self, way: Way, alert: Alert) -> bool:
        before = self._standing.holds.get((way.channel_id, alert.alert_id))
        return before is not None and before.reason == "quiet_hours"

    def _hold(self, news: News, way: Way, why: str | None) -> bool:
        """Whether something holds it back."""
        event, kind = news.alert.event, news.kind
        if kind == "fired" and news.alert.acked:
            return self.hold(news, "acknowledged", "somebody takes care of it already", None)
        if why is not None and kind != "acked":
            return self.hold(news, reason_of(why), why, None)
        if not self._terms.channels[way.channel_id].enabled:
            return self.hold(news, "channel_off", "the channel is not enabled", None)
        if kind != "acked" and not self._terms.wanted(way.channel_id, event.severity):
            return self.hold(news, "preferences", f"nobody wants to hear of {event.severity} there", None)
        until_ns = self._quiet_until(way, event.severity)
        if until_ns is not None:
            return self.hold(news, "quiet_hours", "quiet hours", until_ns)
        until_ns = self._cooldown(news)
        if until_ns is not None:
            return self.hold(news, "cooldown", "it was told there a while ago", until_ns)
        return False

    def _quiet_until(self, way: Way, severity: Severity) -> int | None:
        key = way.channel_id, way.route.route_id, severity
        if key not in self._quiet:
            self._quiet[key] = self._terms.quiet_until(way, severity, self._now_ns)
        return self._quiet[key]

    def _cooldown(self, news: News) -> int | None:
        """Until when the channel hears nothing more of the same alert."""
        event = news.alert.event
        heard = self._standing.heard.get((news.channel_id, event.dedup_key))
        if news.kind not in ("fired", "flapping") or heard is None:
            return None
        at_ns, severity = heard
        if news.kind == "fired" and RANKS[event.severity] > RANKS[severity]:
            return None
        until_ns = at_ns + event.cooldown_ns
        return until_ns if at_ns <= self._now_ns < until_ns else None

    def _ended(self, alert: Alert, told: Told) -> None:
        ways = self._terms.ways(alert.event)
        route = next((way.route for way in ways if way.channel_id == told.channel_id), self._terms.routes[-1])
        news = News(alert, "ended", told, told.channel_id, told.turns, route, self._since(alert), False)
        if self._terms.channels[told.channel_id].enabled:
            self._bundle(news, "")
        else:
            self.hold(news, "channel_off", "the channel is not enabled", None)

    def _bundle(self, news: News, group: str) -> None:
        """Put it to what is told together with it."""
        if news.told is not None and not news.told.over:
            incident = self._standing.incidents.get((news.channel_id, news.told.incident_id))
        else:
            incident = self._open.get((news.channel_id, group))
        key = group if incident is None else incident.incident_id
        bundle = self.bundles[news.channel_id].get(key)
        if bundle is None:
            members = () if incident is None else self._members[news.channel_id, incident.incident_id]
            alerts = [self._standing.alerts.get(each.alert_id) for each in members]
            firing = [alert for alert in alerts if alert is not None and alert.fires]
            bundle = Bundle(news.channel_id, group if incident is None else incident.group, incident, firing)
            self.bundles[news.channel_id][key] = bundle
        bundle.news.append(news)

    def hold(self, news: News, reason: Reason, detail: str, until_ns: int | None) -> bool:
        """Note what holds it back."""
        key = news.channel_id, news.alert.alert_id
        self.holds[key] = Hold(*key, reason, detail, until_ns)
        self.wake(until_ns)
        return True

    def hold_all(self, each: Iterable[News], reason: Reason, detail: str, until_ns: int) -> None:
        """The same for several."""
        for news in each:
            self.hold(news, reason, detail, until_ns)

    def wake(self, at_ns: int | None) -> None:
        """There may be more to tell then."""
        if at_ns is not None and self._now_ns < at_ns < self.next_ns:
            self.next_ns = at_ns


def _kind(alert: Alert, told: Told | None, turns: int) -> Kind | None:
    """What there is to tell of an alert that fires."""
    if told is None or told.over:
        return "fired" if turns > 0 else None
    if RANKS[alert.event.severity] > RANKS[told.severity]:
        return "worse"
    if alert.acked != told.acked:
        return "acked" if alert.acked else "unacked"
    if not alert.acked and turns > told.turns:
        return "repeat"
    return "flapping" if alert.flapping and not told.flapping else None


def reason_of(why: str) -> Reason:
    """Which kind of reason these words begin with: a silence, unless they say otherwise."""
    return next((reason for word, reason in _SAID if why.startswith(word)), "silenced")
