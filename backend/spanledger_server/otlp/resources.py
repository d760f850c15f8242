"""A resource as the store keeps it: its id, its attributes as JSON, and the service it names.

Equal attributes give the same id, whatever their order and encoding.

Never: more than one reading of the same bytes while they are remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson

from spanledger import semconv
from spanledger_server.otlp import json
from spanledger_server.otlp.attributes import Attributes, ProtobufValues
from spanledger_server.otlp.limits import DecodeLimits, shortened
from spanledger_server.otlp.wire import ShallowResource, ShallowScope

REMEMBERED_BYTES = 16_384  # a longer resource is read each time, so that what is remembered stays small


@dataclass(frozen=True, slots=True)
class Resource:
    """Who sent a record."""

    resource_id: int
    service: str | None
    attributes: str  # JSON object


def fingerprint(data: bytes) -> int:
    """64 bits that are the same for the same bytes, in every process and version."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


def sorted_json(value: Any) -> bytes:
    """JSON that does not depend on the order of keys."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def resource_of(attributes: Attributes) -> Resource:
    """The resource with these attributes."""
    text = sorted_json(attributes)
    service = attributes.get(semconv.SERVICE_NAME)
    return Resource(fingerprint(text), service if isinstance(service, str) and service else None, text.decode())


def protobuf_resource(raw: bytes, limits: DecodeLimits) -> Resource:
    """The resource of a protobuf message.

    Raises:
        DecodeError: `raw` is none.
    """
    return _remembered(raw, limits) if len(raw) <= REMEMBERED_BYTES else _read(raw, limits)


def _read(raw: bytes, limits: DecodeLimits) -> Resource:
    message = ShallowResource.FromString(raw)
    values = ProtobufValues(limits)
    return resource_of(values.shallow_attributes(message.attributes, message.dropped_attributes_count))


_remembered = lru_cache(maxsize=512)(_read)


def protobuf_scope(raw: bytes, limits: DecodeLimits) -> str | None:
    """The name of an instrumentation scope, None when it has none.

    Raises:
        DecodeError: `raw` is no scope.
    """
    return shortened(ShallowScope.FromString(raw).name, limits.name_length) or None


def json_scope(scope: json.Object, limits: DecodeLimits) -> str | None:
    """The name of an instrumentation scope, None when it has none.

    Raises:
        Malformed: A field has the wrong type.
    """
    return shortened(json.text(scope, "name"), limits.name_length) or None
