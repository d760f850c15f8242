"""Which SQL may run: one SELECT over the public views, made only of what `allowed` lists.

Given a text, has DuckDB parse it into the tree that it would run, and looks at every node of that tree: its kind, the
relations and the functions that it names. What is allowed runs as it was judged: as it was written, but for quotes
around a bare `at`; in a transaction that cannot write, on an instance that reaches no other file.

A name of a common table expression may be used anywhere in the statement: what it means is DuckDB's affair. Since it
must not be the name of anything but a public view, it can mean nothing else where it is not in scope.

Never: a judgement on the text, but for its size; or on a name in another case than DuckDB would (it folds ASCII only).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from spanledger_server.query import allowed
from spanledger_server.query.refusals import Refused, refused_at
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

PUBLIC: Final = "public"
MOST_CHARACTERS: Final = 65_536
MOST_BRACKETS: Final = 500  # DuckDB's parser takes time by the square of their depth: 0.2 s for these
MOST_NODES: Final = 20_000
MOST_RELATIONS: Final = 64
PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)
UPPER_TO_LOWER: Final = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
# What is no column `at`: texts, quoted names, comments, and the words of AT TIME ZONE and AT (VERSION …).
# What is begun and not ended goes to the end of the text, so that each character is looked at once.
BARE_AT: Final = re.compile(
    r"""(?<!\w)e'(?:[^'\\]|\\.|'')*(?:'|\Z)|'(?:[^']|'')*(?:'|\Z)|"[^"]*(?:"|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)"""
    r"""|(?<![\w$])\$(?P<tag>\w*)\$.*?(?:\$(?-i:(?P=tag))\$|\Z)"""
    r"""|(?<![\w.$])(?P<at>at)(?!\w|\s*\(|\s+time\s+zone)""",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
HELP: Final = "GET /api/v1/query/schema lists what there is"


@dataclass(frozen=True, slots=True)
class Names:
    """What relations there are, in lower case."""

    public: frozenset[str]
    private: frozenset[str]


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that may run, and the parameters that it has."""

    sql: str
    parameters: frozenset[str]


@dataclass(slots=True)
class _Seen:
    """What a walk through a tree has come by."""

    names: set[str] = field(default_factory=set)  # of common table expressions
    relations: list[tuple[str, int | None]] = field(default_factory=list)
    functions: int = 0  # in place of relations
    parameters: set[str] = field(default_factory=set)


def names(reader: Reader) -> Names:
    """The relations of this store."""
    private = frozenset(name for (name,) in reader.tuples(SQL["private_names"]))
    return Names(frozenset(_folded(name) for name, _ in reader.tuples(SQL["public_views"])), private)


def check(reader: Reader, sql: str, known: Names) -> Checked:
    """`sql`, if it may run.

    Args:
        reader: Where it is parsed; nothing of it is run.
        sql: One statement.
        known: The relations there are.

    Raises:
        Refused: It may not; or it cannot be parsed.
    """
    _check_size(sql)
    sql, tree = _parsed(reader, sql)
    seen = _walked(tree, sql)
    relations = len(seen.relations) + seen.functions
    if relations > MOST_RELATIONS:
        raise Refused(f"a statement may name {MOST_RELATIONS} relations, and this one names {relations}")
    for name in seen.names:
        _check_expression_name(name, known)
    for name, place in seen.relations:
        if name not in known.public and name not in seen.names:
            raise refused_at(f"{name!r} is not one of the public views: {HELP}", sql, place)
    return Checked(sql, frozenset(seen.parameters))


def _check_size(sql: str) -> None:
    if not sql.strip():
        raise Refused("there is no statement")
    if len(sql) > MOST_CHARACTERS:
        raise Refused(f"a statement may have {MOST_CHARACTERS} characters, and this one has {len(sql)}")
    if "\x00" in sql or any("\ud800" <= letter <= "\udfff" for letter in sql):
        raise Refused("a statement is text, without null characters and lone surrogates")
    brackets = sum(sql.count(bracket) for bracket in "([{")
    if brackets > MOST_BRACKETS:
        raise Refused(f"a statement may open {MOST_BRACKETS} brackets, and this one opens {brackets}")


def _parsed(reader: Reader, sql: str) -> tuple[str, dict[str, Any]]:
    """The text and its tree. `at`, a column of the views and a word of DuckDB's, may stand without quotes."""
    found = _tree(reader, sql)
    if found["error"]:
        quoted = BARE_AT.sub(lambda match: f'"{match["at"]}"' if match["at"] else match[0], sql)
        again = found if quoted == sql else _tree(reader, quoted)
        sql, found = (sql, found) if again["error"] else (quoted, again)
    if found["error"]:
        if found["error_type"] == "not implemented":
            raise Refused("only one SELECT statement can be run")
        position = found.get("position")
        raise refused_at(found["error_message"], sql, None if position is None else int(position))
    if len(found["statements"]) != 1:
        raise Refused(f"one statement can be run at a time, and these are {len(found['statements'])}")
    return sql, found["statements"][0]["node"]


def _tree(reader: Reader, sql: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = orjson.loads(reader.value(SQL["parse"], statement=sql))
    except orjson.JSONDecodeError as error:
        raise Refused("the statement is nested too deeply") from error
    return found


def _walked(tree: dict[str, Any], sql: str) -> _Seen:
    """All that `tree` names, every node of it being allowed."""
    seen = _Seen()
    ahead: list[Any] = [tree]
    nodes = 0
    while ahead:
        node = ahead.pop()
        if isinstance(node, list):
            ahead.extend(node)
        elif isinstance(node, dict):
            nodes += 1
            if nodes > MOST_NODES:
                raise Refused("the statement has too many parts")
            ahead.extend(_looked_at(node, seen, sql))
    return seen


def _looked_at(node: dict[str, Any], seen: _Seen, sql: str) -> list[Any]:
    """The parts of `node` that are still to be looked at."""
    kind, type_ = node.get("class"), node.get("type")
    if isinstance(kind, str):
        if kind not in allowed.EXPRESSIONS:
            raise refused_at(f"{_words(kind)} is not allowed in queries: {HELP}", sql, _place(node))
    elif isinstance(type_, str) and type_ not in allowed.NODES:
        raise refused_at(f"{_words(type_)} is not allowed in queries: {HELP}", sql, _place(node))
    if kind == "CONSTANT":
        return []
    if kind == "PARAMETER":
        seen.parameters.add(str(node["identifier"]))
        return []
    if kind in ("FUNCTION", "WINDOW"):
        _check_function(node, allowed.FUNCTIONS, sql)
    elif kind is None and type_ == "BASE_TABLE":
        seen.relations.append(_relation(node, sql))
        return []
    elif kind is None and type_ == "TABLE_FUNCTION":
        return _table_function(node, seen, sql)
    if node.get("sample") is not None:
        raise refused_at("a sample is not allowed in queries", sql, _place(node))
    expressions = node.get("cte_map")
    if isinstance(expressions, dict):
        seen.names.update(_folded(str(each["key"])) for each in expressions["map"])
    return list(node.values())


def _relation(node: Mapping[str, Any], sql: str) -> tuple[str, int | None]:
    name, place = str(node["table_name"]), _place(node)
    if node["catalog_name"] or _folded(node["schema_name"]) not in ("", PUBLIC):
        raise refused_at(f"{name!r} can only be named as it is, or as {PUBLIC}.{name}", sql, place)
    if node.get("sample") is not None or node.get("at_clause") is not None:
        raise refused_at("a sample and AT are not allowed in queries", sql, place)
    return _folded(name), place


def _table_function(node: dict[str, Any], seen: _Seen, sql: str) -> list[Any]:
    function = node["function"]
    if function.get("class") != "FUNCTION" or node.get("sample") is not None:
        raise refused_at("this is not allowed in place of a view", sql, _place(node))
    _check_function(function, allowed.TABLE_FUNCTIONS, sql, _place(node))
    seen.functions += 1
    return [*(part for key, part in node.items() if key != "function"), *function.values()]


def _check_function(node: Mapping[str, Any], names: frozenset[str], sql: str, place: int | None = None) -> None:
    name = str(node["function_name"])
    path = (node.get("qualified_name") or {}).get("path", [name])
    place = _place(node) if place is None else place
    if node["schema"] or node["catalog"] or len(path) > 1:
        spelled = ".".join(path) if len(path) > 1 else name
        raise refused_at(f"{spelled}() is not allowed: write a function as {name}(…), without a dot", sql, place)
    if _folded(name) not in names:
        raise refused_at(f"{name}() is not one of the functions that are allowed: {HELP}", sql, place)


def _check_expression_name(name: str, known: Names) -> None:
    if not PLAIN_NAME.fullmatch(name):
        raise Refused(f"{name[:80]!r} after WITH is no name of letters, digits and _")
    if name in known.private and name not in known.public:
        raise Refused(f"{name!r} after WITH is a name that is taken: choose another")


def _folded(name: str) -> str:
    """A name as DuckDB compares it."""
    return name.translate(UPPER_TO_LOWER)


def _place(node: Mapping[str, Any]) -> int | None:
    place = node.get("query_location")
    return place if isinstance(place, int) and 0 <= place <= MOST_CHARACTERS * 4 else None


def _words(kind: str) -> str:
    return kind.replace("_", " ").lower()
