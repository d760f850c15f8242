"""The OpenAPI document: what the framework finds in the routes, and what only we know.

Added are who may call what, the one form of every error, the OTLP routes, whose bodies the framework never sees, and
examples of answers (`samples.json`, as a server gave them) where a route has none of its own.

Never: a route without its errors, or without what it asks of the caller.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Final

from fastapi import FastAPI

from spanledger_server.api.answers import PROBLEM_TYPE
from spanledger_server.api.doors import Doors
from spanledger_server.auth.roles import Access, Role

ABOUT: Final = (
    "Cost and traces of LLM calls. Times are RFC 3339 in UTC; money is a number with its exact decimal digits; what is "
    "not known is null; lists page by `next_cursor`. The live channel is a WebSocket at `/api/v1/live`."
)
SIGNALS: Final = {"traces": "Trace", "logs": "Logs", "metrics": "Metrics"}
OTLP_TYPES: Final = ("application/x-protobuf", "application/json")
PROBLEM: Final = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what was wrong, where, and what to do"},
        "parameter": {"type": "string", "description": "the parameter whose value is not allowed"},
        "value": {"type": "string", "description": "that value"},
        "allowed": {"type": "string", "description": "what would have been"},
    },
}
SCHEMES: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "`spanledger token create` makes one"},
    "session": {"type": "apiKey", "in": "cookie", "name": "spanledger_8321", "description": "of a browser; by port"},
}
TEXTS: Final = {"/metrics": "text/plain"}  # what is no JSON; all else is YAML


def install(app: FastAPI, doors: Doors) -> None:
    """Let `app.openapi` give the whole document, made when it is first asked for."""
    generate = app.openapi
    made: list[dict[str, Any]] = []

    def document() -> dict[str, Any]:
        if not made:
            made.append(completed(generate(), doors))
        return made[0]

    app.openapi = document  # type: ignore[method-assign]  # how the framework wants it replaced


def completed(found: dict[str, Any], doors: Doors) -> dict[str, Any]:
    """The document `found` by the framework, with what it cannot find."""
    found["info"]["description"] = ABOUT
    found["paths"] |= {f"/v1/{signal}": {"post": _otlp(signal, word)} for signal, word in SIGNALS.items()}
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            access = doors.asks(method.upper(), path) or Access.ADMINISTER
            operation["security"] = [] if access is Access.OPEN else [{name: []} for name in SCHEMES]
            operation["x-roles"] = [] if access is Access.OPEN else [role for role in Role if access.admits(role)]
            operation["responses"].pop("422", None)
            operation["responses"].setdefault("default", {"$ref": "#/components/responses/Problem"})
    _exemplify(found["paths"])
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {"Problem": {"description": "It was refused; `detail` says why.", "content": content}}
    components["securitySchemes"] = SCHEMES
    return found


def _exemplify(paths: dict[str, Any]) -> None:
    """Put what a server answered beside the routes that show nothing themselves."""
    samples = json.loads(resources.files(__package__).joinpath("samples.json").read_text("utf-8"))
    for operation, sample in samples.items():
        method, _, path = operation.partition(" ")
        answers = paths[path][method.lower()]["responses"]
        answer = next(content for status, content in answers.items() if status.startswith("2"))
        if isinstance(sample, str):
            answer["content"] = {TEXTS.get(path, "application/yaml"): {"schema": {"type": "string"}}}
        answer.setdefault("content", {"application/json": {}})
        for kind, content in answer["content"].items():
            if kind != "application/x-protobuf":
                content.setdefault("example", sample)


def _otlp(signal: str, word: str) -> dict[str, Any]:
    def message(name: str) -> dict[str, Any]:
        schema = {"type": "object", "description": f"{name} of OTLP 1"}
        return {kind: {"schema": schema} for kind in OTLP_TYPES}

    answer = {"description": "Stored; `partial_success` counts what was not.", "content": {}}
    answer["content"] = message(f"Export{word}ServiceResponse")
    return {
        "tags": ["telemetry"],
        "summary": f"Send {signal}",
        "description": f"OTLP/HTTP: {signal}, gzip or not, answered once they are stored. 503 says when to come back.",
        "operationId": f"send_{signal}",
        "requestBody": {"required": True, "content": message(f"Export{word}ServiceRequest")},
        "responses": {
            "200": answer,
            "default": {"description": "It was refused.", "content": message("google.rpc.Status, as every refusal")},
        },
    }
