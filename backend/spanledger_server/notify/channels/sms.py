"""Text messages through Twilio: one line to one number, in one part, so that it costs one message.

Given a message, cuts it to the 160 characters of the alphabet that every phone has (GSM 03.38), or fewer where some of
them count twice; letters with accents that it lacks lose them, and what it has no letter for is left out.

Never: a second part, or a number that is not one.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from spanledger_server.errors import Invalid
from spanledger_server.notify.channels import fields
from spanledger_server.notify.channels.fields import Field
from spanledger_server.notify.channels.request import Answer
from spanledger_server.notify.channels.setup import Kind, Setup
from spanledger_server.notify.message import Delivered, Failed, Message
from spanledger_server.notify.text import Told, line, told

TWILIO: Final = "https://api.twilio.com"
SEGMENT: Final = 160
LONGEST_WORD: Final = 20  # that is left out as a whole
ONCE: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
TWICE: Final = frozenset("^{}\\[~]|€")
INSTEAD: Final = {
    "–": "-",
    "—": "-",
    "−": "-",
    "…": "...",
    "“": '"',
    "”": '"',
    "„": '"',
    "’": "'",
    "‘": "'",
    "‚": "'",
    "·": "-",
    "•": "-",
    "×": "x",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "→": "->",
    "µ": "u",
    "μ": "u",
    "`": "'",
}
NUMBER: Final = fields.matching(r"\+[1-9][0-9]{6,14}", "a number with + and the country's code, such as +4915112345678")
LATER: Final = frozenset((20429, 20500, 20503, 30001))  # Twilio's own codes for: not now


class Sms:
    """One number."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def send(self, message: Message) -> Delivered | Failed:
        """Send its line."""
        setup, values = self._setup, self._setup.values
        account = values["account_sid"]
        parts = told(message, setup.pages)
        address = parts.links[0][1] if parts.links else ""
        sender = (
            {"MessagingServiceSid": values["messaging_service_sid"]}
            if values.get("messaging_service_sid")
            else {"From": values["from"]}
        )
        form = {"To": values["to"], **sender, "Body": _body(parts, address)}
        pair = f"{values.get('api_key') or account}:{values['auth_token']}".encode()
        headers = {
            "Authorization": f"Basic {base64.b64encode(pair).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        url = f"{(values.get('url') or TWILIO).rstrip('/')}/2010-04-01/Accounts/{quote(account)}/Messages.json"
        return _outcome(setup.post(url, urlencode(form).encode(), headers, setup.deadline()))


def _body(parts: Told, address: str) -> str:
    """Its line; without since when, where that is too much: a phone shows when a message came."""
    whole = segment(line(parts), address)
    return whole if "..." not in whole else segment(line(replace(parts, when="")), address)


def segment(text: str, address: str = "") -> str:
    """At most one part: the text, cut where it has to be, and the address behind it where there is room for both."""
    plain = gsm(text)
    behind = f" {address}" if address and gsm(address) == address and _length(address) <= SEGMENT // 2 else ""
    room = SEGMENT - _length(behind)
    return (plain if _length(plain) <= room else f"{_cut(plain, room - 3)}...") + behind


def _cut(text: str, room: int) -> str:
    """As much of a text as there is room for, up to the end of a word where that is near."""
    kept = text
    while _length(kept) > room:
        kept = kept[:-1]
    words = kept.rpartition(" ")[0] if text[len(kept)] != " " else kept
    return (words if len(kept) - len(words) <= LONGEST_WORD else kept).rstrip(" ,;:")


def gsm(text: str) -> str:
    """`text` in the letters that there are."""
    return " ".join("".join(_letters(each) for each in text).split())


def _letters(each: str) -> str:
    if each in ONCE or each in TWICE:
        return each
    if each in INSTEAD:
        return INSTEAD[each]
    if each.isspace():
        return " "
    plain = unicodedata.normalize("NFKD", each)
    return "".join(one for one in plain if one in ONCE or one in TWICE)


def _length(text: str) -> int:
    return sum(2 if each in TWICE else 1 for each in text)


def _outcome(answer: Answer) -> Delivered | Failed:
    found = answer.json()
    if answer.fine and isinstance(found.get("sid"), str):
        code = found.get("error_code")
        if code is not None or found.get("status") in ("failed", "undelivered"):
            return Failed(f"Twilio could not send it: error {code}", permanent=True)
        return answer.delivered(more=f", {found.get('status', 'accepted')}")
    code = found.get("code")
    if answer.fine:
        return answer.failed("the answer is not Twilio's", permanent=False)
    known = isinstance(code, int)
    why = f"error {code}: {found.get('message', '')}" if known else ""
    return answer.failed(why, permanent=False if known and code in LATER else None)


def _sender(given: Any) -> str:
    allowed = "a number such as +15005550006, or a name of up to 11 letters, digits and spaces"
    if isinstance(given, str) and not given.strip().startswith("+"):
        return fields.matching(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}", allowed)(given)
    return NUMBER(given)


def _receiver(given: Any) -> str:
    if isinstance(given, list) and len(given) == 1:
        return NUMBER(given[0])
    if isinstance(given, list):
        raise ValueError("one number; make a channel for each")
    return NUMBER(given)


def _together(values: Mapping[str, Any]) -> list[Invalid]:
    if bool(values.get("from")) == bool(values.get("messaging_service_sid")):
        return [Invalid("from", values.get("from"), "either a sender, or a messaging_service_sid")]
    return []


KIND: Final = Kind(
    meaning="a telephone, by text messages through Twilio",
    make=Sms,
    together=_together,
    fields=(
        Field(
            "account_sid",
            fields.matching(r"AC[0-9a-fA-F]{32}", "AC and 32 hexadecimal digits"),
            "the account",
            required=True,
            place=True,
        ),
        Field(
            "auth_token",
            fields.matching(r"[\x21-\x7e]{8,200}", "8 to 200 characters of ASCII"),
            "its token, or the API key's secret",
            required=True,
            secret=True,
        ),
        Field(
            "api_key",
            fields.matching(r"SK[0-9a-fA-F]{32}", "SK and 32 hexadecimal digits"),
            "an API key, in place of the account's own token",
        ),
        Field("from", _sender, "the number or name that it comes from"),
        Field(
            "messaging_service_sid",
            fields.matching(r"MG[0-9a-fA-F]{32}", "MG and 32 hexadecimal digits"),
            "a messaging service, in place of from",
        ),
        Field("to", _receiver, "the number that is told, with + and the country's code", required=True),
        Field("url", fields.web_address, f"in place of {TWILIO}", place=True),
    ),
)
