"""No statement gets out of the sandbox, changes anything, reads a file, or keeps the server from its work."""

from __future__ import annotations

import re

import pytest

from tests.backend.query.bombs import BOMBS
from tests.backend.query.conftest import Guarded
from tests.backend.query.escapes import ALL, SHAPES, SMALL

CASES = [(kind, place) for kind, each in ALL.items() for place in range(len(each))]
LEAKS = re.compile(r"hunter2|\b[0-9a-f]{64}\b")


def test_there_are_many():
    assert len(CASES) >= 150
    assert sum(map(len, map(set, ALL.values()))) == len(CASES)


@pytest.mark.parametrize(("kind", "place"), CASES)
def test_an_escape_is_answered_and_nothing_has_changed(guarded: Guarded, kind: str, place: int):
    sql = ALL[kind][place].replace("{file}", str(guarded.bait)).replace("{new}", str(guarded.bait) + ".new")
    run = guarded.run if ALL[kind] in (BOMBS, SHAPES) else guarded.answered
    answer = run(sql.replace("{{", "{").replace("}}", "}"), params={"x": "tokens"} if "$x" in sql else {})
    told = ascii(f"{sql[:200]} -> {answer.status_code} {answer.text[:300]}")
    expected = (400, 408) if ALL[kind] is BOMBS else (400, 408, 422) if ALL[kind] is SHAPES else (400,)
    assert answer.status_code in expected, told
    assert answer.headers["content-type"] == "application/problem+json", told
    assert len(answer.json()["detail"]) > 5, told
    assert not LEAKS.search(answer.text), told
    alive = guarded.answered(SMALL)  # its turn comes when the escape has ended, and given back the memory it took
    assert (alive.status_code, alive.json()["rows"]) == (200, [[1]])
    assert guarded.state() == guarded.before, told
