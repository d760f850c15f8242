"""Mail, as a real server takes it: plain, with STARTTLS, with TLS from the beginning, with and without a password."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from spanledger_server.notify.channels.mail import as_sent, written
from spanledger_server.notify.message import Channel, Delivered, Failed
from tests.backend.notify.channels.made import channel, event, hostile, message
from tests.support.certificates import Authority, Pair
from tests.support.mailbox import Mailbox

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue("mail")


def mail(box: Mailbox, **given: Any) -> Channel:
    plain = {"host": "127.0.0.1", "port": box.port, "from": "alerts@ops.example", "to": ["oncall@ops.example"]}
    return channel("email", **{**plain, "security": "none", **given})


def delivered(outcome: Delivered | Failed) -> Delivered:
    assert isinstance(outcome, Delivered), outcome
    return outcome


def failed(outcome: Delivered | Failed) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


def test_a_mail_says_the_same_in_text_and_in_html_to_everybody_at_once():
    with Mailbox() as box:
        way = mail(box, to=["a@ops.example", "b@ops.example", "a@ops.example"])
        found = delivered(way.send(message()))
    assert found.detail.endswith("accepted for 2")
    (taken,) = box.taken
    assert (taken.sender, taken.receivers) == ("alerts@ops.example", ["a@ops.example", "b@ops.example"])
    assert taken.mail["Subject"] == "[spanledger] Critical: Checkout is slow: p95 2.41 s"
    assert taken.mail["Auto-Submitted"] == "auto-generated"
    assert taken.mail["From"] == "spanledger <alerts@ops.example>"
    for part in (taken.part("plain"), taken.part("html")):
        for words in ("2.41 s, above 1 s", "for 12 minutes", "0.61 s a day ago", "71 % model gpt-5"):
            assert words in part
    assert "https://runbooks.example/checkout?a=1&b=2" in taken.part("plain")
    assert 'href="https://runbooks.example/checkout?a=1&amp;b=2"' in taken.part("html")
    assert all(len(line) <= 998 for line in taken.content.splitlines())


def test_mails_of_one_incident_hang_together_and_a_second_try_is_the_same_mail():
    with Mailbox() as box:
        way, first = mail(box), message()
        receipt = delivered(way.send(first)).receipt
        assert receipt is not None
        delivered(way.send(first))
        again = delivered(way.send(message(status="resolved", receipt=receipt)))
        assert again.receipt == receipt
        delivered(way.send(message(status="firing", incident_id="another")))
    one, same, resolved, another = (taken.mail for taken in box.taken)
    assert one["Message-ID"] == same["Message-ID"] == receipt["message_id"]
    assert resolved["In-Reply-To"] == resolved["References"] == one["Message-ID"]
    assert resolved["Message-ID"] != one["Message-ID"]
    assert resolved["Subject"] == "[spanledger] Resolved: Checkout is slow: p95 2.41 s"
    assert another["In-Reply-To"] is None


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_password_goes_over_tls_to_a_server_that_can_show_who_it_is(
    security: Any, authority: Authority, pair: Pair, tmp_path: Path
):
    known = {"security": security, "username": Mailbox.USER, "password": Mailbox.PASSWORD}
    with Mailbox(security, pair, password=True) as box:
        delivered(mail(box, **known, ca=authority.file.read_text()).send(message()))
        stranger = failed(mail(box, **known).send(message()))
        wrong = failed(mail(box, **{**known, "password": "wr0ng"}, ca=authority.file.read_text()).send(message()))
    assert len(box.taken) == 1
    assert stranger.reason.startswith("its certificate is not trusted: ")
    assert (wrong.reason, wrong.permanent) == ("it did not accept the user name and the password (535)", True)


def test_a_server_that_has_no_starttls_gets_no_mail():
    with Mailbox() as box:
        found = failed(mail(box, security="starttls").send(message()))
    assert found.permanent
    assert "STARTTLS" in found.reason
    assert not box.taken


def test_who_is_refused_is_named_and_the_others_have_their_mail():
    with Mailbox() as box:
        some = delivered(mail(box, to=["a@ops.example", "nobody@ops.example"]).send(message()))
        none = failed(mail(box, to=["nobody@ops.example"]).send(message()))
        later = failed(mail(box, to=["later@ops.example", "nobody@ops.example"]).send(message()))
        box.refuse_content = "552 too much"
        full = failed(mail(box).send(message()))
        box.refuse_content = "451 not now"
        busy = failed(mail(box).send(message()))
    assert some.detail.endswith("accepted for 1; refused for nobody@ops.example (550)")
    assert (none.reason, none.permanent) == ("no one was accepted: nobody@ops.example (550)", True)
    assert not later.permanent
    assert (full.reason, full.permanent) == ("SMTP 552: too much", True)
    assert not busy.permanent


class Elements(HTMLParser):
    """The elements of a document, and whether each one was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_names_that_mean_harm_add_no_header_and_no_element():
    with Mailbox() as box:
        worst = hostile()
        delivered(mail(box).send(worst))
        for each in worst.alerts:
            delivered(mail(box).send(replace(worst, title=each.title, alerts=(each,), omitted=0)))
    known = {"Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress"}
    for taken in box.taken:
        assert set(taken.mail.keys()) == known | {"MIME-Version", "Content-Type"}
        assert len(taken.mail["Subject"]) <= 200
        assert all(len(line) <= 998 for line in taken.content.splitlines())
        found = Elements()
        found.feed(taken.part("html"))
        assert not found.open
        assert not found.seen & {"script", "img", "iframe", "form", "link"}
        assert all(address.startswith(("https://", "http://")) for address in found.addresses)


@pytest.mark.parametrize("length", [10, 50, 55, 58, 62, 66, 70, 74, 78, 150])
@pytest.mark.parametrize("letter", ["x", "ü"])
def test_a_subject_begins_on_the_first_line_and_keeps_to_the_length_of_words(length: int, letter: str):
    subject = ("word " * 40)[: length - 1] + letter
    sent = as_sent(written(message(title=subject), "a@b.example", ["c@d.example"], "https://x.example", 0, None))
    head = sent.partition(b"\r\n\r\n")[0]
    assert head.startswith(b"Subject: [spanledger] Critical: word")
    assert all(len(word) <= 75 for word in head.split() if word.startswith(b"=?"))


@pytest.mark.parametrize("operator", [">", "<=", None])
def test_money_in_a_mail_is_money(operator: str | None):
    with Mailbox() as box:
        spent = event(value=__import__("decimal").Decimal("12.3456"), threshold=10.0, unit="USD", operator=operator)
        delivered(mail(box).send(message(spent)))
    words = {">": "$12.35, above $10.00", "<=": "$12.35, at or below $10.00", None: "$12.35, held against $10.00"}
    assert words[operator] in box.taken[0].part("plain")
