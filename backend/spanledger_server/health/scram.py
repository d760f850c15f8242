"""SCRAM-SHA-256 (RFC 5802, RFC 7677): proves that a password is known, and that the other side knows it too.

Never: the password itself, or as many rounds as the other side cares to ask for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import unicodedata
from typing import Final

from spanledger_server.health.answer import BrokenError

MOST_ROUNDS: Final = 200_000


class Scram:
    """One proof: `first`, `final`, `verify`."""

    def __init__(self, password: str, nonce: str | None = None) -> None:
        """Begins.

        Args:
            password: What both sides know.
            nonce: A number used once, as text; made when None.
        """
        self._password = unicodedata.normalize("NFKC", password).encode()
        self._nonce = nonce or secrets.token_urlsafe(18)
        self._bare = f"n=,r={self._nonce}"
        self._proof_of_the_other: bytes | None = None

    def first(self) -> bytes:
        """What to say first."""
        return f"n,,{self._bare}".encode()

    def final(self, challenge: bytes) -> bytes:
        """What to say to the other's challenge.

        Raises:
            BrokenError: It is none.
        """
        try:
            fields = dict(part.split("=", 1) for part in challenge.decode("ascii").split(","))
            nonce, salt, rounds = fields["r"], base64.b64decode(fields["s"], validate=True), int(fields["i"])
        except (ValueError, KeyError, binascii.Error) as error:
            raise BrokenError("its challenge cannot be read") from error
        if not nonce.startswith(self._nonce) or not 1 <= rounds <= MOST_ROUNDS:
            raise BrokenError("its challenge is not one to answer")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, rounds)
        key = _hmac(salted, b"Client Key")
        without_proof = f"c=biws,r={nonce}"
        said = ",".join((self._bare, challenge.decode("ascii"), without_proof)).encode()
        signature = _hmac(hashlib.sha256(key).digest(), said)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        self._proof_of_the_other = _hmac(_hmac(salted, b"Server Key"), said)
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def verify(self, final: bytes) -> None:
        """Whether the other side knows the password as well.

        Raises:
            BrokenError: It does not.
        """
        wanted = b"v=" + base64.b64encode(self._proof_of_the_other or b"")
        if self._proof_of_the_other is None or not hmac.compare_digest(final.split(b",")[0], wanted):
            raise BrokenError("it does not know the password: this is somebody else")


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")
