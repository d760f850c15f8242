"""Real traffic: the requests of the packaged trace, at their own times sped up by a factor, each a visit to the shop.

Given the trace, gives `Visit`s; pure. What a visit asks for follows from its place in the trace alone, so that two runs
ask the same.

Never: random numbers, or the network.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Literal

Kind = Literal["ask", "ask_stream", "review", "review_stream", "search", "speak", "listen"]

_EVERY_S, _CALM_S, _BURST_S = 15.0, 10.0, 2.0  # what came in the five seconds after the calm ten comes in two
_TIERS = ("free", "free", "pro", "pro", "business")
_FEATURES = ("recommendation", "catalogue", "support")
_TENANTS = ("harbour-books", "old-town-library", "campus-store")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to the bookshop, `at_s` seconds after the start (already sped up)."""

    at_s: float
    number: int
    kind: Kind
    model: str
    input_tokens: int
    output_tokens: int
    user_id: str
    user_tier: str
    session_id: str
    feature: str
    tenant: str


def visits(speed: float, *, bursts: bool = False) -> Iterator[Visit]:
    """The trace as visits, in order of time; after the last request it begins again, so it never ends.

    Args:
        speed: How many times faster than it happened.
        bursts: Whether a third of the visits come in bursts, of two seconds in every fifteen.
    """
    trace = _trace()
    length_ms = trace[-1][0] + 1
    number = 0
    for lap in iter(range(1_000_000)):
        for offset_ms, service, context_tokens, generated_tokens in trace:
            at_s = (lap * length_ms + offset_ms) / 1000 / speed
            yield _visit(_in_bursts(at_s) if bursts else at_s, number, service, context_tokens, generated_tokens)
            number += 1


def prompt(visit: Visit) -> str:
    """A text of as many words as the visit's request had tokens; it always begins with the shop's introduction."""
    shelf = " ".join(f"w{i}" for i in range(min(1024, visit.input_tokens)))
    own = " ".join(f"v{visit.number}" for _ in range(visit.input_tokens - 1024)) if visit.input_tokens > 1024 else ""
    return f"{shelf} {own}".strip()


def _in_bursts(at_s: float) -> float:
    whole, within = divmod(at_s, _EVERY_S)
    calm_s = _EVERY_S - _BURST_S
    if within < _CALM_S:
        return whole * _EVERY_S + within * calm_s / _CALM_S
    return whole * _EVERY_S + calm_s + (within - _CALM_S) * _BURST_S / (_EVERY_S - _CALM_S)


def _visit(at_s: float, number: int, service: str, context_tokens: int, generated_tokens: int) -> Visit:
    kind, model = _kind(number, service)
    person = number * 7919 % 240
    return Visit(
        at_s=at_s,
        number=number,
        kind=kind,
        model=model,
        input_tokens=context_tokens,
        output_tokens=max(1, generated_tokens),
        user_id=f"reader-{person:03d}",
        user_tier=_TIERS[person % len(_TIERS)],
        session_id=f"visit-{person:03d}-{number // 960}",
        feature=_FEATURES[number % len(_FEATURES)] if service == "conv" else "review",
        tenant=_TENANTS[person % len(_TENANTS)],
    )


def _kind(number: int, service: str) -> tuple[Kind, str]:
    if service == "code":
        return ("review_stream" if number % 3 == 0 else "review", "claude-haiku-4-5")
    if number % 31 == 0:
        return "listen", "whisper-1"
    if number % 29 == 0:
        return "speak", "tts-1"
    if number % 5 == 0:
        return "search", "text-embedding-3-small"
    if number % 97 == 0:
        return "ask", "shelf-ranker-preview"  # a model that no price list knows
    if number % 7 == 0:
        return "review_stream", "claude-sonnet-4-5"
    return ("ask_stream" if number % 2 else "ask", "gpt-5.4" if number % 11 == 0 else "gpt-5-mini")


def _trace() -> list[tuple[int, str, int, int]]:
    text = (resources.files("spanledger_examples") / "data" / "azure-llm-2023" / "requests.csv").read_text()
    return [
        (int(r["offset_ms"]), r["service"], int(r["context_tokens"]), int(r["generated_tokens"]))
        for r in csv.DictReader(text.splitlines())
    ]
