"""Channels as they are kept: every mistake at once, secrets that stay unseen and go nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.cli.channels import TYPES
from spanledger_server.errors import Conflict, Invalid, Mistakes, NotFound
from spanledger_server.notify.channels import KINDS, kinds, register
from spanledger_server.notify.message import Delivered, Failed
from spanledger_server.store.database import Database
from tests.support.providers import PagerDuty, Slack, Twilio
from tests.support.stores import new_store

NS = 10**9
URL = "https://hooks.example.org/services/T0/s3cr3t"
GIVEN: dict[str, dict[str, Any]] = {
    "webhook": {"url": URL, "secret": ["s3cr3t-one", "s3cr3t-two"], "headers": {"Authorization": "Bearer s3cr3t-h"}},
    "slack": {"token": Slack.TOKEN, "channel": "#alerts"},
    "pagerduty": {"routing_key": PagerDuty.KEY, "region": "eu"},
    "email": {
        "host": "mail.example.org",
        "username": "u",
        "password": "s3cr3t-p",
        "from": "a@example.org",
        "to": ["b@example.org"],
    },
    "sms": {"account_sid": Twilio.SID, "auth_token": Twilio.TOKEN, "from": "+15005550006", "to": "+4915112345678"},
    "alertmanager": {"url": "https://am.example.org", "token": "s3cr3t-am"},
    "apprise": {"url": "ntfy://user:s3cr3t@ntfy.example.org/topic", "allow_private": True},
}
SECRETS = ("s3cr3t", Slack.TOKEN, PagerDuty.KEY, Twilio.TOKEN)


@pytest.fixture(scope="module")
def opened() -> Iterator[Database]:
    database = new_store()
    yield database
    database.close()


@pytest.fixture
def database(opened: Database) -> Iterator[Database]:
    yield opened
    with opened.transaction() as tx:
        for stored in register.listed(tx):
            register.delete(tx, stored)


def add(database: Database, **given: Any) -> register.Stored:
    with database.transaction() as tx:
        place = {} if "type" in given else {"url": URL}
        return register.add(tx, {"name": "on call", "type": "webhook", **place, **given}, 5 * NS, "alice")


def change(database: Database, key: str, given: dict[str, Any], seen: int | None = None) -> register.Stored:
    with database.transaction() as tx:
        return register.change(tx, register.found(tx, key), given, 6 * NS, "bob", seen=seen)


def test_the_kinds_of_the_command_line_are_those_there_are():
    assert tuple(KINDS) == TYPES


@pytest.mark.parametrize("kind", GIVEN)
def test_no_secret_of_any_kind_is_ever_shown(database: Database, kind: str):
    stored = add(database, **{"type": kind, **GIVEN[kind]})
    with database.reader() as reader:
        again = register.found(reader, "on call")
    assert again == stored
    told = f"{again.shown()} {again!r} {again.opened(lambda: 0, 'https://x.example')!r}"
    assert not [secret for secret in SECRETS if secret in told]
    assert {**again.config, **again.secrets}.items() >= {
        name: value for name, value in GIVEN[kind].items() if name != "secret"
    }.items()
    assert not set(again.config) & set(again.secrets)


def test_a_channel_is_found_by_id_and_by_name_and_no_two_have_one_name(database: Database):
    one, two = add(database), add(database, name="another")
    with database.reader() as reader:
        assert register.found(reader, one.channel_id) == register.found(reader, "on call") == one
        assert [stored.name for stored in register.listed(reader)] == ["another", "on call"]
        with pytest.raises(NotFound):
            register.found(reader, "nobody")
    with pytest.raises(Conflict):
        add(database)
    with pytest.raises(Conflict):
        change(database, two.channel_id, {"name": "on call", "type": "webhook", "url": URL})
    with pytest.raises(Mistakes):
        add(database, name=one.channel_id)


def test_a_secret_that_is_left_out_stays_and_one_that_is_null_goes(database: Database):
    add(database, secret="s3cr3t-one", headers={"X-Key": "s3cr3t-h"})
    body = {"name": "on call", "type": "webhook", "format": "alertmanager"}
    after = change(database, "on call", body | {"headers": None})
    assert after.secrets == {"url": URL, "secret": ["s3cr3t-one"]}
    assert (after.version, after.updated_by, after.created_ns) == (2, "bob", 5 * NS)
    shown = after.shown()
    assert shown["url"] == "https://hooks.example.org/…"
    back = change(database, "on call", {"name": "on call", "type": "webhook", **shown}, seen=2)
    assert back.secrets == after.secrets
    with pytest.raises(Conflict):
        change(database, "on call", body, seen=2)


@pytest.mark.parametrize(
    ("kind", "moved"),
    [
        ("slack", {"api_url": "https://evil.example"}),
        ("email", {"host": "evil.example"}),
        ("email", {"security": "tls"}),
        ("sms", {"url": "https://evil.example"}),
        ("alertmanager", {"url": "https://evil.example"}),
        ("pagerduty", {"url": "https://evil.example"}),
        ("webhook", {"url": "https://evil.example"}),
    ],
)
def test_a_kept_secret_does_not_go_to_another_place_than_it_was_given_for(
    database: Database, kind: str, moved: dict[str, Any]
):
    add(database, **{"type": kind, **GIVEN[kind]})
    with database.reader() as reader:
        shown = register.found(reader, "on call").shown()
    with pytest.raises(Mistakes, match="to be given again"):
        change(database, "on call", {"name": "on call", "type": kind, **shown, **moved})
    after = change(database, "on call", {"name": "on call", "type": kind, **shown, **GIVEN[kind], **moved})
    assert after.version == 2


def test_a_channel_that_becomes_another_kind_takes_no_secret_with_it(database: Database):
    add(database, secret="s3cr3t-one")
    with pytest.raises(Mistakes, match="url"):
        change(database, "on call", {"name": "on call", "type": "alertmanager"})
    after = change(database, "on call", {"name": "on call", "type": "alertmanager", "url": "https://am.example.org"})
    assert after.secrets == {}


def test_what_became_of_messages_is_kept_until_the_channel_goes(database: Database):
    stored = add(database)
    with database.transaction() as tx:
        register.note(tx, stored.channel_id, Failed("HTTP 500", permanent=False), 7 * NS)
        register.note(tx, stored.channel_id, Failed("HTTP 502", permanent=False), 8 * NS)
        register.note(tx, "0" * 16, Failed("of nobody", permanent=False), 8 * NS)
    with database.reader() as reader:
        found = register.found(reader, stored.channel_id)
    assert (found.failed_in_a_row, found.failed_reason, found.failed_ns) == (2, "HTTP 502", 8 * NS)
    with database.transaction() as tx:
        register.note(tx, stored.channel_id, Delivered("12 ms, HTTP 200"), 9 * NS)
        found = register.found(tx, stored.channel_id)
        assert (found.failed_in_a_row, found.delivered_detail, found.delivered_ns) == (0, "12 ms, HTTP 200", 9 * NS)
        register.delete(tx, found)
    with database.reader() as reader:
        assert not register.listed(reader)
        assert not reader.tuples("SELECT * FROM channel_outcomes")


WRONG: list[tuple[str, dict[str, Any], set[str]]] = [
    ("webhook", {}, {"url"}),
    ("webhook", {"url": "https://user:pass@x.example/"}, {"url"}),
    ("webhook", {"url": "https://x.example/a b"}, {"url"}),
    ("webhook", {"url": "https://x.example/\r\nHost: y"}, {"url"}),
    ("webhook", {"url": "file:///etc/passwd"}, {"url"}),
    ("webhook", {"url": "https://x.example:99999/"}, {"url"}),
    ("webhook", {"url": "https://" + "x" * 3000}, {"url"}),
    ("webhook", {"url": "https://bücher.example/"}, {"url"}),
    ("webhook", {"url": URL, "secret": "short"}, {"secret"}),
    ("webhook", {"url": URL, "secret": ["s3cr3t-one"] * 6}, {"secret"}),
    ("webhook", {"url": URL, "headers": {"Host": "x"}}, {"headers"}),
    ("webhook", {"url": URL, "headers": {"X-A": "b\r\nX-C: d"}}, {"headers"}),
    (
        "webhook",
        {"url": URL, "format": "xml", "colour": 1, "allow_private": "yes"},
        {"format", "colour", "allow_private"},
    ),
    ("webhook", {"url": URL, "ca": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"}, {"ca"}),
    ("webhook", {"url": URL, "ca": "\udce4"}, {"ca"}),
    ("slack", {}, {"url"}),
    ("slack", {"token": Slack.TOKEN}, {"channel"}),
    ("slack", {"url": URL, "token": Slack.TOKEN, "channel": "c"}, {"token"}),
    ("slack", {"token": "s3cr3t", "channel": "<!channel>"}, {"token", "channel"}),
    ("pagerduty", {"routing_key": "s3cr3t", "region": "moon"}, {"routing_key", "region"}),
    ("email", {}, {"host", "from", "to"}),
    ("email", {"host": "h", "from": "a@b", "to": "a@b\r\nBcc: c@d"}, {"to"}),
    ("email", {"host": "h", "from": "A <a@b>", "to": []}, {"from", "to"}),
    ("email", {"host": "h x", "from": "a@b", "to": "c@d", "port": 0}, {"host", "port"}),
    ("email", {"host": "h", "from": "a@b", "to": "c@d", "username": "u"}, {"password"}),
    (
        "email",
        {"host": "h", "from": "a@b", "to": "c@d", "username": "u", "password": "s3cr3t", "security": "none"},
        {"security"},
    ),
    ("sms", {}, {"account_sid", "auth_token", "to"}),
    ("sms", {**GIVEN["sms"], "to": "0151 1234567"}, {"to"}),
    ("sms", {**GIVEN["sms"], "to": ["+4915112345678", "+4915112345679"]}, {"to"}),
    ("sms", {**GIVEN["sms"], "from": None}, {"from"}),
    ("sms", {**GIVEN["sms"], "messaging_service_sid": "MG" + "0" * 32}, {"from"}),
    ("alertmanager", {"url": "https://x.example", "token": "s3cr3t", "username": "u"}, {"token"}),
    ("alertmanager", {"url": "https://x.example", "password": "s3cr3t"}, {"username"}),
    ("apprise", {"url": "ntfy://s3cr3t"}, {"allow_private"}),
]


@pytest.mark.parametrize(("kind", "given", "named"), WRONG)
def test_all_that_is_wrong_is_told_at_once_and_no_secret_with_it(kind: str, given: dict[str, Any], named: set[str]):
    with pytest.raises(Mistakes) as caught:
        kinds.checked(kind, given)
    assert {error.parameter for error in caught.value.each} == named
    told = " ".join(f"{error} {error.value}" for error in caught.value.each)
    assert not [secret for secret in SECRETS if secret in told.replace("s3cr3t-one", "")], told


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["s3cr3t-x", "https://s3cr3t@x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(tuple(KINDS)), data=st.data())
def test_whatever_is_given_is_kept_or_refused(kind: str, data: st.DataObject):
    names = [field.name for field in kinds.fields(kind)]
    given = dict(GIVEN[kind]) | data.draw(st.dictionaries(st.sampled_from(names), ANYTHING, min_size=1, max_size=4))
    try:
        config, secrets = kinds.checked(kind, given)
    except Mistakes as error:
        wrong = error.each
    else:
        json.dumps([config, secrets], allow_nan=False)
        kinds.opened(kind, {**config, **secrets}, lambda: 0, "https://x.example")
        return
    named = {field.name for field in kinds.fields(kind) if field.secret}
    assert all(one.allowed for one in wrong)
    assert all(one.value in (None, "(hidden)", "set") for one in wrong if one.parameter in named)


def test_of_very_many_unknown_fields_some_are_told():
    with pytest.raises(Mistakes) as caught:
        kinds.checked("webhook", {"url": URL, **{f"{n}" * 1000: n for n in range(10_000)}})
    assert len(str(caught.value)) < 10_000
    assert len(caught.value.each) == 20


def test_what_is_wrong_with_name_and_kind_is_told_with_the_rest(database: Database):
    with pytest.raises(Mistakes) as caught:
        add(database, name="", enabled="yes", url="s3cr3t")
    assert [error.parameter for error in caught.value.each] == ["name", "enabled", "url"]
    with pytest.raises(Invalid, match="type"):
        add(database, type=["webhook"])
