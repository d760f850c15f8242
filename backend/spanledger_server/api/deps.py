"""What an endpoint may ask for: the store, the time, and the zone in which days begin.

The app puts its parts on ``app.state`` (`database`, `clock`, `settings`); parameters annotated with the names below
receive them. Who may pass is the gate's affair, before any of this runs.

Never: a global, or an endpoint that reads the clock itself.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from spanledger_server.clock import Clock
from spanledger_server.forecast.histories import Histories
from spanledger_server.store.database import Database


def database(connection: HTTPConnection) -> Database:
    """The store."""
    return cast("Database", connection.app.state.database)


def now_ns(connection: HTTPConnection) -> int:
    """The time, read once a request: nanoseconds since 1970."""
    return cast("Clock", connection.app.state.clock).now_ns()


def default_zone(connection: HTTPConnection) -> str:
    """The IANA name of the zone in which days begin when a request names none."""
    settings: Any = getattr(connection.app.state, "settings", None)
    return str(getattr(settings, "timezone", "UTC"))


def histories(connection: HTTPConnection) -> Histories:
    """What was read for forecasts a moment ago."""
    return cast("Histories", connection.app.state.histories)


Store = Annotated[Database, Depends(database)]
NowNs = Annotated[int, Depends(now_ns)]
DefaultZone = Annotated[str, Depends(default_zone)]
PastSpending = Annotated[Histories, Depends(histories)]
