"""TLS: how long its certificate is still valid.

Never: "healthy" for a certificate that ended, even where it need not be verified.
"""

from __future__ import annotations

from typing import Final

from spanledger_server.health.answer import Answer, BrokenError
from spanledger_server.health.options import DAYS, Option, trust
from spanledger_server.health.question import DAY_NS, Kind, Question
from spanledger_server.health.wire import Line


def ask(question: Question) -> Answer:
    """Agree on TLS and read the certificate."""
    with Line.opened(question.at.host, question.at.port, question.deadline, question.trust) as line:
        if line.ends_ns is None:
            raise BrokenError("it showed no certificate that can be read")
        days = (line.ends_ns - question.now_ns) / DAY_NS
        if days <= question.options["down_days"]:
            said = f"its certificate is valid for {days:.1f} days more" if days > 0 else "its certificate has ended"
            return question.answered(said, line, "down")
        return question.answered(f"its certificate is valid for {days:.0f} days more", line)


KIND: Final = Kind(
    name="tls",
    meaning="a certificate is valid, and for long enough",
    target="host or host:port (443)",
    schemes={"tls": 443},
    options={**trust(), "down_days": Option(0, DAYS, "down when its certificate ends within so many days")},
    ask=ask,
)
