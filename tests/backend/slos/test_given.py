"""Bodies of definitions: all that is wrong with any of them at once, each with its line, however large they are."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from spanledger_server.errors import Invalid, Malformed, Mistakes, TooLarge
from spanledger_server.slos import given, register
from spanledger_server.slos.keeping import Keeping
from spanledger_server.slos.known import Known
from spanledger_server.store.database import Database
from spanledger_server.timegrid import DAY_NS
from tests.backend.rows import NOON

KNOWN = Known(Keeping(7 * DAY_NS, 30 * DAY_NS, 400 * DAY_NS, 400 * DAY_NS), ("gen_ai.client.duration", "queue.length"))


def slo(name: str, **changed: Any) -> dict[str, Any]:
    indicator = changed.pop("indicator", {"kind": "span", "good": {"status": "ok"}})
    return {"name": name, "service": "shop", "indicator": indicator, "target": 0.99, "window": "28d"} | changed


def openslo(name: str, source: dict[str, Any], target: float = 0.99) -> dict[str, Any]:
    return {
        "apiVersion": "openslo/v1",
        "kind": "SLO",
        "metadata": {"name": name},
        "spec": {
            "service": "shop",
            "indicator": {"spec": {"thresholdMetric": {"metricSource": {"type": "spanledger", "spec": source}}}},
            "timeWindow": [{"duration": "28d", "isRolling": True}],
            "objectives": [{"target": target}],
        },
    }


def composite(name: str, *parts: str) -> dict[str, Any]:
    return slo(name, indicator={"kind": "composite", "parts": [{"slo": part} for part in parts]})


def metric(name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "metric", "metric": name, "above": {"value": 1}, **more}


def body(*each: dict[str, Any]) -> bytes:
    return yaml.safe_dump_all(each, sort_keys=False).encode()


def refused(database: Database, content: bytes, *, new: bool = True) -> dict[str, str]:
    """What is refused, and why."""
    with pytest.raises(Mistakes) as error, database.reader() as reader:
        given.checked(reader, content, KNOWN, new=new)
    return {each.parameter: each.allowed for each in error.value.each}


def test_mistakes_of_every_sort_are_told_together_each_with_its_line(database: Database):
    register.add(database, [(slo("taken"), None)], NOON, "tests")
    content = body(
        slo("taken"), slo("a", target=2), composite("b", "c"), composite("c", "b"), composite("d", "a", "nobody")
    )
    lines = content.decode().splitlines()
    told = refused(database, content)
    for place, why in told.items():
        line, member = place.removeprefix("line ").split(": ")
        assert member.split(".")[-1] in lines[int(line) - 1], (place, why)
    assert {place.split(": ")[1] for place in told} == {
        *(
            "name",
            "target",
            "indicator.parts[0].slo",
            "indicator.parts[1].slo",
        )  # of a, which is refused, nothing is said
    }
    assert any("b → c → b" in why for why in told.values())
    with database.reader() as reader:
        assert [one.objective.name for one in register.listed(reader)] == ["taken"]


def test_a_name_that_is_taken_may_be_checked_again_but_not_stand_there_twice(database: Database):
    register.add(database, [(slo("taken"), None)], NOON, "tests")
    with database.reader() as reader:
        assert len(given.checked(reader, body(slo("taken"), slo("other")), KNOWN, new=False)) == 2
    assert len(refused(database, body(slo("x"), slo("x")), new=False)) == 2


def test_a_metric_that_nobody_sent_is_refused_with_one_that_is_near_unless_it_is_expected(database: Database):
    told = refused(database, body(openslo("x", metric("gen_ai.client.durations")), openslo("y", metric("shoes"))))
    assert {place.split("(")[1] for place in told} == {"indicator.metric)"}
    assert "did you mean gen_ai.client.duration?" in next(iter(told.values()))
    assert all(place.startswith("line ") for place in told)
    later = metric("shoes", metric_expected=True)
    with database.reader() as reader:
        (one,) = given.checked(reader, body(openslo("x", later)), KNOWN)
        (sent,) = given.checked(reader, body(slo("y", indicator=metric("queue.length"))), KNOWN)
    assert one.definition["indicator"] == later
    kept = register.add(database, [(one.definition, one.document), (sent.definition, None)], NOON, "tests")
    assert [len(KNOWN.warnings(each.objective)) for each in kept] == [1, 0]


def test_composites_of_composites_are_looked_at_once_and_have_an_end(database: Database):
    wide = [slo(f"l0-{n}") for n in range(50)]
    for level in range(1, 9):
        below = [f"l{level - 1}-{n}" for n in range(50)]
        wide += [composite(f"l{level}-{n}", *below) for n in range(50)]
    told = refused(database, body(*wide))  # 50 to the ninth paths
    assert any("at most 200 objectives" in why for why in told.values())
    deep = [slo("d0"), *(composite(f"d{n}", f"d{n - 1}") for n in range(1, 14))]
    assert any("d13 → d12" in why or "d12 → d11" in why for why in refused(database, body(*deep)).values())


def test_a_part_may_not_grow_into_a_composite_that_makes_others_too_large(database: Database):
    leaves = [slo(f"leaf-{n}") for n in range(50)]
    names = [one["name"] for one in leaves]
    inner = [composite(f"c{n}", *names[:49], "part") for n in range(4)]
    whole = [*leaves, slo("part"), *inner, composite("top", "c0", "c1", "c2", "c3")]  # 200 in all
    register.add(database, [(one, None) for one in whole], NOON, "tests")
    with pytest.raises(Mistakes, match="at most 200 objectives"):
        register.change(database, "part", composite("part", "leaf-0", "leaf-1"), None, NOON, "tests")


def test_a_list_stands_for_as_many_documents_each_with_its_lines(database: Database):
    each = [openslo("a", {"kind": "span", "good": {"status": "ok"}}), openslo("b", metric("shoes"))]
    block = yaml.safe_dump(each, sort_keys=False)
    line = block.count("\n", 0, block.index("indicator", block.index("name: b"))) + 2  # where its value begins
    flow = yaml.safe_dump(each, sort_keys=False, default_flow_style=True, width=10_000)
    for text, where in ((block, line), (flow, 1)):
        (told,) = refused(database, text.encode())
        assert told == f"line {where}: spec.indicator (indicator.metric)"
    each[1] = slo("b")
    with database.reader() as reader, pytest.raises(Mistakes, match="line"):  # one form in a body, as in documents
        given.checked(reader, yaml.safe_dump(each).encode(), KNOWN)
    each[1] = openslo("b", {"kind": "span", "good": {"status": "ok"}})
    with database.reader() as reader:
        kept = given.checked(reader, b"# all of ours\n" + yaml.safe_dump(each, sort_keys=False).encode(), KNOWN)
    assert [yaml.safe_load(one.document or "") for one in kept] == each


def test_all_that_is_wrong_with_an_indicator_is_told(database: Database):
    wrong = {
        "kind": "span",
        "filter": {"status": {"almost": 1}},
        "below": {"field": "size", "value": "x"},
        "metric": "m",
    }
    assert list(refused(database, body(slo("a", indicator=wrong)))) == [
        "line 7: indicator.filter.status",
        "line 9: indicator.below.field",
        "line 10: indicator.below.value",
        "line 11: indicator.metric",
    ]


def test_a_key_that_stands_there_twice_is_named_with_its_line(database: Database):
    text = b"name: a\nindicator:\n  kind: span\n  kind: ledger\n"
    with pytest.raises(Malformed, match=r"line 4: indicator\.kind: "), database.reader() as reader:
        given.checked(reader, text, KNOWN)


def test_what_is_too_much_is_refused_before_it_is_looked_at(database: Database):
    one = yaml.safe_dump(openslo("x", {"kind": "span", "good": {"status": "ok"}}))
    for number, error in ((10_000, TooLarge), (1_001, Invalid)):
        with pytest.raises(error, match="1000"), database.reader() as reader:
            given.checked(reader, "---\n".join([one] * number).encode(), KNOWN)
    many = body(*(slo(f"x{n}", target=2) for n in range(150)))
    told = refused(database, many)
    assert len(told) == 101
    assert "the first 100" in told["body"]
