"""Reads OTLP answers: how many items the receiver refused, and why.

Never: fails because an answer is empty or not protobuf; a success without a readable body is a success.
"""

from __future__ import annotations

from spanledger.delivery.outcome import Sent
from spanledger.delivery.wire import read_fields


def refused_in(body: bytes) -> Sent:
    """What an Export…ServiceResponse says; all signals' answers have one shape: 1: {1: count, 2: message}."""
    refused, message = 0, ""
    for number, partial in read_fields(body):
        if number == 1 and isinstance(partial, bytes):
            for inner, value in read_fields(partial):
                if inner == 1 and isinstance(value, int):
                    refused = value
                elif inner == 2 and isinstance(value, bytes):
                    message = value.decode("utf-8", "replace")
    return Sent(refused, message)


def pause_in(status_details: bytes) -> float | None:
    """Seconds of a google.rpc.RetryInfo inside a google.rpc.Status, which holds it as 3: Any {1: url, 2: bytes}."""
    for number, packed in read_fields(status_details):
        if number != 3 or not isinstance(packed, bytes):
            continue
        packed_fields = dict(read_fields(packed))
        url, value = packed_fields.get(1, b""), packed_fields.get(2, b"")
        if isinstance(url, bytes) and isinstance(value, bytes) and url.endswith(b"google.rpc.RetryInfo"):
            return retry_delay(value)
    return None


def retry_delay(retry_info: bytes) -> float:
    """Seconds of a google.rpc.RetryInfo: 1: Duration {1: seconds, 2: nanoseconds}."""
    duration = dict(read_fields(retry_info)).get(1, b"")
    parts = dict(read_fields(duration)) if isinstance(duration, bytes) else {}
    seconds, nanoseconds = parts.get(1, 0), parts.get(2, 0)
    return (seconds if isinstance(seconds, int) else 0) + (nanoseconds if isinstance(nanoseconds, int) else 0) / 1e9
