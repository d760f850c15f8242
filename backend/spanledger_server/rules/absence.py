"""Rules on silence: nothing came of a metric, or nothing at all, for so long.

Given a snapshot and the time, gives a verdict for each service (or group of a metric) that was heard within a week:
true when nothing came from it within the rule's window. What was never heard is no silence.

Never: a service that was told to be silent because nobody had looked.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from spanledger_server.errors import Invalid
from spanledger_server.rules import measured, reads
from spanledger_server.rules.held import Held
from spanledger_server.rules.reads import Answer, Crowd, Failed, Key, Question
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Verdict
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range

SQL = sqlfile.load(__package__)

KNOWN_NS: Final = 7 * DAY_NS  # what was not heard for longer is gone
KNOWN_FOR_NS: Final = 5 * MINUTE_NS
Heard = Mapping[str, int]  # service -> end of the last bucket in which anything came


class Hearing:
    """Who was heard before a window began; read every five minutes."""

    def __init__(self) -> None:
        self._services: Held[Heard] = Held(KNOWN_FOR_NS, 1)
        self._groups: Held[Answer] = Held(KNOWN_FOR_NS, 20)

    def turn(self, now_ns: int) -> None:
        """A tick begins."""
        self._services.turn(now_ns)
        self._groups.turn(now_ns)

    def verdicts(self, reader: Reader, rule: Rule, now_ns: int) -> list[Verdict]:
        """What a rule on the silence of services says."""
        before = self._services.get("services", now_ns, lambda: _services(reader, now_ns)) or {}
        lately = _heard(reader, "heard_by_minute", now_ns - rule.window_ns, MINUTE_NS)
        last = {service: at_ns for service, at_ns in {**before, **lately}.items() if _asked(rule, service)}
        if "service" in rule.group_by:
            if len(last) > rule.most_groups:
                return [measured.crowded(rule, len(last))]
            return [
                _verdict(rule, measured.labels(rule, (service,)), at_ns, now_ns, there=service in lately)
                for service, at_ns in sorted(last.items())
            ]
        newest = max(last.values(), default=None)
        return [_verdict(rule, measured.labels(rule, ()), newest, now_ns, there=bool(last.keys() & lately.keys()))]

    def of_metric(self, reader: Reader, rule: Rule, asked: Question, lately: Answer, now_ns: int) -> list[Verdict]:
        """What a rule on the silence of a metric says of what was found within its window."""
        known = replace(asked, window=Range(max(0, now_ns - KNOWN_NS) // HOUR_NS * HOUR_NS, asked.window.from_ns))
        found = self._groups.get(rule.digest, now_ns, lambda: reads.read(reader, [known])[known])
        before: Answer = {} if found is None else found
        for each in (lately, before):
            if isinstance(each, Failed):
                return [measured.unjudged(rule, f"it cannot be read: {each.reason}")]
            if isinstance(each, Crowd):
                return [measured.crowded(rule, each.groups)]
        here, there = _present(rule, lately), _present(rule, before)
        keys = sorted(here | there) if rule.group_by else [()]
        if len(keys) > rule.most_groups:
            return [measured.crowded(rule, len(keys))]
        last_ns = now_ns - rule.window_ns
        return [
            _verdict(rule, measured.labels(rule, key), last_ns if key in there else None, now_ns, there=key in here)
            for key in keys
        ]


def _services(reader: Reader, now_ns: int) -> Heard:
    """Who was heard within a week: by hours, and by minutes of the hours that are not over."""
    hours = _heard(reader, "heard_by_hour", now_ns - KNOWN_NS, HOUR_NS, beyond=now_ns // HOUR_NS + 1)
    return {**hours, **_heard(reader, "heard_by_minute", now_ns - 2 * HOUR_NS, MINUTE_NS)}


def _heard(reader: Reader, statement: str, from_ns: int, width_ns: int, **bound: int) -> Heard:
    rows = reader.tuples(SQL[statement], first=from_ns // width_ns, **bound)
    return {service or "": (bucket + 1) * width_ns for service, bucket in rows}


def replayed(reader: Reader, rule: Rule, ends_ns: Sequence[int], minutes: int) -> dict[Key, list[Verdict]]:
    """What a rule on the silence of services would have said at even steps of the past, by group.

    Args:
        reader: One snapshot.
        rule: Which.
        ends_ns: When it is judged: every `minutes`, each at a multiple of them.
        minutes: The distance of the steps.
    """
    heard = ends_heard(reader, rule, ends_ns, minutes)
    if len(heard) > rule.most_groups:
        raise Invalid("group_by", list(rule.group_by), f"at most {rule.most_groups} groups; there are {len(heard)}")
    named = {key: measured.labels(rule, key) for key in heard}
    return {key: [_at(rule, named[key], ends, at_ns) for at_ns in ends_ns] for key, ends in heard.items()}


def ends_heard(reader: Reader, rule: Rule, ends_ns: Sequence[int], minutes: int) -> dict[Key, list[int]]:
    """Group -> the ends of the minutes in which it was heard, of those that decide what is said at even steps."""
    heard: dict[Key, list[int]] = {
        (service,): ends
        for service, ends in _all_heard(reader, rule, ends_ns, minutes).items()
        if _asked(rule, service)
    }
    return heard if "service" in rule.group_by else {(): sorted(end for ends in heard.values() for end in ends)}


def _at(rule: Rule, named: dict[str, str], ends: Sequence[int], at_ns: int) -> Verdict:
    """What it says at a time, of the ends of all minutes in which anything came."""
    before = bisect_right(ends, at_ns)
    last_ns = ends[before - 1] if before and at_ns - ends[before - 1] <= KNOWN_NS else None
    return _verdict(rule, named, last_ns, at_ns, there=last_ns is not None and last_ns > at_ns - rule.window_ns)


def _all_heard(reader: Reader, rule: Rule, ends_ns: Sequence[int], minutes: int) -> dict[str, list[int]]:
    """Service -> the ends of the minutes in which it was heard: the last before the first window, and those since."""
    from_ns = max(0, ends_ns[0] - rule.window_ns - minutes * MINUTE_NS)
    hour = from_ns // HOUR_NS
    before = _heard(reader, "heard_by_hour", max(0, from_ns - KNOWN_NS), HOUR_NS, beyond=hour)
    found = {service: [end_ns] for service, end_ns in before.items()}
    bound = {"first": hour * 60, "beyond": ends_ns[-1] // MINUTE_NS, "apart": minutes}
    for service, minute in reader.tuples(SQL["heard_apart"], **bound):
        found.setdefault(service, []).append((minute + 1) * MINUTE_NS)
    return found


def _asked(rule: Rule, service: str) -> bool:
    wanted = rule.filters.get("service")
    return wanted is None or wanted.fits(service)


def question(rule: Rule, now_ns: int) -> Question:
    """What a rule on the silence of a metric asks."""
    asked = Range((now_ns - rule.window_ns) // MINUTE_NS * MINUTE_NS, now_ns)
    return measured.question(rule, measured.measure(rule), asked)


def _present(rule: Rule, answer: Answer) -> set[Key]:
    of = measured.measure(rule)
    if isinstance(answer, (Crowd, Failed)):
        return set()
    return {key for key, group in answer.items() if of.source == "system" or of.events(group)}


def _verdict(rule: Rule, named: dict[str, str], last_ns: int | None, now_ns: int, *, there: bool) -> Verdict:
    limit = rule.window_ns / 10**9
    if there:
        return Verdict(named, "false", True, 0.0, limit)
    if last_ns is None:
        return Verdict(named, "no_data", threshold=limit, reason="nothing has ever come, as far as is kept")
    return Verdict(named, "true", False, max(limit, (now_ns - last_ns) / 10**9), limit)
