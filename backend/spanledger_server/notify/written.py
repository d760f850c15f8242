"""Events and messages as text of the store: an exact way there and back.

Given one, gives JSON; given that JSON, gives it again.

Never: a decimal that becomes a float on the way, or a value that JSON cannot hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson

from spanledger_server.notify.event import Event
from spanledger_server.notify.message import Message

_IDS: Final = ("event_id", "alert_id")
_AMOUNTS: Final = ("value", "threshold", "present")
_NAMES: Final = tuple(field.name for field in fields(Event))
_MESSAGE_NAMES: Final = tuple(field.name for field in fields(Message) if field.name != "receipt")


def event_text(event: Event) -> str:
    """The event as JSON."""
    return _text(_told(event))


def event_of(text: str) -> Event:
    """The event that `event_text` wrote; what a newer program added to it is left out."""
    return _event(orjson.loads(text))


def message_text(message: Message) -> str:
    """The message as JSON, without its receipt, which is kept elsewhere."""
    told = {name: getattr(message, name) for name in _MESSAGE_NAMES}
    return _text(told | {"alerts": [_told(event) for event in message.alerts]})


def message_of(text: str) -> Message:
    """The message that `message_text` wrote."""
    told = {name: value for name, value in orjson.loads(text).items() if name in _MESSAGE_NAMES}
    told["notification_id"] = UUID(told["notification_id"])
    told["alerts"] = tuple(_event(each) for each in told["alerts"])
    told["links"] = tuple(tuple(each) for each in told["links"])
    return Message(**told)


def _told(event: Event) -> dict[str, Any]:
    told = {name: getattr(event, name) for name in _NAMES}
    for name in _AMOUNTS:
        told[name] = _amount_told(told[name])
    return told


def _text(told: dict[str, Any]) -> str:
    return orjson.dumps(told, default=_other, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()


def _event(told: dict[str, Any]) -> Event:
    told = {name: value for name, value in told.items() if name in _NAMES}
    for name in _IDS:
        told[name] = UUID(told[name])
    told["rule_id"] = None if told["rule_id"] is None else UUID(told["rule_id"])
    for name in _AMOUNTS:
        told[name] = _amount(told.get(name))
    for name in ("facts", "contributors"):
        told[name] = tuple(tuple(each) for each in told[name])
    for name in ("traces", "channels"):
        told[name] = tuple(told[name])
    return Event(**told)


def _amount_told(value: float | Decimal | None) -> Any:
    """Floats are numbers, decimals and what is no number are text in a list of one."""
    if isinstance(value, Decimal) or (isinstance(value, float) and not math.isfinite(value)):
        return [type(value).__name__, str(value)]
    return value


def _amount(told: Any) -> float | Decimal | None:
    if isinstance(told, list):
        kind, text = told
        return Decimal(text) if kind == Decimal.__name__ else float(text)
    return told  # type: ignore[no-any-return]  # a number or null: nothing else was written


def _other(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): str(item) for key, item in value.items()}
    return str(value)
