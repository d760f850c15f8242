"""A message as the HTML of a mail: one column, readable on a phone, in light and in dark, without pictures or scripts.

Given the parts of a message, gives a document whose styles stand on the elements, as mail programs want it; the dark
colours stand in a style sheet that those read which have a dark mode.

Never: anything from outside, or a text that was not escaped.
"""

from __future__ import annotations

from html import escape
from typing import Final

from spanledger_server.notify.text import Told

COLOURS: Final = {"Critical": "#b3261e", "Error": "#b3261e", "Warning": "#8a5300", "Info": "#24579c"}
QUIET: Final = {"Resolved": "#1b6e3c", "Acknowledged": "#24579c", "Summary": "#45505c", "Test": "#45505c"}
DARK: Final = """
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background: #14181d !important; }
  .card { background: #1d232a !important; border-left-color: #37414c !important; border-right-color: #37414c !important;
    border-bottom-color: #37414c !important; }
  .text, .value { color: #e8ecf0 !important; }
  .name, .foot { color: #a4afba !important; }
  .row { border-color: #323b45 !important; }
  .link { color: #8ab8f5 !important; }
}
@media (max-width: 480px) {
  .page { padding: 8px !important; }
  .card { padding: 16px !important; }
  .name, .value { display: block !important; width: auto !important; padding-left: 0 !important; }
  th.name { padding-bottom: 0 !important; }
  .value { border-top: 0 !important; padding-top: 0 !important; }
}
"""
FONT: Final = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
WRAP: Final = "overflow-wrap:anywhere;word-break:break-word"
FOREWORD: Final = "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;overflow:hidden;opacity:0"


def html(parts: Told) -> str:
    """The document."""
    colour = COLOURS.get(parts.severity, QUIET["Summary"])
    if parts.status != "Firing":
        colour = QUIET[parts.status]
    body = "".join((_head(parts, colour), _text(parts.text), _table(parts), _lists(parts), _links(parts, colour)))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(parts.heading)}</title><style>{DARK}</style></head>\n"
        f'<body class="page" style="margin:0;padding:24px;background:#f2f4f6;{FONT}">'
        f'<div style="{FOREWORD}">{escape(_foreword(parts))}</div>\n'
        '<table role="presentation" align="center" width="100%" cellpadding="0" cellspacing="0" '
        'style="max-width:600px;margin:0 auto"><tr><td class="card" '
        f'style="background:#ffffff;border:1px solid #d5dbe1;border-top:4px solid {colour};padding:24px">\n{body}'
        "</td></tr></table></body></html>\n"
    )


def _foreword(parts: Told) -> str:
    """What a list of mails shows beside the subject."""
    return next((value for name, value in parts.rows if name in ("Measured", "Lasted", "Since")), parts.text)


def _head(parts: Told, colour: str) -> str:
    badge = f"{parts.status} · {parts.severity}" if parts.status in ("Firing", "Acknowledged") else parts.status
    return (
        f'<span style="display:inline-block;padding:2px 10px;background:{colour};color:#ffffff;font-size:13px;'
        f'line-height:20px;font-weight:600">{escape(badge)}</span>\n'
        f'<h1 class="text" style="margin:12px 0 0;font-size:20px;line-height:28px;color:#14181d;{WRAP}">'
        f"{escape(parts.title)}</h1>\n"
    )


def _text(text: str) -> str:
    paragraphs = (part.strip() for part in text.split("\n"))
    return "".join(
        f'<p class="text" style="margin:12px 0 0;font-size:15px;line-height:23px;color:#14181d;{WRAP}">'
        f"{escape(part)}</p>\n"
        for part in paragraphs
        if part
    )


def _table(parts: Told) -> str:
    if not parts.rows:
        return ""
    rows = "".join(
        f'<tr><th class="name row" align="left" valign="top" style="padding:8px 12px 8px 0;width:130px;'
        f'border-top:1px solid #e3e7eb;font-size:14px;line-height:20px;font-weight:400;color:#55606c;{WRAP}">'
        f"{escape(name)}</th>"
        f'<td class="value row" valign="top" style="padding:8px 0;border-top:1px solid #e3e7eb;font-size:14px;'
        f'line-height:20px;color:#14181d;{WRAP}">{escape(value)}</td></tr>\n'
        for name, value in parts.rows
    )
    return f'<table width="100%" cellpadding="0" cellspacing="0" style="margin:16px 0 0">\n{rows}</table>\n'


def _lists(parts: Told) -> str:
    more = [parts.more] if parts.more else []
    blocks = (
        ("Alerts", [escape(each) for each in (*parts.alerts, *more)]),
        ("Where most of it comes from", [escape(each) for each in parts.contributors]),
        ("What to do", [_link(parts.runbook, parts.runbook)] if parts.runbook else []),
        ("Requests that show it", [_link(name, address) for name, address in parts.traces]),
    )
    return "".join(_list(name, items) for name, items in blocks if items)


def _list(name: str, items: list[str]) -> str:
    entries = "".join(
        f'<li class="text" style="margin:4px 0 0;font-size:14px;line-height:20px;color:#14181d;{WRAP}">{item}</li>'
        for item in items
    )
    return (
        f'<h2 class="name" style="margin:20px 0 0;font-size:14px;line-height:20px;font-weight:600;color:#55606c">'
        f'{name}</h2>\n<ul style="margin:0;padding:0 0 0 18px">{entries}</ul>\n'
    )


def _link(name: str, address: str) -> str:
    return f'<a class="link" href="{escape(address)}" style="color:#24579c;{WRAP}">{escape(name)}</a>'


def _links(parts: Told, colour: str) -> str:
    if not parts.links:
        return ""
    (name, address), *rest = parts.links
    button = (
        f'<p style="margin:24px 0 0"><a href="{escape(address)}" style="display:inline-block;padding:10px 18px;'
        f'background:{colour};color:#ffffff;font-size:15px;line-height:22px;font-weight:600;text-decoration:none">'
        f"{escape(name)}</a></p>\n"
    )
    others = " · ".join(_link(each, where) for each, where in rest)
    return button + (
        f'<p class="foot" style="margin:12px 0 0;font-size:13px;line-height:20px;color:#55606c">{others}</p>\n'
        if others
        else ""
    )
