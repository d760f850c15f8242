"""A mail server on loopback: plain, with STARTTLS, with TLS from the beginning, and with or without a password.

Keeps what it took. Refuses receivers whose address begins with `nobody`, for good, and with `later`, for now.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.support.certificates import Pair

Security = Literal["none", "starttls", "tls"]


@dataclass
class Taken:
    """One mail."""

    sender: str
    receivers: list[str]
    content: bytes

    @property
    def mail(self) -> EmailMessage:
        found = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found

    def part(self, subtype: str) -> str:
        """Its text, as `plain` or as `html`."""
        found = self.mail.get_body((subtype,))
        assert found is not None
        return str(found.get_content())


class Mailbox:
    """The server; use it in a `with`."""

    USER, PASSWORD = "mailer", "pa55 word=!"

    def __init__(self, security: Security = "none", certificate: Pair | None = None, *, password: bool = False) -> None:
        self.taken: list[Taken] = []
        self.refuse_content: str | None = None  # what is answered to the content of mails
        options: dict[str, Any] = {"hostname": "127.0.0.1", "port": 0}
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate, certificate.key)
            options |= {"ssl_context": context} if security == "tls" else {}
            options |= {"tls_context": context, "require_starttls": True} if security == "starttls" else {}
        if password:
            options |= {"authenticator": self._known, "auth_required": True, "auth_require_tls": security == "starttls"}
        self._controller = Controller(self, **options)

    @property
    def port(self) -> int:
        assert self._controller.server is not None
        return int(self._controller.server.sockets[0].getsockname()[1])

    def __enter__(self) -> Mailbox:
        self._controller._trigger_server = self._knock  # it would knock at port 0 itself
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def _knock(self) -> None:
        socket.create_connection(("127.0.0.1", self.port), 5).close()

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 there is no such mailbox"
        if address.startswith("later"):
            return "450 4.2.1 come again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.refuse_content is not None:
            return self.refuse_content
        self.taken.append(Taken(envelope.mail_from, list(envelope.rcpt_tos), bytes(envelope.content)))
        return "250 queued"

    def _known(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        fits = isinstance(data, LoginPassword) and data == LoginPassword(self.USER.encode(), self.PASSWORD.encode())
        return AuthResult(success=fits, handled=fits)
