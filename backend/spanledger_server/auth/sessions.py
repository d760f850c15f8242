"""Browser sessions: what the cookie holds in place of the token.

A cookie reaches every server on the same host name, whatever its port, so it must not hold the token itself. It holds
the token's id and an end, signed with a key of this installation and the token's hash: it survives a restart, and it
dies with the token.

Never: state on the server, or anything in the cookie from which the token could be learnt.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from spanledger_server.auth.left import write_private
from spanledger_server.auth.tokens import Token, Tokens

LASTS_S = 30 * 86400


def key(directory: Path | None) -> bytes:
    """The signing key of this installation, in `session.key`, made when missing; without directory for one run."""
    if directory is None:
        return secrets.token_bytes(32)
    file = directory / "session.key"
    if not file.exists():
        write_private(file, secrets.token_hex(32))
    return file.read_bytes()


class Sessions:
    """Signs and reads the cookie's value."""

    def __init__(self, tokens: Tokens, signing_key: bytes) -> None:
        self._tokens = tokens
        self._key = signing_key

    def begin(self, token: Token, now_ns: int) -> str:
        """The cookie's value for a session of `token` that lasts `LASTS_S` seconds."""
        ends_s = now_ns // 10**9 + LASTS_S
        return f"{token.token_id}.{ends_s}.{self._signature(token, ends_s)}"

    def recognise(self, value: str, now_ns: int) -> Token | None:
        """The token that the session stands for, or None when it is over, forged, or its token is no longer usable."""
        token_id, _, rest = value.partition(".")
        end, _, signature = rest.partition(".")
        if not (end.isascii() and end.isdigit()) or len(end) > 12 or int(end) <= now_ns // 10**9:
            return None
        token = self._tokens.by_id(token_id, now_ns)
        if token is None or not hmac.compare_digest(self._signature(token, int(end)).encode(), signature.encode()):
            return None
        return token

    def _signature(self, token: Token, ends_s: int) -> str:
        message = f"{token.token_id}.{ends_s}.{token.hash}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()
