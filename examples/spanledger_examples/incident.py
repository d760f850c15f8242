"""An hour of a voice desk in which five minutes went wrong, and four objectives that say so.

`main` is what ``spanledger demo --incident`` runs: a backend of its own, the hour sent to it over OTLP as if it had
just passed, the objectives of ``spanledger slo defaults audio``, and what they came to. For five minutes requests
failed (for three of them all), the others were slow, and the audio stage sounded bad. It ends after
``DEMO_SECONDS``, or on Ctrl-C.

Never: random numbers, or a request that is older than the backend takes.
"""

from __future__ import annotations

import os
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console

from spanledger_examples.beside import beside
from spanledger_examples.processes import Child, DemoError, free_port
from spanledger_server.slos import ready

SERVICE: Final = "voice-desk"
MINUTES: Final = 60
A_MINUTE: Final = 120  # requests
INCIDENT: Final = range(35, 40)  # minutes
DOWN: Final = range(36, 39)  # those of them in which nothing was answered
BATCH: Final = 1200  # spans
NS: Final = 10**9
PATIENCE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Told:
    """What was sent.

    Attributes:
        requests: How many in all.
        failed: How many of them failed.
        slow: How many took longer than a tenth of a second.
        bad: How many sounded bad.
    """

    requests: int
    failed: int
    slow: int
    bad: int


def send(client: httpx.Client, now_ns: int) -> Told:
    """The hour before `now_ns`, in whole minutes, over OTLP.

    Args:
        client: To the backend, with a token that may send.
        now_ns: The time.
    """
    first_ns = (now_ns // (60 * NS) - MINUTES) * 60 * NS
    each = list(_spans(first_ns))
    for start in range(0, len(each), BATCH):
        resource = {"attributes": _attributes({"service.name": SERVICE})}
        scope = {"spans": [span for span, _ in each[start : start + BATCH]]}
        body = {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}
        client.post("/v1/traces", json=body).raise_for_status()
    found = [sort for _, sort in each]
    return Told(len(found), *(sum(sort[number] for sort in found) for number in range(3)))


def define(client: httpx.Client) -> None:
    """The objectives to begin with, for the voice desk."""
    text = ready.text("audio", SERVICE).encode()
    client.post("/api/v1/slos", content=text, headers={"content-type": "application/yaml"}).raise_for_status()


def came_to(client: httpx.Client, requests: int) -> dict[str, dict[str, Any]]:
    """The report of each objective, once all requests are counted.

    Raises:
        DemoError: They are not after a minute.
    """
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = client.get(f"/api/v1/slos/{SERVICE}-availability/report").raise_for_status().json()
        if found["total"] == requests:
            names = [one["name"] for one in client.get("/api/v1/slos").raise_for_status().json()["slos"]]
            return {name: client.get(f"/api/v1/slos/{name}/report").raise_for_status().json() for name in names}
        time.sleep(0.2)
    raise DemoError(f"the backend has not counted {requests} requests within {PATIENCE_S:g} s")


def _spans(first_ns: int) -> Iterator[tuple[dict[str, Any], tuple[bool, bool, bool]]]:
    """Each request, and whether it failed, was slow, sounded bad."""
    for number in range(MINUTES * A_MINUTE):
        minute, within = divmod(number, A_MINUTE)
        wrong = minute in INCIDENT
        failed, slow = minute in DOWN or (wrong and number % 3 > 0), wrong or number % 40 == 7
        end_ns = first_ns + (minute * 60 + within * 60 // A_MINUTE) * NS + NS // 2
        heard = {"audio.pesq": 2.4 if wrong else 4.1, "audio.stoi": 0.71 if wrong else 0.95}
        span = {
            "traceId": f"{0x7E1E_0000_0000_0000_0000_0000_0000_0000 + number:032x}",
            "spanId": f"{0xDE5C_0000_0000_0000 + number:016x}",
            "traceState": "ot=th:0",
            "name": "POST /speak",
            "kind": 2,
            "startTimeUnixNano": str(end_ns - (450 if slow else 60) * 10**6),
            "endTimeUnixNano": str(end_ns),
            "attributes": _attributes(
                {"http.route": "/speak", "http.response.status_code": 503 if failed else 200} | heard
            ),
            "status": {"code": 2 if failed else 0},
        }
        yield span, (failed, slow, wrong)


def _attributes(given: dict[str, str | int | float]) -> list[dict[str, Any]]:
    kinds = {str: "stringValue", int: "intValue", float: "doubleValue"}
    return [{"key": key, "value": {kinds[type(value)]: value}} for key, value in given.items()]


def main() -> int:
    """Run it; returns the exit code."""
    console = Console()
    try:
        with ExitStack() as down:
            before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # it takes its backend along
            down.callback(signal.signal, signal.SIGTERM, before)
            return _run(console, down)
    except KeyboardInterrupt:
        return 0
    except (DemoError, httpx.HTTPError) as failure:
        console.print(f"[bold red]The demo stopped:[/] {failure}", highlight=False)
        return 1


def _run(console: Console, down: ExitStack) -> int:
    directory = Path(down.enter_context(tempfile.TemporaryDirectory(prefix="spanledger-incident-")))
    port = free_port(8321, "SPANLEDGER_PORT")
    url, token = f"http://127.0.0.1:{port}", f"sl_{secrets.token_urlsafe(24)}"
    serve = ["spanledger_server", "serve", "--port", str(port), "--otlp-http-port", "0", "--otlp-grpc-port", "0"]
    serve += ["--data-dir", str(directory)]
    child = Child("backend", serve, {"SPANLEDGER_ADMIN_TOKEN": token}, directory / "backend.log")
    down.callback(child.stop)
    child.wait_until_answers(f"{url}/readyz")
    client = down.enter_context(httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=60))
    told = send(client, time.time_ns())
    define(client)
    console.print(f"Dashboard  [bold]{url}/slos#token={token}[/]", highlight=False, soft_wrap=True)
    console.print(
        f"{told.requests} requests of one hour; in five minutes {told.failed} failed, and {told.bad} sounded bad.\n"
    )
    for name, one in came_to(client, told.requests).items():
        left = "—" if one["remaining_ratio"] is None else f"{one['remaining_ratio']:.0%}"
        console.print(
            f"{name:26} {one['state']:8} {left:>8} of the budget left, down {one['downtime_minutes']:g} min, "
            f"bad {one['bad_minutes']:g} min",
            highlight=False,
            soft_wrap=True,
        )
    typed = down.enter_context(beside(url, token, f"slo report {SERVICE}-availability"))
    console.print(f"\nTerminal   {typed}", highlight=False, soft_wrap=True)
    _wait()
    return 0


def _wait() -> None:
    """Until Ctrl-C, or as long as ``DEMO_SECONDS`` says."""
    seconds = os.environ.get("DEMO_SECONDS")
    try:
        threading.Event().wait(float(seconds) if seconds else None)
    except ValueError as malformed:
        raise DemoError(f"DEMO_SECONDS={seconds!r} is not a number") from malformed


if __name__ == "__main__":
    raise SystemExit(main())
