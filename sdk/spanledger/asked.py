"""Whether a model was asked in a request: what is raised there by the program may repeat the prompt or the answer.

Given a context, `listening` gives one of whose model calls it will be known; calls say so with `tell`. Given an
exception, `repeats` marks it as one that may repeat them, which is what log records go by that are written of it later.

Never: a reference to a prompt or an answer.
"""

from __future__ import annotations

import traceback
from contextlib import suppress
from typing import Any, Final

from opentelemetry.context import Context, create_key

from spanledger.withheld import MARK, count, held_of, without

ASKED: Final = create_key("spanledger-asked")


def tell(around: Context) -> None:
    """A model is asked in this context."""
    told: list[None] | None = around.get(ASKED)  # type: ignore[assignment]
    if told is not None and not told:
        told.append(None)


def repeats(error: Exception) -> dict[str, Any]:
    """Mark an exception that left a request in which a model was asked.

    Returns:
        The attributes of its event: where it comes from, and not what it says.
    """
    with suppress(Exception):  # some refuse attributes
        setattr(error, MARK, True)
    held = held_of(error)
    count("spans.exception", "what an exception says in a request that asked a model", "SPANLEDGER_SPANS_CONTENT")
    trace = "".join(traceback.format_exception(error))
    return {
        "exception.message": without(str(error), held),
        "exception.stacktrace": without(trace, held),
    }
