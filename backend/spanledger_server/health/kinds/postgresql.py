"""PostgreSQL: a real login and SELECT 1, in its protocol 3.

Spoken here, not by libpq, so that the whole look has one deadline and reads no password files or variables of this
machine.

Never: a password in the clear over a connection that others can read.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import Final

from spanledger_server.health.answer import Answer, BrokenError, CannotError, visible
from spanledger_server.health.options import Option, one_of, trust
from spanledger_server.health.question import Kind, Question
from spanledger_server.health.scram import Scram
from spanledger_server.health.wire import Line

SSL_REQUEST: Final = struct.pack("!II", 8, 80877103)
PROTOCOL: Final = 196608  # 3.0
MOST_BYTES: Final = 64 * 1024  # of a message
MOST_MESSAGES: Final = 1000
OK, CLEARTEXT, MD5, SASL, SASL_CONTINUE, SASL_FINAL = 0, 3, 5, 10, 11, 12
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class PostgreSQL:
    """A connection that is logged in."""

    def __init__(self, question: Question, line: Line) -> None:
        self._line = line
        self._user = question.at.user or "postgres"
        self._password = question.at.password
        self._secure(question)
        self._log_in(question.at.path.strip("/") or self._user)

    def selected(self) -> bytes | None:
        """What SELECT 1 gives."""
        self._line.send(_message(b"Q", b"SELECT 1\0"))
        found = None
        for kind, content in self._until(b"Z"):
            if kind == b"D" and len(content) >= 6:
                (length,) = struct.unpack("!i", content[2:6])
                found = content[6 : 6 + length] if length >= 0 else None
        return found

    def goodbye(self) -> None:
        """Take leave."""
        self._line.send(_message(b"X", b""))

    def _secure(self, question: Question) -> None:
        wanted = question.options["tls"]
        if wanted == "off":
            return
        self._line.send(SSL_REQUEST)
        said = self._line.exactly(1)
        if said == b"S":
            self._line.secure(question.trust)
        elif said != b"N":
            raise BrokenError("answered something that is not PostgreSQL")
        elif wanted == "required":
            raise BrokenError("does not offer TLS")

    def _log_in(self, database: str) -> None:
        said = {"user": self._user, "database": database, "application_name": "spanledger health check"}
        pairs = "".join(f"{name}\0{value}\0" for name, value in said.items())
        content = struct.pack("!I", PROTOCOL) + pairs.encode() + b"\0"
        self._line.send(struct.pack("!I", len(content) + 4) + content)
        scram: Scram | None = None
        for kind, content in self._until(b"Z"):
            if kind == b"R":
                scram = self._authenticated(content, scram)

    def _authenticated(self, content: bytes, scram: Scram | None) -> Scram | None:
        if len(content) < 4:
            raise BrokenError("answered something that is not PostgreSQL")
        (how,), rest = struct.unpack("!I", content[:4]), content[4:]
        if how == OK:
            return scram
        if self._password is None:
            raise CannotError("it asks for a password, and the target has none")
        if how == CLEARTEXT:
            if not self._line.secured and self._line.host not in LOOPBACK:
                raise CannotError("it asks for the password in the clear: use TLS")
            self._line.send(_message(b"p", self._password.encode() + b"\0"))
        elif how == MD5 and len(rest) == 4:
            self._line.send(_message(b"p", _md5(self._user, self._password, rest)))
        elif how == SASL and b"SCRAM-SHA-256" in rest.split(b"\0"):
            scram = Scram(self._password)
            first = scram.first()
            self._line.send(_message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first))
        elif how == SASL_CONTINUE and scram is not None:
            self._line.send(_message(b"p", scram.final(rest)))
        elif how == SASL_FINAL and scram is not None:
            scram.verify(rest)
        else:
            raise CannotError("it asks for a way of logging in that is not known here")
        return scram

    def _until(self, last: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Messages as they come, up to one of this kind."""
        for _ in range(MOST_MESSAGES):
            kind, length = struct.unpack("!cI", self._line.exactly(5))
            if not kind.isalpha() or not 4 <= length <= MOST_BYTES:
                raise BrokenError("answered something that is not PostgreSQL")
            content = self._line.exactly(length - 4)
            if kind == b"E":
                raise BrokenError(f"answered: {_error(content)}")
            yield kind, content
            if kind == last:
                return
        raise BrokenError("did not come to the end of its answer")


def _message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!I", len(content) + 4) + content


def _md5(user: str, password: str, salt: bytes) -> bytes:
    inner = hashlib.md5(password.encode() + user.encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode() + b"\0"


def _error(content: bytes) -> str:
    fields = {part[:1]: part[1:].decode("utf-8", "replace") for part in content.split(b"\0") if part}
    return visible(f"{fields.get(b'M', 'an error')} ({fields.get(b'C', '?')})")


def ask(question: Question) -> Answer:
    """Log in and ask SELECT 1."""
    with Line.opened(question.at.host, question.at.port, question.deadline) as line:
        session = PostgreSQL(question, line)
        if session.selected() != b"1":
            raise BrokenError("did not answer 1 to SELECT 1")
        answer = question.answered("answered SELECT 1", line, tls=line.secured)
        session.goodbye()
        return answer


KIND: Final = Kind(
    name="postgresql",
    meaning="PostgreSQL lets in and answers SELECT 1",
    target="postgresql://user:password@host:5432/database",
    schemes={"postgresql": 5432, "postgres": 5432},
    options={
        "tls": Option("if offered", one_of("if offered", "required", "off"), "whether to speak TLS"),
        **trust(verify=False),
    },
    ask=ask,
)
