"""Mail by SMTP: one message for all who are to be told, in text and in HTML; what belongs together hangs together.

Given a message, writes the mail and hands it to the server, over TLS from the beginning (`tls`), after STARTTLS, or
plainly (`none`). The id of a mail is the notification's, so that a second try is the same mail; later mails of an
incident name the first one.

Never: a password over a connection that is not encrypted, a header with a line break, or a mail without its text part.
"""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final

from spanledger_server.errors import Invalid
from spanledger_server.notify.channels import clean, fields, reach
from spanledger_server.notify.channels.fields import Field
from spanledger_server.notify.channels.reach import Deadline
from spanledger_server.notify.channels.setup import Kind, Setup
from spanledger_server.notify.message import Delivered, Failed, Message
from spanledger_server.notify.text import full, told
from spanledger_server.notify.text_html import html

PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
MOST_RECEIVERS: Final = 50
NAME: Final = "spanledger"
LONGEST_SUBJECT: Final = 200
LONGEST_LINE: Final = 998  # of a mail


class Mail:
    """Some mailboxes, by one server."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def send(self, message: Message) -> Delivered | Failed:
        """Write it and hand it over."""
        setup, values = self._setup, self._setup.values
        deadline = setup.deadline()
        first = (message.receipt or {}).get("message_id")
        mail = written(message, values["from"], values["to"], setup.pages, setup.now(), first)
        refused = _handed_over(setup, mail, deadline)
        if isinstance(refused, Failed):
            return refused
        receipt = {"message_id": first or str(mail["Message-ID"])}
        if not refused:
            return Delivered(f"{deadline.passed_ms} ms, accepted for {len(values['to'])}", receipt)
        told_of = "; ".join(f"{each} ({code})" for each, (code, _) in refused.items())
        accepted = len(values["to"]) - len(refused)
        return Delivered(f"{deadline.passed_ms} ms, accepted for {accepted}; refused for {told_of}", receipt)


@dataclass(frozen=True, slots=True)
class _Line:
    """What a connection is made with, and the sockets that it was made of."""

    setup: Setup
    deadline: Deadline
    sockets: list[socket.socket]


class _Connection(smtplib.SMTP):
    """SMTP through the door to the network."""

    def __init__(self, line: _Line, host: str, port: int, called: str) -> None:
        self._line = line
        super().__init__(host, port, local_hostname=called, timeout=line.deadline.left())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        setup, deadline = self._line.setup, self._line.deadline
        made = reach.connected(host, port, deadline, allow_private=setup.allow_private)
        made.settimeout(timeout)
        self._line.sockets.append(made)
        if setup.values["security"] == "tls":
            made = reach.tls(setup.authorities).wrap_socket(made, server_hostname=host)
            self._line.sockets.append(made)
        return made


def _handed_over(setup: Setup, mail: EmailMessage, deadline: Deadline) -> Mapping[str, tuple[int, bytes]] | Failed:
    """Whom the server refused, while it took it for others; or why it did not take it.

    Raises:
        Unreached: It was not reached, or not in time.
    """
    values = setup.values
    sockets: list[socket.socket] = []
    called = str(values["from"]).rpartition("@")[2]
    port = values.get("port") or PORTS[values["security"]]
    with reach.bounded(deadline, lambda: sockets[-1] if sockets else None):
        try:
            server = _Connection(_Line(setup, deadline, sockets), values["host"], port, called)
            try:
                if values["security"] == "starttls":
                    server.starttls(context=reach.tls(setup.authorities))
                    sockets += [server.sock] if server.sock is not None else []
                if values.get("username"):
                    server.login(values["username"], values.get("password") or "")
                refused = server.sendmail(values["from"], values["to"], as_sent(mail))
                with suppress(OSError):  # it has taken it
                    server.quit()
                return refused
            finally:
                server.close()
        except smtplib.SMTPException as error:
            if deadline.over:
                raise deadline.missed() from None
            return _failed(error)


def written(
    message: Message, sender: str, receivers: Sequence[str], pages: str, now_ns: int, first: str | None
) -> EmailMessage:
    """The mail.

    Args:
        message: It was cleaned.
        sender: An address.
        receivers: Addresses.
        pages: Where people reach the pages.
        now_ns: The time.
        first: The id of the first mail of the incident; None where this is it.
    """
    parts = told(message, pages)
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = clean.line(f"[{NAME}] {parts.heading}", LONGEST_SUBJECT)
    mail["From"] = Address(NAME, addr_spec=sender)
    mail["To"] = [Address(addr_spec=each) for each in receivers]
    mail["Date"] = format_datetime(datetime.fromtimestamp(now_ns // 10**9, UTC))
    mail["Message-ID"] = f"<{message.notification_id.hex}@{sender.rpartition('@')[2]}>"
    if first is not None and first != mail["Message-ID"]:
        mail["In-Reply-To"] = first
        mail["References"] = first
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(full(parts), cte="quoted-printable")
    mail.add_alternative(html(parts), subtype="html", cte="quoted-printable")
    return mail


def as_sent(mail: EmailMessage) -> bytes:
    """As it goes over the wire. Folded earlier, a subject of 70 characters would begin on the second line."""
    plain = str(mail["Subject"]).isascii()
    return mail.as_bytes(policy=SMTP.clone(max_line_length=LONGEST_LINE) if plain else SMTP)


def _failed(error: smtplib.SMTPException) -> Failed:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        permanent = error.smtp_code >= 500
        return Failed(f"it did not accept the user name and the password ({error.smtp_code})", permanent)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = {each: code for each, (code, _) in error.recipients.items()}
        named = "; ".join(f"{each} ({code})" for each, code in codes.items())
        return Failed(f"no one was accepted: {named}", all(code >= 500 for code in codes.values()))
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return Failed(f"SMTP {error.smtp_code}: {clean.line(said, 150)}", error.smtp_code >= 500)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Failed(f"the server cannot do what is asked: {clean.line(error, 150)}", permanent=True)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return Failed("it closed the connection", permanent=False)
    return Failed(f"it did not take the mail: {type(error).__name__}", permanent=False)


def _address(given: Any) -> str:
    allowed = "a mail address such as oncall@example.org, in ASCII"
    read = fields.matching(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", allowed)(
        given
    )
    if len(read) > 254 or ".." in read or read.startswith(".") or ".@" in read:
        raise ValueError(allowed)
    return read


def _together(values: Mapping[str, Any]) -> list[Invalid]:
    wrong = []
    if values.get("username") and values.get("security") == "none":
        wrong.append(Invalid("security", "none", "starttls or tls, where there is a password"))
    if bool(values.get("username")) != bool(values.get("password")):
        missing = "password" if values.get("username") else "username"
        wrong.append(Invalid(missing, None, "username and password go together"))
    return wrong


KIND: Final = Kind(
    meaning="mailboxes, by SMTP",
    make=Mail,
    together=_together,
    fields=(
        Field("host", fields.host, "the mail server", required=True, place=True),
        Field(
            "port",
            fields.number(1, 65_535),
            "its port; without: 587, 465 for tls, 25 for none",
            place=True,
            schema={"type": "integer"},
        ),
        Field(
            "security",
            fields.one_of(*PORTS),
            "starttls, tls from the beginning, or none",
            default="starttls",
            place=True,
            schema={"enum": list(PORTS)},
        ),
        Field(
            "username",
            fields.matching(r"[\x21-\x7e]{1,200}", "1 to 200 characters of ASCII"),
            "where the server asks for one",
        ),
        Field(
            "password",
            fields.matching(r"[\x20-\x7e]{1,500}", "1 to 500 characters of ASCII"),
            "its password",
            secret=True,
        ),
        Field("from", _address, "the sender's address", required=True),
        Field(
            "to",
            fields.listed(_address, MOST_RECEIVERS),
            f"up to {MOST_RECEIVERS} addresses",
            required=True,
            schema={"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        ),
    ),
)
