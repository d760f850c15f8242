"""The first administrator: a token from the settings, or one made at the first start.

Never: a made token that is shown again, or a given one that is shown at all.
"""

from __future__ import annotations

from spanledger_server.auth.roles import Role
from spanledger_server.auth.tokens import Tokens, fingerprint

ACTOR = "start of the server"
GIVEN = "admin token of the settings"
MADE = "first admin"


def admin(tokens: Tokens, given: str | None, now_ns: int) -> str | None:
    """See to it that somebody can administer; the secret when one was made now, to be shown once.

    Args:
        tokens: All tokens.
        given: The secret from the settings. One given at an earlier start stops working when it differs.
        now_ns: Nanoseconds since 1970.
    """
    if given is not None:
        _only_this(tokens, given, now_ns)
        return None
    if tokens.has_admin(now_ns):
        return None
    return tokens.create(MADE, Role.ADMIN, now_ns, ACTOR)[1]


def _only_this(tokens: Tokens, secret: str, now_ns: int) -> None:
    known = False
    for token in tokens.listed():
        if token.name != GIVEN or not token.usable(now_ns):
            continue
        if token.hash == fingerprint(secret):
            known = True
        else:
            tokens.revoke(token.token_id, now_ns, ACTOR)
    if not known and tokens.recognise(secret, now_ns) is None:
        tokens.create(GIVEN, Role.ADMIN, now_ns, ACTOR, secret=secret)
