"""Which model calls seen only by another instrumentation have a line in the ledger already.

Given the spans of such calls as they begin (`began`) and every line as it is recorded (`note`), tells when a span has
ended (`is_told`) whether a call inside it was billed: instrumentations are often wrapped around one another.

Never: state that grows with the program's age.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from spanledger.call import Entry

_MOST_OPEN = 10_000
_MOST_RESPONSES = 4_096

watched: Final[dict[int, tuple[int, ...]]] = {}  # the open spans, and the open spans around each, nearest first
_holding: Final[dict[int, None]] = {}  # those of them inside which a line was made
_responses: Final[dict[tuple[int, str], None]] = {}  # of lines that were made while any span was open


def began(span_id: int, parent_span_id: int) -> None:
    """Such a span has begun."""
    around = watched.get(parent_span_id)
    _bounded(watched, _MOST_OPEN)  # spans that are never ended pile up: the oldest is forgotten
    watched[span_id] = () if around is None else (parent_span_id, *around)


def note(entry: Entry) -> None:
    """A line is made: the spans around it hold it, and whoever else saw its response need not tell of it."""
    parent = entry.parent_span_id
    if parent in watched:
        for span_id in (parent, *watched[parent]):
            _holding[span_id] = None
    if entry.response_id is not None:
        _bounded(_responses, _MOST_RESPONSES)
        _responses[entry.trace_id, entry.response_id] = None


def is_told(trace_id: int, span_id: int, response_id: str | None) -> bool:
    """Whether the call of a span that has ended has its line; the span is forgotten."""
    watched.pop(span_id, None)
    holds = span_id in _holding
    _holding.pop(span_id, None)
    if response_id is None:
        return holds
    return (trace_id, response_id) in _responses


def _bounded(found: dict[Any, Any], most: int) -> None:
    while len(found) >= most:
        found.pop(next(iter(found)), None)
