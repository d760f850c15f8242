"""Messages and channels for the tests of channels."""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

from spanledger_server.notify.channels import kinds, opened
from spanledger_server.notify.event import Event
from spanledger_server.notify.message import Channel, Message

NS = 10**9
PAGES = "https://spanledger.example/ops"


def channel(kind: str, allow_private: bool = True, **given: Any) -> Channel:
    """A channel, checked as it is when it is set up."""
    config, secrets = kinds.checked(kind, {"allow_private": allow_private, **given})
    return opened(kind, {**config, **secrets}, time.time_ns, PAGES)


def event(**other: Any) -> Event:
    now_ns = time.time_ns()
    plain: dict[str, Any] = {
        "event_id": uuid4(),
        "alert_id": uuid4(),
        "dedup_key": "rule:checkout",
        "kind": "fired",
        "at_ns": now_ns,
        "rule_id": uuid4(),
        "name": "checkout is slow",
        "severity": "critical",
        "labels": {"service": "checkout", "model": "gpt-5"},
        "value": 2412.3,
        "threshold": 1000.0,
        "operator": ">",
        "unit": "ms",
        "started_ns": now_ns - 12 * 60 * NS,
        "title": "Checkout is slow: p95 2.41 s",
        "text": "Over the last 5 minutes 412 of 1,204 requests took longer than 1 s.",
        "facts": (("Window", "5 minutes, 1,204 requests"), ("Before", "0.61 s a day ago")),
        "contributors": (("model", "gpt-5", "71 %"), ("tenant", "acme", "64 %")),
        "traces": ("a" * 32, "b" * 32),
        "runbook_url": "https://runbooks.example/checkout?a=1&b=2",
        "path": "/alerts/1?tz=UTC&from=now-1h",
    }
    return Event(**{**plain, **other})


def message(*events: Event, **other: Any) -> Message:
    events = events or (event(),)
    worst = events[0]
    plain: dict[str, Any] = {
        "notification_id": uuid4(),
        "incident_id": "incident-1",
        "status": "firing",
        "severity": worst.severity,
        "at_ns": worst.at_ns,
        "started_ns": worst.started_ns,
        "title": worst.title,
        "text": worst.text,
        "alerts": events,
    }
    return Message(**{**plain, **other})


HOSTILE: Mapping[str, str] = {
    "html": '<script>alert(1)</script><img src=x onerror="x"> &amp; </table>',
    "slack": "<!channel> <@U123> <!here|x> @channel @everyone *bold* <https://evil.example|click> `x`",
    "bidi": "safe\u202egnp.exe\u2066 \u200bzero\ufeff",
    "lines": "one\r\nBcc: evil@example.org\r\n\r\nbody\x00\x1b[31m\u2028two",
    "long": "long " + "x" * 1_000_000,
    "emoji": "👩‍👩‍👧‍👦🇩🇪 日本語 ñ ß €" * 3,
    "surrogate": "half \ud83d of one",
    "empty": "",
    "template": "{{ 7*7 }} ${jndi:ldap://x} %s %n '\" ; DROP TABLE",
}


def hostile() -> Message:
    """A message whose every name was chosen by somebody who means harm."""
    texts = "\n".join(HOSTILE.values())
    labels = {value: value for value in HOSTILE.values()} | {f"label {n}": "x" * 5000 for n in range(200)}
    events = tuple(
        event(
            name=value,
            title=value,
            text=texts,
            labels=labels,
            dedup_key=value,
            unit=value,
            value=Decimal("NaN") if name == "html" else float("inf") if name == "bidi" else 1e300,
            facts=tuple((each, each) for each in HOSTILE.values()) * 5,
            contributors=tuple((each, each, each) for each in HOSTILE.values()),
            traces=("x" * 32, "<script>", "a" * 32),
            runbook_url="javascript:alert(1)" if name == "html" else "https://x.example/" + "y" * 3000,
            path="//evil.example/x" if name == "html" else "/alerts/<script>",
            by=value,
            annotations=labels,
        )
        for name, value in HOSTILE.items()
    )
    links = (*((value, value) for value in HOSTILE.values()), ("pipe|<x>", "https://x.example/a|b?c=d&e"))
    return message(*events, title=texts, text=texts, incident_id=texts, links=links, omitted=10**9)
