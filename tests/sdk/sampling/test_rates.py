"""The target is held whatever arrives, and nothing that decides ever sees what it decides on."""

import math
import random
import statistics
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.sampling import strategies
from spanledger.sampling.rates import Rate, allowances, kept_share
from spanledger.sampling.strategies import (
    MOST_KINDS,
    MOST_LEARNT,
    OTHER,
    Operations,
    SpansPerSecond,
    TracesPerSecond,
    kind_of,
)
from spanledger.sampling.thresholds import ALL, rounded
from tests.benchmarks.bench_sampling import one_run


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def share(threshold):
    return (ALL - threshold) / ALL


def arrivals(steps, seed):
    """Poisson arrivals: (seconds, a second) one after the other."""
    chance, at, end = random.Random(seed), 0.0, 0.0
    for seconds, rate in steps:
        end += seconds
        while rate and (at := at + chance.expovariate(rate)) < end:
            yield at
        at = end


def kept(target, steps, seeds=3):
    """What is expected to be kept in each second, on average over the seeds: sums of probabilities, without chance."""
    seconds = [0.0] * math.ceil(sum(seconds for seconds, _ in steps) + 1)
    for seed in range(seeds):
        rate = Rate()
        for at in arrivals(steps, seed):
            seconds[int(at)] += kept_share(target, rate.arrived(at)) / seeds
    return seconds


def mean(seconds, first, last):
    return sum(seconds[first:last]) / (last - first)


@pytest.mark.parametrize("target", [10, 50])
@pytest.mark.parametrize("arriving", [5, 20, 100, 1000])
def test_in_a_steady_state_the_target_is_held_within_a_tenth(target, arriving):
    found = mean(kept(target, [(50, arriving)]), 20, 50)
    assert found == pytest.approx(min(target, arriving), rel=0.1)


@pytest.mark.parametrize(
    "steps", [[(20, 1), (20, 2000)], [(30, 20), (20, 2000)], [(10, 100), (600, 0), (20, 2000)], [(5, 0), (20, 2000)]]
)
def test_ten_seconds_after_a_step_up_or_a_long_rest_the_target_is_held(steps):
    began = int(sum(seconds for seconds, _ in steps[:-1]))
    found = kept(10, steps, seeds=2)
    assert mean(found, began + 10, began + 20) == pytest.approx(10, rel=0.1)
    assert found[began] < 130  # the first second overshoots: nobody could know


@pytest.mark.parametrize("steps", [[(20, 1000), (40, 50)], [(20, 2000), (40, 20)]])
def test_twenty_five_seconds_after_a_step_down_the_target_is_held(steps):
    assert mean(kept(10, steps), 45, 60) == pytest.approx(10, rel=0.1)


def test_a_clock_that_goes_back_stands_still():
    rate = Rate()
    for at in (10.0, 11.0, 5.0, 5.5, 11.5):
        rate.arrived(at)
    assert 0 < rate.at(12.0) < 100


@given(st.dictionaries(st.integers(), st.floats(0.001, 1e5), min_size=1, max_size=60), st.floats(0.1, 1e4))
def test_allowances_spend_the_target_and_no_more(rates, target):
    given_ = allowances(rates, target)
    spent = sum(min(rates[kind], given_[kind]) for kind in rates)
    assert spent <= target * (1 + 1e-9)
    assert spent == pytest.approx(min(target, sum(rates.values())))
    if len(rates) > 1:
        rare, often = min(rates, key=rates.get), max(rates, key=rates.get)
        assert min(1, given_[rare] / rates[rare]) >= min(1, given_[often] / rates[often]) - 1e-9


@given(st.floats(1e-7, 1))
def test_rounded_thresholds_are_close_and_few_digits(ratio):
    assert share(rounded(ratio)) == pytest.approx(ratio, rel=2**-14)
    assert rounded(1.0) == 0


def test_the_target_is_held_over_kinds_and_rare_ones_are_kept_whole():
    clock, chance = Clock(), random.Random(4)
    adaptive = SpansPerSecond(100, clock)
    rates = {f"op {n}": 800 * 1.15**-n + 0.05 for n in range(80)}
    total, by_kind, came = 0.0, dict.fromkeys(rates, 0.0), dict.fromkeys(rates, 0)
    for tick in range(20 * 20):
        clock.now += 0.05
        adaptive.tick(1.0, 1.0)
        for name, rate in rates.items():
            for _ in range(int(rate * 0.05 + chance.random())):
                probability = share(adaptive.threshold(name, None))
                if tick >= 15 * 20:
                    total += probability
                    by_kind[name] += probability
                    came[name] += 1
    assert total / 5 == pytest.approx(100, rel=0.1)
    assert by_kind["op 79"] == pytest.approx(came["op 79"], rel=0.25)
    assert by_kind["op 0"] < came["op 0"] * 0.05
    assert all(by_kind[name] > 0 for name in rates if came[name])


def test_a_burst_of_names_never_seen_before_cannot_spend_the_target():
    clock = Clock()
    adaptive = SpansPerSecond(100, clock)
    for _ in range(20 * 10):
        clock.now += 0.05
        adaptive.tick(1.0, 1.0)
        adaptive.threshold("usual", None)
    kept_ = 0.0
    for number in range(5_000):
        clock.now += 0.0004
        adaptive.tick(1.0, 1.0)
        kept_ += share(adaptive.threshold(f"new {number}", None))
    assert kept_ < 200  # in two seconds
    assert len(adaptive._gates) <= MOST_KINDS + 1
    assert OTHER in adaptive._gates
    clock.now += 7200
    adaptive.tick(1.0, 1.0)
    assert adaptive._gates == {}


def test_kinds_are_told_apart_by_route_and_model(monkeypatch):
    names = Operations()
    monkeypatch.setattr(strategies, "OPERATIONS", names)
    names.learn("GET", "GET /books/{id}", path="/books/1")
    assert kind_of("GET", {"url.path": "/books/17/pages/3a"}) == ("GET", "/books/*/pages/*")
    assert kind_of("GET", {"url.path": "/books/2"}) == ("GET", "/books/*")  # nobody wanted to know
    names.wanted = True
    names.learn("GET", "GET /books/{id}", path="/books/1")
    assert kind_of("GET", {"url.path": "/books/2"}) == ("GET /books/{id}", "")
    assert kind_of("PUT", {"url.path": "/books/2"}) == ("PUT", "/books/*")
    assert kind_of("chat gpt-4o", {"gen_ai.request.model": "gpt-4o"}) == ("chat gpt-4o", "gpt-4o")
    names.learn("chat", "chat gpt-5-mini")
    assert kind_of("chat", {"gen_ai.operation.name": "chat"}) == ("chat gpt-5-mini", "")
    assert kind_of("job", None) == kind_of("job", {}) == ("job", "")


def test_what_is_learnt_of_paths_is_bounded_and_goes_on_being_learnt(monkeypatch):
    names = Operations()
    monkeypatch.setattr(strategies, "OPERATIONS", names)
    names.wanted = True
    for number in range(3 * MOST_LEARNT):
        name = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        names.learn("GET", "GET /people/{name}", path=f"/people/{name}")
        assert len(names.names) <= MOST_LEARNT
    assert kind_of("GET", {"url.path": f"/people/{name}"}) == ("GET /people/{name}", "")


@pytest.mark.parametrize("make", [TracesPerSecond, SpansPerSecond])
def test_sixteen_threads_at_once_keep_to_the_target(make):
    clock = Clock()
    strategy = make(50, clock)
    kept_, lock = [0.0], threading.Lock()
    step = threading.Barrier(16, action=lambda: (setattr(clock, "now", clock.now + 0.1), strategy.tick(1.0, 1.0)))

    def run():
        mine = 0.0
        for round_ in range(150):
            step.wait()
            for _ in range(3):  # 480 a second
                probability = share(strategy.threshold("op", None))
                mine += probability if round_ >= 100 else 0
        with lock:
            kept_[0] += mine

    threads = [threading.Thread(target=run) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept_[0] / 5 == pytest.approx(50, rel=0.1)


@pytest.mark.parametrize("tail", [False, True])
def test_sums_over_kept_spans_are_right_on_average_while_the_rate_steps_up_and_down(tail):
    """The short part of `bench_sampling`, which does ten times as much."""
    runs = [one_run(seed, tail, calls=20_000) for seed in range(30)]
    for name, values in zip(("calls", "failures", "costs"), zip(*runs, strict=True), strict=True):
        error = statistics.stdev(values) / len(values) ** 0.5
        assert abs(statistics.mean(values) - 1) <= 4 * error + 1e-9, name
        assert error < (0.1 if name == "failures" else 0.05), name


def test_no_target_is_a_mistake():
    for make in (TracesPerSecond, SpansPerSecond):
        with pytest.raises(ValueError, match="not above 0"):
            make(0)
