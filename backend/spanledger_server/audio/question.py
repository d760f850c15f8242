"""What is asked about audio: a window, filters, and the values that the statements bind for them.

Given texts of filters, gives conditions on spans of audio and on calls about sound. What only calls know (model,
provider, operation) holds for a span when its trace has such a call; what only spans know (stage, format, source,
name, status, problem) holds for a call when its trace has such a span.

Never: text of a user inside a statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.audio.sources import EVERY_ROW, Kept, Sources, kept
from spanledger_server.measures import MEASURES, PLACES, PROBLEMS
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range
from spanledger_server.traces.filters import STATUSES, Conditions, Subject

_OF_CALLS: Final = ("model", "provider", "operation")
_OF_SPANS: Final = ("name", "status", "stage", "format", "source", "problem")
_OF_BOTH: Final = ("service", "user_id", "session_id", "feature", "tenant", "user_tier", "trace_id")
_ROLLED: Final = frozenset(
    {"service", "name", "status", "stage", "format", "source", "feature", "tenant", "user_tier"}
)  # what rollups know of a span
AUDIO: Final = Subject(
    (*_OF_BOTH[:1], *_OF_SPANS, *_OF_CALLS, *_OF_BOTH[1:]),
    {"status": STATUSES, "problem": tuple(each.name for each in PROBLEMS)},
)
_NUMBERS: Final = {each.name: number for number, each in enumerate(PROBLEMS, 1)}
_PROBLEMS: Final[dict[str, Any]] = {
    "judged_by": [PLACES[each.metric] for each in PROBLEMS],
    "problem_above": [each.above for each in PROBLEMS],
    "problem_limits": [float(each.limit) for each in PROBLEMS],
}
OF_CLIPS: Final = [PLACES[each.name] for each in MEASURES if each.of == "clips"]


@dataclass(frozen=True, slots=True)
class Question:
    """A window and what must hold of what is in it."""

    window: Range
    conditions: Conditions

    def bound(self, sources: Sources = EVERY_ROW, having: int | None = None) -> dict[str, Any]:
        """The named parameters of what statements choose from.

        Args:
            sources: What of the window is read from rollups.
            having: Place of a measure: only spans that have it.
        """
        asked = self.conditions.bound()
        for key in ("problem", "not_problem"):
            asked[key] = None if asked[key] is None else [_NUMBERS[name] for name in asked[key]]
        return {
            **_PROBLEMS,
            **asked,
            **sources.rows(self.window),
            "having": having,
            "judged": "problem" in self.conditions.asked(),
            "of_calls": any(key in self.conditions.include for key in _OF_CALLS),
            "not_of_calls": any(key in self.conditions.exclude for key in _OF_CALLS),
        }

    @property
    def of_spans(self) -> bool:
        """Whether something is asked that only spans know."""
        return not self.conditions.asked().isdisjoint(_OF_SPANS)

    @property
    def rolled(self) -> bool:
        """Whether rollups know all that is asked."""
        return self.conditions.asked() <= _ROLLED

    @property
    def least_clip(self) -> int:
        """Which spans count as audios: where stages are asked for, each; where a service is, what is one within it."""
        if not {"stage", "name"}.isdisjoint(self.conditions.include):
            return 0
        return 1 if "service" in self.conditions.include else 2

    def kept_from(self, reader: Reader) -> int:
        """Since when all of what answers it is kept, in ns; 0 where nothing was deleted yet."""
        found: Kept = kept(reader)
        return found.days_ns if self.rolled else found.rows_ns

    def before(self, reader: Reader) -> Question | None:
        """The same of as long a window just before; None where something of it may be deleted."""
        from_ns = self.window.from_ns - self.window.length_ns
        if from_ns < max(1, self.kept_from(reader)):
            return None
        return Question(Range(from_ns, self.window.from_ns), self.conditions)
