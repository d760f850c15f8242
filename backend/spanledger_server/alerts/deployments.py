"""Markers of deployments: which version of which service went out, and when.

Never: the same marker twice; a pipeline that says it again changes nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction
from spanledger_server.timegrid import Range

SQL = sqlfile.load(__package__)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One version that went out."""

    at_ns: int
    service: str
    version: str
    environment: str | None = None
    note: str | None = None
    url: str | None = None

    @property
    def deployment_id(self) -> UUID:
        """The same for the same marker."""
        text = "\0".join((str(self.at_ns), self.service, self.version, self.environment or ""))
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=b"deployment")
        return UUID(bytes=digest.digest())


def mark(tx: Transaction, deployment: Deployment, actor: str, now_ns: int) -> bool:
    """Write a marker; whether it was new."""
    told = {name: getattr(deployment, name) for name in Deployment.__slots__}
    key = str(deployment.deployment_id)
    return tx.execute(SQL["add_deployment"], deployment_id=key, actor=actor, now_ns=now_ns, **told) > 0


def listed(reader: Reader, span: Range, service: str | None, most: int) -> list[dict[str, Any]]:
    """The markers of a time, the newest first."""
    return reader.rows(SQL["deployments"], from_ns=span.from_ns, to_ns=span.to_ns, service=service, most=most)
