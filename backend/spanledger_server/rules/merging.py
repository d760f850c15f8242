"""A change of a rule: what a body says in place of what the rule says, the rest as it was.

Never: two words for one thing, of which the older would win.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spanledger_server.errors import Invalid
from spanledger_server.rules import condition, names
from spanledger_server.rules.rule import SPECIAL, Rule


def merged(rule: Rule, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the rule as it is to be.

    Args:
        rule: As it is.
        body: What is different, by any of the names that bodies use; null for "as usual".
    """
    there = {name: value for name, value in rule.told().items() if value is not None}
    said = {names.ALIASES.get(name, name) for name in body}
    kind = body.get("kind", body.get("type"))
    if kind is not None and kind != rule.kind:
        there = {name: value for name, value in there.items() if name not in SPECIAL}
    for name in {*said, *_of_condition(body.get("condition"))}:
        there.pop(name, None)
    for place, members in (("filters", names.FILTERS), ("annotations", names.TEXTS)):
        if place in there:
            there[place] = {
                name: value for name, value in there[place].items() if name not in body or name not in members
            }
    return {**there, **body}


def _of_condition(text: Any) -> tuple[str, ...]:
    """What a condition says."""
    if not isinstance(text, str):
        return ()
    try:
        found = condition.parse(text)
    except Invalid:
        return ()  # told where the body is read
    lengths = (("duration_seconds", found.for_ns), ("window_seconds", found.window_ns))
    return ("metric", "operator", "threshold", "stat", *(name for name, length_ns in lengths if length_ns is not None))
