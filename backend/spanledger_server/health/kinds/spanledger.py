"""This server: it takes data, and its own work is done.

Never: asked over the network; what does not answer would not be there to tell.
"""

from __future__ import annotations

from typing import Final

from spanledger_server.health.answer import Answer, visible
from spanledger_server.health.question import Kind, Question


def ask(question: Question) -> Answer:
    """Why it should be looked at, if anything is."""
    unready = question.house.unready()
    if unready:
        return Answer("down", visible("; ".join(unready)))
    troubles = question.house.troubles()
    if troubles:
        return Answer("degraded", visible("; ".join(troubles)))
    return Answer("healthy", "takes data, and its own work is done")


KIND: Final = Kind(
    name="spanledger",
    meaning="this server takes data, and its own work is done",
    target="",
    options={},
    ask=ask,
)
