"""What may be said of a check, and that what is secret of it is told nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_server.errors import Conflict, Invalid, Mistakes, NotFound
from spanledger_server.health import certificates, check, names, register, target
from spanledger_server.health.answer import BrokenError
from spanledger_server.health.kinds.all import KINDS
from spanledger_server.health.scram import Scram
from spanledger_server.store.database import Database
from tests.support.stores import new_store

NOW = 1_800_000_000 * 10**9
SECRET = "hunter2-very-secret"
URL = f"redis://watch:{SECRET}@cache:6379/2"


def body(**more: Any) -> dict[str, Any]:
    return {"name": "cache", "kind": "redis", "target": URL, **more}


def mistakes(given_: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(Mistakes) as raised:
        check.parse(given_)
    return {each.parameter: each.allowed for each in raised.value.each}


def test_a_definition_has_its_defaults_and_hides_what_is_secret():
    made, secrets = check.parse(body())
    assert (made.target, secrets.target) == ("redis://watch:***@cache:6379/2", URL)
    assert (made.interval_s, made.timeout_s, made.down_after, made.up_after) == (30, 5, 3, 1)
    text, place, options = check.whole(made, check.Secrets.read(secrets.stored()))
    assert place is not None
    assert (text, place.password, options["verify"]) == (URL, SECRET, True)
    assert SECRET not in repr(place)


def test_all_mistakes_are_told_at_once():
    found = mistakes(
        body(name=" ", target="ftp://x", interval_s=1, timeout_s=0, down_after=0, slow_ms="x", options={"no": 1})
    )
    assert found.keys() == {"name", "target", "interval_s", "timeout_s", "down_after", "slow_ms", "options.no"}
    for kind, option in (("collector", "metrics"), ("dns", "server")):
        given_ = {"name": "x", "kind": kind, "target": "x", "options": {option: "http://a:secret@b"}}
        with pytest.raises(Mistakes) as raised:
            check.parse(given_)
        assert "secret" not in str([each.value for each in raised.value.each])
    assert mistakes({"kind": "gopher"})["kind"].startswith("one of http, tcp, tls, dns, redis")
    assert mistakes(body(interval_s=10, timeout_s=20)) == {"timeout_s": "not longer than interval_s"}


@pytest.mark.parametrize(
    "place",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://100.100.100.200",
        "http://168.63.129.16",
    ],
)
def test_addresses_at_which_clouds_hand_out_credentials_are_refused(place: str):
    assert "credentials" in mistakes({"name": "x", "kind": "http", "target": place})["target"]


@pytest.mark.parametrize("host", ["10.0.0.1", "127.0.0.1", "192.168.1.1", "::1", "8.8.8.8", "db.internal"])
def test_private_addresses_are_what_checks_are_for(host: str):
    assert names.refused(host) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "http://a b",
        "http://x:99999",
        "http://x#y",
        "http://x\r\nHost: y",
        "://",
        "http://[::1",
        "x" * 3000,
    ],
)
def test_a_target_that_is_none_is_refused(text: str):
    assert "target" in mistakes({"name": "x", "kind": "http", "target": text})


@given(st.text(max_size=60), st.sampled_from(sorted(KINDS)))
def test_any_text_is_a_target_or_a_mistake_and_never_an_error(text: str, kind: str):
    try:
        made, _ = check.parse({"name": "x", "kind": kind, "target": text})
    except Mistakes:
        return
    assert isinstance(made.target, str)


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ("https://a:b@x/p?q=1&api_key=zz&x=2", "https://a:***@x/p?q=1&api_key=***&x=2"),
        ("https://x/?access_token=zz", "https://x/?access_token=***"),
        ("https://token@x/", "https://token@x/"),
        ("user:pw@host:6379", "user:***@host:6379"),
        ("host:80", "host:80"),
    ],
)
def test_what_is_secret_in_a_target_is_masked(given_: str, shown: str):
    assert target.shown(given_) == shown


@pytest.fixture
def database() -> Any:
    opened = new_store()
    yield opened
    opened.close()


def everything(database: Database) -> str:
    """All that is stored, but for the table of secrets."""
    with database.reader() as reader:
        tables = [
            name for (name,) in reader.tuples("SELECT table_name FROM duckdb_tables()") if name != "health_secrets"
        ]
        return json.dumps([reader.rows(f'FROM "{name}"') for name in tables], default=str)


def test_secrets_are_kept_apart_and_stand_in_no_other_table(database: Database):
    web = {"name": "web", "kind": "http", "target": "https://x/", "options": {"headers": {"X-Key": SECRET}}}
    with database.transaction() as tx:
        cache = register.create(tx, body(), NOW, "ada")
        page = register.create(tx, web, NOW, "ada")
        register.change(tx, cache.check_id, body(interval_s=60), NOW + 1, "ada")
    assert SECRET not in everything(database)
    with database.reader() as reader:
        assert register.one(reader, "cache").secrets.target == URL
        assert register.one(reader, page.check_id).secrets.options == {"headers": {"X-Key": SECRET}}
    with database.transaction() as tx:
        register.delete(tx, "cache", NOW + 2, "ada")
        assert tx.value("SELECT count(*) FROM health_secrets") == 1


def test_what_is_shown_keeps_the_secret_and_another_place_does_not_get_it(database: Database):
    with database.transaction() as tx:
        made = register.create(tx, body(), NOW, "ada")
        kept = register.change(tx, made.check_id, body(target=made.check.target, slow_ms=9), NOW, "bob", seen=1)
        assert (kept.version, kept.secrets.target, kept.check.slow_ms) == (2, URL, 9)
        with pytest.raises(Mistakes):
            register.change(tx, made.check_id, body(target="redis://watch:***@evil:6379/2"), NOW, "bob")
        with pytest.raises(Conflict):
            register.change(tx, made.check_id, body(), NOW, "bob", seen=1)
        web = {"name": "web", "kind": "http", "target": "https://x/", "options": {"headers": {"X-Key": SECRET}}}
        page = register.create(tx, web, NOW, "ada")
        masked = web | {"options": {"headers": {"X-Key": "***", "Y": "1"}}}
        kept = register.change(tx, page.check_id, masked, NOW, "bob")
        assert kept.secrets.options == {"headers": {"X-Key": SECRET, "Y": "1"}}
        with pytest.raises(Mistakes):
            register.change(tx, page.check_id, masked | {"target": "https://evil/"}, NOW, "bob")


def test_names_are_taken_once_and_ids_are_known_or_not(database: Database):
    with database.transaction() as tx:
        register.create(tx, body(), NOW, "ada")
        with pytest.raises(Conflict):
            register.create(tx, body(), NOW, "ada")
        with pytest.raises(NotFound):
            register.delete(tx, "nothing", NOW, "ada")
        with pytest.raises(Invalid):
            register.create(tx, body(name="x", kind="tcp"), NOW, "ada")
        assert [each.check.name for each in register.listed(tx)] == ["cache", "CPU", "Memory", "Queue", "This server"]


def test_scram_is_that_of_its_rfc_and_refuses_a_stranger():
    mine = Scram("pencil", "rOprNGfwEbeRWgbNEkqO")
    assert mine.first() == b"n,,n=,r=rOprNGfwEbeRWgbNEkqO"
    mine._bare = "n=user,r=rOprNGfwEbeRWgbNEkqO"  # the example names a user, PostgreSQL does not
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    final = mine.final(f"r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".encode())
    assert final == f"c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=".encode()
    mine.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    for wrong in (b"v=AAAA", b"", b"e=no"):
        with pytest.raises(BrokenError):
            mine.verify(wrong)
    for challenge in (b"r=other,s=AA==,i=1", b"r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=99999999", b"\xff", b"r=,s=,i="):
        with pytest.raises(BrokenError):
            Scram("pencil", "rOprNGfwEbeRWgbNEkqO").final(challenge)


@given(st.binary(max_size=80))
def test_bytes_that_are_no_certificate_have_no_end(data: bytes):
    certificates.ends_ns(data)
    assert certificates.ends_ns(data[:3]) is None
