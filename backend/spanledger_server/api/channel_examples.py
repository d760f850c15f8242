"""Channels in the OpenAPI document: the schema of what each kind is told, and examples of answers.

Given the table of kinds, gives the one schema that all of them make together.

Never: a field that the table does not have.
"""

from __future__ import annotations

from typing import Any, Final

from spanledger_server.notify.channels import KINDS, kinds
from spanledger_server.notify.channels.fields import Field


def _field(field: Field) -> dict[str, Any]:
    plain = dict(field.schema or {"type": "string"})
    about = f"{field.meaning}; never told again" if field.secret else field.meaning
    return plain | {"description": about} | ({"default": field.default} if field.default is not None else {})


def _kind(kind: str) -> dict[str, Any]:
    table = kinds.fields(kind)
    return {
        "type": "object",
        "title": kind,
        "description": KINDS[kind].meaning,
        "required": ["name", "type", *(field.name for field in table if field.required)],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 200},
            "type": {"const": kind},
            "enabled": {"type": "boolean", "default": True},
            "version": {"type": "integer", "description": "when it is changed: the version you have seen"},
            **{field.name: _field(field) for field in table},
        },
    }


def type_shown(kind: str) -> dict[str, Any]:
    """A type as answers have it, for forms."""
    told = [
        {
            "name": field.name,
            "meaning": field.meaning,
            "required": field.required,
            "secret": field.secret,
            "default": field.default,
            "schema": dict(field.schema or {"type": "string"}),
        }
        for field in kinds.fields(kind)
    ]
    return {"type": kind, "meaning": KINDS[kind].meaning, "fields": told}


SCHEMA: Final[dict[str, Any]] = {"oneOf": [_kind(kind) for kind in KINDS]}
CHANNEL: Final[dict[str, Any]] = {
    "id": "5d0f3c7be2a14986",
    "name": "on call",
    "type": "webhook",
    "enabled": True,
    "url": "https://hooks.example.org/…",
    "secret": "set",
    "format": "spanledger",
    "headers": None,
    "allow_private": False,
    "ca": None,
    "version": 1,
    "created_at": "2026-11-21T09:00:00Z",
    "updated_at": "2026-11-21T09:00:00Z",
    "updated_by": "admin",
    "last_delivered_at": "2026-11-21T09:14:02Z",
    "last_delivered": "412 ms, HTTP 200",
    "last_failed_at": None,
    "last_failed": None,
    "failed_in_a_row": 0,
}
TYPE: Final[dict[str, Any]] = type_shown("webhook")
TESTED: Final[dict[str, Any]] = {
    "delivered": True,
    "sentence": "Delivered in 412 ms, HTTP 200",
    "permanent": None,
    "after_s": None,
}
