"""TCP: something listens there.

Never: a byte that is sent; what listens may take offence.
"""

from __future__ import annotations

from typing import Final

from spanledger_server.health.answer import Answer
from spanledger_server.health.question import Kind, Question
from spanledger_server.health.wire import Line


def ask(question: Question) -> Answer:
    """Connect, and hang up."""
    with Line.opened(question.at.host, question.at.port, question.deadline):
        return question.answered("connected")


KIND: Final = Kind(
    name="tcp",
    meaning="a port accepts connections",
    target="host:port",
    schemes={"tcp": None},
    options={},
    ask=ask,
)
