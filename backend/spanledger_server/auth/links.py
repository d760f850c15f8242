"""Links that sign a browser in: each works once, for a few minutes.

A link holds a code of 192 random bits that stands for a token; kept in memory as a hash, so that a restart ends all of
them. What it opens is what its token opens at the moment it is used.

Never: a code that works twice, or more than a bounded number of them.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from typing import Final

from spanledger_server.auth.tokens import Token, Tokens

PREFIX: Final = "slo_"
LASTS_S: Final = 300
MOST_LINKS: Final = 1000


class Links:
    """All links that have not been used yet."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def make(self, token: Token, now_ns: int) -> tuple[str, int]:
        """A code for `token`, and when it ends; the oldest one gives way when there are too many."""
        code = PREFIX + secrets.token_urlsafe(24)
        ends_ns = now_ns + LASTS_S * 10**9
        with self._lock:
            self._waiting[_hash(code)] = token.token_id, ends_ns
            while len(self._waiting) > MOST_LINKS:
                self._waiting.popitem(last=False)
        return code, ends_ns

    def redeem(self, code: str, now_ns: int) -> Token | None:
        """The token that `code` stands for, once; None when it was used, has ended, or its token is of no use."""
        with self._lock:
            token_id, ends_ns = self._waiting.pop(_hash(code), ("", 0))
        return self._tokens.by_id(token_id, now_ns) if now_ns < ends_ns else None


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
