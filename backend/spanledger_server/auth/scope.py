"""What a token is limited to: some services, some tenants, or nothing.

Given the service and the tenant of a record, tells whether it may be sent or seen.

Never: a record that names no service, or no tenant, counted as one of those that are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from spanledger_server.errors import Invalid

MOST_NAMES: Final = 100
MOST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Scope:
    """The services and the tenants; None stands for all."""

    services: tuple[str, ...] | None = None
    tenants: tuple[str, ...] | None = None

    @property
    def limited(self) -> bool:
        """Whether there is anything that is out of reach."""
        return self.services is not None or self.tenants is not None

    def admits(self, service: str | None, tenant: str | None) -> bool:
        """Whether a record of this service and tenant is within reach."""
        return (self.services is None or service in self.services) and (self.tenants is None or tenant in self.tenants)

    def told(self) -> str:
        """For people: ``service a, b; tenant c``."""
        parts = (("service", self.services), ("tenant", self.tenants))
        return "; ".join(f"{word} {', '.join(names)}" for word, names in parts if names is not None)


EVERYTHING: Final = Scope()


def names(parameter: str, given: Sequence[str] | None) -> tuple[str, ...] | None:
    """The names of a scope, in order, each once; None for all.

    Raises:
        Invalid: There is none, there are too many, or one is empty or too long.
    """
    if given is None:
        return None
    found = tuple(sorted({name.strip() for name in given}))
    if not found or len(found) > MOST_NAMES or any(not 0 < len(name) <= MOST_NAME for name in found):
        allowed = f"1 to {MOST_NAMES} names of 1 to {MOST_NAME} characters; leave it out for all"
        raise Invalid(parameter, list(given)[:3], allowed)
    return found
