"""Shares that a server works out are applied; without it our own hold."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from spanledger.sampling.remote import BELIEVE_S, Remote, strategies_in
from spanledger.sampling.strategies import Ratio
from spanledger.sampling.thresholds import ALL

BY_OPERATION = {
    "strategyType": "PROBABILISTIC",
    "operationSampling": {
        "defaultSamplingProbability": 0.25,
        "defaultLowerBoundTracesPerSecond": 0.0,
        "perOperationStrategies": [{"operation": "GET /a", "probabilisticSampling": {"samplingRate": 0.5}}],
    },
}


class Server:
    """Answers with what it is told to."""

    def __init__(self):
        self.answer, self.status, self.asked = b"", 200, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.path, self.headers.get("Authorization")))
                self.send_response(outer.status)
                self.end_headers()
                self.wfile.write(outer.answer)

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/sampling"

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


def share(remote, operation):
    return (ALL - remote.threshold(operation, None)) / ALL


def test_answers_are_applied_and_our_own_strategy_holds_without_them(server):
    now = [0.0]
    remote = Remote(server.url, "my shop", Ratio(1.0), headers={"Authorization": "Bearer t"}, clock=lambda: now[0])
    assert share(remote, "GET /a") == 1.0
    server.answer = json.dumps(BY_OPERATION).encode()
    assert remote.ask()
    assert server.asked == [("/sampling?service=my+shop", "Bearer t")]
    assert share(remote, "GET /a") == pytest.approx(0.5)
    assert share(remote, "GET /b") == pytest.approx(0.25)
    for server.status, server.answer in (
        (500, b""),
        (200, b"[]"),
        (200, b"no JSON"),
        (200, b'{"operationSampling": 1}'),
    ):
        assert not remote.ask()
        assert share(remote, "GET /a") == pytest.approx(0.5)
    now[0] += BELIEVE_S + 1
    assert share(remote, "GET /a") == 1.0


def test_a_tick_asks_in_a_thread_and_once_a_minute(server):
    now = [0.0]
    server.answer = json.dumps(BY_OPERATION).encode()
    remote = Remote(server.url, "s", Ratio(1.0), clock=lambda: now[0])
    for _ in range(3):
        remote.tick(1.0, 1.0)
        remote._asking.join()
    assert len(server.asked) == 1
    now[0] += 70
    remote.tick(1.0, 1.0)
    remote._asking.join()
    assert len(server.asked) == 2
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
