"""Audio over HTTP: how good it was, how fast, what was wrong with it, what it cost, and which audios are worst.

Never: a share without how many it is of, or an estimate without its interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from spanledger_server import measures, timegrid
from spanledger_server.api import answers, parameters
from spanledger_server.api.audio_examples import of as example
from spanledger_server.api.deps import DefaultZone, NowNs, Store
from spanledger_server.api.scoped import CallersScope, within
from spanledger_server.audio import calls, clips, figures
from spanledger_server.audio.clips import After, Selection
from spanledger_server.audio.question import AUDIO, Question
from spanledger_server.audio.sources import kept
from spanledger_server.auth.scope import Scope
from spanledger_server.errors import Invalid
from spanledger_server.measures import Measure
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, Range
from spanledger_server.traces import filters

router = APIRouter(prefix="/api/v1/audio", tags=["audio"])

USUAL_S: Final = DAY_NS // 10**9
USUAL_METRIC: Final = "real_time_factor"
USUAL: Final = ("pesq", "stoi", "dnsmos", "word_error_rate", USUAL_METRIC)
PAGE: Final = 20
DIMENSIONS: Final = tuple(dict.fromkeys((*figures.SPAN_DIMENSIONS, *calls.DIMENSIONS)))
Filters = Annotated[
    list[str] | None, Query(description="key:value, repeated; a leading ! negates, an empty value is unset")
]
From = Annotated[str | None, Query(alias="from", description="RFC 3339 or now-15m; default: a day before `to`")]
To = Annotated[str | None, Query(description="RFC 3339 or now (default); not part of the window")]
Metric = Annotated[str | None, Query(description="a measure of the summary; default: real_time_factor")]
AtLeast = Annotated[str | None, Query(description="only where the measure is at least this")]
AtMost = Annotated[str | None, Query(description="only where the measure is at most this")]
Zone = Annotated[str | None, Query(description="IANA zone in which days begin; default: the server's")]


@router.get("/overview", responses=example("overview"))
def overview(
    store: Store,
    now_ns: NowNs,
    default_zone: DefaultZone,
    scope: CallersScope,
    from_: From = None,
    to: To = None,
    metric: Annotated[
        str | None, Query(description=f"a measure of the summary; default: the first there is of {', '.join(USUAL)}")
    ] = None,
    group_by: Annotated[str | None, Query(description="of spans, as for groups; default: stage")] = None,
    calls_by: Annotated[str | None, Query(description="of calls, as for groups; default: model")] = None,
    at_least: AtLeast = None,
    at_most: AtMost = None,
    limit: Annotated[str | None, Query(description="how many of the worst audios, 1 to 1000; default 20")] = None,
    tz: Zone = None,
    f: Filters = None,
) -> Response:
    """All that the page of audio shows, from one snapshot: the other answers as members of one."""
    dimension, called_by, asked, most, zone, question = parameters.together(
        lambda: parameters.choice("group_by", group_by, figures.SPAN_DIMENSIONS, "stage"),
        lambda: parameters.choice("calls_by", calls_by, calls.DIMENSIONS, "model"),
        lambda: _selection(metric, at_least, at_most),
        lambda: parameters.limit(limit, default=PAGE),
        lambda: timegrid.zone(default_zone if tz is None else tz),
        lambda: _question(from_, to, now_ns, f, scope),
    )
    with store.reader() as reader:
        read = _Read.of(reader, question, dimension, called_by)
        selection = asked if metric is not None else replace(asked, measure=_usual(read.now))
        measure = selection.measure
        points = figures.series(reader, question, zone, measure)
        page = clips.worst(reader, question, selection, None, most)
    found = {
        **_bounds(question),
        "timezone": zone.key,
        "metric": measure.name,
        "summary": read.summary(),
        "distribution": measure.shown() | {"bins": figures.distribution(read.now, read.before, measure)},
        "series": measure.shown() | {"points": [answers.bounded(point) for point in points]},
        "groups": {
            "group_by": dimension,
            **measure.shown(),
            "values": read.now.categories,
            "spans": figures.groups(read.now, measure),
        },
        "calls": {"group_by": called_by, "values": read.called.values, "calls": read.called.groups},
        "clips": measure.shown() | _page(page, question, selection, scope),
    }
    return answers.answer(found)


@router.get("/summary", responses=example("summary"))
def summary(
    store: Store, now_ns: NowNs, scope: CallersScope, from_: From = None, to: To = None, f: Filters = None
) -> Response:
    """All audio of a window: counts, measures with coverage, problems, cost a minute; beside the window before."""
    question = _question(from_, to, now_ns, f, scope)
    with store.reader() as reader:
        read = _Read.of(reader, question)
    return answers.answer(_bounds(question) | read.summary())


@router.get("/groups", responses=example("groups"))
def groups(
    store: Store,
    now_ns: NowNs,
    scope: CallersScope,
    from_: From = None,
    to: To = None,
    group_by: Annotated[
        str | None,
        Query(
            description="stage (default), service, name, format, source, feature, tenant, user_tier of spans; "
            "model, provider, operation, service, feature, tenant, user_tier of calls"
        ),
    ] = None,
    metric: Metric = None,
    f: Filters = None,
) -> Response:
    """Audio by stage, service, format and so on, and calls about sound by model and so on, the heaviest first."""
    dimension, measure, question = parameters.together(
        lambda: parameters.choice("group_by", group_by, DIMENSIONS, "stage"),
        lambda: measures.named(metric, USUAL_METRIC),
        lambda: _question(from_, to, now_ns, f, scope),
    )
    spans: list[dict[str, Any]] = []
    called: list[dict[str, Any]] = []
    values = 0
    with store.reader() as reader:
        if dimension in figures.SPAN_DIMENSIONS:
            now = figures.whole(reader, question, dimension, grouped=measure, told=False)
            spans, values = figures.groups(now, measure), now.categories
        if dimension in calls.DIMENSIONS:
            found = calls.of(reader, question, dimension)
            called, values = found.groups, max(values, found.values)
    head = {**_bounds(question), "group_by": dimension, **measure.shown()}
    return answers.answer(head | {"values": values, "spans": spans, "calls": called})


@router.get("/series", responses=example("series"))
def series(
    store: Store,
    now_ns: NowNs,
    default_zone: DefaultZone,
    scope: CallersScope,
    from_: From = None,
    to: To = None,
    metric: Metric = None,
    tz: Zone = None,
    f: Filters = None,
) -> Response:
    """A measure over time: its 5th, 50th and 95th percentile, and how many have it, in each part of the window."""
    measure, zone, question = parameters.together(
        lambda: measures.named(metric, USUAL_METRIC),
        lambda: timegrid.zone(default_zone if tz is None else tz),
        lambda: _question(from_, to, now_ns, f, scope),
    )
    with store.reader() as reader:
        points = figures.series(reader, question, zone, measure)
    shown = [answers.bounded(point) for point in points]
    return answers.answer({**_bounds(question), "timezone": zone.key, **measure.shown(), "points": shown})


@router.get("/distribution", responses=example("distribution"))
def distribution(
    store: Store,
    now_ns: NowNs,
    scope: CallersScope,
    from_: From = None,
    to: To = None,
    metric: Metric = None,
    f: Filters = None,
) -> Response:
    """How many have which value of a measure, beside the window before; a share is null where nobody has it."""
    measure, question = parameters.together(
        lambda: measures.named(metric, USUAL_METRIC), lambda: _question(from_, to, now_ns, f, scope)
    )
    with store.reader() as reader:
        earlier = question.before(reader)
        now, before = (
            None if asked is None else figures.whole(reader, asked, only=measure, told=False)
            for asked in (question, earlier)
        )
    bins = figures.distribution(now or figures.EMPTY, before, measure)
    return answers.answer({**_bounds(question), **measure.shown(), "bins": bins})


@router.get("/clips", responses=example("clips"))
def listed(
    store: Store,
    now_ns: NowNs,
    scope: CallersScope,
    from_: From = None,
    to: To = None,
    metric: Metric = None,
    at_least: AtLeast = None,
    at_most: AtMost = None,
    limit: Annotated[str | None, Query(description="how many a page, 1 to 1000; default 20")] = None,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    f: Filters = None,
) -> Response:
    """Single audios that have a measure, the worst first, with all that was measured of them, and their traces."""
    selection, most, question = parameters.together(
        lambda: _selection(metric, at_least, at_most),
        lambda: parameters.limit(limit, default=PAGE),
        lambda: _question(from_, to, now_ns, f, scope),
    )
    resumed = parameters.cursor(cursor, _asked(question, selection, scope))
    if resumed is not None:
        question = Question(resumed.window, question.conditions)
    with store.reader() as reader:
        page = clips.worst(reader, question, selection, None if resumed is None else After(*resumed.position), most)
    head = {**_bounds(question), **selection.measure.shown()}
    return answers.answer(head | _page(page, question, selection, scope))


@router.get("/differences", responses=example("differences"))
def differences(
    store: Store,
    now_ns: NowNs,
    scope: CallersScope,
    from_: From = None,
    to: To = None,
    metric: Metric = None,
    at_least: AtLeast = None,
    at_most: AtMost = None,
    within_from: Annotated[str | None, Query(description="where the selection begins; default: `from`")] = None,
    within_to: Annotated[str | None, Query(description="where it ends; default: `to`")] = None,
    f: Filters = None,
) -> Response:
    """What audios whose measure lies within bounds have in common that the others have not, the clearest first."""
    selection, question = parameters.together(
        lambda: _selection(metric, at_least, at_most), lambda: _question(from_, to, now_ns, f, scope)
    )
    window = question.window
    first, last = parameters.together(
        lambda: parameters.instant("within_from", within_from, now_ns) if within_from else window.from_ns,
        lambda: parameters.instant("within_to", within_to, now_ns) if within_to else window.to_ns,
    )
    with store.reader() as reader:
        found = clips.differences(reader, question, selection, Range(first, last))
    return answers.answer({**_bounds(question), **selection.measure.shown(), **found})


def _question(from_text: str | None, to_text: str | None, now_ns: int, f: list[str] | None, scope: Scope) -> Question:
    window, conditions = parameters.together(
        lambda: parameters.window(from_text, to_text, now_ns, USUAL_S), lambda: filters.parse(f or [], AUDIO)
    )
    return Question(window, within(conditions, scope))


def _selection(metric: str | None, at_least: str | None, at_most: str | None) -> Selection:
    measure, low, high = parameters.together(
        lambda: measures.named(metric, USUAL_METRIC),
        lambda: _number("at_least", at_least),
        lambda: _number("at_most", at_most),
    )
    return Selection(measure, low, high)


def _number(parameter: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise Invalid(parameter, text, "a number")
    return found


def _bounds(question: Question) -> dict[str, Any]:
    return {"from": answers.when(question.window.from_ns), "to": answers.when(question.window.to_ns)}


def _asked(question: Question, selection: Selection, scope: Scope) -> tuple[Any, ...]:
    """What a cursor belongs to."""
    return ("audio", selection, *question.conditions.spelled(), scope.told())


def _page(page: clips.Page, question: Question, selection: Selection, scope: Scope) -> dict[str, Any]:
    ended = page.after
    following = None
    if ended is not None:
        place = parameters.Cursor(question.window, (ended.place, ended.start_ns, ended.span_id))
        following = parameters.cursor_text(place, _asked(question, selection, scope))
    items = [
        {
            "trace_id": each["trace_id"],
            "span_id": answers.span_hex(each["span_id"]),
            "start": answers.when(each["start_ns"]),
            **{name: member for name, member in each.items() if name not in ("trace_id", "span_id", "start_ns")},
        }
        for each in page.items
    ]
    return {"matched": page.matched, "items": items, "next_cursor": following}


def _usual(now: figures.Whole) -> Measure:
    """What most want to see of what there is."""
    found = next((name for name in USUAL if now.cell.measure(measures.BY_NAME[name])["measured"]), USUAL_METRIC)
    return measures.BY_NAME[found]


@dataclass(frozen=True, slots=True)
class _Read:
    """A window, and the one before where that is kept."""

    earlier: Question | None
    now: figures.Whole
    before: figures.Whole | None
    called: calls.Calls
    called_before: calls.Calls | None
    kept: tuple[int, int]

    @classmethod
    def of(cls, reader: Reader, question: Question, dimension: str = "", called_by: str = "") -> _Read:
        """From one snapshot."""
        earlier = question.before(reader)
        return cls(
            earlier,
            figures.whole(reader, question, dimension),
            None if earlier is None else figures.whole(reader, earlier, told=False),
            calls.of(reader, question, called_by),
            None if earlier is None else calls.of(reader, earlier),
            (question.kept_from(reader), kept(reader).rows_ns),
        )

    def summary(self) -> dict[str, Any]:
        """Counts, measures, problems, cost a minute."""
        now, before, counts = self.now, self.before, self.now.cell.counts
        minutes, minutes_before = now.minutes, None if before is None else before.minutes
        earlier = None if minutes_before is None else minutes_before.value
        called_before = None if self.called_before is None else self.called_before.whole
        return {
            "previous": None if self.earlier is None else _bounds(self.earlier),
            **{
                name: answers.when(kept_ns) if kept_ns else None
                for name, kept_ns in zip(("kept_from", "spans_kept_from"), self.kept, strict=True)
            },
            "sampled": now.sampled,
            "at_least": counts.get("uncounted", 0) > 0,
            "spans": counts.get("spans", 0),
            "uncounted_spans": counts.get("uncounted", 0),
            "clips": answers.estimate(now.clips)
            | {"kept": counts.get("clips", 0), "previous": None if before is None else before.clips.value},
            "failed_share": now.cell.share("clips_failed", "clips_weight"),
            "audio_minutes": None if minutes is None else answers.estimate(minutes) | {"previous": earlier},
            "measures": figures.shown(now, before),
            "problems": figures.problems(now, before),
            "not_measured": [
                {"what": each["what"], "reason": each["reason"], "spans": each["spans"], "count": each["weight"]}
                for each in now.reasons
            ],
            "calls": self.called.whole | {"previous": None if called_before is None else _told_before(called_before)},
        }


def _told_before(found: dict[str, Any]) -> dict[str, Any]:
    return {key: found[key] for key in ("calls", "total_cost", "audio_minutes", "cost_per_minute")}
