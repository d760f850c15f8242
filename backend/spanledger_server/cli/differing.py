"""What differs between two objects of JSON, member by member: `indicator.below.value 500 → 400`.

Never: a member that is the same in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import simplejson

from spanledger_server.cli import format as shown


def lines(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """A line for each member that is not the same, in the order of their names."""
    for key in sorted(before.keys() | after.keys()):
        was, is_now, place = before.get(key), after.get(key), f"{path}{key}"
        if isinstance(was, Mapping) and isinstance(is_now, Mapping):
            yield from lines(was, is_now, f"{place}.")
        elif was != is_now:
            yield f"{shown.text(place)} {_value(was)} → {_value(is_now)}"


def _value(value: Any) -> str:
    if value is None:
        return shown.UNKNOWN
    return shown.text(
        value if isinstance(value, str) else simplejson.dumps(value, use_decimal=True, ensure_ascii=False)
    )
