"""Recorded provider responses: where they are and what they should be read as."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data" / "provider_responses"
UNITS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cached_input": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "cache_write_5m": "cache_write_5m_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
    "reasoning": "reasoning_tokens",
    "audio_in": "audio_input_tokens",
    "audio_out": "audio_output_tokens",
    "search_units": "requests",
}


@dataclass(frozen=True)
class Recorded:
    """One recorded body and what its index says of it."""

    path: Path
    about: dict[str, Any]

    @property
    def provider(self) -> str:
        return self.path.parent.name

    @property
    def api(self) -> str:
        return str(self.about["api"])

    @property
    def streaming(self) -> bool:
        return bool(self.about["streaming"])

    @property
    def expected(self) -> dict[str, int | None]:
        """The expected units by their names in `Usage`."""
        return {name: self.about["usage"].get(key) for key, name in UNITS.items()}

    @property
    def body(self) -> bytes:
        return self.path.read_bytes()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def answer(self) -> Any:
        """What a caller holds: the JSON, or of a body without usage what boto3 gives around it."""
        if self.about["usage_source"] != "headers":
            return self.json
        about = {"RequestId": "request-1", "HTTPStatusCode": 200, "HTTPHeaders": self.about["raw_usage"]}
        return {"ResponseMetadata": about, "contentType": "application/json", "body": object()}

    @property
    def chunks(self) -> list[Any]:
        """The parsed events of a recorded stream, Bedrock's as boto3 gives them."""
        if self.path.suffix == ".eventstream":
            return list(_events(self.body))
        lines = self.body.decode().splitlines()
        if self.path.suffix == ".sse":
            lines = [line[5:].strip() for line in lines if line.startswith("data:")]
        return [json.loads(text) for text in lines if text and text != "[DONE]"]


def recorded(
    *, streaming: bool, provider: str | None = None, api: str | None = None, data: Path = DATA
) -> list[Recorded]:
    """All recorded bodies of a kind."""
    found = []
    for index in sorted(data.glob("*/index.json")):
        for about in json.loads(index.read_text()):
            if (
                bool(about["streaming"]) is streaming
                and provider in (None, index.parent.name)
                and api in (None, about["api"])
            ):
                found.append(Recorded(index.parent / about["file"], about))
    return found


def name(one: Recorded) -> str:
    """A test's name for a body."""
    return f"{one.provider}/{one.path.name}"


def units(usage: Any) -> dict[str, Any]:
    """The units that the indexes know, of a usage or of none."""
    return {unit: getattr(usage, unit, None) for unit in UNITS.values()}


def _events(body: bytes) -> Iterator[dict[str, Any]]:
    """The messages of an AWS event stream: lengths, text headers, JSON; checksums are not looked at."""
    while body:
        length, headers_length = struct.unpack_from(">II", body)
        headers, payload, body = body[12 : 12 + headers_length], body[12 + headers_length : length - 4], body[length:]
        event: dict[str, Any] = json.loads(payload)
        event.pop("p", None)  # padding
        if "bytes" in event:
            event["bytes"] = base64.b64decode(event["bytes"])
        yield {dict(_headers(headers))[":event-type"]: event}


def _headers(data: bytes) -> Iterator[tuple[str, str]]:
    while data:
        end = 1 + data[0]
        size = struct.unpack_from(">H", data, end + 1)[0]  # after one byte that says text
        yield data[1:end].decode(), data[end + 3 : end + 3 + size].decode()
        data = data[end + 3 + size :]
