"""Objectives made of others, and objectives judged by groups."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from spanledger_server.errors import Conflict, Invalid, Mistakes
from spanledger_server.slos import adjusting, definition, documents, groups, measure, openslo, register, report, status
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.watch import Watch
from spanledger_server.store.database import Database
from spanledger_server.timegrid import HOUR_NS, MINUTE_NS
from tests.backend.rows import NOON, SECOND, insert, line
from tests.backend.slos.test_adjustments import ONCE


def slo(name: str, service: str = "shop", **changed: Any) -> dict[str, Any]:
    indicator = {"kind": "ledger", "good": {"status": "ok"}}
    return {"name": name, "service": service, "indicator": indicator, "target": 0.9, "window": "7d", **changed}


def composite(name: str, **weights: float) -> dict[str, Any]:
    parts = [{"slo": part, "weight": weight} for part, weight in weights.items()]
    return slo(name, indicator={"kind": "composite", "parts": parts})


def lines(service: str, good: int, bad: int, first: int) -> Iterator[dict[str, Any]]:
    for n in range(good + bad):
        yield line(first + n, NOON - HOUR_NS + n * SECOND, service=service, error_type="x" if n < bad else None)


def add(database: Database, *each: dict[str, Any]) -> None:
    register.add(database, [(one, None) for one in each], NOON, "tests")


def stands(database: Database, name: str) -> status.Status:
    with database.reader() as reader:
        return status.of(reader, register.one(reader, name).objective, NOON)


def test_parts_count_by_their_weight_and_not_by_how_many_events_they_have(database: Database):
    insert(database, "ledger", [*lines("shop", 990, 10, 1), *lines("mail", 8, 2, 5000)])
    add(database, slo("shop"), slo("mail", "mail"), composite("both", shop=3, mail=1))
    found = stands(database, "both")
    assert found.period.counts.good_ratio == pytest.approx((3 * 0.99 + 1 * 0.8) / 4)
    assert found.period.burn_rate == pytest.approx((1 - 0.9425) / 0.1)
    assert (found.state, found.period.coverage) == ("ok", 1)
    assert [(part.name, part.weight) for part in found.parts] == [("shop", 0.75), ("mail", 0.25)]
    assert found.period.counts.seen == pytest.approx(1 / (0.75**2 / 1000 + 0.25**2 / 10))  # ten mails prove little
    with database.reader() as reader:
        told = report.of(reader, register.one(reader, "both").objective, NOON)
    assert [(one.column, one.value) for one in told.contributors] == [("objective", "mail"), ("objective", "shop")]
    assert sum(one.counts.bad for one in told.contributors) == pytest.approx(found.period.counts.bad)


def test_a_part_of_which_nothing_was_seen_makes_the_composite_unknown_and_a_sure_breach_stays_one(database: Database):
    insert(database, "ledger", lines("shop", 50, 50, 1))
    quiet = [slo("mail", "mail"), slo("shop")]
    add(database, *quiet, composite("even", shop=1, mail=1), composite("mostly", shop=1, mail=99))
    sure, unsure = stands(database, "even"), stands(database, "mostly")
    assert (sure.state, sure.period.coverage) == ("breach", 0.5)  # a quarter is bad even if all mails were good
    assert (unsure.state, unsure.reason, unsure.period.coverage) == ("unknown", "unknown_part", 0.01)
    assert {pair.verdict.holds for pair in unsure.conditions if not pair.unreachable} == {None}


def test_a_composite_of_composites_leaves_out_what_is_excluded_of_it(database: Database):
    insert(database, "ledger", lines("shop", 50, 50, 1))
    add(database, slo("shop"), composite("inner", shop=1), composite("outer", inner=2))
    assert stands(database, "outer").period.counts.good_ratio == pytest.approx(0.5)
    with database.transaction() as tx:
        planned = {**ONCE, "from": "2026-11-21T11:00:00Z", "to": "2026-11-21T11:01:00Z"}
        adjusting.add(tx, register.one(tx, "outer").slo_id, planned, NOON, "tests")
    assert stands(database, "outer").period.counts.total == 40
    assert stands(database, "inner").period.counts.total == 100


def test_circles_are_refused_with_their_path_and_parts_stay(database: Database):
    add(database, slo("a"), composite("b", a=1), composite("c", b=1))
    circle = composite("a", c=1)
    with pytest.raises(Mistakes) as refused:
        register.change(database, "a", circle, None, NOON, "tests")
    assert "a → c → b → a" in str(refused.value)
    with pytest.raises(Mistakes, match="itself → itself"):
        add(database, composite("itself", itself=1))
    with pytest.raises(Mistakes, match="an objective that there is"):
        add(database, composite("d", nobody=1))
    with pytest.raises(Conflict, match="a part of b"):
        register.delete(database, "a", NOON, "tests")
    with pytest.raises(Conflict, match="a part of b"):
        register.change(database, "a", slo("z"), None, NOON, "tests")
    add(database, composite("x", y=1), slo("y"))  # together, in whatever order
    register.delete(database, "c", NOON, "tests")
    register.delete(database, "b", NOON, "tests")
    register.delete(database, "a", NOON, "tests")


def test_the_watch_holds_composites_as_well(database: Database):
    insert(database, "ledger", lines("shop", 99, 1, 1))
    add(database, slo("shop"), composite("all", shop=1))
    watch = Watch(database)
    watch.tick(NOON)
    assert {one.kept.objective.name: one.status.state for one in watch.standing} == {"shop": "ok", "all": "ok"}


@pytest.mark.parametrize(
    ("indicator", "member"),
    [
        ({"kind": "composite"}, "indicator.parts"),
        ({"kind": "composite", "parts": []}, "indicator.parts"),
        ({"kind": "composite", "parts": [{"slo": "a"}, {"slo": "a"}]}, "indicator.parts[1].slo"),
        ({"kind": "composite", "parts": [{"slo": "a", "weight": 0}]}, "indicator.parts[0].weight"),
        ({"kind": "composite", "parts": [{"slo": "a"}], "filter": {}}, "indicator"),
    ],
)
def test_composites_that_make_no_sense_are_refused(indicator: dict[str, Any], member: str):
    with pytest.raises(Mistakes) as refused:
        definition.parse(slo("x", indicator=indicator))
    assert refused.value.each[0].parameter == member


def test_composites_and_groups_come_back_from_openslo_as_they_were():
    for asked in (composite("both", a=3, b=0.5), slo("each", groups={"by": "tenant", "most": 7})):
        text = yaml.safe_dump(openslo.document(asked)).encode()
        (again,) = openslo.definitions(documents.read(text))
        assert definition.parse(again.definition) == definition.parse(asked)


def test_weighted_objectives_of_a_document_become_one_each_and_a_composite():
    one = openslo.document(slo("whole"))
    one["spec"]["objectives"] = [{"target": 0.99, "compositeWeight": 3}, {"target": 0.9, "compositeWeight": 1}]
    found = [each.definition for each in openslo.definitions(documents.read(yaml.safe_dump(one).encode()))]
    assert [each["name"] for each in found] == ["whole-1", "whole-2", "whole"]
    assert found[2]["target"] == pytest.approx((3 * 0.99 + 0.9) / 4)
    assert found[2]["indicator"]["parts"] == [{"slo": "whole-1", "weight": 3}, {"slo": "whole-2", "weight": 1}]
    del one["spec"]["objectives"][1]["compositeWeight"]
    with pytest.raises(Mistakes, match="compositeWeight"):
        openslo.definitions(documents.read(yaml.safe_dump(one).encode()))


def by(database: Database, name: str) -> groups.Grouped:
    with database.reader() as reader:
        objective = register.one(reader, name).objective
        found = groups.of(reader, objective, status.of(reader, objective, NOON), NOON)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "method", [{}, {"method": "ratio_timeslices", "slice": {"window": "5m"}}], ids=["events", "slices"]
)
def test_each_group_is_judged_as_an_objective_of_its_own_and_the_others_are_counted(
    database: Database, method: dict[str, Any]
):
    chance = random.Random(5)
    tenants = [None, *(f"t{n}" for n in range(9))]
    rows = [
        line(
            n,
            NOON - chance.randrange(7 * 24 * HOUR_NS),
            tenant=(who := chance.choice(tenants)),
            error_type="x" if who == "t3" and n % 2 else chance.choice([None] * 9 + ["x"]),
        )
        for n in range(1, 600)
    ]
    insert(database, "ledger", rows)
    add(database, slo("each", groups={"by": "tenant", "most": 4}, **method))
    for number, tenant in enumerate(tenants):
        alone = slo(f"alone-{number}", **method)
        alone["indicator"] = alone["indicator"] | {"filter": {"tenant": tenant}}
        add(database, alone)
    found = by(database, "each")
    assert (found.other_groups, len(found.each)) == (6, 4)
    for one in found.each:
        assert one.status == stands(database, f"alone-{tenants.index(one.value)}")
    assert found.each[0].value == "t3"
    assert found.each[0].status.state == "breach"
    rest = [
        stands(database, f"alone-{n}").period.counts
        for n, who in enumerate(tenants)
        if who not in {one.value for one in found.each}
    ]
    assert found.others.total == pytest.approx(sum(each.total for each in rest))
    assert found.others.bad == pytest.approx(sum(each.bad for each in rest))


def test_groups_are_the_same_however_many_there_were_when_they_were_asked_for_last(database: Database):
    def told() -> tuple[groups.Grouped, groups.Grouped]:
        """As it is read the first time, and as it is read then."""
        again = by(database, "all")
        database.memory.pop("slos.groups", None)
        return by(database, "all"), again

    add(database, slo("all", groups={"by": "tenant", "most": 10}))
    for first, tenants, groups_in_all in ((1, 9, 9), (1001, 10, 10), (2001, 30, 30), (3001, 1, 30)):
        at = [(n, NOON - n * 20 * MINUTE_NS) for n in range(300)]
        rows = [line(first + n, ns, tenant=f"t{n % tenants}", error_type=None if n % 7 else "x") for n, ns in at]
        insert(database, "ledger", rows)
        new, again = told()
        assert new == again == by(database, "all")
        assert len(new.each) + new.other_groups == groups_in_all


@pytest.mark.parametrize(
    "given", [{"by": "colour"}, {"by": "tenant", "most": 0}, {"by": "tenant", "most": 101}, ["tenant"]]
)
def test_groups_that_make_no_sense_are_refused(given: Any):
    with pytest.raises(Mistakes) as refused:
        definition.parse(slo("x", groups=given))
    assert refused.value.each[0].parameter.startswith("groups")


def test_minutes_of_a_composite_are_bad_only_where_its_parts_are_for_sure():
    failed, fine = Counts(0, 10, 10), Counts(30, 30, 30)
    assert measure.together([(1, failed)], 2).good_ratio == 0.5
    assert measure.together([(1, failed), (1, fine)]).good_ratio == 0.5
    assert measure.together([(1, failed), (3, Counts())]).good_ratio == 0
    assert measure.together([(1, Counts(11, 10, 10))]) == Counts()
    with pytest.raises(Invalid):
        definition.parse(slo("x", method="timeslices", indicator={"kind": "composite", "parts": [{"slo": "a"}]}))
