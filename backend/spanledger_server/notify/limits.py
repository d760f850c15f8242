"""How many messages a channel gets: of one rule within an hour, of all within some minutes, and what goes together.

Given what is ready to be told, gives what is told one by one, and what goes into one list of everything that is left,
which takes the last place; where no place is left, it waits for the next one.

Never: an alert that is dropped, or an end, an acknowledgement, a rise or a repeat that has to wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from spanledger_server.notify.bundles import Bundle, News, rule_of
from spanledger_server.notify.event import Event
from spanledger_server.notify.standing import Reason, Sent
from spanledger_server.notify.terms import RANKS, Terms
from spanledger_server.timegrid import HOUR_NS, MINUTE_NS

STORM_MESSAGES: Final = 10
STORM_NS: Final = 5 * MINUTE_NS
AFTER_QUIET: Final = "While it was quiet: "
MORE: Final = "In one list: "


@dataclass(slots=True)
class Outcome:
    """What is told, and what is not: why, in words, and until when."""

    sent: list[Bundle] = field(default_factory=list)
    held: list[tuple[News, Reason, str, int]] = field(default_factory=list)


def apply(ready: Sequence[Bundle], terms: Terms, sent: Sequence[Sent], now_ns: int) -> Outcome:
    """Keep to the limits of one channel.

    Args:
        ready: What there is to tell it now.
        terms: Whom to tell what.
        sent: The messages that count of the last hour, the oldest first.
        now_ns: The time.
    """
    outcome = Outcome([bundle for bundle in ready if bundle.urgent or not bundle.fired])
    counted = [bundle for bundle in ready if bundle.fired and not bundle.urgent]
    if not counted:
        return outcome
    places = _Places(counted[0].channel_id, terms, sent, now_ns)
    counted = [bundle for bundle in counted if _within_hour(bundle, places, outcome)]
    counted.sort(key=_rank)
    single: list[Bundle] = []
    late: list[Bundle] = []
    for bundle in counted:
        (late if any(each.deferred for each in bundle.fired) else single).append(bundle)
    together = late if len(late) > 1 else []
    if not together:
        single, late = counted, []
    waiting = Counter(rule for bundle in counted for rule in _rules(bundle))
    for index, bundle in enumerate(single):
        rules = _rules(bundle)
        waiting.subtract(rules)
        more = bool(together) or index + 1 < len(single)
        if places.free > more and all(places.of(rule) > (waiting[rule] > 0) for rule in rules):
            places.take(rules)
            outcome.sent.append(bundle)
        else:
            together.append(bundle)
            waiting.update(rules)
    if together:
        _in_one(together, bool(late), places, outcome)
    return outcome


def _in_one(together: Sequence[Bundle], after_quiet: bool, places: _Places, outcome: Outcome) -> None:
    """Tell all that is left in one list, or let it wait."""
    fired = [each for bundle in together for each in bundle.fired]
    if places.free < 1:
        reason, until_ns = places.next()
        outcome.held += [(each, reason, "the channel gets no more messages for now", until_ns) for each in fired]
    elif len(together) == 1:
        outcome.sent.append(together[0])
    else:
        why = AFTER_QUIET if after_quiet else MORE
        outcome.sent.append(Bundle(together[0].channel_id, "digest", None, (), fired, why))


def _within_hour(bundle: Bundle, places: _Places, outcome: Outcome) -> bool:
    """Whether anything is left of a bundle without the alerts of rules of which the channel has heard enough."""
    left = []
    for news in bundle.news:
        event = news.alert.event
        rule = rule_of(event)
        places.limit(rule, event)
        if news.kind == "fired" and places.of(rule) < 1:
            said = f"the channel was told {event.most_per_hour} times of this rule within an hour"
            outcome.held.append((news, "hourly_limit", said, places.next_of(rule)))
        else:
            left.append(news)
    bundle.news = left
    if left and not bundle.fired:
        outcome.sent.append(bundle)
    return bool(bundle.fired)


def _rank(bundle: Bundle) -> tuple[int, int, str]:
    fired = bundle.fired
    worst = max(RANKS[each.alert.event.severity] for each in fired)
    return -worst, min(each.alert.fired_ns for each in fired), bundle.group


def _rules(bundle: Bundle) -> frozenset[str]:
    return frozenset(rule_of(each.alert.event) for each in bundle.fired)


class _Places:
    """How many messages a channel may get yet."""

    def __init__(self, channel_id: str, terms: Terms, sent: Sequence[Sent], now_ns: int) -> None:
        self._now_ns = now_ns
        self._hour = [each for each in sent if 0 <= now_ns - each.at_ns < HOUR_NS]
        self._storm = [each for each in self._hour if now_ns - each.at_ns < STORM_NS]
        self._used = Counter(rule for each in self._hour for rule in each.rules)
        self._limits: dict[str, int | None] = {}
        self._personal = terms.most_per_hour(channel_id)
        self.free = STORM_MESSAGES - len(self._storm)
        if self._personal is not None:
            self.free = min(self.free, self._personal - len(self._hour))

    def limit(self, rule: str, event: Event) -> None:
        """Learn how often a rule may be told within an hour."""
        self._limits[rule] = event.most_per_hour

    def of(self, rule: str) -> int:
        """How many more messages there may be of a rule."""
        limit = self._limits[rule]
        return STORM_MESSAGES if limit is None else limit - self._used[rule]

    def take(self, rules: Iterable[str]) -> None:
        """One message of these rules."""
        self.free -= 1
        self._used.update(rules)

    def next(self) -> tuple[Reason, int]:
        """Why there is no place, and when there is one."""
        if self._personal is not None and len(self._hour) >= self._personal and self._hour:
            return "hourly_limit", self._hour[0].at_ns + HOUR_NS
        at_ns = self._storm[0].at_ns if self._storm else self._now_ns
        return "storm", at_ns + STORM_NS

    def next_of(self, rule: str) -> int:
        """When there is a place for a rule."""
        return next((each.at_ns + HOUR_NS for each in self._hour if rule in each.rules), self._now_ns + HOUR_NS)
