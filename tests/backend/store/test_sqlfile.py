from __future__ import annotations

import pytest

from spanledger_server.store import sqlfile

TEXT = """-- What this file is for.

-- name: first
-- Its purpose.
SELECT 1
-- a comment inside stays
FROM t;

-- name: second
-- Another.
SELECT $x;
"""


def test_statements_are_cut_at_their_names_and_lose_their_purpose_lines_and_semicolons() -> None:
    found = sqlfile.parse(TEXT, "here")
    assert dict(found) == {"first": "SELECT 1\n-- a comment inside stays\nFROM t", "second": "SELECT $x"}
    assert len(found) == 2


def test_a_name_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(KeyError, match="here has no statement named 'third'; it has first, second"):
        sqlfile.parse(TEXT, "here")["third"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;", "two statements are named 'a'"),
        ("-- name: a\n-- only a purpose\n", "'a' is empty"),
        ("SELECT 1;\n", "before the first"),
    ],
)
def test_a_file_that_is_not_a_list_of_named_statements_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sqlfile.parse(text, "here")


def test_every_feature_reads_the_file_beside_it() -> None:
    assert "applied_versions" in sqlfile.load("spanledger_server.store")


def test_a_fragment_stands_in_its_place_and_an_unknown_one_is_refused():
    whole = sqlfile.whole("SELECT 1\n    -- include: cost_conditions\nGROUP BY 1")
    assert whole.startswith("SELECT 1\n    AND ($service IS NULL")
    assert whole.endswith("\nGROUP BY 1")
    with pytest.raises(KeyError, match="no_such_piece"):
        sqlfile.whole("-- include: no_such_piece")


def test_a_statement_is_read_without_what_it_does_not_need():
    whole = """SELECT $a
FROM t
-- if: more
UNION ALL
SELECT $b -- if: b
FROM u WHERE x = $x AND y = '$."json"'
-- end
WHERE true
    AND x = $x -- if: x not_x
    AND z -- if: least"""
    everything = {"a": 1, "b": 2, "x": 3, "not_x": None, "more": True, "least": 0}
    text, parameters = sqlfile.lean(whole, everything)
    assert text.splitlines() == [line.split(" -- if")[0] for line in whole.splitlines() if not line.startswith("--")]
    assert parameters == {"a": 1, "b": 2, "x": 3}
    assert sqlfile.lean(whole, {"a": 1, "b": 2, "x": None, "more": False}) == (
        "SELECT $a\nFROM t\nWHERE true",
        {"a": 1},
    )
    assert sqlfile.lean(whole, everything | {"x": None, "not_x": []})[0].endswith("AND x = $x\n    AND z"), (
        "[] is a filter"
    )


def test_a_block_within_one_that_is_left_out_is_left_out():
    whole = """SELECT 1
-- if: a
, 2
-- if: b
, 3
-- end
, 4
-- end
, 5"""
    found = {name: sqlfile.lean(whole, dict.fromkeys(name, True))[0].replace("\n", "") for name in ("ab", "a", "b", "")}
    assert found == {
        "ab": "SELECT 1, 2, 3, 4, 5",
        "a": "SELECT 1, 2, 4, 5",
        "b": "SELECT 1, 5",
        "": "SELECT 1, 5",
    }


def test_every_mark_of_every_statement_ends():
    for package in ("statistics", "ledger", "traces", "forecast", "prices", "audio"):
        for name, sql in sqlfile.load(f"spanledger_server.{package}").items():
            blocks = [line for line in sql.splitlines() if line.strip().startswith("-- if:")]
            assert len(blocks) == sum(line.strip() == "-- end" for line in sql.splitlines()), name
