"""Recorded provider responses: where they are and what they should be read as."""

from __future__ import annotations

import json
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
}


@dataclass(frozen=True)
class Recorded:
    """One recorded body and what its index says of it."""

    path: Path
    about: dict[str, Any]

    @property
    def api(self) -> str:
        return str(self.about["api"])

    @property
    def expected(self) -> dict[str, int | None]:
        """The expected units by their names in `Usage`."""
        return {name: self.about["usage"][key] for key, name in UNITS.items()}

    @property
    def body(self) -> bytes:
        return self.path.read_bytes()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def chunks(self) -> list[Any]:
        """The data of the events of a recorded stream."""
        lines = self.body.decode().splitlines()
        data = [line[5:].strip() for line in lines if line.startswith("data:")]
        return [json.loads(text) for text in data if text and text != "[DONE]"]


def recorded(*, streaming: bool, provider: str | None = None, api: str | None = None) -> list[Recorded]:
    """All recorded bodies of a kind."""
    found = []
    for index in sorted(DATA.glob("*/index.json")):
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
    return f"{one.path.parent.name}/{one.path.name}"


def units(usage: Any) -> dict[str, Any]:
    """The units that the indexes know, of a usage or of none."""
    return {unit: getattr(usage, unit, None) for unit in UNITS.values()}
