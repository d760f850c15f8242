"""What somebody sends: definitions of either form, checked all together, each mistake with the line it stands in.

Given a body and what is known here, gives the definitions, each with the OpenSLO document that it came from; or all
that is wrong with any of them, also with their names and with what composites are made of.

Never: some of a body, where anything in it is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.errors import Invalid, Malformed, Mistakes
from spanledger_server.slos import definition, documents, openslo, register
from spanledger_server.slos.documents import MOST_OBJECTIVES, Document
from spanledger_server.slos.known import Known
from spanledger_server.slos.openslo import Refused
from spanledger_server.store.database import Reader

MOST_TOLD: Final = 100  # mistakes


@dataclass(frozen=True, slots=True)
class Given:
    """A definition.

    Attributes:
        definition: What `definition.py` reads.
        document: The OpenSLO document that it came from; None for one of our own form.
        placed: What is wrong with it -> the same, where that stands in the body.
    """

    definition: Mapping[str, Any]
    document: str | None
    placed: Callable[[Invalid], Invalid]


def read(body: bytes, known: Known | None = None) -> list[Given]:
    """The definitions of a body; checked where `known` is given.

    Raises:
        Malformed: There is nothing in it that could be one.
        Mistakes: With all that is wrong.
    """
    found, refused = _read(body, known)
    _refuse([mistake for one in refused for mistake in one.mistakes])
    return found


def checked(reader: Reader, body: bytes, known: Known, *, new: bool = True) -> list[Given]:
    """The definitions of a body, checked by themselves, beside one another and beside those that are kept.

    Args:
        reader: One snapshot.
        body: OpenSLO documents, or definitions of our own form.
        known: What there is.
        new: Whether their names must be free.

    Raises:
        Malformed: There is nothing in it that could be a definition.
        Mistakes: With all that is wrong.
    """
    found, refused = _read(body, known)
    wrong = [mistake for one in refused for mistake in one.mistakes]
    beside = frozenset(name for one in refused for name in one.names)
    each = register.mistakes(reader, [one.definition for one in found], new=new, beside=beside)
    wrong += [one.placed(mistake) for one, own in zip(found, each, strict=True) for mistake in own]
    _refuse(wrong)
    return found


def _refuse(mistakes: Sequence[Invalid]) -> None:
    if not mistakes:
        return
    more = [Invalid("body", f"{len(mistakes)} mistakes", f"none; the first {MOST_TOLD} are told")]
    raise Mistakes([*mistakes[:MOST_TOLD], *(more if len(mistakes) > MOST_TOLD else ())])


def _read(body: bytes, known: Known | None) -> tuple[list[Given], list[Refused]]:
    found = documents.read(body)
    if not found:
        raise Malformed("the body is empty: send an OpenSLO document or a definition of your own")
    if len(found) > MOST_OBJECTIVES:
        raise Invalid("body", f"{len(found)} documents", f"at most {MOST_OBJECTIVES} at once")
    if any(isinstance(one.value, Mapping) and "apiVersion" in one.value for one in found):
        ours, refused = openslo.read(found, known)
        if len(ours) > MOST_OBJECTIVES:
            raise Invalid("body", f"{len(ours)} objectives", f"at most {MOST_OBJECTIVES} at once")
        return [Given(one.definition, one.document, one.placed) for one in ours], refused
    given, refused = [], []
    for one in found:
        placed = one.placed if len(found) > 1 or "\n" in one.text.strip() else _as_it_is
        mistakes = _mistakes(one, known)
        if mistakes:
            name = one.value.get("name") if isinstance(one.value, Mapping) else None
            refused.append(Refused([placed(mistake) for mistake in mistakes], frozenset((str(name),))))
        else:
            given.append(Given(one.value, None, placed))
    return given, refused


def _mistakes(one: Document, known: Known | None) -> Sequence[Invalid]:
    try:
        definition.parse(one.value, known)
    except Mistakes as mistakes:
        return mistakes.each
    return ()


def _as_it_is(mistake: Invalid) -> Invalid:
    return mistake
