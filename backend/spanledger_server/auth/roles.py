"""Who may do what: three roles, and the four kinds of door a route can have.

Never: one role standing in for another by being "higher". A reader's token cannot write telemetry, a sender's token
cannot read it.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a token was made for."""

    INGEST = "ingest"
    VIEWER = "viewer"
    ADMIN = "admin"


class Access(StrEnum):
    """What a route asks of who comes."""

    OPEN = "open"  # anybody: liveness, the pages' files, signing in
    SEND = "send"  # telemetry in, and what a sender asks for
    SCRAPE = "scrape"  # the server's own counters
    READ = "read"
    ADMINISTER = "administer"

    def admits(self, role: Role) -> bool:
        """Whether a token of `role` may pass."""
        return role in _ADMITTED[self]

    @property
    def open_on_loopback(self) -> bool:
        """Whether no token is asked where only this machine can reach the server."""
        return self in (Access.OPEN, Access.SEND, Access.SCRAPE)


_ADMITTED: dict[Access, frozenset[Role]] = {
    Access.OPEN: frozenset(Role),
    Access.SEND: frozenset((Role.INGEST, Role.ADMIN)),
    Access.SCRAPE: frozenset((Role.VIEWER, Role.ADMIN)),
    Access.READ: frozenset((Role.VIEWER, Role.ADMIN)),
    Access.ADMINISTER: frozenset((Role.ADMIN,)),
}
