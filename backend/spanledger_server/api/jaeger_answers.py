"""How both generations of Jaeger's API say no, and how their routes are written down.

A router made here turns every error of ours into the shape that Jaeger's clients read.

Never: a problem document where a client of Jaeger reads the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from spanledger_server.api import answers
from spanledger_server.errors import Busy, Invalid, SpanledgerError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
TAG: Final = "jaeger"


def first_refusal(status: int, message: str) -> dict[str, Any]:
    """A refusal as the first generation reads it."""
    return envelope(None, errors=[{"code": status, "msg": message}])


def second_refusal(status: int, message: str) -> dict[str, Any]:
    """A refusal as the second generation reads it."""
    return {"error": {"httpCode": status, "message": message}}


def envelope(data: Any, *, total: int = 0, errors: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """What every answer of the first generation is wrapped in."""
    return {"data": data, "total": total, "limit": 0, "offset": 0, "errors": errors}


def router(refusal: Callable[[int, str], dict[str, Any]]) -> APIRouter:
    """A router whose routes say no by `refusal`."""

    class Route(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def answering(request: Request) -> Response:
                try:
                    return await handle(request)
                except SpanledgerError as error:
                    return _refused(error, refusal)

            return answering

    return APIRouter(tags=[TAG], route_class=Route)


def _refused(error: SpanledgerError, refusal: Callable[[int, str], dict[str, Any]]) -> Response:
    status = 400 if isinstance(error, Invalid) else answers.status_of(error)
    if status == 500:
        raise error
    answer = answers.answer(refusal(status, str(error)), status)
    if isinstance(error, Busy):
        answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


def documented(example: dict[str, Any], **parameters: str) -> dict[str, Any]:
    """What the OpenAPI document says of a route: an example of its answer, and each parameter with its description.

    Args:
        example: An answer.
        parameters: Descriptions by name; a double underscore stands for a full stop.
    """
    described = [
        {"name": name.replace("__", "."), "in": "query", "description": text, "schema": {"type": "string"}}
        for name, text in parameters.items()
    ]
    content = {"application/json": {"example": example, "schema": {"type": "object"}}}
    return {"parameters": described, "responses": {"200": {"description": "As Jaeger answers.", "content": content}}}
