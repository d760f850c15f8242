"""Alertmanager's wire format: one posted alert into a message.

An alert whose labels cannot be kept as they are is refused; annotations, which only explain, are cut to size.

Never: two alerts made one by cutting labels, or an address that a browser would run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from spanledger_server.alerts.episodes import Message, Severity
from spanledger_server.alerts.fingerprint import fingerprint
from spanledger_server.api import parameters
from spanledger_server.errors import Invalid

RECEIVER: Final = "spanledger"
MOST_LABELS: Final = 64
MOST_NAME: Final = 256
MOST_VALUE: Final = 4096
MOST_ANNOTATION: Final = 16_384
NEVER_SET: Final = "0001-01-01T00:00:00"  # Go's zero time
SEVERITIES: Final[dict[str, Severity]] = {
    **dict.fromkeys(("critical", "crit", "page", "fatal", "emergency"), "critical"),
    **dict.fromkeys(("error", "err", "major", "high"), "error"),
    **dict.fromkeys(("warning", "warn", "ticket", "minor", "medium"), "warning"),
    **dict.fromkeys(("info", "information", "informational", "notice", "low"), "info"),
}


class RefusedAlert(Exception):
    """An alert cannot be taken; its text says why."""


def message(item: object, now_ns: int, resolve_timeout_ns: int) -> Message:
    """One member of the posted list.

    Args:
        item: As JSON has it.
        now_ns: The time.
        resolve_timeout_ns: How long it fires if it does not say until when.

    Raises:
        RefusedAlert: It is none, or cannot be kept as it is.
    """
    if not isinstance(item, dict):
        raise RefusedAlert("an alert is an object with labels")
    labels = _labels(item.get("labels"))
    starts_ns, ends_ns = _times(item, now_ns, resolve_timeout_ns)
    return Message(
        fingerprint=fingerprint(labels),
        labels=_text(labels),
        name=labels.get("alertname"),
        severity=SEVERITIES.get(labels.get("severity", "").strip().lower()),
        annotations=_text(_annotations(item.get("annotations"))),
        generator_url=_address(item.get("generatorURL")),
        starts_ns=starts_ns,
        ends_ns=ends_ns,
        fires=ends_ns > now_ns,
    )


def _text(pairs: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(pairs.items())), ensure_ascii=False)


def _labels(given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        raise RefusedAlert("labels is an object of texts")
    found = {name: value for name, value in given.items() if value != ""}
    if not found:
        raise RefusedAlert("an alert has at least one label")
    if len(found) > MOST_LABELS:
        raise RefusedAlert(f"{len(found)} labels: at most {MOST_LABELS} are taken")
    for name, value in found.items():
        if not isinstance(value, str):
            raise RefusedAlert(f"the label {name[:100]!r} is not a text")
        if not 0 < len(name) <= MOST_NAME or len(value) > MOST_VALUE:
            most = f"names have 1 to {MOST_NAME} characters, values at most {MOST_VALUE}"
            raise RefusedAlert(f"the label {name[:100]!r} is too long, or has no name: {most}")
        if "\0" in name or "\0" in value:
            raise RefusedAlert(f"the label {name[:100]!r} holds a NUL")
    return found


def _annotations(given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    told = [(name, value) for name, value in given.items() if isinstance(value, str) and value]
    return {name[:MOST_NAME]: value[:MOST_ANNOTATION] for name, value in told[:MOST_LABELS]}


def _address(given: object) -> str | None:
    usable = isinstance(given, str) and given.startswith(("http://", "https://")) and len(given) <= MOST_ANNOTATION
    return str(given) if usable else None


def _times(item: Mapping[str, Any], now_ns: int, resolve_timeout_ns: int) -> tuple[int, int]:
    starts_ns, ends_ns = (_time(item, name) for name in ("startsAt", "endsAt"))
    if ends_ns is None:
        ends_ns = now_ns + resolve_timeout_ns
    if starts_ns is None:
        starts_ns = min(now_ns, ends_ns)
    if starts_ns > ends_ns:
        raise RefusedAlert("startsAt is after endsAt, or too far in the future")
    return starts_ns, ends_ns


def _time(item: Mapping[str, Any], name: str) -> int | None:
    given = item.get(name)
    if given is None or given == "" or str(given).startswith(NEVER_SET):
        return None
    if not isinstance(given, str) or not given[:4].isdigit():
        raise RefusedAlert(f"{name} is not a time such as 2026-11-21T09:00:00Z")
    try:
        return parameters.instant(name, given, 0)
    except Invalid as error:
        raise RefusedAlert(f"{name} is not a time such as 2026-11-21T09:00:00Z, from 1970 to 2262") from error
