"""Which lines a finished call makes in the ledger: one for each billable call, however many witnesses it has.

Given what the call itself could read, what other instrumentations observed below it, and what traced calls below it
have billed already, gives the lines. Pure. The leaf wins: a line belongs to the innermost call or span that knows the
usage.

Never: one provider response in two lines, nor a response in none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from spanledger.usage import Reading, over


@dataclass(frozen=True, slots=True)
class Observation:
    """A model call seen by another instrumentation's span, or told by `record_usage` beside the first one."""

    reading: Reading
    span_id: int
    ancestors: tuple[int, ...] = ()  # spans between it and the traced call, nearest first
    request_model: str | None = None
    start_ns: int = 0
    end_ns: int = 0
    sampled: bool = False
    error_type: str | None = None


class Line(NamedTuple):
    """One line to be: under the call's own span, or under that of `observation`."""

    observation: Observation | None
    reading: Reading | None


def settle(
    own: Reading | None,
    observed: Sequence[Observation] = (),
    billed: Collection[str | None] = (),
    *,
    inner: bool = False,
) -> list[Line]:
    """The lines of a call.

    Args:
        own: What the call read itself; without usage it still names model and provider.
        observed: What others saw directly below the call.
        billed: The response ids (or `None`) of lines with usage that traced calls below have made.
        inner: Whether there is any traced call below, finished or not.
    """
    seen = [
        one for one in _leaves(observed) if one.reading.response_id is None or one.reading.response_id not in billed
    ]
    if own is None or own.usage is None:
        return _from_others(own, seen, inner=inner)
    same, others = _split(own, seen)
    lines = [Line(one, one.reading) for one in others]
    if billed and (own.response_id is None or own.response_id in billed):
        return lines
    return [Line(None, over(own, same.reading) if same else own), *lines]


def _from_others(own: Reading | None, seen: Sequence[Observation], *, inner: bool) -> list[Line]:
    if not seen:
        return [] if inner else [Line(None, own)]
    if len(seen) == 1:
        return [Line(None, over(seen[0].reading, own))]
    return [Line(one, one.reading) for one in seen]


def _split(own: Reading, seen: Sequence[Observation]) -> tuple[Observation | None, list[Observation]]:
    """The observation of the same response, and those of other responses.

    A reading without a response id is compared by its counts; if none agrees it is the user's own sum and covers them
    all.
    """
    if own.response_id is not None:
        same = [one for one in seen if one.reading.response_id in (own.response_id, None)]
        others = [one for one in seen if one.reading.response_id not in (own.response_id, None)]
        return (same[0] if same else None), others
    alike = [one for one in seen if _counts(one.reading) == _counts(own)]
    if not alike:
        return (seen[0] if len(seen) == 1 else None), []
    return alike[0], [one for one in seen if one is not alike[0] and one.reading.response_id is not None]


def _counts(reading: Reading) -> tuple[int | None, int | None]:
    return (reading.usage.input_tokens, reading.usage.output_tokens) if reading.usage else (None, None)


def _leaves(observed: Sequence[Observation]) -> list[Observation]:
    """Each response once, and no span whose descendant was seen as well: two instrumentations may watch one call."""
    if len(observed) < 2:
        return list(observed)
    parents = {span for one in observed for span in one.ancestors}
    known: set[str] = set()
    leaves = []
    for one in observed:
        response_id = one.reading.response_id
        if one.span_id in parents or (response_id is not None and response_id in known):
            continue
        if response_id is not None:
            known.add(response_id)
        leaves.append(one)
    return leaves
