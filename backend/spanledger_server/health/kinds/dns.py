"""DNS: a name has an answer, perhaps the expected one.

Asked is this machine's resolver, as programs here would ask it, or a server that is named, in DNS' own words over UDP,
and over TCP where the answer is too long.

Never: a name that is followed round in circles, or an answer to somebody else's question.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
import struct
from typing import Any, Final

from spanledger_server.health import names, target
from spanledger_server.health.answer import Answer, BrokenError, CannotError, visible
from spanledger_server.health.options import Option, one_of, texts
from spanledger_server.health.question import Kind, Question
from spanledger_server.health.wire import Line

TYPES: Final = {"A": 1, "NS": 2, "CNAME": 5, "MX": 15, "TXT": 16, "AAAA": 28}
CODES: Final = {1: "format error", 2: "server failure", 3: "no such name", 4: "not implemented there", 5: "refused"}
NAME: Final = re.compile(r"(?=.{1,253}\.?$)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
MOST_JUMPS: Final = 32
TRUNCATED, ANSWER = 0x0200, 0x8000
SERVER: Final = {"dns": 53}


def ask(question: Question) -> Answer:
    """Ask, and lay what comes beside what is expected."""
    options = question.options
    server = options["server"]
    found = _of_machine(question) if server is None else _of_server(question, server)
    expected = [_same(each) for each in options["expect"]]
    said = ", ".join(visible(each, 100) for each in found[:5]) + (" and more" if len(found) > 5 else "")
    missing = [each for each in expected if each not in map(_same, found)]
    if not found:
        return question.answered(f"has no {options['record']} record", None, "down")
    if missing:
        return question.answered(f"gives {said}, not {', '.join(missing)}", None, "down", records=found[:20])
    return question.answered(f"gives {said}", None, records=found[:20])


def _same(record: str) -> str:
    return record.rstrip(".").lower()


def _of_machine(question: Question) -> list[str]:
    if question.options["record"] not in ("A", "AAAA"):
        raise CannotError(f"{question.options['record']} records are asked of a `server` only")
    wanted = socket.AF_INET if question.options["record"] == "A" else socket.AF_INET6
    resolved = names.all_of(question.target, question.deadline)
    return sorted({str(address[0]) for family, address in resolved if family == wanted})


def _of_server(question: Question, server: str) -> list[str]:
    place = target.place(server, SERVER)
    mark, kind = secrets.randbelow(65536), TYPES[question.options["record"]]
    asked = _question(mark, question.target, kind)
    message = _over_udp(question, place.host, place.port, asked)
    if struct.unpack("!H", message[2:4])[0] & TRUNCATED:
        with Line.opened(place.host, place.port, question.deadline) as line:
            line.send(struct.pack("!H", len(asked)) + asked)
            message = line.exactly(struct.unpack("!H", line.exactly(2))[0])
            if message[:2] != asked[:2]:
                raise BrokenError("answered another question")
    try:
        return _records(message, len(asked), kind)
    except (struct.error, IndexError, UnicodeDecodeError, ValueError) as error:
        raise BrokenError("answered something that is not DNS") from error


def _question(mark: int, name: str, kind: int) -> bytes:
    labels = name.rstrip(".").encode("ascii").split(b".")
    encoded = b"".join(bytes([len(each)]) + each for each in labels) + b"\0"
    return struct.pack("!HHHHHH", mark, 0x0100, 1, 0, 0, 0) + encoded + struct.pack("!HH", kind, 1)


def _over_udp(question: Question, host: str, port: int, asked: bytes) -> bytes:
    """The answer to exactly this question; others' are passed over."""
    family, address = names.resolved(host, port, question.deadline)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as opened:
        try:
            opened.connect(address)
            opened.send(asked)
            while True:
                opened.settimeout(question.deadline.left())
                found = opened.recv(65_535)
                flags = struct.unpack("!H", found[2:4])[0] if len(found) >= 12 else 0
                if flags & ANSWER and found[:2] == asked[:2] and found[12 : len(asked)].lower() == asked[12:].lower():
                    return found
        except TimeoutError:
            raise question.deadline.over() from None
        except OSError as error:
            raise BrokenError(f"not reached: {error.strerror or error}") from error


def _records(message: bytes, begin: int, wanted: int) -> list[str]:
    _, flags, _, count, _, _ = struct.unpack("!HHHHHH", message[:12])
    code = flags & 0xF
    if code:
        raise BrokenError(f"answered: {CODES.get(code, f'code {code}')}")
    found, at = [], begin
    for _ in range(count):
        _, at = _name(message, at)
        kind, _, _, length = struct.unpack("!HHIH", message[at : at + 10])
        at += 10
        if kind == wanted:
            found.append(_record(message, at, length, kind))
        at += length
    return sorted(found)


def _record(message: bytes, at: int, length: int, kind: int) -> str:
    content = message[at : at + length]
    if kind in (TYPES["A"], TYPES["AAAA"]):
        return str(ipaddress.ip_address(content))
    if kind == TYPES["MX"]:
        return _name(message, at + 2)[0]
    if kind == TYPES["TXT"]:
        parts, place = [], 0
        while place < len(content):
            parts.append(content[place + 1 : place + 1 + content[place]])
            place += 1 + content[place]
        return b"".join(parts).decode("utf-8", "replace")
    return _name(message, at)[0]


def _name(message: bytes, at: int) -> tuple[str, int]:
    """A name, and what comes behind it.

    Raises:
        ValueError: It goes round in circles.
    """
    labels: list[str] = []
    behind: int | None = None
    for _ in range(MOST_JUMPS * 8):
        length = message[at]
        if length & 0xC0 == 0xC0:
            behind = at + 2 if behind is None else behind
            at = struct.unpack("!H", message[at : at + 2])[0] & 0x3FFF
        elif length:
            labels.append(message[at + 1 : at + 1 + length].decode("latin-1"))
            at += 1 + length
        else:
            return ".".join(labels), at + 1 if behind is None else behind
    raise ValueError("a name without an end")


def _server(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("host or host:port, or null")
    if target.place(value, SERVER).user is not None:
        raise ValueError("host or host:port, or null")
    return value


KIND: Final = Kind(
    name="dns",
    meaning="a name has an answer, perhaps the expected one",
    target="a name",
    options={
        "record": Option("A", one_of(*TYPES), f"one of {', '.join(TYPES)}"),
        "server": Option(None, _server, "whom to ask, host or host:port (53); null: this machine's resolver"),
        "expect": Option([], texts(), "what has to be among the answers"),
    },
    ask=ask,
)
