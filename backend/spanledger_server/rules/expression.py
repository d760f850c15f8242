"""Rules made of rules: names with and, or, not and parentheses; and what they say together.

Given text, gives a tree; given what each rule says of a group (true, false, or not known), gives what the whole says.
``and`` is false as soon as one part is false, ``or`` true as soon as one is true, whatever is not known beside it.

Never: a rule that is made of itself, over any number of steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from spanledger_server.errors import Invalid
from spanledger_server.rules.condition import pointed

MOST_CHARACTERS: Final = 2000
MOST_NAMES: Final = 50
DEEPEST: Final = 20
_TOKEN = re.compile(r"""\s*(?:(?P<quoted>"[^"]{1,200}"|'[^']{1,200}')|(?P<sign>[()])|(?P<word>[^\s()"']{1,200}))""")


@dataclass(frozen=True, slots=True)
class Name:
    """What a rule says."""

    name: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Tree


@dataclass(frozen=True, slots=True)
class Both:
    """Two parts, joined by ``and`` or ``or``."""

    joined: str
    left: Tree
    right: Tree


Tree = Name | Not | Both


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # name, word, sign, end
    text: str
    at: int


class _Parser:
    def __init__(self, text: str, parameter: str) -> None:
        self._text, self._parameter = text, parameter
        self._tokens = list(self._cut())
        self._place = 0

    def whole(self) -> Tree:
        tree = self._either(0)
        if self._next.kind != "end":
            raise self._expected("`and`, `or` or the end")
        return tree

    def _cut(self) -> Iterator[_Token]:
        at = 0
        while found := _TOKEN.match(self._text, at):
            at = found.end()
            if found["quoted"]:
                yield _Token("name", found["quoted"][1:-1], found.start("quoted"))
            elif found["sign"]:
                yield _Token("sign", found["sign"], found.start("sign"))
            else:
                reserved = found["word"].lower() in ("and", "or", "not")
                text = found["word"].lower() if reserved else found["word"]
                yield _Token("word" if reserved else "name", text, found.start("word"))
        rest = len(self._text) - len(self._text[at:].lstrip())
        if rest < len(self._text):
            raise pointed(self._parameter, self._text, rest, "a quote that is closed again")
        yield _Token("end", "", len(self._text))

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _expected(self, what: str) -> Invalid:
        return pointed(self._parameter, self._text, self._next.at, what)

    def _took(self, kind: str, text: str) -> bool:
        took = (self._next.kind, self._next.text) == (kind, text)
        self._place += took
        return took

    def _either(self, depth: int) -> Tree:
        tree = self._all(depth)
        while self._took("word", "or"):
            tree = Both("or", tree, self._all(depth))
        return tree

    def _all(self, depth: int) -> Tree:
        tree = self._one(depth)
        while self._took("word", "and"):
            tree = Both("and", tree, self._one(depth))
        return tree

    def _one(self, depth: int) -> Tree:
        if depth > DEEPEST:
            raise self._expected(f"an expression at most {DEEPEST} deep")
        if self._took("word", "not"):
            return Not(self._one(depth + 1))
        if self._took("sign", "("):
            tree = self._either(depth + 1)
            if not self._took("sign", ")"):
                raise self._expected("`)`")
            return tree
        if self._next.kind != "name":
            raise self._expected("the name of a rule, `not` or `(`")
        name = self._next.text
        self._place += 1
        return Name(name)


def parse(text: str, parameter: str = "expression") -> Tree:
    """The tree of an expression.

    Raises:
        Invalid: It is none; the message points at the character.
    """
    if len(text) > MOST_CHARACTERS:
        raise Invalid(parameter, text, f"at most {MOST_CHARACTERS} characters")
    tree = _Parser(text, parameter).whole()
    if len(names(tree)) > MOST_NAMES:
        raise Invalid(parameter, text, f"at most {MOST_NAMES} rules")
    return tree


def names(tree: Tree) -> tuple[str, ...]:
    """The rules that it is made of, each once, in their order."""
    if isinstance(tree, Name):
        return (tree.name,)
    parts = (tree.part,) if isinstance(tree, Not) else (tree.left, tree.right)
    return tuple(dict.fromkeys(name for part in parts for name in names(part)))


def parts(text: str | None) -> tuple[str, ...]:
    """The rules that a rule with this expression is made of; none where it has none."""
    return () if text is None else names(parse(text))


def said(tree: Tree, says: Callable[[str], bool | None]) -> bool | None:
    """What the whole says; None where that is not known.

    Args:
        tree: The expression.
        says: What a rule says, by name.
    """
    if isinstance(tree, Name):
        return says(tree.name)
    if isinstance(tree, Not):
        inner = said(tree.part, says)
        return None if inner is None else not inner
    decides = tree.joined == "or"
    parts = (said(tree.left, says), said(tree.right, says))
    if decides in parts:
        return decides
    return None if None in parts else not decides


def cycle(name: str, made_of: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """The way from a rule back to itself, if there is one.

    Args:
        name: The rule.
        made_of: Composite -> the rules that it is made of.
    """
    seen: set[str] = set()
    waiting: list[tuple[str, ...]] = [(name,)]
    while waiting:
        way = waiting.pop()
        for part in made_of.get(way[-1], ()):
            if part == name:
                return (*way, part)
            if part not in seen:
                seen.add(part)
                waiting.append((*way, part))
    return None
