"""Redis: logs in and asks PING, in RESP.

Never: a command that changes something, or one that takes its time.
"""

from __future__ import annotations

from typing import Any, Final

from spanledger_server.health.answer import Answer, BrokenError, visible
from spanledger_server.health.options import trust
from spanledger_server.health.question import Kind, Question
from spanledger_server.health.wire import Line

SCHEMES: Final = {"redis": 6379, "rediss": 6379}
MOST_BYTES: Final = 1024 * 1024  # of a reply
MOST_PARTS: Final = 1000
DEEPEST: Final = 4


class Redis:
    """A connection that is logged in; closed by `with`."""

    def __init__(self, question: Question) -> None:
        place = question.at
        trusted = question.trust if place.scheme == "rediss" else None
        self.line = Line.opened(place.host, place.port, question.deadline, trusted)
        try:
            if place.password:
                self.told("AUTH", *([place.user] if place.user else []), place.password)
            self.database = _database(place.path)
            if self.database:
                self.told("SELECT", str(self.database))
        except BaseException:
            self.line.__exit__()
            raise

    def __enter__(self) -> Redis:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.__exit__()

    def told(self, *command: str | bytes) -> Any:
        """What it says to a command.

        Raises:
            BrokenError: It is an error, or no RESP.
        """
        parts = [each.encode() if isinstance(each, str) else each for each in command]
        self.line.send(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in parts))
        return self._reply(0)

    def _reply(self, depth: int) -> Any:
        found = self.line.line()
        kind, rest = found[:1], found[1:]
        if kind == b"-":
            raise BrokenError(f"answered {visible(rest.decode('utf-8', 'replace'))}")
        if kind == b"+":
            return rest.decode("utf-8", "replace")
        if kind not in (b":", b"$", b"*") or not rest.lstrip(b"-").isdigit() or len(rest) > 20:
            raise BrokenError("answered something that is not RESP")
        count = int(rest)
        if kind == b":":
            return count
        if count < 0:
            return None
        if count > (MOST_BYTES if kind == b"$" else MOST_PARTS) or depth > DEEPEST:
            raise BrokenError("answered far too much")
        if kind == b"$":
            return self.line.exactly(count + 2)[:-2]
        return [self._reply(depth + 1) for _ in range(count)]


def _database(path: str) -> int:
    number = path.strip("/")
    return int(number) if number.isdigit() and len(number) < 6 else 0


def ask(question: Question) -> Answer:
    """Log in and ask PING."""
    with Redis(question) as redis:
        said = redis.told("PING")
        if said not in ("PONG", b"PONG"):
            raise BrokenError("did not answer PONG")
        return question.answered("answered PONG", redis.line)


KIND: Final = Kind(
    name="redis",
    meaning="Redis lets in and answers PING",
    target="redis://user:password@host:6379/0, or rediss:// for TLS",
    schemes=SCHEMES,
    options=trust(),
    ask=ask,
)
