"""What is asked about audio: a window, filters, and the values that the statements bind for them.

Given texts of filters, gives conditions on spans of audio and on calls about sound. What only calls know (model,
provider, operation) holds for a span when its trace has such a call; what only spans know (stage, format, source,
name, status, problem) holds for a call when its trace has such a span.

Never: text of a user inside a statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.audio.measures import BY_NAME, MEASURES, PLACES, PROBLEMS, TEXTS, TOLD
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, Range
from spanledger_server.traces.filters import STATUSES, Conditions, Subject

SQL: Final = sqlfile.load(__package__)
_OF_CALLS: Final = ("model", "provider", "operation")
_OF_SPANS: Final = ("name", "status", "stage", "format", "source", "problem")
_OF_BOTH: Final = ("service", "user_id", "session_id", "feature", "tenant", "user_tier", "trace_id")
AUDIO: Final = Subject(
    (*_OF_BOTH[:1], *_OF_SPANS, *_OF_CALLS, *_OF_BOTH[1:]),
    {"status": STATUSES, "problem": tuple(each.name for each in PROBLEMS)},
)
_NUMBERS: Final = {each.name: number for number, each in enumerate(PROBLEMS, 1)}
_SPANS: Final[dict[str, Any]] = {
    "paths": [f'$."audio.{name}"' for name in (*TEXTS, *TOLD)],
    "least": [BY_NAME[name].least for name in TOLD],
    "greatest": [BY_NAME[name].most for name in TOLD],
    "limits": [each.limit for each in PROBLEMS],
    "above": [each.above for each in PROBLEMS],
    "judged_by": [PLACES[each.metric] for each in PROBLEMS],
    "words": PLACES["word_error_rate"],
    "references": [PLACES[each.name] for each in MEASURES if each.of == "compared"],
    "features": [PLACES[each.name] for each in MEASURES if each.of == "heard"],
}
OF_CLIPS: Final = [PLACES[each.name] for each in MEASURES if each.of == "clips"]


@dataclass(frozen=True, slots=True)
class Question:
    """A window and what must hold of what is in it."""

    window: Range
    conditions: Conditions

    def bound(self) -> dict[str, Any]:
        """The named parameters of all statements."""
        asked = self.conditions.bound()
        for key in ("problem", "not_problem"):
            asked[key] = None if asked[key] is None else [_NUMBERS[name] for name in asked[key]]
        return {
            **_SPANS,
            **asked,
            "from_ns": self.window.from_ns,
            "to_ns": self.window.to_ns,
            "margin_ns": min(HOUR_NS, self.window.length_ns, self.window.from_ns),
            "of_calls": any(key in self.conditions.include for key in _OF_CALLS),
            "not_of_calls": any(key in self.conditions.exclude for key in _OF_CALLS),
        }

    @property
    def of_spans(self) -> bool:
        """Whether something is asked that only spans know."""
        return not self.conditions.asked().isdisjoint(_OF_SPANS)

    def before(self, reader: Reader) -> Question | None:
        """The same of as long a window just before; None where spans of it may be deleted."""
        from_ns = self.window.from_ns - self.window.length_ns
        if from_ns < max(1, kept_from(reader)):
            return None
        return Question(Range(from_ns, self.window.from_ns), self.conditions)


def kept_from(reader: Reader) -> int:
    """Since when all spans are kept, in ns; 0 where none were deleted yet."""
    return int(reader.value(SQL["kept_from"]) or 0)
