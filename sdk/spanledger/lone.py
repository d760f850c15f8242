"""Which model calls seen only by another instrumentation have a line in the ledger already.

Given the spans of such calls as they begin (`began`) and every line as it is recorded (`note`), tells when a span has
ended (`is_told`) whether a call inside it was billed: instrumentations are often wrapped around one another. A span
that holds a billed call is marked with that call's span id, as those below a traced call are.

Never: state that grows with the program's age.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.trace import Span

from spanledger import semconv

if TYPE_CHECKING:
    from spanledger.call import Entry

_MOST_OPEN = 10_000
_MOST_RESPONSES = 4_096

watched: Final[
    dict[int, tuple[Span, ...]]
] = {}  # by their ids the open spans, each with those around it, nearest first
_holding: Final[dict[int, bool]] = {}  # those of them that hold a billed call
_responses: Final[dict[tuple[int, str], bool]] = {}  # of lines that were made while any such span was open


def began(span: Span, parent_span_id: int) -> None:
    """Such a span has begun."""
    while len(watched) >= _MOST_OPEN:  # spans that are never ended pile up: the oldest is forgotten
        is_told(0, next(iter(watched)), None)
    watched[span.get_span_context().span_id] = (span, *watched.get(parent_span_id, ()))


def claim(span: Span, call_span_id: int) -> None:
    """A traced call bills for what this span tells of, if it is such a span."""
    span_id = span.get_span_context().span_id
    if span_id in watched:
        _holding[span_id] = True
        span.set_attribute(semconv.CALL_SPAN_ID, f"{call_span_id:016x}")


def note(entry: Entry) -> None:
    """A line is made: the spans around it need not tell of it, nor who else saw its response."""
    if entry.usage is None and entry.error_type is None:
        return  # somebody around may know more
    for span in watched.get(entry.parent_span_id or 0, ()):
        claim(span, entry.span_id)
    if entry.response_id is not None:
        while len(_responses) >= _MOST_RESPONSES:
            _responses.pop(next(iter(_responses)), None)
        _responses[entry.trace_id, entry.response_id] = True


def is_told(trace_id: int, span_id: int, response_id: str | None) -> bool:
    """Whether the call of a span that has ended has its line; the span is forgotten."""
    watched.pop(span_id, None)
    holds = _holding.pop(span_id, False)
    return holds or (response_id is not None and (trace_id, response_id) in _responses)


def forget() -> None:
    """Start afresh: in tests ids come again."""
    for found in (watched, _holding, _responses):
        found.clear()
