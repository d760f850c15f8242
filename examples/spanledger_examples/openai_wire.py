"""The OpenAI wire format, as a server writes it: chat (JSON and chunks), embeddings, speech both ways, errors.

Never: anything but shapes; what is served and billed is decided in `provider`.
"""

from __future__ import annotations

import base64
import struct
import time
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

_SAMPLE_RATE_HZ = 8000
_DIMENSIONS = 8


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat completion."""

    response_id: str
    model: str
    words: list[str]
    input_tokens: int
    cached_tokens: int

    def usage(self) -> dict[str, Any]:
        """The ``usage`` object."""
        return {
            "prompt_tokens": self.input_tokens,
            "completion_tokens": len(self.words),
            "total_tokens": self.input_tokens + len(self.words),
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }

    def body(self) -> dict[str, Any]:
        """The whole answer."""
        message = {"role": "assistant", "content": " ".join(self.words), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self.usage()}

    def events(self, pieces: list[str], *, with_usage: bool) -> list[tuple[str | None, Any]]:
        """The answer as server-sent events: (event name, data)."""
        head = self._head("chat.completion.chunk")
        chunks = [self._chunk(head, {"role": "assistant", "content": ""}, None)]
        chunks += [self._chunk(head, {"content": piece}, None) for piece in pieces]
        chunks.append(self._chunk(head, {}, "stop"))
        if with_usage:
            chunks.append({**head, "choices": [], "usage": self.usage()})
        return [(None, chunk) for chunk in chunks] + [(None, "[DONE]")]

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.response_id,
            "object": kind,
            "created": int(time.time()),
            "model": self.model,
            "service_tier": "default",
        }

    @staticmethod
    def _chunk(head: dict[str, Any], delta: dict[str, str], finish_reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**head, "choices": [choice], "usage": None}


def embeddings(model: str, count: int, tokens: int, encoding: str | None) -> dict[str, Any]:
    """An embeddings answer; as floats, or base64 of little-endian floats where asked."""
    vector = [0.125 * (i + 1) for i in range(_DIMENSIONS)]
    packed = base64.b64encode(struct.pack(f"<{_DIMENSIONS}f", *vector)).decode()
    data = packed if encoding == "base64" else vector
    rows = [{"object": "embedding", "index": i, "embedding": data} for i in range(count)]
    return {"object": "list", "data": rows, "model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


def transcription(words: str, duration_s: float, billed_s: int) -> dict[str, Any]:
    """A verbose transcription."""
    return {
        "task": "transcribe",
        "language": "english",
        "duration": duration_s,
        "text": words,
        "segments": [],
        "usage": {"type": "duration", "seconds": billed_s},
    }


def uploaded(content_type: str, body: bytes) -> dict[str, bytes]:
    """The parts of a form with files, by their names."""
    whole = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    return {
        str(part.get_param("name", header="content-disposition")): bytes(part.get_payload(decode=True) or b"")
        for part in whole.iter_parts()
    }


def silence(seconds: float) -> bytes:
    """A WAV file of silence: 8 kHz, mono, 16 bits."""
    samples = b"\0\0" * int(seconds * _SAMPLE_RATE_HZ)
    form = struct.pack("<HHIIHH", 1, 1, _SAMPLE_RATE_HZ, _SAMPLE_RATE_HZ * 2, 2, 16)
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def error(kind: str) -> dict[str, Any]:
    """An error body."""
    return {"error": {"message": f"simulated {kind}", "type": kind, "param": None, "code": kind}}
