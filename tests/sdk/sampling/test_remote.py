"""Shares that a server works out are applied; without it our own hold."""

import json
import socket
import threading

import pytest

from spanledger.guard import failures
from spanledger.sampling.remote import BELIEVE_S, Remote, strategies_in
from spanledger.sampling.strategies import Ratio
from spanledger.sampling.thresholds import ALL
from tests.sdk.sampling.conftest import SamplingServer

BY_OPERATION = {
    "strategyType": "PROBABILISTIC",
    "operationSampling": {
        "defaultSamplingProbability": 0.25,
        "defaultLowerBoundTracesPerSecond": 0.0,
        "perOperationStrategies": [{"operation": "GET /a", "probabilisticSampling": {"samplingRate": 0.5}}],
    },
}


def share(remote, operation):
    return (ALL - remote.threshold(operation, None)) / ALL


def test_answers_are_applied_and_our_own_strategy_holds_without_them(sampling_server):
    now = [0.0]
    remote = Remote(
        sampling_server.url, "my shop", Ratio(1.0), headers={"Authorization": "Bearer t"}, clock=lambda: now[0]
    )
    assert share(remote, "GET /a") == 1.0
    sampling_server.answer = json.dumps(BY_OPERATION).encode()
    assert remote.ask()
    assert sampling_server.asked == [("/sampling?service=my+shop", "Bearer t")]
    assert share(remote, "GET /a") == pytest.approx(0.5)
    assert share(remote, "GET /b") == pytest.approx(0.25)
    for sampling_server.status, sampling_server.answer in (
        (500, b""),
        (200, b"[]"),
        (200, b"no JSON"),
        (200, b'{"operationSampling": 1}'),
    ):
        assert not remote.ask()
        assert share(remote, "GET /a") == pytest.approx(0.5)
    now[0] += BELIEVE_S + 1
    assert share(remote, "GET /a") == 1.0


def test_a_tick_asks_in_a_thread_and_once_a_minute(sampling_server):
    now = [0.0]
    sampling_server.answer = json.dumps(BY_OPERATION).encode()
    remote = Remote(sampling_server.url, "s", Ratio(1.0), clock=lambda: now[0])
    for _ in range(3):
        remote.tick(1.0, 1.0)
        remote._asking.join()
    assert len(sampling_server.asked) == 1
    now[0] += 70
    remote.tick(1.0, 1.0)
    remote._asking.join()
    assert len(sampling_server.asked) == 2
    assert share(remote, "GET /a") == pytest.approx(0.5)


def test_nobody_there_is_no_answer():
    assert not Remote("http://127.0.0.1:9/sampling", "s", Ratio(1.0)).ask()


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"probabilisticSampling": {"samplingRate": 2}},
        {"probabilisticSampling": {"samplingRate": "x"}},
        {"rateLimitingSampling": {"maxTracesPerSecond": 0}},
        {"operationSampling": {"perOperationStrategies": []}},
    ],
)
def test_what_is_no_share_is_not_believed(answer):
    with pytest.raises(ValueError):
        strategies_in(answer)


def test_the_other_forms_are_understood():
    constant = strategies_in({"probabilisticSampling": {"samplingRate": 0.5}})("any")
    assert constant.threshold("any", None) == ALL // 2
    assert strategies_in({"rateLimitingSampling": {"maxTracesPerSecond": 7}})("any").target == 7
    empty = {"operationSampling": {"defaultSamplingProbability": 1, "perOperationStrategies": []}}
    assert strategies_in(empty)("any").threshold("any", None) == 0


def test_an_endpoint_that_sends_us_elsewhere_does_not_get_the_token_there(sampling_server):
    elsewhere = SamplingServer()
    elsewhere.answer = json.dumps(BY_OPERATION).encode()
    sampling_server.status, sampling_server.location = 302, elsewhere.url
    try:
        assert not Remote(sampling_server.url, "s", Ratio(1.0), headers={"Authorization": "Bearer t"}).ask()
    finally:
        elsewhere.close()
    assert (len(sampling_server.asked), elsewhere.asked) == (1, [])


def test_a_rate_that_is_said_again_goes_on_being_held(sampling_server):
    now = [0.0]
    sampling_server.answer = b'{"rateLimitingSampling": {"maxTracesPerSecond": 5}}'
    remote = Remote(sampling_server.url, "s", Ratio(1.0), clock=lambda: now[0])
    assert remote.ask()
    held = remote._said[2]("any")
    assert remote.ask()
    assert remote._said[2]("any") is held
    assert remote.answers == 2


def test_under_load_less_than_what_was_said_is_kept(sampling_server):
    sampling_server.answer = json.dumps(BY_OPERATION).encode()
    remote = Remote(sampling_server.url, "s", Ratio(1.0))
    assert remote.ask()
    remote._next = float("inf")
    remote.tick(0.5, 1.0)
    assert share(remote, "GET /a") == pytest.approx(0.25, rel=1e-3)
    remote.tick(1.0, 1.0)
    assert share(remote, "GET /a") == pytest.approx(0.5, rel=1e-3)


def test_an_answer_that_is_no_http_or_too_deep_is_none(sampling_server):
    sampling_server.answer = b"[" * 100_000
    assert not Remote(sampling_server.url, "s", Ratio(1.0)).ask()
    with socket.create_server(("127.0.0.1", 0)) as odd:
        talk = threading.Thread(target=lambda: odd.accept()[0].sendall(b"what?\r\n\r\n"))
        talk.start()
        assert not Remote(f"http://127.0.0.1:{odd.getsockname()[1]}", "s", Ratio(1.0)).ask()
        talk.join()
    assert failures() == {}
