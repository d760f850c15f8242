"""The API's description as a page that needs nothing from elsewhere: every route with its parameters.

Never: a script, or a file of another origin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import Any

from fastapi import APIRouter
from starlette.responses import HTMLResponse

POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def router(document: Callable[[], dict[str, Any]]) -> APIRouter:
    """The route of the page; `document` gives the OpenAPI document."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs")
    def docs() -> HTMLResponse:
        """The page."""
        return HTMLResponse(rendered(document()), headers={"Content-Security-Policy": POLICY})

    return routes


def rendered(document: dict[str, Any]) -> str:
    """The OpenAPI document as HTML."""
    info = document["info"]
    body = "".join(
        _route(method, path, route) for path, methods in document["paths"].items() for method, route in methods.items()
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(info['title'])} API</title><h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        "<p>Send <code>Authorization: Bearer TOKEN</code>. "
        "The machine-readable form is <a href=/openapi.json>/openapi.json</a>.</p>"
        f"{body}</html>"
    )


def _route(method: str, path: str, route: dict[str, Any]) -> str:
    said = escape(route.get("description") or route.get("summary") or "")
    return f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{said}</p><dl>{''.join(_parameters(route))}</dl>"


def _parameters(route: dict[str, Any]) -> Iterator[str]:
    for parameter in route.get("parameters", ()):
        needed = "required" if parameter.get("required") else "optional"
        said = escape(parameter.get("description") or "")
        yield f"<dt><code>{escape(parameter['name'])}</code> ({parameter['in']}, {needed})</dt><dd>{said}</dd>"
