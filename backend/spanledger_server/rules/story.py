"""What an alert says in plain words: what, where, how much against what, how it was before, who has most, what to do.

Given a snapshot, a rule and a verdict that fires, gives its story. It is made once, when the alert begins.

Never: jargon that is not explained, or a figure that the verdict does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlencode

from spanledger_server.budgets import record, status
from spanledger_server.errors import SpanledgerError
from spanledger_server.notify import text_values
from spanledger_server.rules import burning, checks, contributors, measured, metrics, reads
from spanledger_server.rules.metrics import METRICS
from spanledger_server.rules.rule import MEASURED, Rule
from spanledger_server.rules.verdict import Story, Verdict
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, Range

SIGNS: Final = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below", "==": "equal to", "!=": "not"}
PAGES: Final = {"calls": "/traces", "spans": "/traces", "requests": "/traces", "metric": "/logs", "health": "/services"}
BESIDE_NS: Final = HOUR_NS  # what the page shows before the window
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def of(reader: Reader, rule: Rule, verdict: Verdict, now_ns: int, zone: str) -> Story:
    """What an alert of this verdict says.

    Args:
        reader: One snapshot.
        rule: The rule.
        verdict: Of the group that fires.
        now_ns: The time.
        zone: IANA zone of budgets that name none.
    """
    facts = [("Value", amount(verdict.value, rule.unit)), ("Threshold", amount(verdict.threshold, rule.unit))]
    window = _window(rule, now_ns)
    before: list[tuple[str, str]] = []
    people: tuple[tuple[str, str, str], ...] = ()
    shown: tuple[str, ...] = ()
    if rule.kind in MEASURED:
        source = measured.measure(rule).source
        if source != "health":
            facts.append(("Window", f"{measured.spoken(rule.window_ns)} until {clock(now_ns)}"))
        if verdict.events is not None:
            facts.append(("Events", f"{verdict.events:,.0f}"))
        try:
            if source == "health":
                before = _of_check(reader, verdict.labels, now_ns)
            elif source != "server":
                before = _before(reader, rule, verdict, window)
            people = contributors.contributors(reader, rule, verdict.labels, window)
            shown = contributors.traces(reader, rule, verdict.labels, window)
        except SpanledgerError as error:
            facts.append(("Not read", str(error)))
    if "budget" in verdict.labels and rule.kind in ("budget", "forecast"):
        facts += _of_budget(reader, verdict.labels["budget"], now_ns, zone)
    if rule.kind == "burn_rate":
        facts += burning.facts(reader, rule, verdict.labels, now_ns)
    facts += before
    return Story(
        title=title(rule, verdict),
        text=_text(rule, verdict, now_ns, before, people),
        facts=tuple((name, value) for name, value in facts if value),
        contributors=people,
        traces=shown,
        runbook_url=rule.annotations.get("runbook_url"),
        path=_path(rule, verdict.labels, window),
        annotations=dict(rule.annotations),
    )


def title(rule: Rule, verdict: Verdict) -> str:
    """One line: what, and where."""
    known = [f"{name} {value}" for name, value in verdict.labels.items() if name not in rule.labels]
    nowhere = [f"{name} {contributors.unnamed(name).strip('()')}" for name in rule.group_by]
    where = ", ".join(known or (nowhere if verdict.outcome == "true" else ()))
    what = rule.annotations.get("summary") or f"{rule.name}: {_measured(rule, verdict)}"
    return (f"{what} ({where})" if where else what)[:200]


def _measured(rule: Rule, verdict: Verdict) -> str:
    value, threshold = amount(verdict.value, rule.unit), amount(verdict.threshold, rule.unit)
    if verdict.outcome in ("no_data", "error"):
        return verdict.reason or "it cannot be judged"
    if rule.kind == "absence":
        return f"Nothing has come for {measured.spoken(round(float(verdict.value or 0) * 10**9))}"
    if rule.kind == "composite":
        return f"{rule.expression} holds"
    if rule.metric == "health_state":
        return f"{verdict.labels.get('check', 'The check that does worst')} is {value}"
    if rule.kind == "anomaly":
        return f"{_words(rule.metric)} is {value}, which is unusual at this time"
    subject = {
        "ratio": f"{_words(rule.metric)} / {_words(rule.divided_by)}",
        "change": f"The change of {_words(rule.metric)}",
        "budget": "What is spent of the budget",
        "forecast": f"The chance to {'exceed the budget' if rule.pack is None else 'pass what the budget allows for'}",
        "burn_rate": "The error budget burns",
    }.get(rule.kind, _words(rule.metric) or rule.name)
    if rule.kind == "burn_rate":
        return f"{subject} {value} as fast as it may, and {threshold} is the limit"
    be = "are" if rule.kind == "threshold" and (rule.unit or "").startswith("{") and subject.endswith("s") else "is"
    return f"{subject} {be} {value}, {SIGNS.get(rule.operator or '', 'against')} {threshold}"


def _words(metric: str | None) -> str:
    """One of our metrics as people say it, `p95 latency`; one that was sent keeps its name."""
    return (metric or "").replace("_", " ") if metric in METRICS else metric or ""


def _text(
    rule: Rule, verdict: Verdict, now_ns: int, before: list[tuple[str, str]], people: tuple[tuple[str, str, str], ...]
) -> str:
    over = ""
    if rule.kind in MEASURED and rule.metric != "health_state":
        counted = "" if verdict.events is None else f", from {verdict.events:,.0f} events"
        over = f", over {measured.spoken(rule.window_ns)} until {clock(now_ns)}{counted}"
    said = [_sentence(rule, f"{_measured(rule, verdict)}{over}.")]
    if rule.metric in METRICS and rule.metric != "health_state":
        said.append(_sentence(rule, f"{_words(rule.metric)}: {METRICS[rule.metric].meaning}."))
    if rule.kind == "burn_rate":
        said.append("At 1x the objective's error budget would last exactly to the end of its period.")
    if rule.for_ns:
        said.append(f"It has been so for {measured.spoken(rule.for_ns)}.")
    if before:
        said.append(" ".join(f"{name}: {value}." for name, value in before))
    if people:
        name, value, share = people[0]
        said.append(f"Most of it: {name} {value} ({share}).")
    description = rule.annotations.get("description")
    return "\n".join([" ".join(said), *([description] if description else [])])


def _sentence(rule: Rule, text: str) -> str:
    """With a large letter first, unless a name begins it that somebody else wrote."""
    named = rule.kind == "composite" or rule.metric == "health_state" or rule.metric not in {None, *METRICS}
    return text if named else text[:1].upper() + text[1:]


def _window(rule: Rule, now_ns: int) -> Range:
    if rule.kind in ("threshold", "ratio"):
        return measured.window(measured.measure(rule), rule.window_ns, now_ns)
    if rule.kind in MEASURED:
        return measured.whole_minutes(rule.window_ns, now_ns)
    return Range(max(0, now_ns - max(rule.window_ns, HOUR_NS)), now_ns)


def _before(reader: Reader, rule: Rule, verdict: Verdict, window: Range) -> list[tuple[str, str]]:
    """The same figure of the window before, and of the same one yesterday."""
    above = measured.measure(rule)
    key = tuple(verdict.labels.get(name, "") for name in rule.group_by)
    found = []
    for name, ago_ns in (("The window before", rule.window_ns), ("At this time yesterday", DAY_NS)):
        asked = [measured.question(rule, each, _ago(window, ago_ns)) for each in _both(rule, above)]
        answers = reads.read(reader, asked)
        values = [
            measured.value_of(each, measured.found_in(answers[question], key), question.window)[0]
            for each, question in zip(_both(rule, above), asked, strict=True)
        ]
        value = _divided(values) if rule.kind == "ratio" else values[0]
        unit = above.unit if rule.kind != "ratio" else rule.unit
        found.append((name, amount(value, unit) or "nothing"))
    return found


def _of_check(reader: Reader, labels: Mapping[str, str], now_ns: int) -> list[tuple[str, str]]:
    """Why a check is as it is, since when, and how much of a day it was up."""
    known = checks.known(reader, labels, now_ns)
    if known is None:
        return []
    stands, up = known
    found = [("Last answer", stands.said), (f"{stands.state.capitalize()} since", text_values.moment(stands.since_ns))]
    return [*found, *([] if up is None else [("Up within 24 hours", amount(up, "1"))])]


def _of_budget(reader: Reader, name: str, now_ns: int, zone: str) -> list[tuple[str, str]]:
    """How much of a budget is spent, and until when it has to last."""
    budget = next((each for each in record.listed(reader) if each.name == name), None)
    if budget is None:
        return []
    window = budget.window(now_ns, zone)
    found = status.spent(reader, budget, window, now_ns)
    limit = budget.limit_usd + status.carried_over(reader, budget, now_ns, zone)
    return [
        ("Spent", f"{amount(found.cost, 'usd') or 'not known'} of {amount(limit, 'usd')}"),
        ("Until", text_values.moment(window.to_ns)),
    ]


def _both(rule: Rule, above: metrics.Measure) -> list[metrics.Measure]:
    return [above] if rule.kind != "ratio" else [above, metrics.measure(rule.divided_by or "")]


def _divided(values: list[float | Decimal | None]) -> float | None:
    above, below = values
    return None if above is None or not below else float(above) / float(below)


def _ago(window: Range, ago_ns: int) -> Range:
    return Range(max(0, window.from_ns - ago_ns), max(0, window.to_ns - ago_ns))


def _path(rule: Rule, labels: Mapping[str, str], window: Range) -> str:
    """The page that shows it, at that time."""
    bounds = [("from", instant(max(0, window.from_ns - BESIDE_NS))), ("to", instant(window.to_ns))]
    if rule.kind in ("budget", "forecast") or (rule.metric and "cost" in rule.metric):
        page = "/costs"
    elif rule.kind == "burn_rate":
        page = f"/slos/{quote(labels.get('slo', ''))}"
    else:
        source = measured.measure(rule).source if rule.metric else None
        page = PAGES.get(source or "", "/alerts")
    if page == "/services" and labels.get("service"):
        return f"{page}/{quote(labels['service'], safe='')}"
    shown = ("service", "model", "provider", "operation", "feature", "tenant", "user_tier", "name", "route")
    filters = [("f", f"{name}:{labels[name]}") for name in shown if labels.get(name)]
    if page not in ("/costs", "/traces"):
        filters = []
    if page == "/traces" and rule.metric and contributors.by(measured.measure(rule)) == "failed":
        filters.append(("f", "status:error"))
    return f"{page}?{urlencode([*bounds, *filters], quote_via=quote, safe=':')}"


def instant(at_ns: int) -> str:
    """A time as addresses have it: RFC 3339 in UTC, to the second."""
    return f"{_EPOCH + timedelta(seconds=at_ns // 10**9):%Y-%m-%dT%H:%M:%SZ}"


def clock(at_ns: int) -> str:
    """The time of day, for people."""
    return f"{_EPOCH + timedelta(seconds=at_ns // 10**9):%H:%M} UTC"


@lru_cache(maxsize=4096)  # a storm is of few thresholds, and often of few values
def amount(value: float | Decimal | None, unit: str | None) -> str:
    """A figure with its unit, for people; empty where there is none."""
    if value is None:
        return ""
    counted = unit is not None and unit.startswith("{") and unit != metrics.STATE  # what, its name says already
    return text_values.amount(value, None if counted else unit)
