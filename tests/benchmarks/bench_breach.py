"""From a call that fails to the message at a channel, at the tick that users have: `BENCH_BREACHES` at shifted phases.

A server as a process of its own, with its usual tick of 10 s, and one program on loopback that is told. Each breach is
a failed call of another service, with a rule and an incident of its own; they are spread evenly over the phases of the
tick. The channels are many, since more than ten messages within five minutes to one of them become a list.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import httpx

from tests.support.providers import Reply, Request, WebhookReceiver
from tests.support.server import Server
from tests.support.telemetry import ledger_event, ledger_request

BREACHES: Final = int(os.environ.get("BENCH_BREACHES", "200"))
APART_S: Final = 0.61  # no part of a tick: 200 of them are at 200 phases
TO_A_CHANNEL: Final = 5
PATIENT_S: Final = 60.0


class Told(WebhookReceiver):
    """Notes when it hears of which service."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: dict[str, float] = {}
        self.all_heard = threading.Event()

    def judge(self, request: Request) -> Reply:
        at = time.monotonic()
        reply = super().judge(request)
        for each in self.taken[-1]["alerts"]:  # one alone, or of a list
            if service := each["labels"].get("service"):  # the default rules speak of all of them together
                self.heard.setdefault(service, at)
        if len(self.heard) >= BREACHES:
            self.all_heard.set()
        return reply


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, Told() as told:
        server = Server(Path(directory)).start()
        try:
            with httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {server.token}"}) as client:
                _set_up(client, told.url)
                happened = _break(server)
                told.all_heard.wait(PATIENT_S)
            _show([told.heard[service] - at for service, at in happened.items() if service in told.heard])
        finally:
            server.stop()


def _set_up(client: httpx.Client, url: str) -> None:
    for number in range(-(-BREACHES // TO_A_CHANNEL)):
        _make(client, "channels", name=f"way {number}", type="webhook", url=url, allow_private=True)
    for number in range(BREACHES):
        rule = {"condition": "error_rate > 0.5", "service": f"service-{number}", "duration_seconds": 0}
        way = f"way {number // TO_A_CHANNEL}"
        _make(client, "rules", name=f"{number} fails", severity="critical", notification_channels=[way], **rule)


def _make(client: httpx.Client, what: str, **body: Any) -> None:
    answer = client.post(f"/api/v1/{what}", json=body, timeout=PATIENT_S)
    assert answer.status_code == 201, answer.text


def _break(server: Server) -> dict[str, float]:
    """Service -> when its failed call was sent."""
    happened: dict[str, float] = {}
    began = time.monotonic()
    headers = {"content-type": "application/x-protobuf"}
    with httpx.Client(base_url=f"http://127.0.0.1:{server.otlp_port}", headers=headers, timeout=PATIENT_S) as sender:
        for number in range(BREACHES):
            time.sleep(max(0.0, began + number * APART_S - time.monotonic()))
            service = f"service-{number}"
            happened[service] = time.monotonic()
            content = ledger_request(ledger_event(error="timeout"), service=service)
            sender.post("/v1/logs", content=content).raise_for_status()
    return happened


def _show(took: list[float]) -> None:
    took.sort()
    at = {share: took[min(len(took) - 1, int(len(took) * share))] for share in (0.5, 0.95, 0.99)}
    told = ", ".join(f"p{share * 100:g} {seconds:.1f} s" for share, seconds in at.items())
    print(f"{len(took)} of {BREACHES} breaches were told: {told}, longest {took[-1]:.1f} s")


if __name__ == "__main__":
    main()
