"""The pictures of README and docs: `make screenshots`.

Starts a backend of its own, gives it a month of ledger lines and a quarter of an hour of calls made from the demo's
traffic, and keeps sending while docs/pictures/{live,costs,trace,alert,trends,audio}-{light,dark}.png and live-phone.png are taken.

Never: the token in a picture; it is gone from the address before the first one is taken.
"""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browser import listening, scene
from tests.browser.browsing import Visitor, chromium, executable
from tests.support.server import Server

TARGET = Path(__file__).resolve().parents[2] / "docs" / "pictures"
MOST_BYTES = 300_000
SETTLE_MS = 1500
COLOURED_WITHIN_MS = 90_000
SPEED = 0.25
RULES = (
    {
        "name": "Calls fail",
        "condition": "error_rate > 0.5%",
        "severity": "critical",
        "duration_seconds": 0,
        "annotations": {"runbook_url": "https://example.com/runbooks/calls-fail"},
    },
    {"name": "Slow answers", "condition": "p95_latency > 500", "group_by": ["model"], "duration_seconds": 0},
)


def main() -> None:
    """Take all pictures."""
    if executable() is None:
        raise SystemExit("The pictures need Chromium; there is none on the path, and $CHROMIUM names none.")
    TARGET.mkdir(parents=True, exist_ok=True)
    ended = threading.Event()
    with tempfile.TemporaryDirectory(prefix="spanledger-pictures-") as directory:
        variables = {
            "SPANLEDGER_LATE_LIMIT": "40d",
            "SPANLEDGER_RETENTION_RAW": "41d",
            "SPANLEDGER_ENVIRONMENT": "production",
        }
        server = Server(Path(directory), **variables, SPANLEDGER_RETENTION_MINUTES="41d").start()
        sender = threading.Thread(target=go_on, args=(server, ended))
        try:
            now_ns = time.time_ns()
            scene.send(server, logs=scene.month(now_ns, days=30, per_day=1200))
            scene.send(server, scene.quarter_hour(now_ns, speed=SPEED))
            listening.send(server, now_ns)
            with server.client() as client:
                for rule in RULES:
                    client.post("/api/v1/rules", json=rule).raise_for_status()
            sender.start()
            take(server)
        finally:
            ended.set()
            if sender.is_alive():
                sender.join()
            server.stop()


def go_on(server: Server, ended: threading.Event) -> None:
    """Calls at their own times, from now on until the end."""
    began = time.monotonic()
    for visit in scene.traffic(SPEED):
        if ended.wait(max(0.0, began + visit.at_s - time.monotonic())):
            return
        scene.send(server, [scene.call(replace(visit, number=visit.number + 1_000_000), time.time_ns())])


def take(server: Server) -> None:
    """All pictures, once figures and colours are there."""
    with sync_playwright() as playwright, chromium(playwright) as browser:
        for theme in ("light", "dark"):
            visitor = Visitor(browser, server.url, theme=theme)
            visitor.sign_in(server.token)
            dialogue = scene.dialogue(time.time_ns())
            scene.send(server, [dialogue], [scene.dialogue_logs(dialogue)])
            visitor.open("/costs?period=month&group=model")
            expect(visitor.find(".breakdown .slot5")).to_be_visible(timeout=COLOURED_WITHIN_MS)
            shoot(visitor, f"costs-{theme}")
            visitor.open(f"/traces/{dialogue.hex_id}")
            visitor.find(".row", has_text="chat claude-sonnet-4-5").click()
            expect(visitor.find(".cost-box")).to_be_visible()
            shoot(visitor, f"trace-{theme}")
            visitor.open("/alerts")
            visitor.page.get_by_role("link", name="Calls fail").first.click()
            expect(visitor.find(".story .facts")).to_be_visible()
            shoot(visitor, f"alert-{theme}")
            visitor.open("/trends?period=hour")
            expect(visitor.find(".against")).to_be_visible()
            shoot(visitor, f"trends-{theme}")
            visitor.open("/audio?from=now-11h&metric=dnsmos")
            expect(visitor.find(".audio-groups")).to_be_visible()
            shoot(visitor, f"audio-{theme}")
            visitor.open("/")
            expect(visitor.find(".tile path.line")).not_to_have_count(0)
            shoot(visitor, f"live-{theme}")
            visitor.leave()
        visitor = Visitor(browser, server.url, phone=True)
        visitor.sign_in(server.token)
        visitor.open("/")
        expect(visitor.find(".tile path.line")).not_to_have_count(0)
        shoot(visitor, "live-phone")
        visitor.leave()


def shoot(visitor: Visitor, name: str) -> None:
    """One picture, after charts have been drawn."""
    path = TARGET / f"{name}.png"
    visitor.page.mouse.move(0, 0)
    visitor.page.wait_for_timeout(SETTLE_MS)
    visitor.page.screenshot(path=path)
    size = path.stat().st_size
    print(f"{path} {size // 1000} kB")
    assert size <= MOST_BYTES, f"{name} is too large for the repository"


if __name__ == "__main__":
    main()
