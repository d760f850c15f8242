"""The Anthropic wire format, as a server writes it: messages (JSON and events), errors.

Never: anything but shapes; what is served and billed is decided in `provider`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `input_tokens` is all of the input; the wire says the cached part apart from the rest."""

    response_id: str
    model: str
    words: list[str]
    input_tokens: int
    cached_tokens: int

    def usage(self, output_tokens: int) -> dict[str, Any]:
        """The ``usage`` object: here ``input_tokens`` leaves out what came from the cache."""
        return {
            "input_tokens": self.input_tokens - self.cached_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": self.cached_tokens,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": output_tokens,
            "service_tier": "standard",
        }

    def body(self) -> dict[str, Any]:
        """The whole answer."""
        content = [{"type": "text", "text": " ".join(self.words)}]
        return {**self._head(content, "end_turn"), "usage": self.usage(len(self.words))}

    def events(self, pieces: list[str]) -> list[tuple[str | None, Any]]:
        """The answer as server-sent events: (event name, data); output tokens are a running total."""
        start = {**self._head([], None), "usage": self.usage(1)}
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        deltas = [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
            for piece in pieces
        ]
        ending = {"stop_reason": "end_turn", "stop_sequence": None}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": start},
            block,
            {"type": "ping"},
            *deltas,
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": ending, "usage": {"output_tokens": len(self.words)}},
            {"type": "message_stop"},
        ]
        return [(event["type"], event) for event in events]

    def _head(self, content: list[dict[str, str]], stop_reason: str | None) -> dict[str, Any]:
        return {
            "id": self.response_id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
        }


def error(kind: str) -> dict[str, Any]:
    """An error body."""
    return {"type": "error", "error": {"type": f"{kind}_error", "message": f"simulated {kind}"}}
