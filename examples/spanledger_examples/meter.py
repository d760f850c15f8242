"""The simulated provider's own books: what it served, to be compared with what the backend says.

Words are tokens here: a request of 374 words has 374 input tokens, and an answer has exactly as many words as were
asked for.

Never: reads anything of spanledger. It is the other side of the comparison.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from typing import Any

_WORDS = ("the", "shelf", "by", "window", "holds", "a", "quiet", "book", "whose", "margins", "were", "read", "twice")
_CACHED_PREFIX_WORDS = 1024


@dataclass(frozen=True, slots=True)
class Served:
    """One request that was served, and so billed."""

    response_id: str
    provider: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    characters: int = 0
    audio_seconds: int = 0


class Books:
    """Everything served so far, and the prompt cache; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._served: list[Served] = []
        self._prefixes: OrderedDict[int, None] = OrderedDict()
        self._requests = 0

    def serve(self, served: Served) -> None:
        """Write one served request down."""
        with self._lock:
            self._served.append(served)

    def number(self) -> int:
        """The running number of a request, from 1."""
        with self._lock:
            self._requests += 1
            return self._requests

    def cached(self, words: list[str]) -> int:
        """How many tokens of this prompt come from the cache: its first 1,024 words, if they were seen lately."""
        if len(words) < _CACHED_PREFIX_WORDS:
            return 0
        prefix = hash(tuple(words[:_CACHED_PREFIX_WORDS]))
        with self._lock:
            hit = prefix in self._prefixes
            self._prefixes[prefix] = None
            self._prefixes.move_to_end(prefix)
            while len(self._prefixes) > 512:
                self._prefixes.popitem(last=False)
        return _CACHED_PREFIX_WORDS if hit else 0

    def bill(self) -> list[dict[str, Any]]:
        """Every served request, in order."""
        with self._lock:
            return [asdict(served) for served in self._served]


def words_of(content: object) -> list[str]:
    """The words of a message's content: a string, or a list of parts with text."""
    if isinstance(content, str):
        return content.split()
    if isinstance(content, list):
        return [word for part in content if isinstance(part, dict) for word in words_of(part.get("text", ""))]
    return []


def answer(tokens: int) -> list[str]:
    """An answer of exactly this many words."""
    return list(islice(cycle(_WORDS), tokens))


def pieces(words: list[str], most: int = 12) -> list[str]:
    """The answer as a stream sends it: at most `most` pieces, together the whole text."""
    size = max(1, -(-len(words) // most))
    return [" ".join(words[i : i + size]) + (" " if i + size < len(words) else "") for i in range(0, len(words), size)]
