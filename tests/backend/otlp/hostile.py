"""Hostile bodies, each decoded in a process of its own: ``python -m tests.backend.otlp.hostile``.

Prints a line of JSON for each: what became of it, and by how many bytes the process grew at its peak beyond the body's
own size. The processes are forked, so that what they all need is imported once.
"""

from __future__ import annotations

import json
import os
import resource
import time
import zlib
from collections.abc import Callable
from typing import Any

from spanledger_server.api.receivers.bodies import inflated
from spanledger_server.errors import Malformed, TooLarge
from tests.backend.otlp.payloads import decode, span, traces

MIB = 1024 * 1024


def delimited(number: int, inner: bytes) -> bytes:
    """A protobuf field that holds `inner`."""
    length, size = bytearray(), len(inner)
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes([number << 3 | 2]) + bytes(length) + inner


def in_span(fields: bytes) -> bytes:
    """A trace request whose only span has these further fields."""
    return delimited(1, delimited(2, delimited(2, span().SerializeToString() + fields)))


def bomb() -> bytes:
    """A gigabyte of zeros in a megabyte."""
    packer = zlib.compressobj(9, wbits=31)
    first, again = (packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * 1023  # after a full flush the same input is packed the same


def nested_values(depth: int) -> bytes:
    """An attribute that is a list in a list in a list…"""
    value = b""
    for _ in range(depth):
        value = delimited(5, delimited(1, value))
    return delimited(9, delimited(1, b"deep") + delimited(2, value))


EMPTY_PIECES = 4 * MIB  # bytes of empty sub-messages, two bytes each
BODIES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "gzip-bomb": ("gzip", bomb),
    "empty-resource-groups": ("protobuf", lambda: b"\x0a\x00" * (EMPTY_PIECES // 2)),
    "empty-scope-groups": ("protobuf", lambda: delimited(1, b"\x12\x00" * (EMPTY_PIECES // 2))),
    "empty-spans": ("protobuf", lambda: delimited(1, delimited(2, b"\x12\x00" * (EMPTY_PIECES // 2)))),
    "empty-attributes": ("protobuf", lambda: in_span(b"\x4a\x00" * (EMPTY_PIECES // 2))),
    "empty-events": ("protobuf", lambda: in_span(b"\x5a\x00" * (EMPTY_PIECES // 2))),
    "empty-links": ("protobuf", lambda: in_span(b"\x6a\x00" * (EMPTY_PIECES // 2))),
    "one-attribute-of-empty-values": (
        "protobuf",
        lambda: in_span(
            delimited(9, delimited(1, b"k") + delimited(2, delimited(5, b"\x0a\x00" * (EMPTY_PIECES // 2))))
        ),
    ),
    "one-event-of-empty-attributes": ("protobuf", lambda: in_span(delimited(11, b"\x1a\x00" * (EMPTY_PIECES // 2)))),
    "resource-of-empty-attributes": ("protobuf", lambda: delimited(1, delimited(1, b"\x0a\x00" * (EMPTY_PIECES // 2)))),
    "one-text": (
        "protobuf",
        lambda: in_span(delimited(9, delimited(1, b"k") + delimited(2, delimited(1, b"x" * EMPTY_PIECES)))),
    ),
    "nested-10000": ("protobuf", lambda: in_span(nested_values(10_000))),
    "json-nested-10000": ("json", lambda: b'{"resourceSpans":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "json-nested-values-10000": (
        "json",
        lambda: b'{"a":' + b'{"arrayValue":{"values":[' * 10_000 + b"]}}" * 10_000 + b"}",
    ),
    "json-empty-lists": ("json", lambda: b'{"a":[' + b"[]," * (EMPTY_PIECES // 3) + b"0]}"),
    "json-small-integers": ("json", lambda: b'{"a":[' + b"0," * (EMPTY_PIECES // 2) + b"0]}"),
    "json-10000-attributes": ("json", lambda: json.dumps(_many_attributes()).encode()),
    "10000-attributes": ("protobuf", lambda: traces(span({f"key-{number}": number for number in range(10_000)}))),
    "json-huge-integer": (
        "json",
        lambda: b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":1' + b"0" * MIB + b"}]}]}]}",
    ),
}


def _many_attributes() -> Any:
    pairs = [{"key": f"key-{number}", "value": {"intValue": str(number)}} for number in range(10_000)]
    return {"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": pairs}]}]}]}


def peak_bytes() -> int:
    """The most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def tell(name: str) -> None:
    """Decode the named body and tell what became of it."""
    encoding, make = BODIES[name]
    body = make()
    before, began = peak_bytes(), time.perf_counter()
    try:
        if encoding == "gzip":
            outcome = f"inflated {len(inflated(body, 64 * MIB, lambda _: None))}"
        else:
            found = decode("traces", body, encoding)
            outcome = f"rows {found.rows} refused {found.refusals.total}"
    except (Malformed, TooLarge) as error:
        outcome = type(error).__name__
    told = {"name": name, "outcome": outcome, "grown": peak_bytes() - before, "size": len(body)}
    print(json.dumps(told | {"seconds": time.perf_counter() - began}), flush=True)


def main() -> None:
    """Tell of every body."""
    decode("traces", traces(span()))
    for name in BODIES:
        child = os.fork()
        if child == 0:
            tell(name)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
