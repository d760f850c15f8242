"""Which model of the ledger a bill means: bills and programs call the same model by different names.

Given the names of both sides, gives each name's group: names that are the same group are the same model. Names that
both sides write alike keep groups of their own; others meet when they have the same words and numbers, dates of
versions left out.

Never: two models in one group because their names are merely similar.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

_DATED = re.compile(r"[-@_.]?20\d\d-?(?:0\d|1[0-2])-?[0-3]\d\b")
_VERSION = re.compile(r"[-:]v\d+(?::\d+)?$|[-:]latest$")
_SELLER = re.compile(
    r"^(?:.*/|(?:us|eu|apac|global|us-gov)\.)?(?:anthropic|amazon|meta|mistral|cohere|google|openai|deepseek|ai21|qwen)\."
)
_PART = re.compile(r"[a-z]+|\d+")


def key(name: str) -> str:
    """A model's words and numbers in one order: the same for ``Claude Haiku 4.5`` and ``claude-haiku-4-5-20251001``."""
    text = name.strip().lower().rpartition("/")[2]
    text = _SELLER.sub("", text)
    text = _VERSION.sub("", _DATED.sub("", text))
    return " ".join(sorted(_PART.findall(text)))


def groups(bill: Iterable[str], ledger: Iterable[str]) -> Mapping[str, str]:
    """The group of each name of both sides, as it is to be shown.

    Args:
        bill: The names in the bill.
        ledger: The names in the ledger.
    """
    by_key: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for side, names in enumerate((bill, ledger)):
        for name in names:
            by_key[key(name)][side].add(name)
    found: dict[str, str] = {}
    for theirs, ours in by_key.values():
        alike = {name.lower() for name in theirs} == {name.lower() for name in ours}
        together = min(ours or theirs, key=lambda name: (len(name), name))
        for name in theirs | ours:
            found[name] = name.lower() if alike else together
    return found
