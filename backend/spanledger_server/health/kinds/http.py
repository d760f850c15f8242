"""HTTP: a status, perhaps a text, within a time.

Never: more of an answer than is needed, or a redirect that was followed silently.
"""

from __future__ import annotations

import base64
from http.client import HTTPException, HTTPResponse
from typing import Any, Final, cast
from urllib.parse import urljoin

from spanledger_server.health import target
from spanledger_server.health.answer import Answer, BrokenError, visible
from spanledger_server.health.options import Option, headers, number, one_of, statuses, text, trust
from spanledger_server.health.question import Kind, Question
from spanledger_server.health.target import Place
from spanledger_server.health.wire import Line

SCHEMES: Final = {"https": 443, "http": 80}
MOST_BYTES: Final = 256 * 1024  # of a body in which a text is looked for
AGENT: Final = "spanledger health check"
REDIRECTS: Final = (301, 302, 303, 307, 308)


def ask(question: Question) -> Answer:
    """Get the address, follow as many redirects as are allowed, and judge the last answer."""
    options, place, hops = question.options, question.at, 0
    while True:
        line = Line.opened(
            place.host, place.port, question.deadline, question.trust if place.scheme == "https" else None
        )
        with line:
            response = _got(line, place, options["method"], _headers(question, place))
            location = response.getheader("Location")
            if response.status not in REDIRECTS or location is None or hops >= options["redirects"]:
                return _judged(question, line, response, hops)
        place, hops = _next(place, location), hops + 1


def _next(place: Place, location: str) -> Place:
    whole = urljoin(f"{place.scheme}://{place.netloc}{place.path}", location)
    try:
        return target.place(whole, SCHEMES)
    except ValueError as error:
        raise BrokenError(f"redirected to {visible(target.shown(location), 100)}, which cannot be asked") from error


def _headers(question: Question, place: Place) -> dict[str, str]:
    """What is sent along; secrets go to the place that they were given for, and nowhere else."""
    given = {"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
    if (place.scheme, place.netloc) != (question.at.scheme, question.at.netloc):
        return given
    if place.user is not None:
        pair = base64.b64encode(f"{place.user}:{place.password or ''}".encode()).decode()
        given["Authorization"] = f"Basic {pair}"
    own: dict[str, str] = question.options["headers"]
    named = {name.lower() for name in own}
    return {name: value for name, value in given.items() if name.lower() not in named} | own


def _got(line: Line, place: Place, method: str, sent: dict[str, str]) -> HTTPResponse:
    usual = place.port == SCHEMES[place.scheme]
    host = place.netloc.rpartition(":")[0] if usual else place.netloc
    asked = f"{place.path or '/'}{'?' if place.query else ''}{place.query}"
    lines = [f"{method} {asked} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in sent.items()]
    line.send("\r\n".join([*lines, "", ""]).encode("ascii", "replace"))
    response = HTTPResponse(cast("Any", line), method=method)
    try:
        response.begin()
    except (HTTPException, ValueError) as error:
        raise BrokenError(_told(error)) from error
    return response


def _told(error: Exception) -> str:
    kind = type(error).__name__
    if kind == "RemoteDisconnected":
        return "hung up without an answer"
    return f"answered something that is not HTTP: {visible(f'{kind} {error}', 100)}"


def _judged(question: Question, line: Line, response: HTTPResponse, hops: int) -> Answer:
    status, options = response.status, question.options
    said = f"answered {status}" + (f" after {hops} redirect{'s' if hops > 1 else ''}" if hops else "")
    if not any(_within(status, each) for each in options["status"]):
        location = response.getheader("Location")
        to = f", to {visible(target.shown(location), 150)}" if location and status in REDIRECTS else ""
        return question.answered(
            f"{said}{to}: not {', '.join(options['status'])}", line, "down", status=status, redirects=hops
        )
    wanted = options["text"]
    if wanted is not None and wanted.encode() not in _body(response):
        return question.answered(f"{said} without the text", line, "down", status=status, redirects=hops)
    return question.answered(said, line, status=status, redirects=hops)


def _body(response: HTTPResponse, most: int = MOST_BYTES) -> bytes:
    try:
        return response.read(most)
    except (HTTPException, ValueError) as error:
        raise BrokenError("its answer broke off") from error


def fetched(question: Question, place: Place, most: int) -> tuple[int, str]:
    """Status and text of an address, for kinds that build on HTTP; at most so many bytes of it.

    Raises:
        BrokenError: There is no answer.
    """
    trusted = question.trust if place.scheme == "https" else None
    with Line.opened(place.host, place.port, question.deadline, trusted) as line:
        response = _got(line, place, "GET", {"User-Agent": AGENT, "Accept": "*/*"})
        return response.status, _body(response, most).decode("utf-8", "replace")


def _within(status: int, wanted: str) -> bool:
    first, _, last = wanted.partition("-")
    return int(first) <= status <= int(last or first)


KIND: Final = Kind(
    name="http",
    meaning="an address answers with a status, within a time",
    target="https://host/path or http://host:port/path",
    schemes=SCHEMES,
    options={
        "method": Option("GET", one_of("GET", "HEAD"), "GET or HEAD"),
        "status": Option(["200-299"], statuses, "statuses that are well: 200, 200-299, or a list of them"),
        "text": Option(None, text(), "text that its first 256 KiB must hold"),
        "headers": Option({}, headers, "headers to send along; their values are secret", secret=True),
        "redirects": Option(0, number(0, 5, whole=True), "how many redirects are followed"),
        **trust(),
    },
    ask=ask,
)
