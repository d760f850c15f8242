"""The system, as telemetry tells it: CPU, memory, queues and requests under way, above a limit or not.

Never: a verdict from a figure of long ago, or from none.
"""

from __future__ import annotations

from typing import Final

from spanledger_server.health.answer import Answer
from spanledger_server.health.options import Option, number
from spanledger_server.health.question import Kind, Question
from spanledger_server.statistics import periods, system
from spanledger_server.timegrid import MINUTE_NS, Range

FIGURES: Final = {
    "cpu_usage": " %",
    "memory_usage": " %",
    "queue_length": "",
    "active_requests": "",
    "db_connections_used": "",
}
JUDGED_MIN: Final = 5
LIMIT: Final = number(0, 10**12)


def ask(question: Question) -> Answer:
    """The newest minute of the last five in which anybody told the figure."""
    to_ns = (question.now_ns // MINUTE_NS + 1) * MINUTE_NS
    window = Range(max(0, to_ns - JUDGED_MIN * MINUTE_NS), to_ns)
    period = periods.stepped("hour", window, MINUTE_NS, periods.UTC_ZONE)
    with question.house.database.reader() as reader:
        found = system.figures(reader, period)
    values = [found[part][question.target] for part in sorted(found)]
    value = next((each for each in reversed(values) if each is not None), None)
    unit = FIGURES[question.target]
    if value is None:
        return Answer("unknown", f"nobody has told of it for {JUDGED_MIN} min")
    above, worse = question.options["above"], question.options["down_above"]
    said, told = f"at {round(value, 1):g}{unit}", {question.target: value}
    if worse is not None and value > worse:
        return Answer("down", f"{said}, more than {worse:g}{unit}", None, told)
    if value > above:
        return Answer("degraded", f"{said}, more than {above:g}{unit}", None, told)
    return Answer("healthy", said, None, told)


KIND: Final = Kind(
    name="system",
    meaning="a figure of the system, as telemetry tells it, is not above a limit",
    target=f"one of {', '.join(FIGURES)}",
    allowed=tuple(FIGURES),
    options={
        "above": Option(90, LIMIT, "degraded above it"),
        "down_above": Option(None, number(0, 10**12, none=True), "down above it; null: never"),
    },
    ask=ask,
)
