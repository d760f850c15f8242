"""Is the name in the Host header one of ours? The defence against DNS rebinding.

A page from elsewhere can make a browser talk to this server under a name of its own; so only names that nobody else
can own are taken. Addresses are safe by nature: rebinding needs a name.

Never: a name that was not given, or that is not this machine's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable


def name_of(host: str) -> str:
    """The name or address in a Host header, without port and brackets, in lower case."""
    if host.startswith("["):
        return host[1 : max(host.find("]"), 1)].lower()
    return host.rsplit(":", 1)[0].lower() if host.count(":") == 1 else host.lower()


class Hosts:
    """The names that this server answers to."""

    def __init__(self, bound: str, allowed: Iterable[str]) -> None:
        self._names = {"localhost", bound.lower()}
        self._below: list[str] = [".localhost"]
        for name in allowed:
            if name.startswith("."):
                self._below.append(name)
            self._names.add(name.lstrip("."))

    def know(self, host: str) -> bool:
        """Whether `host`, as in the header, is ours."""
        name = name_of(host).rstrip(".")
        if name in self._names or any(name.endswith(end) for end in self._below):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True
