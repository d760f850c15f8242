"""YAML and JSON documents as plain values, with the line on which each of them stands.

Given text, gives the documents in it; a list stands for as many documents as it has members. Aliases, tags, repeated
keys, too many nodes and too much depth are refused before anything is made of them, so that a small text cannot become
a large value.

Never: constructs anything but mappings, lists, text, numbers, true, false and null.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any, Final

import yaml

from spanledger_server.errors import Invalid, Malformed, TooLarge

MOST_BYTES: Final = 4 * 1024 * 1024
MOST_NODES: Final = 200_000
MOST_DEPTH: Final = 40
MOST_OBJECTIVES: Final = 1000
PLAIN: Final = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null"))
_AS_TEXT: Final = "tag:yaml.org,2002:timestamp"
# The one in C is ten times as fast.
_Loader: Final[type[yaml.SafeLoader]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """One document.

    Attributes:
        value: Mappings, lists, text, numbers, true, false, null.
        lines: Path such as ``spec.objectives[0].target`` -> its line, from 1.
        text: The document as it was given.
    """

    value: Any
    lines: dict[str, int] = field(default_factory=dict)
    text: str = ""

    def placed(self, mistake: Invalid) -> Invalid:
        """The mistake with the line of the nearest place that the document has."""
        place = mistake.parameter.split(" (")[0]
        while place and place not in self.lines:
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
        line = self.lines.get(place)
        where = mistake.parameter if line is None else f"line {line}: {mistake.parameter}"
        return Invalid(where, mistake.value, mistake.allowed)


def read(content: bytes) -> list[Document]:
    """All documents of a text that are not empty.

    Raises:
        TooLarge: It has too many bytes, values or levels.
        Malformed: It is no YAML (or JSON), or has aliases, tags or a key twice; with the line.
    """
    if len(content) > MOST_BYTES:
        raise TooLarge(f"definitions have at most {MOST_BYTES} bytes, these have {len(content)}")
    try:
        text = content.decode("utf-8-sig")
        loader = _Loader(text)
        try:
            return list(_documents(loader, text))
        finally:
            loader.dispose()
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Malformed(f"this is neither YAML nor JSON: {' '.join(str(error).split())}") from error


def _documents(loader: yaml.SafeLoader, text: str) -> Iterator[Document]:
    _look_through(text)
    while loader.check_node():
        whole = loader.get_node()
        assert whole is not None  # noqa: S101 - check_node said that there is one
        for node in whole.value if isinstance(whole, yaml.SequenceNode) else (whole,):
            lines: dict[str, int] = {}
            value = _value(loader, node, "", lines)
            if value is not None:
                yield Document(value, lines, _own_text(text, node))


def _own_text(text: str, node: yaml.Node) -> str:
    """What stands there of a node, as a document by itself: a block within a list is indented."""
    found = text[node.start_mark.index : node.end_mark.index]
    return dedent(" " * node.start_mark.column + found)


def _look_through(text: str) -> None:
    """Refuse what would be dear to build, before anything is built."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, _Loader)):
        line = event.start_mark.line + 1 if event.start_mark else 1
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if number > MOST_NODES:
            raise TooLarge(
                f"definitions have at most {MOST_NODES} values: split them, {MOST_OBJECTIVES} objectives go at once"
            )
        if depth > MOST_DEPTH:
            raise Malformed(f"line {line}: definitions have at most {MOST_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            raise Malformed(f"line {line}: aliases (*{event.anchor}) are not read here")


def _value(loader: yaml.SafeLoader, node: yaml.Node, path: str, lines: dict[str, int]) -> Any:
    line = node.start_mark.line + 1
    lines[path] = line
    if node.tag not in PLAIN and node.tag != _AS_TEXT:
        raise Malformed(f"line {line}: {node.tag} is not read here")
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value
            if not isinstance(key, yaml.ScalarNode) or name in found or name == "<<":
                which = f"{path}.{name}".strip(".") if isinstance(key, yaml.ScalarNode) else path
                raise Malformed(
                    f"line {key.start_mark.line + 1}: {which}: each key of a mapping is text and stands there once"
                )
            found[name] = _value(loader, value, f"{path}.{name}" if path else name, lines)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, item, f"{path}[{n}]", lines) for n, item in enumerate(node.value)]
    return node.value if node.tag == _AS_TEXT else loader.construct_object(node)
