"""What people write is what they get, and a mistake is told and keeps everything."""

from decimal import Decimal

import pytest

from spanledger.sampling.choose import chosen_sampler, from_argument, read
from spanledger.sampling.load import Limits, Load
from spanledger.sampling.remote import Remote
from spanledger.sampling.strategies import Ratio, SpansPerSecond, TracesPerSecond
from spanledger.sampling.tail import Keep
from spanledger.settings import Settings


def chosen(argument, name="spanledger", **settings):
    return chosen_sampler(
        Settings(**settings), {"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument}, "shop"
    )


def test_each_way_is_chosen_by_its_name():
    for argument, kind, value in (
        ("ratio=0.25", Ratio, "ratio"),
        ("rate=50", TracesPerSecond, "target"),
        ("adaptive=100", SpansPerSecond, "target"),
    ):
        found, mistakes = chosen(argument)
        assert not mistakes
        assert type(found.sampler.strategy) is kind
        assert getattr(found.sampler.strategy, value) == float(argument.partition("=")[2])
        assert found.keep == Keep()
    found, mistakes = chosen("remote=http://127.0.0.1:8321/sampling,rate=5", token="t")
    assert not mistakes
    assert type(found.sampler.strategy) is Remote
    assert found.sampler.strategy._url == "http://127.0.0.1:8321/sampling?service=shop"
    assert found.sampler.strategy._otherwise.target == 5


@pytest.mark.parametrize(
    ("settings", "environ"),
    [
        ({"token": "t"}, {}),
        ({"headers": {"Authorization": "Bearer t", "x-other": "o"}}, {}),
        ({}, {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20t,x-other=o"}),
    ],
)
def test_a_remote_endpoint_is_asked_as_often_as_said_and_with_the_token_of_the_spans(settings, environ):
    remote = read("remote=http://127.0.0.1:1/s,every=5", "shop", Settings(**settings), environ).sampler.strategy
    assert remote._every_s == 5
    assert remote._headers == {"authorization": "Bearer t"}


def test_what_is_kept_and_when_less_is_are_said_beside_it():
    found = read("rate=10, slow=2.5, expensive=0.1, cpu=0.8, lag=0.05", "", Settings())
    assert found.keep == Keep(slow_s=2.5, expensive_usd=Decimal("0.1"))
    assert found.limits == Limits(0.8, 0.05)
    assert not read("0.1,keep_errors=0", "", Settings()).keep
    assert read("slow=0,expensive=0", "", Settings()).keep == Keep(slow_s=None, expensive_usd=None)


@pytest.mark.parametrize(
    "argument",
    [
        "remote=http://x,every=0",
        "remote=http://",
        "every=x,remote=http://x",
        "half",
        "ratio=2",
        "rate=0",
        "rate=x",
        "rate=inf",
        "ratio=0.1,rate=5",
        "keep=1",
        "remote=ftp://x",
        "0.1,0.2",
    ],
)
def test_a_mistake_is_told_and_everything_is_kept(argument):
    found, mistakes = chosen(argument)
    assert found.sampler.ratio == 1.0
    assert len(mistakes) == 1
    assert argument in mistakes[0]
    with pytest.raises(ValueError):
        from_argument(argument)


def test_our_setting_goes_before_opentelemetrys(monkeypatch):
    found, mistakes = chosen("0.5", sampler="rate=7")
    assert not mistakes
    assert found.sampler.strategy.target == 7
    monkeypatch.setenv("SPANLEDGER_SAMPLER", "adaptive=3")
    assert from_argument().strategy.target == 3


@pytest.mark.parametrize(
    ("name", "ratio", "parent_based"),
    [
        ("always_on", 1.0, False),
        ("always_off", 0.0, False),
        ("parentbased_always_on", 1.0, True),
        ("parentbased_always_off", 0.0, True),
        ("traceidratio", 0.25, False),
        ("parentbased_traceidratio", 0.25, True),
    ],
)
def test_opentelemetrys_names_keep_their_meaning(name, ratio, parent_based):
    found, mistakes = chosen("0.25", name)
    assert not mistakes
    assert found.sampler.ratio == ratio
    assert f"parent_based={parent_based}" in found.sampler.get_description()


def test_under_load_less_is_kept_and_then_slowly_more_again():
    load = Load(Limits(cpu=0.5, lag_s=0.1))
    now, used = load._looked, load._used
    factors = []
    for cpu, lag in [(0.9, 0)] * 12 + [(0.1, 0.2)] * 2 + [(0.1, 0)] * 40:
        now, used = now + 1, used + cpu * load._processors
        factors.append(load.look(now, used, lag))
    assert factors[0] == pytest.approx(0.7)
    assert min(factors) == pytest.approx(0.1)
    assert factors[13] == pytest.approx(0.1)
    assert factors[-1] == 1.0
    assert factors[14:] == sorted(factors[14:])
    assert Load(Limits()).look(now + 10, used + 100, 9) == 1.0
