"""Rules over HTTP: read by everybody, changed by administrators, tried on what is and on what was.

`/api/v1/rules` speaks our names, `/api/admin/monitoring/rules` also those that others are used to; bodies may use
either on both.

Never: a change without its audit row, or a rule that is kept with a mistake in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger_server.alerts import by_hand, judged, state, suggest
from spanledger_server.alerts.suggest import Candidate, Tried
from spanledger_server.api import answers, parameters, rule_answers
from spanledger_server.api.deps import DefaultZone, NowNs, Store
from spanledger_server.api.parameters import Cursor
from spanledger_server.errors import Invalid
from spanledger_server.rules import backtest, definition, merging, ready, register
from spanledger_server.rules.evaluate import Evaluator
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Verdict
from spanledger_server.store.database import Database, Reader
from spanledger_server.timegrid import Range

OURS, NAMED = "/api/v1/rules", "/api/admin/monitoring/rules"
USUAL_REPLAY_S: Final = 7 * 86_400
SUGGESTED_WITHIN_S: Final = 2.0  # of a page, about
SUGGESTING: Final = ("suggested rules",)
RuleId = Annotated[str, Path(description="its id or its name")]
Given = Annotated[
    dict[str, Any],
    Body(
        description="a rule (docs/rules.md): what is left out is usual",
        examples=[{"name": "slow", "condition": "p95_latency > 2000 for 5m", "severity": "warning"}],
    ),
]
Shown = Callable[..., dict[str, Any]]


class Replayed(BaseModel):
    """What is replayed."""

    model_config = ConfigDict(extra="forbid")
    rule: str | dict[str, Any] = Field(description="the id or name of a rule, or a rule as it would be sent")
    from_: str | None = Field(None, alias="from", max_length=50, description="RFC 3339 or now-30d; default now-7d")
    to: str | None = Field(None, max_length=50, description="RFC 3339 or now (default)")
    thresholds: list[float] = Field(
        default_factory=list, max_length=5, description="to compare with: each is replayed beside the rule's own"
    )


class Chosen(BaseModel):
    """Which defaults."""

    model_config = ConfigDict(extra="forbid")
    names: list[str] = Field(
        default_factory=list, max_length=100, description="of defaults or packs; none: all that are not in use"
    )


def _example(name: str, status_code: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status_code: {"content": {"application/json": {"example": rule_answers.EXAMPLES[name]}}}}


@cache
def router() -> APIRouter:
    """Reading and trying, for everybody; what tries changes nothing."""
    routes = APIRouter(tags=["rules"])
    _lists(routes)
    _suggesting(routes)
    _one(routes)
    _trying(routes, OURS)
    _trying(routes, NAMED)
    _replaying(routes)
    return routes


@cache
def changes() -> APIRouter:
    """What administrators change."""
    routes = APIRouter(tags=["rules"])
    _applying(routes)
    _writing(routes, OURS, rule_answers.rule, "rule")
    _writing(routes, NAMED, rule_answers.named, "named")
    _switching(routes, "enable")
    _switching(routes, "disable")
    return routes


def _lists(routes: APIRouter) -> None:
    @routes.get(OURS, responses=_example("list"))
    def listed(
        store: Store,
        limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
        cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    ) -> Response:
        """The rules in use, by name."""
        most, question = parameters.limit(limit), ("rules",)
        place = parameters.cursor(cursor, question)
        with store.reader() as reader:
            known = register.listed(reader)
        behind = [each for each in known if place is None or _position(each) > place.position]
        found = behind[:most]
        last = Cursor(Range(0, 1), _position(found[-1])) if len(behind) > most else None
        next_cursor = None if last is None else parameters.cursor_text(last, question)
        return answers.answer({"items": [rule_answers.rule(each) for each in found], "next_cursor": next_cursor})

    @routes.get(NAMED, responses=_example("named_list"))
    def named(store: Store) -> Response:
        """The rules in use, by name, all at once."""
        with store.reader() as reader:
            known = register.listed(reader)
        return answers.answer({"rules": [rule_answers.named(each) for each in known], "total": len(known)})

    @routes.get(f"{OURS}/metrics")
    def metrics(store: Store) -> Response:
        """Every metric that a rule may be about: ours with their labels, and those that were sent."""
        with store.reader() as reader:
            sent = register.known(reader).sent
        return answers.answer({"items": rule_answers.metric_list(sent)})

    @routes.get(f"{OURS}/defaults")
    def defaults(store: Store) -> Response:
        """The rules that every installation begins with, and what became of each here."""
        with store.reader() as reader:
            found = ready.listed(reader)
        return answers.answer({"items": [rule_answers.default(each) for each in found]})


def _position(rule: Rule) -> tuple[str, str]:
    return (rule.name, str(rule.rule_id))


def _one(routes: APIRouter) -> None:
    @routes.get(f"{OURS}/{{rule_id}}", responses=_example("rule"))
    def one(rule_id: RuleId, store: Store) -> Response:
        """A rule as it holds now."""
        with store.reader() as reader:
            return answers.answer(rule_answers.rule(register.one(reader, rule_id)))

    @routes.get(f"{NAMED}/{{rule_id}}", responses=_example("named"))
    def named(rule_id: RuleId, store: Store) -> Response:
        """A rule as it holds now."""
        with store.reader() as reader:
            return answers.answer(rule_answers.named(register.one(reader, rule_id)))

    @routes.get(f"{OURS}/{{rule_id}}/history")
    def history(rule_id: RuleId, store: Store) -> Response:
        """Every version of a rule, newest first; of a deleted one by its id."""
        with store.reader() as reader:
            found = register.versions(reader, rule_id)
        return answers.answer({"items": [rule_answers.rule(each) for each in found], "next_cursor": None})


def _trying(routes: APIRouter, place: str) -> None:
    @routes.post(f"{place}/{{rule_id}}/test", responses=_example("tested"))
    def test(rule_id: RuleId, store: Store, now_ns: NowNs, default_zone: DefaultZone) -> Response:
        """What a rule says now, of each group, and what an alert of it would say. Nobody is told."""
        with store.reader() as reader:
            found = register.one(reader, rule_id)
            return answers.answer(_tried(store, reader, found, now_ns, default_zone))


def _tried(store: Database, reader: Reader, rule: Rule, now_ns: int, zone: str) -> dict[str, Any]:
    evaluator = Evaluator(store, zone)
    verdicts = evaluator.one(reader, rule, now_ns)
    holding = next((each for each in verdicts if each.outcome == "true"), None)
    story = None if holding is None else evaluator.story(reader, rule, holding, now_ns)
    return rule_answers.tested(rule, verdicts, story, now_ns)


def _replaying(routes: APIRouter) -> None:
    @routes.post(f"{OURS}/backtest", responses=_example("replay"))
    def replayed(body: Replayed, store: Store, now_ns: NowNs, default_zone: DefaultZone) -> Response:
        """What a rule would have done in the past: how often it would have fired, when, and for how long."""
        window = parameters.window(body.from_, body.to, now_ns, USUAL_REPLAY_S)
        window = Range(window.from_ns, min(window.to_ns, max(now_ns, window.from_ns + 1)))
        thresholds = [_threshold(each) for each in body.thresholds]
        with store.reader() as reader:
            known = {each.name: each for each in register.listed(reader)}
            rule = _asked(reader, body.rule)
            found = backtest.replay(reader, rule, known, window, _steps, thresholds, default_zone)
        return answers.answer(rule_answers.replay(found))


def _suggesting(routes: APIRouter) -> None:
    @routes.get(f"{OURS}/suggest", responses=_example("suggested"))
    def suggested(
        store: Store,
        now_ns: NowNs,
        default_zone: DefaultZone,
        cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    ) -> Response:
        """Rules that may be worth having: each is tried on the last week; what takes longer is on the next page."""
        place = parameters.cursor(cursor, SUGGESTING)
        window = Range(now_ns - suggest.REPLAYED_NS, now_ns) if place is None else place.window
        with store.reader() as reader:
            rules = register.listed(reader)
            counted = by_hand.precision(reader, window.to_ns - suggest.JUDGED_NS)
            each = suggest.candidates(rules, counted, register.known(reader).sent)
            left = [one for one in each if place is None or one.place > place.position]
            tried = list(_tried_one_by_one(reader, left, rules, window, default_zone))
        more = len(tried) < len(left)
        next_cursor = parameters.cursor_text(Cursor(window, tried[-1].one.place), SUGGESTING) if more else None
        return answers.answer(rule_answers.suggested(tried, len(each), window) | {"next_cursor": next_cursor})


def _tried_one_by_one(
    reader: Reader, left: Sequence[Candidate], rules: Sequence[Rule], window: Range, zone: str
) -> Iterator[Tried]:
    """Each with its replay, until that has taken long enough; one at least."""
    known, until_s = {rule.name: rule for rule in rules}, time.perf_counter() + SUGGESTED_WITHIN_S
    for one in left:
        try:
            rule = _asked(reader, one.body or {}) if one.rule is None else one.rule
            found = backtest.replay(reader, rule, known, window, _steps, one.thresholds, zone)
        except Invalid:  # it cannot be replayed: nothing is known of it
            found = []
        yield Tried(one, found)
        if time.perf_counter() > until_s:
            return


def _threshold(number: float) -> Any:
    found = definition.amount(number)
    if found is None:
        raise Invalid("thresholds", number, "0, or numbers from 1e-18 to 1e18, with either sign")
    return found


def _asked(reader: Reader, given: str | Mapping[str, Any]) -> Rule:
    """The rule with that id or name, or one that is not kept."""
    if isinstance(given, str):
        return register.one(reader, given)
    return register.unkept(definition.parse({"name": "not kept", **given}, register.known(reader)).values)


def _steps(rule: Rule, step_ns: int) -> backtest.Step:
    """The steps that alerts of the rule go through."""
    policy = judged.policy_of(rule, step_ns)

    def step(standing: Any, verdict: Verdict | None, at_ns: int) -> tuple[Any, list[str]]:
        moved, found = state.step(standing, verdict, policy, at_ns)
        return moved, [each.kind for each in found]

    return step


def _applying(routes: APIRouter) -> None:
    @routes.post(f"{OURS}/defaults")
    def apply(body: Chosen, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Make rules of defaults that are not in use, also of those that somebody deleted."""
        with store.transaction() as tx:
            made = ready.apply(tx, body.names, now_ns, _actor(request))
        return answers.answer({"items": [rule_answers.rule(each) for each in made]})


def _writing(routes: APIRouter, place: str, shown: Shown, example: str) -> None:
    lenient = place == NAMED  # its users name metrics before they send them

    @routes.post(place, status_code=201, responses=_example(example, 201))
    def create(body: Given, store: Store, now_ns: NowNs, request: Request) -> Response:
        """A new rule. All mistakes are told at once; a condition that cannot be read points at the character."""
        with store.transaction() as tx:
            said = definition.parse(body, register.known(tx, lenient=lenient))
            made = register.add(tx, said.values, now_ns, _actor(request))
        return answers.answer(shown(made, said.warnings), 201)

    @routes.put(f"{place}/{{rule_id}}", responses=_example(example))
    def change(rule_id: RuleId, body: Given, store: Store, now_ns: NowNs, request: Request) -> Response:
        """A new version of a rule: what is left out stays, null makes it usual again."""
        with store.transaction() as tx:
            before = register.one(tx, rule_id)
            known = register.known(tx, besides=before, lenient=lenient)
            said = definition.parse(merging.merged(before, body), known)
            made = register.change(tx, before, said.values, now_ns, _actor(request))
        return answers.answer(shown(made, said.warnings))

    @routes.delete(f"{place}/{{rule_id}}", status_code=204)
    def delete(rule_id: RuleId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Put a rule away; its history stays."""
        with store.transaction() as tx:
            register.delete(tx, register.one(tx, rule_id), now_ns, _actor(request))
        return Response(status_code=204)


def _switching(routes: APIRouter, word: Literal["enable", "disable"]) -> None:
    @routes.post(f"{OURS}/{{rule_id}}/{word}", responses=_example("rule"), name=f"{word}_rule")
    def switch(rule_id: RuleId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Let a rule make alerts, or make none. A disabled one may still be part of a composite."""
        with store.transaction() as tx:
            before = register.one(tx, rule_id)
            made = register.switch(tx, before, now_ns, _actor(request), enabled=word == "enable")
        return answers.answer(rule_answers.rule(made))


def _actor(request: Request) -> str:
    return str(request.state.caller.name or "nobody")
