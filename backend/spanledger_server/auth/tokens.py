"""Tokens: made, listed, rotated, revoked, recognised.

A token is ``sl_`` and 256 random bits; kept as a SHA-256 hash, which is enough for a secret that nobody can guess.
All of them are held in memory (this process is the only writer), so recognising one costs a hash and a look-up.

Never: a secret stored, logged, or shown a second time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from typing import Any

from spanledger_server.auth import audit
from spanledger_server.auth.roles import Role
from spanledger_server.auth.scope import EVERYTHING, Scope
from spanledger_server.errors import Invalid, NotFound
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Transaction

SQL = sqlfile.load(__package__)

PREFIX = "sl_"
MOST_NAME = 120
_NOTE_USE_EVERY_NS = 60 * 10**9


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret. Times are nanoseconds since 1970."""

    token_id: str
    name: str
    role: Role
    hash: str
    created_ns: int
    expires_ns: int | None
    revoked_ns: int | None
    last_used_ns: int | None
    scope: Scope = EVERYTHING
    replaces: str | None = None  # the id of the token in whose place it came

    def usable(self, now_ns: int) -> bool:
        """Whether it still opens anything."""
        return self.revoked_ns is None and (self.expires_ns is None or now_ns < self.expires_ns)


def fingerprint(secret: str) -> str:
    """What is stored in a secret's place."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Tokens:
    """All tokens of this installation."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_hash: dict[str, Token] = {}
        self._by_id: dict[str, Token] = {}
        self._used_ns: dict[str, int] = {}
        self._read()

    def _read(self) -> None:
        """Take all tokens from the store; after a change in the writer's turn, so that what is older comes earlier."""
        with self._database.reader() as reader:
            tokens = [_token(row) for row in reader.rows(SQL["all_tokens"])]
        self._by_hash = {token.hash: token for token in tokens}
        self._by_id = {token.token_id: token for token in tokens}

    def recognise(self, secret: str, now_ns: int) -> Token | None:
        """The usable token with this secret, or None; its use is noted."""
        given = fingerprint(secret)
        token = self._by_hash.get(given)
        if token is None or not hmac.compare_digest(token.hash, given) or not token.usable(now_ns):
            return None
        self._used_ns[token.token_id] = now_ns
        return token

    def by_id(self, token_id: str, now_ns: int) -> Token | None:
        """The usable token with this id, or None; for sessions, which carry no secret. Its use is noted."""
        token = self._by_id.get(token_id)
        if token is None or not token.usable(now_ns):
            return None
        self._used_ns[token_id] = now_ns
        return token

    def listed(self) -> list[Token]:
        """All tokens, oldest first, also the revoked ones, with the latest use known."""
        return [
            replace(token, last_used_ns=self._used_ns.get(token.token_id, token.last_used_ns))
            for token in self._by_id.values()
        ]

    def has_admin(self, now_ns: int) -> bool:
        """Whether anybody can still administer this installation."""
        return any(token.role is Role.ADMIN and token.usable(now_ns) for token in self._by_id.values())

    def create(
        self,
        name: str,
        role: Role,
        now_ns: int,
        actor: str,
        *,
        expires_ns: int | None = None,
        secret: str | None = None,
        scope: Scope = EVERYTHING,
    ) -> tuple[Token, str]:
        """A new token and its secret, which cannot be had again.

        Args:
            name: What it is for, shown in lists and in the audit trail.
            role: What it may do.
            now_ns: Nanoseconds since 1970.
            actor: Who asked.
            expires_ns: When it stops working; None = when it is revoked.
            secret: A secret chosen elsewhere; None makes one.
            scope: The services and tenants that it may send for, or see.

        Raises:
            Invalid: When the name is empty or too long, the end is not in the future, or an admin's reach is limited.
        """
        if not name.strip() or len(name) > MOST_NAME:
            raise Invalid("name", name[:MOST_NAME], f"1 to {MOST_NAME} characters")
        if expires_ns is not None and expires_ns <= now_ns:
            raise Invalid("expires_at", expires_ns, "an instant in the future")
        if role is Role.ADMIN and scope.limited:
            raise Invalid("role", role.value, "ingest or viewer for a token that is limited to services or tenants")
        secret = secret or _secret()
        token = _made(name.strip(), role, secret, now_ns, expires_ns, scope, None)
        with self._database.transaction() as tx:
            tx.after_commit(self._read)
            _add(tx, token)
            audit.record(tx, now_ns, actor, "token.created", token.token_id, {"before": None, "after": _told(token)})
        return token, secret

    def rotate(self, token_id: str, grace_ns: int, now_ns: int, actor: str) -> tuple[Token, str]:
        """A token in the place of another, as that one but for its secret; the old one goes on for a while.

        Args:
            token_id: The old one.
            grace_ns: How long the old one still works, at most until its own end.
            now_ns: Nanoseconds since 1970.
            actor: Who asked.

        Raises:
            NotFound: There is no such token that still works.
        """
        old = self._by_id.get(token_id)
        if old is None or not old.usable(now_ns):
            raise NotFound(f"there is no token {token_id!r} that could be rotated")
        secret = _secret()
        token = _made(old.name, old.role, secret, now_ns, old.expires_ns, old.scope, token_id)
        ends_ns = min(now_ns + grace_ns, old.expires_ns or now_ns + grace_ns)
        with self._database.transaction() as tx:
            tx.after_commit(self._read)
            if not tx.execute(SQL["end_token"], token_id=token_id, expires_ns=ends_ns):
                raise NotFound(f"there is no token {token_id!r} that could be rotated")
            _add(tx, token)
            detail = {"before": _told(old), "after": _told(replace(old, expires_ns=ends_ns)), "by": _told(token)}
            audit.record(tx, now_ns, actor, "token.rotated", token_id, detail)
        return token, secret

    def revoke(self, token_id: str, now_ns: int, actor: str) -> None:
        """Make a token useless at once.

        Raises:
            NotFound: When there is no such token, or it is revoked already.
        """
        with self._database.transaction() as tx:
            tx.after_commit(self._read)
            if not tx.execute(SQL["revoke_token"], token_id=token_id, revoked_ns=now_ns):
                raise NotFound(f"there is no token {token_id!r} that could be revoked")
            before = self._by_id.get(token_id)
            detail = {"before": None if before is None else _told(before), "after": None}
            audit.record(tx, now_ns, actor, "token.revoked", token_id, detail)

    def note_use(self) -> None:
        """Write down when tokens were last used, where that moved by a minute or more."""
        moved = {
            token.token_id: used
            for token in self._by_id.values()
            if (used := self._used_ns.get(token.token_id)) is not None
            and used - (token.last_used_ns or 0) >= _NOTE_USE_EVERY_NS
        }
        if not moved:
            return
        with self._database.transaction() as tx:
            tx.after_commit(self._read)
            for token_id, used in moved.items():
                tx.execute(SQL["touch_token"], token_id=token_id, last_used_ns=used)


def _secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _made(
    name: str, role: Role, secret: str, now_ns: int, expires_ns: int | None, scope: Scope, replaces: str | None
) -> Token:
    token_id = secrets.token_hex(6)
    return Token(token_id, name, role, fingerprint(secret), now_ns, expires_ns, None, None, scope, replaces)


def _token(row: dict[str, Any]) -> Token:
    services, tenants = (None if row[key] is None else tuple(row[key]) for key in ("services", "tenants"))
    kept = {key: value for key, value in row.items() if key not in ("services", "tenants")}
    return Token(**{**kept, "role": Role(row["role"]), "scope": Scope(services, tenants)})


def _add(tx: Transaction, token: Token) -> None:
    tx.execute(
        SQL["add_token"],
        token_id=token.token_id,
        name=token.name,
        role=token.role.value,
        hash=token.hash,
        created_ns=token.created_ns,
        expires_ns=token.expires_ns,
        services=token.scope.services and list(token.scope.services),
        tenants=token.scope.tenants and list(token.scope.tenants),
        replaces=token.replaces,
    )


def _told(token: Token) -> dict[str, Any]:
    """A token for the audit trail."""
    return {
        "id": token.token_id,
        "name": token.name,
        "role": token.role.value,
        "expires_ns": token.expires_ns,
        "services": token.scope.services,
        "tenants": token.scope.tenants,
    }
