"""Every page in every face, side by side, to be looked at: `python -m tests.browser.take_sheets DIRECTORY [PART]`.

Starts a backend that holds the scene, objectives, budgets, prices, audio, alerts and hostile names, and one that holds
nothing. Takes each page whose address has PART in it on a desktop and a phone, light and dark, empty, and failing, and
puts the pictures together: DIRECTORY/{face}-{number}.png.

Never: a picture of a page that still loads.
"""

from __future__ import annotations

import base64
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import TimeoutError as Late

from tests.browser import accounts, listening, pledges, scene
from tests.browser.browsing import Visitor, chromium, executable
from tests.browser.scene import HOSTILE
from tests.browser.take_pictures import RULES
from tests.support.server import Server
from tests.support.waiting import until

PAGES = (
    "/",
    "/traces",
    "/traces/{trace}",
    "/traces/{hostile}",
    "/traces/{trace}?with={other}",
    "/logs",
    "/trends?period=day",
    "/audio?from=now-11h",
    "/costs?period=month",
    "/costs?period=month&tab=ledger",
    "/costs/budgets",
    "/costs/prices",
    "/costs/reconcile",
    "/slos",
    "/slos/mail-sent",
    "/slos/new",
    "/slos/mail-sent/report",
    "/reports/sla",
    "/alerts",
    "/alerts/{alert}",
    "/alerts/history",
    "/alerts/incidents",
    "/alerts/rules",
    "/alerts/rules/{rule}",
    "/alerts/routing",
    "/alerts/silences",
    "/services",
    "/services/chat-api",
    "/query",
    "/settings",
    "/settings/channels",
    "/settings/tokens",
    "/settings/data",
    "/settings/sampling",
    "/settings/changes",
    "/settings/about",
)
LONGEST_PX = {False: 2000, True: 3000}
PATIENCE_MS = 8000
SETTLE_MS = 400
STILL = "main .blank, main [aria-busy=true]"


@dataclass(frozen=True, slots=True)
class Face:
    """How all pages are looked at once."""

    name: str
    phone: bool
    theme: str
    kind: str = "full"


FACES = (
    Face("desktop-light", False, "light"),
    Face("desktop-dark", False, "dark"),
    Face("phone-light", True, "light"),
    Face("phone-dark", True, "dark"),
    Face("empty-desktop", False, "light", "empty"),
    Face("empty-phone", True, "dark", "empty"),
    Face("error-desktop", False, "dark", "error"),
    Face("error-phone", True, "light", "error"),
)


def main() -> None:
    """Take all of them."""
    if executable() is None or len(sys.argv) < 2:
        raise SystemExit(__doc__)
    target, part = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="spanledger-sheets-") as directory:
        kept = {
            "SPANLEDGER_LATE_LIMIT": "40d",
            "SPANLEDGER_RETENTION_RAW": "41d",
            "SPANLEDGER_RETENTION_MINUTES": "41d",
        }
        variables = {**kept, "SPANLEDGER_ENVIRONMENT": "production"}
        homes = [Path(directory) / name for name in ("full", "empty")]
        for home in homes:
            home.mkdir()
        full, empty = Server(homes[0], **variables).start(), Server(homes[1]).start()
        try:
            names = filled(full)
            with sync_playwright() as playwright, chromium(playwright) as browser:
                for face in FACES:
                    look(browser, empty if face.kind == "empty" else full, face, names, target, part)
        finally:
            full.stop()
            empty.stop()


def filled(server: Server) -> dict[str, str]:
    """Everything that a page can show; gives the names that stand in addresses."""
    now_ns = time.time_ns()
    dialogue, hostile = scene.dialogue(now_ns), scene.hostile(now_ns)
    scene.send(server, logs=scene.month(now_ns, days=30, per_day=400))
    scene.send(server, [*scene.quarter_hour(now_ns), dialogue, hostile], [scene.dialogue_logs(dialogue)])
    listening.send(server, now_ns)
    accounts.keep(server, now_ns)
    pledges.pledge(server)
    with server.client() as client:
        for rule in (*RULES, {"name": f"{HOSTILE} rule", "condition": "p95_latency > 50", "group_by": ["service"]}):
            client.post("/api/v1/rules", json=rule).raise_for_status()
        told(client)
        until(lambda: "Calls fail" in firing(client), 60, called="rules fire")
        rule_id = next(one["id"] for one in client.get("/api/v1/rules").json()["items"] if one["name"] == "Calls fail")
        other = client.get("/api/v1/traces?f=service:chat-api&limit=1").json()["items"][0]["trace_id"]
        return {
            "trace": dialogue.hex_id,
            "hostile": hostile.hex_id,
            "other": other,
            "alert": firing(client)["Calls fail"],
            "rule": rule_id,
        }


def firing(client: httpx.Client) -> dict[str, str]:
    """The alerts that fire: rule -> id."""
    return {one["rule_name"]: one["id"] for one in client.get("/api/v1/alerts?state=firing").json()["items"]}


def told(client: httpx.Client) -> None:
    """Ways to somebody, of which one does not work, silences, planned downtime, checks."""
    for name in ("on call", HOSTILE):
        channel = {"name": name, "type": "webhook", "url": "http://127.0.0.1:9/hook", "allow_private": True}
        client.post("/api/v1/channels", json=channel).raise_for_status()
    silence = {"matchers": ["service=nowhere"], "duration": "2h", "comment": f"{HOSTILE} is known"}
    client.post("/api/v1/silences", json=silence).raise_for_status()
    checks = (("the backend", "http", str(client.base_url)), (HOSTILE, "tcp", "127.0.0.1:9"))
    for check in [{"name": name, "kind": kind, "target": target} for name, kind, target in checks]:
        client.post("/api/v1/health/checks", json=check).raise_for_status()


def look(browser: Browser, server: Server, face: Face, names: dict[str, str], target: Path, part: str) -> None:
    """One face of all pages, in sheets."""
    visitor = Visitor(browser, server.url, phone=face.phone, theme=face.theme)
    visitor.sign_in(server.token)
    if face.kind == "error":
        visitor.page.route("**/api/v1/**", broken)
        visitor.page.route("**/admin/**", broken)
    shots = [(path, shot(visitor, path.format(**names), face.phone)) for path in PAGES if part in path]
    unforeseen = [one for one in visitor.wrong() if face.kind == "full" and "/traces/" not in one]
    visitor.leave()
    across, wide, each = (5, 320, 5) if face.phone else (2, 780, 4)
    for number in range(0, len(shots), each):
        sheet(browser, shots[number : number + each], across, wide, target / f"{face.name}-{number // each + 1}.png")
    print(face.name, len(shots), "pages", *unforeseen, sep="\n  ")


def broken(route: Any) -> None:
    """A server that only knows who is there."""
    if route.request.url.endswith(("/session", "/live")):
        route.continue_()
    else:
        route.fulfill(status=503, json={"title": "Service Unavailable", "status": 503, "detail": "the store is busy"})


def shot(visitor: Visitor, path: str, phone: bool) -> bytes:
    """A page once it is there, as tall as it is, within reason."""
    visitor.open(path)
    page, wide = visitor.page, 390 if phone else 1440
    page.set_viewport_size({"width": wide, "height": 844 if phone else 1000})
    try:
        page.locator("main .page, main .card").first.wait_for(timeout=PATIENCE_MS)
        page.locator(STILL).first.wait_for(state="hidden", timeout=6000)
    except Late:
        pass
    tall = min(LONGEST_PX[phone], int(visitor.run("document.documentElement.scrollHeight")))
    page.set_viewport_size({"width": wide, "height": max(844, tall)})
    page.wait_for_timeout(SETTLE_MS)
    wider = int(visitor.run("document.documentElement.scrollWidth"))
    if wider > wide:
        print("  wider than its window:", path, wider)
    return page.screenshot(type="jpeg", quality=80)


def sheet(browser: Browser, shots: list[tuple[str, bytes]], across: int, wide: int, target: Path) -> None:
    """Pictures beside each other, each under its address."""
    page = browser.new_page(viewport={"width": across * (wide + 12), "height": 600})
    figures = "".join(
        f"<figure><figcaption>{path}</figcaption><img src='data:image/jpeg;base64,{base64.b64encode(picture).decode()}'></figure>"
        for path, picture in shots
    )
    style = f"body{{margin:0;display:grid;grid-template-columns:repeat({across},{wide}px);gap:12px;align-items:start;font:12px sans-serif;background:#888}}figure{{margin:0}}img{{width:100%}}"
    page.set_content(f"<style>{style}</style>{figures}")
    page.wait_for_function("[...document.images].every((one) => one.complete)")
    page.screenshot(path=target, full_page=True)
    page.close()


if __name__ == "__main__":
    main()
