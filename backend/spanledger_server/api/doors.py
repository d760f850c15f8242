"""Which route asks for what: the one table that the gate reads, filled when routers are hung into the application.

Never: a route without an entry. What is not listed asks for an administrator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.routing import BaseRoute, Route, WebSocketRoute, compile_path

from spanledger_server.api.scoped import keeps_to_scope
from spanledger_server.auth.roles import Access

SAFE = frozenset(("GET", "HEAD", "OPTIONS", "WEBSOCKET"))


class Doors:
    """Method and path -> what is asked."""

    def __init__(self) -> None:
        self._plain: dict[tuple[str, str], Access] = {}
        self._patterns: list[tuple[str, re.Pattern[str], Access]] = []
        self._scoped: list[tuple[str, re.Pattern[str]]] = []
        self.paths: set[str] = set()  # of all routes

    def add(self, routes: Iterable[BaseRoute], reading: Access, changing: Access | None = None) -> None:
        """Enter `routes`; `changing` is for methods that change something, the same as `reading` when None."""
        for route in routes:
            if isinstance(route, WebSocketRoute):
                self._enter("WEBSOCKET", route.path, reading)
            elif isinstance(route, Route):
                scoped = keeps_to_scope(route)
                for method in route.methods or ():
                    if scoped:
                        self._scoped.append((method, compile_path(route.path)[0]))
                    self._enter(method, route.path, reading if method in SAFE else changing or reading)
            else:
                raise TypeError(f"{route!r} is of a kind for which no door is made")

    def _enter(self, method: str, path: str, access: Access) -> None:
        self.paths.add(path)
        if "{" in path:
            self._patterns.append((method, compile_path(path)[0], access))
        else:
            self._plain[method, path] = access

    def keeps_to_scope(self, method: str, path: str) -> bool:
        """Whether the route for this method and path shows a limited token only what is within its reach."""
        method = "GET" if method == "HEAD" else method
        return any(known == method and pattern.match(path) for known, pattern in self._scoped)

    def asks(self, method: str, path: str) -> Access | None:
        """What the route for this method and path asks; None when there is no such route."""
        method = "GET" if method == "HEAD" else method
        found = self._plain.get((method, path))
        if found is not None:
            return found
        return next(
            (access for known, pattern, access in self._patterns if known == method and pattern.match(path)), None
        )
