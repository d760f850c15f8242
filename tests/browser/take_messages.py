"""Pictures of what channels were really sent: one alert, firing and resolved, as its readers see it.

`python -m tests.browser.take_messages` starts a backend, tells an alert to servers that keep to the formats that Slack,
PagerDuty, Twilio and mail servers publish, and draws what these received. It writes docs/pictures/messages-firing.png
and messages-resolved.png.

The mail, which has a picture of its own (docs/pictures/mail.png), is drawn with `--mail` into the current directory.

Never: a message that was not sent.
"""

from __future__ import annotations

import html
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import sync_playwright

from tests.browser import scene
from tests.browser.browsing import chromium
from tests.browser.take_pictures import MOST_BYTES, TARGET
from tests.support.inside import Inside
from tests.support.mailbox import Mailbox
from tests.support.providers import PagerDuty, Slack, Twilio, WebhookReceiver
from tests.support.waiting import until

PATIENCE_S = 60
RULE = {
    "name": "Answers are slow",
    "condition": "p95_latency > 800",
    "severity": "critical",
    "group_by": ["service"],
    "filters": {"service": "chat-api"},
    "duration_seconds": 0,
    "annotations": {"runbook_url": "https://runbooks.example/slow-answers"},
}
STYLE = """
body{margin:0;padding:20px;background:#f6f7f9;font:14px/1.45 system-ui,"Liberation Sans",sans-serif;color:#1d1c1d}
main{display:grid;grid-template-columns:560px 520px;gap:16px;align-items:start}main>div{display:grid;gap:16px}
section{padding:14px 16px;border:1px solid #dfe3ea;border-radius:10px;background:#fff;overflow-wrap:anywhere}
h2{margin:0 0 8px;font-size:12px;font-weight:600;color:#626b7b}h3{margin:0 0 6px;font-size:17px}p{margin:6px 0;white-space:pre-wrap}
.fields{display:grid;grid-template-columns:1fr 1fr;gap:8px 14px}a{color:#1264a3}i{display:inline-block;width:13px;height:13px;border-radius:7px}pre{margin:0;font-size:11px;white-space:pre-wrap}
.sms{display:inline-block;padding:9px 13px;border-radius:16px;background:#e9e9eb;max-width:340px}
dl{display:grid;grid-template-columns:150px 1fr;gap:4px 12px;margin:0}dt{color:#626b7b}dd{margin:0;white-space:pre-wrap}
"""


def main() -> None:
    """Tell it, end it, draw both."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        taken: dict[str, Any] = {
            "slack": stack.enter_context(Slack()),
            "pagerduty": stack.enter_context(PagerDuty()),
            "sms": stack.enter_context(Twilio()),
            "webhook": stack.enter_context(WebhookReceiver()),
            "mail": stack.enter_context(Mailbox()),
        }
        server = Inside(Path(directory), "--tick", "1s").start()
        stack.callback(server.stop)
        with server.client() as client:
            fired, over = told(server, client, taken)
        with sync_playwright() as playwright, chromium(playwright) as browser:
            page = browser.new_page(viewport={"width": 1136, "height": 400})
            for name, messages in (("firing", fired), ("resolved", over)):
                page.set_content(drawn(messages))
                path = TARGET / f"messages-{name}.png"
                page.screenshot(path=path, full_page=True)
                print(f"{path} {path.stat().st_size // 1000} kB")
                assert path.stat().st_size <= MOST_BYTES, "too large for the repository"
                if "--mail" in sys.argv:
                    page.set_content(messages["mail"].part("html"))
                    page.screenshot(path=f"mail-{name}.png", full_page=True)


def told(server: Inside, client: httpx.Client, taken: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What each channel received when it fired, and when it was over."""
    for channel in channels(taken):
        client.post("/api/v1/channels", json={"allow_private": True, **channel}).raise_for_status()
    scene.send(server, scene.quarter_hour(time.time_ns()), [])
    rule = client.post("/api/v1/rules", json=RULE).raise_for_status().json()
    until(lambda: all(found.taken for found in taken.values()), PATIENCE_S, called="every channel was told")
    fired = {name: latest(name, found) for name, found in taken.items()}
    counts = {name: len(found.taken) for name, found in taken.items()}
    client.put(f"/api/v1/rules/{rule['id']}", json={"condition": "p95_latency > 60000"}).raise_for_status()
    until(lambda: all(len(found.taken) > counts[name] for name, found in taken.items()), PATIENCE_S, called="all told")
    return iter((fired, {name: latest(name, found) for name, found in taken.items()}))


def channels(taken: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One of each kind."""
    twilio = {"account_sid": Twilio.SID, "auth_token": Twilio.TOKEN, "from": "+15550100", "to": "+15550123"}
    return [
        {"name": "chat", "type": "slack", "url": taken["slack"].url},
        {"name": "on call", "type": "pagerduty", "routing_key": PagerDuty.KEY, "url": taken["pagerduty"].url},
        {"name": "telephone", "type": "sms", **twilio, "url": taken["sms"].origin},
        {"name": "program", "type": "webhook", "url": taken["webhook"].url},
        {
            "name": "mail",
            "type": "email",
            "host": "127.0.0.1",
            "port": taken["mail"].port,
            "security": "none",
            "from": "alerts@example.com",
            "to": ["oncall@example.com"],
        },
    ]


def latest(name: str, found: Any) -> Any:
    """The newest that came, as it came."""
    return found.taken[-1] if name != "slack" else json.loads(found.requests[-1].body)


def drawn(messages: Mapping[str, Any]) -> str:
    """All of them on one page."""
    left = slack(messages["slack"])
    right = pagerduty(messages["pagerduty"]) + sms(messages["sms"])
    return f"<!doctype html><style>{STYLE}</style><main><div>{left}</div><div>{right}{webhook(messages['webhook'])}</div></main>"


def section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>"


def mrkdwn(text: str) -> str:
    """Slack's marks as HTML; what came is escaped already."""
    linked = re.sub(
        r"&lt;(https?://[^|&]*(?:&amp;[^|&]*)*)\|(.*?)&gt;",
        r'<a href="\1">\2</a>',
        html.escape(html.unescape(text), quote=False),
    )
    return re.sub(r"(?<!\w)\*([^*\n]+)\*", r"<b>\1</b>", linked)


def slack(body: Mapping[str, Any]) -> str:
    """Block Kit: headers, sections with text or fields."""
    found = []
    blocks = body.get("blocks") or [block for each in body.get("attachments", []) for block in each.get("blocks", [])]
    for block in blocks:
        if block["type"] == "header":
            found.append(f"<h3>{html.escape(block['text']['text'])}</h3>")
        if "fields" in block:
            found.append(
                '<div class="fields">'
                + "".join(f"<p>{mrkdwn(each['text'])}</p>" for each in block["fields"])
                + "</div>"
            )
        elif block["type"] == "section":
            found.append(f"<p>{mrkdwn(block['text']['text'])}</p>")
    return section("Slack", dotted("".join(found)) or f"<p>{mrkdwn(body['text'])}</p>")


def dotted(text: str) -> str:
    """Marks that the fonts of a build machine lack, as drawn dots."""
    for mark, colour in (("🔴", "#dd2e44"), ("🟠", "#f4900c"), ("✅", "#77b255")):
        text = text.replace(mark, f'<i style="background:{colour}"></i>')
    return text


def sms(found: Mapping[str, Any]) -> str:
    return section("SMS", f'<span class="sms">{html.escape(str(found["Body"]))}</span>')


def pairs(found: Mapping[str, Any]) -> str:
    def text(value: Any) -> str:
        return html.escape("\n".join(value) if isinstance(value, list) else str(value))

    return (
        "<dl>"
        + "".join(f"<dt>{html.escape(name)}</dt><dd>{text(value)}</dd>" for name, value in found.items())
        + "</dl>"
    )


def pagerduty(body: Mapping[str, Any]) -> str:
    payload = body.get("payload") or {}
    head = f"<h3>{html.escape(payload.get('summary') or body['event_action'])}</h3>"
    facts = {
        "action": body["event_action"],
        "severity": payload.get("severity", "—"),
        **payload.get("custom_details", {}),
    }
    return section("PagerDuty", head + pairs(facts))


def webhook(body: Mapping[str, Any]) -> str:
    shown = {name: body[name] for name in ("status", "severity", "title", "text", "value", "threshold", "labels")}
    return section("Webhook", f"<pre>{html.escape(json.dumps(shown, indent=1, ensure_ascii=False))}</pre>")


if __name__ == "__main__":
    main()
