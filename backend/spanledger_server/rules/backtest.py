"""What a rule would have done: replayed over stored history with the state machine that alerts go through.

Given a snapshot, a rule and a range of time, judges the rule at even steps by the same figures as live, and walks each
group's verdicts through the steps that the caller gives (the alerts' own). The metric is read once, in stretches of
minutes; a long range or window, or many groups, take longer stretches, and the answer says how long they are.

Budgets and forecasts are judged by the hour or less often, objectives and baselines by the same windows as live.

Never: anything that came after the time that is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import median
from typing import Any, Final

from spanledger_server.errors import Invalid
from spanledger_server.rules import expression, measured, metrics, reads
from spanledger_server.rules.rule import MEASURED, Rule
from spanledger_server.rules.series import BY_THE_HOUR, Series, Values
from spanledger_server.rules.verdict import Verdict
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, MINUTE_NS, Range

SQL = sqlfile.load(__package__)

STRETCHES_MIN: Final = (1, 5, 15, 60, 240, 720)
MOST_WORK: Final = 250_000  # rows that are added up
MOST_VERDICTS: Final = 500_000  # of all groups together, where a longer stretch can help: two seconds
LONGEST_NS: Final = 90 * DAY_NS
MOST_FORECASTS: Final = 250
BURN_MIN: Final = (1, 5)  # steps of rules on error budgets, the longer for more than two days
Step = Callable[[Any, Verdict | None, int], tuple[Any, Sequence[str]]]  # standing, verdict, time -> standing, changes
Steps = Callable[[Rule, int], Step]  # rule, distance of the steps -> step


@dataclass(slots=True)
class Episode:
    """One time that it would have fired.

    Attributes:
        labels: Of the group.
        from_ns: When it would have fired.
        to_ns: When it would have ended; None: it would fire still.
        worst: The value that was furthest from the threshold.
    """

    labels: Mapping[str, str]
    from_ns: int
    to_ns: int | None = None
    worst: Any = None


@dataclass(frozen=True, slots=True)
class Replay:
    """What a rule would have done.

    Attributes:
        rule: Which.
        window: The time that was replayed.
        step_ns: How often it was judged.
        episodes: When it would have fired, oldest first.
        breach_ns: How long its condition held, over all groups.
        unknown_share: Of all verdicts, those that could not tell; None without any.
        groups: How many there were.
    """

    rule: Rule
    window: Range
    step_ns: int
    episodes: tuple[Episode, ...]
    breach_ns: int
    unknown_share: float | None
    groups: int

    def lasted_ns(self, episode: Episode) -> int:
        """How long an episode lasted, up to the end of what was replayed."""
        return (episode.to_ns or self.window.to_ns) - episode.from_ns

    @property
    def median_ns(self) -> int | None:
        """How long the middle one lasted."""
        return round(median(map(self.lasted_ns, self.episodes))) if self.episodes else None

    @property
    def sentence(self) -> str:
        """In words."""
        of = measured.spoken(self.window.length_ns)
        if not self.episodes:
            return f"would not have fired in {of}"
        times = "once" if len(self.episodes) == 1 else f"{len(self.episodes)} times"
        return f"would have fired {times} in {of}, median {measured.spoken(self.median_ns or 0)}"


def replay(
    reader: Reader,
    rule: Rule,
    known: Mapping[str, Rule],
    window: Range,
    steps: Steps,
    thresholds: Sequence[Decimal] = (),
    zone: str = "UTC",
) -> list[Replay]:
    """What a rule would have done, and then the same with each of some other thresholds.

    Args:
        reader: One snapshot.
        rule: Which; stored or not.
        known: The rules in use by name, for composites.
        window: When; what is not kept in minutes any more is left out.
        steps: Gives the steps that alerts go through.
        thresholds: To compare with.
        zone: IANA zone of budgets that name none.

    Raises:
        Invalid: Its figures are not kept, it has too many groups, or it would take too long.
    """
    kept_ns = -(-_kept_from_ns(reader, rule, known) // MINUTE_NS) * MINUTE_NS
    from_ns, to_ns = max(window.from_ns // MINUTE_NS * MINUTE_NS, kept_ns), window.to_ns // MINUTE_NS * MINUTE_NS
    whole = Range(from_ns, to_ns)
    if whole.length_ns < MINUTE_NS or whole.length_ns > LONGEST_NS:
        raise Invalid(
            "from", window.from_ns, f"between a minute and {LONGEST_NS // DAY_NS} days that are kept in minutes"
        )
    for minutes in _stretches(rule, known, whole):
        values = Values(reader, known, whole, minutes, zone)
        if not values.ends:
            raise Invalid(
                "from", window.from_ns, f"at least {minutes} minutes: that is how often such a rule is judged"
            )
        if values.groups(rule) * len(values.ends) <= MOST_VERDICTS:
            break
    found = [_replayed(rule, values.series(rule), values, steps)]
    for threshold in thresholds:
        other = replace(rule, threshold=threshold, clear_threshold=None)
        found.append(_replayed(other, values.series(other), values, steps))
    return found


def _kept_from_ns(reader: Reader, rule: Rule, known: Mapping[str, Rule]) -> int:
    kept: dict[str, int] = dict(reader.tuples(SQL["kept_minutes"]))
    leaves = _leaves(rule, known)
    names = {name for each in leaves for name in (each.metric, each.divided_by) if name}
    sources = {metrics.measure(name).source for name in names}
    if "server" in sources:
        raise Invalid(
            "rule", rule.name, "a rule whose figures are kept: how the server does its work is known only now"
        )
    families = {reads.FAMILIES[source] for source in sources if source in reads.FAMILIES}
    if any(each.kind == "burn_rate" for each in leaves):
        families |= {"span", "cost", "metric"}
    if any(each.kind == "absence" and each.metric is None for each in leaves):
        families |= {"span", "cost", "metric", "told"}
    return max((kept.get(f"{family}_1m", 0) for family in families), default=0)


def _leaves(rule: Rule, known: Mapping[str, Rule]) -> list[Rule]:
    """The rules that are no composites which a rule comes down to."""
    if rule.kind == "composite":
        parts = [known[name] for name in expression.parts(rule.expression) if name in known]
        return [leaf for part in parts for leaf in _leaves(part, known)]
    return [rule]


def _stretches(rule: Rule, known: Mapping[str, Rule], window: Range) -> Iterator[int]:
    """The minutes that may be added up at once, which is how often a rule is judged: shortest first, one at least."""
    leaves = _leaves(rule, known)
    work, fits = 0, False
    for minutes in STRETCHES_MIN:
        step_ns = minutes * MINUTE_NS
        read = [leaf for leaf in leaves if leaf.kind in MEASURED or leaf.kind == "absence"]
        if any(leaf.window_ns % step_ns for leaf in read):
            break
        if any(minutes < _least(leaf, window) for leaf in leaves):
            continue
        work = sum(window.length_ns // step_ns * leaf.window_ns // step_ns for leaf in read)
        if work <= MOST_WORK:
            fits = True
            yield minutes
    if fits:
        return
    if not work:
        raise Invalid("rule", rule.name, "windows of whole hours beside budgets, which are judged by the hour")
    raise Invalid("from", window.from_ns, f"a shorter time: {work} windows would be added up, {MOST_WORK} are allowed")


def _least(rule: Rule, window: Range) -> int:
    """The shortest step, in minutes, in which a rule is judged."""
    if rule.kind == "burn_rate":
        return BURN_MIN[window.length_ns > 2 * DAY_NS]
    if rule.kind not in BY_THE_HOUR:
        return 1
    most = MOST_FORECASTS if rule.kind == "forecast" else MOST_WORK
    return next(
        minutes
        for minutes in STRETCHES_MIN
        if minutes >= 60 and (minutes == STRETCHES_MIN[-1] or window.length_ns // (minutes * MINUTE_NS) <= most)
    )


def _replayed(rule: Rule, series: Series, values: Values, steps: Steps) -> Replay:
    episodes = [
        episode
        for verdicts in series.values()
        for episode in _episodes(rule, verdicts, values, steps(rule, values.step_ns))
    ]
    every = [verdict.outcome for verdicts in series.values() for verdict in verdicts]
    unknown = sum(outcome not in ("true", "false") for outcome in every)
    return Replay(
        rule=rule,
        window=values.window,
        step_ns=values.step_ns,
        episodes=tuple(sorted(episodes, key=lambda each: (each.from_ns, sorted(each.labels.items())))),
        breach_ns=every.count("true") * values.step_ns,
        unknown_share=unknown / len(every) if every else None,
        groups=len(series),
    )


def _episodes(rule: Rule, verdicts: Sequence[Verdict], values: Values, step: Step) -> Iterator[Episode]:
    standing: Any = None
    current: Episode | None = None
    for end, verdict in zip(values.ends, verdicts, strict=True):
        at_ns = end * values.step_ns
        standing, changes = step(standing, verdict, at_ns)
        if "fired" in changes:
            current = Episode(verdict.labels, at_ns)
        if current is not None and verdict.outcome == "true":
            current.worst = _worse(rule, current.worst, verdict.value)
        if "resolved" in changes and current is not None:
            current.to_ns = at_ns
            yield current
            current = None
    if current is not None:
        yield current


def _worse(rule: Rule, one: Any, other: Any) -> Any:
    """The value that is further beyond the threshold."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other) if rule.operator in ("<", "<=") else max(one, other)
