"""SMTP: greets, says what it can, agrees on TLS, and says goodbye.

Never: a message, or the name of a mailbox.
"""

from __future__ import annotations

from typing import Final

from spanledger_server.health.answer import Answer, BrokenError, visible
from spanledger_server.health.options import Option, one_of, trust
from spanledger_server.health.question import Kind, Question
from spanledger_server.health.wire import Line

MOST_LINES: Final = 100
HELLO: Final = "EHLO spanledger.invalid"


def ask(question: Question) -> Answer:
    """Greet, and go on with TLS where that is wanted."""
    place, wanted = question.at, question.options["starttls"]
    secure = place.scheme == "smtps"
    with Line.opened(place.host, place.port, question.deadline, question.trust if secure else None) as line:
        _reply(line, 220, "its greeting")
        offered = _said(line, HELLO, 250)
        if not secure and wanted != "never":
            if "STARTTLS" in (each.split(" ")[0].upper() for each in offered):
                _said(line, "STARTTLS", 220)
                line.secure(question.trust)
                _said(line, HELLO, 250)
            elif wanted == "required":
                raise BrokenError("does not offer STARTTLS")
        answer = question.answered("takes mail" + (" over TLS" if line.secured else ""), line, tls=line.secured)
        line.send(b"QUIT\r\n")
        return answer


def _said(line: Line, command: str, wanted: int) -> list[str]:
    line.send(f"{command}\r\n".encode())
    return _reply(line, wanted, command.split(" ")[0])


def _reply(line: Line, wanted: int, what: str) -> list[str]:
    found = []
    for _ in range(MOST_LINES):
        text = line.line().decode("utf-8", "replace")
        if not text[:3].isdigit() or text[3:4] not in ("", " ", "-"):
            raise BrokenError("answered something that is not SMTP")
        if text[:3] != str(wanted):
            raise BrokenError(f"answered {visible(text, 150)} to {what}")
        found.append(text[4:])
        if text[3:4] != "-":
            return found
    raise BrokenError("did not come to the end of its answer")


KIND: Final = Kind(
    name="smtp",
    meaning="a mail server greets and agrees on TLS",
    target="smtp://host:25, or smtps://host:465",
    schemes={"smtp": 25, "smtps": 465},
    options={
        "starttls": Option("if offered", one_of("if offered", "required", "never"), "whether to go on with TLS"),
        **trust(),
    },
    ask=ask,
)
