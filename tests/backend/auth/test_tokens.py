"""Tokens, sessions and failed attempts, on a store in memory."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_server.auth import audit, first, left, sessions
from spanledger_server.auth.attempts import MOST_ADDRESSES, MOST_FAILURES, WITHIN_NS, Attempts
from spanledger_server.auth.roles import Access, Role
from spanledger_server.auth.sessions import LASTS_S, Sessions
from spanledger_server.auth.tokens import Tokens
from spanledger_server.errors import Invalid, NotFound
from spanledger_server.store.database import Database
from tests.support.stores import new_store

NOW = 1_700_000_000 * 10**9
S = 10**9


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


@pytest.fixture
def tokens(database: Database) -> Tokens:
    return Tokens(database)


def test_a_token_is_recognised_by_its_secret_and_kept_only_as_a_hash(database: Database, tokens: Tokens):
    token, secret = tokens.create("ci", Role.INGEST, NOW, "me")
    assert secret.startswith("sl_")
    assert len(secret) >= 46
    assert tokens.recognise(secret, NOW) == token
    assert tokens.recognise(secret + "x", NOW) is None
    with database.reader() as reader:
        stored = str(reader.rows("SELECT * FROM tokens")) + str(reader.rows("SELECT * FROM audit"))
    assert secret not in stored


def test_what_another_process_start_knows_is_what_this_one_wrote(database: Database, tokens: Tokens):
    _, secret = tokens.create("ci", Role.VIEWER, NOW, "me")
    found = Tokens(database).recognise(secret, NOW)
    assert found is not None
    assert found.role is Role.VIEWER


def test_a_revoked_token_is_useless_at_once(tokens: Tokens):
    token, secret = tokens.create("ci", Role.ADMIN, NOW, "me")
    tokens.revoke(token.token_id, NOW, "me")
    assert tokens.recognise(secret, NOW) is None
    assert tokens.by_id(token.token_id, NOW) is None
    with pytest.raises(NotFound):
        tokens.revoke(token.token_id, NOW, "me")


def test_a_token_works_until_the_moment_it_expires(tokens: Tokens):
    _, secret = tokens.create("ci", Role.VIEWER, NOW, "me", expires_ns=NOW + S)
    assert tokens.recognise(secret, NOW + S - 1) is not None
    assert tokens.recognise(secret, NOW + S) is None
    with pytest.raises(Invalid):
        tokens.create("ci", Role.VIEWER, NOW, "me", expires_ns=NOW)


def test_the_last_use_is_shown_at_once_and_written_at_most_once_a_minute(database: Database, tokens: Tokens):
    _, secret = tokens.create("ci", Role.VIEWER, NOW, "me")

    def written() -> int | None:
        tokens.note_use()
        with database.reader() as reader:
            found: int | None = reader.value("SELECT last_used_ns FROM tokens")
            return found

    assert written() is None
    tokens.recognise(secret, NOW + 5 * S)
    assert tokens.listed()[0].last_used_ns == NOW + 5 * S
    assert written() == NOW + 5 * S
    tokens.recognise(secret, NOW + 30 * S)
    assert written() == NOW + 5 * S
    tokens.recognise(secret, NOW + 66 * S)
    assert written() == NOW + 66 * S


def test_a_new_token_is_not_forgotten_by_who_reads_them_at_the_same_time(database: Database, tokens: Tokens):
    secrets: list[str] = []

    def make_and_use() -> None:
        for number in range(10):
            _, secret = tokens.create("ci", Role.VIEWER, NOW, "me")
            if tokens.recognise(secret, NOW + (number + 1) * 61 * S) is not None:
                secrets.append(secret)

    makers = [threading.Thread(target=make_and_use) for _ in range(3)]
    for maker in makers:
        maker.start()
    while any(maker.is_alive() for maker in makers):
        tokens.note_use()
    for maker in makers:
        maker.join()
    assert len(secrets) == 30
    assert all(tokens.recognise(secret, NOW) for secret in secrets)


def test_a_change_and_its_audit_row_stand_or_fall_together(database: Database, tokens: Tokens):
    token, _ = tokens.create("ci", Role.VIEWER, NOW, "me")
    with pytest.raises(NotFound):
        tokens.revoke("nobody", NOW + 1, "me")
    rows = audit.page(database, None, 10)
    assert [(row["action"], row["subject"]) for row in rows] == [("token.created", token.token_id)]


def test_a_session_stands_for_its_token_until_its_end(tokens: Tokens):
    token, _ = tokens.create("me", Role.VIEWER, NOW, "me")
    signer = Sessions(tokens, b"key")
    value = signer.begin(token, NOW)
    assert signer.recognise(value, NOW) == token
    assert Sessions(tokens, b"key").recognise(value, NOW + (LASTS_S - 1) * S) == token
    assert signer.recognise(value, NOW + LASTS_S * S) is None
    assert Sessions(tokens, b"another key").recognise(value, NOW) is None
    assert token.hash not in value


def test_no_text_but_the_signed_one_is_a_session(tokens: Tokens):
    tokens.create("me", Role.VIEWER, NOW, "me")
    signer = Sessions(tokens, b"key")

    @given(st.text(max_size=200))
    def refused(text: str) -> None:
        assert signer.recognise(text, NOW) is None

    refused()


def test_the_key_of_sessions_is_made_once_and_for_its_owner(tmp_path: Path):
    key = sessions.key(tmp_path)
    assert sessions.key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "session.key").stat().st_mode) == 0o600
    assert sessions.key(None) != sessions.key(None)


def test_the_first_admin_is_made_once_and_again_when_all_are_revoked(tokens: Tokens):
    made = first.admin(tokens, None, NOW)
    assert made is not None
    assert first.admin(tokens, None, NOW) is None
    found = tokens.recognise(made, NOW)
    assert found is not None
    tokens.revoke(found.token_id, NOW, "me")
    assert first.admin(tokens, None, NOW) is not None


def test_a_given_admin_token_replaces_the_one_given_before_but_no_other(tokens: Tokens):
    made = first.admin(tokens, None, NOW)
    assert made is not None
    for secret in ("sl_given-first-0000000", "sl_given-second-000000", "sl_given-second-000000"):
        assert first.admin(tokens, secret, NOW) is None
    assert tokens.recognise("sl_given-first-0000000", NOW) is None
    assert tokens.recognise("sl_given-second-000000", NOW) is not None
    assert tokens.recognise(made, NOW) is not None
    assert len(tokens.listed()) == 3


def test_what_is_left_for_the_command_line_follows_the_address(tmp_path: Path):
    assert left.left_for_the_command_line(tmp_path) is None
    left.leave_for_the_command_line(tmp_path, None, "http://127.0.0.1:1")
    assert left.left_for_the_command_line(tmp_path) is None
    left.leave_for_the_command_line(tmp_path, "sl_secret", "http://127.0.0.1:1")
    left.leave_for_the_command_line(tmp_path, None, "http://127.0.0.1:2")
    found = left.left_for_the_command_line(tmp_path)
    assert found == left.Left("http://127.0.0.1:2", "sl_secret")
    assert stat.S_IMODE((tmp_path / left.FILE).stat().st_mode) == 0o600


def test_failures_are_counted_by_address_for_a_minute():
    attempts = Attempts()
    for count in range(MOST_FAILURES):
        assert attempts.wait_s("a", NOW + count) == 0
        attempts.failed("a", NOW + count)
    assert attempts.wait_s("a", NOW + MOST_FAILURES) > 0
    assert attempts.wait_s("b", NOW) == 0
    assert attempts.wait_s("a", NOW + WITHIN_NS) == 0
    attempts.failed("a", NOW + WITHIN_NS)
    attempts.succeeded("a")
    assert attempts.wait_s("a", NOW + WITHIN_NS) == 0


def test_only_so_many_addresses_are_remembered():
    attempts = Attempts()
    for number in range(MOST_ADDRESSES + 100):
        attempts.failed(str(number), NOW)
    assert len(attempts._failures) == MOST_ADDRESSES


def test_no_role_stands_in_for_another():
    may = {role: {access for access in Access if access.admits(role)} for role in Role}
    assert may[Role.INGEST] == {Access.OPEN, Access.SEND}
    assert may[Role.VIEWER] == {Access.OPEN, Access.READ, Access.SCRAPE}
    assert may[Role.ADMIN] == set(Access)
