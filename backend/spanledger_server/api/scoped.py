"""What a limited token may see: its scope, for routes that keep to it.

A route that takes `CallersScope` says with it that it shows nothing from outside; the gate refuses a limited token
everywhere else.

Never: a filter that widens what a scope allows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute

from spanledger_server.auth.scope import EVERYTHING, Scope
from spanledger_server.errors import Forbidden
from spanledger_server.traces.filters import Conditions


def of_caller(connection: HTTPConnection) -> Scope:
    """The scope of whoever asks; everything for nobody in particular, where nobody is let in."""
    caller = getattr(connection.state, "caller", None)
    token = None if caller is None else caller.token
    return EVERYTHING if token is None else token.scope


CallersScope = Annotated[Scope, Depends(of_caller)]


def keeps_to_scope(route: BaseRoute) -> bool:
    """Whether a route takes the caller's scope."""
    return isinstance(route, APIRoute) and _asks(route.dependant.dependencies)


def _asks(dependants: Iterable[Dependant]) -> bool:
    return any(each.call is of_caller or _asks(each.dependencies) for each in dependants)


def within(conditions: Conditions, scope: Scope) -> Conditions:
    """`conditions`, and that everything is of the scope's services and tenants.

    Raises:
        Forbidden: These records cannot be told apart by what the scope names.
    """
    for key, allowed in (("service", scope.services), ("tenant", scope.tenants)):
        if allowed is None:
            continue
        if key not in conditions.subject.texts:
            raise Forbidden(f"this token sees only {scope.told()}, and these records name no {key}")
        wanted = conditions.include.get(key)
        conditions.include[key] = [name for name in allowed if wanted is None or name in wanted]
    return conditions
