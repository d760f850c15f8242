"""A child goes on by itself: what its parent held, and the locks that its parent's threads held, are not its own."""

from collections import Counter

from tests.sdk.making import program
from tests.sdk.receiver import attributes, http_receiver

HELD = """
import os
import spanledger
from opentelemetry import trace
spanledger.configure(service_name="shop", interval_s=0.01)
tracer = trace.get_tracer("mine")

@spanledger.traced_cost(provider="openai", model="gpt-4o")
def call():
    return {"input_tokens": 1}

with tracer.start_as_current_span("of the parent"):
    for _ in range(5):
        call()
    spanledger.flush(10)
    child = os.fork()
if child == 0:
    with tracer.start_as_current_span("of the child"):
        call()
    spanledger.shutdown(10)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


def test_a_child_does_not_send_the_spans_that_its_parent_holds():
    with http_receiver() as (received, address):
        done = program(HELD, env={"SPANLEDGER_ENDPOINT": address, "SPANLEDGER_SAMPLER": "rate=1000"})
        assert done.returncode == 0, done.stderr
    spans = Counter(span.span_id for span in received.spans() if span.name == "chat gpt-4o")
    assert set(spans.values()) == {1}
    assert len(spans) == 6
    by_instance = Counter(
        attributes(resource.resource)["service.instance.id"]
        for _, message in received.requests
        if hasattr(message, "resource_spans")
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if span.name == "chat gpt-4o"
    )
    assert sorted(by_instance.values()) == [1, 5]


LOCKED = """
import os
from spanledger.sampling.strategies import SpansPerSecond, TracesPerSecond
made = [TracesPerSecond(10), SpansPerSecond(10)]
for strategy in made:
    strategy._lock.acquire()  # as a thread does that is not there after the fork
child = os.fork()
if child == 0:
    for strategy in made:
        strategy.threshold("op", None)
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""


def test_a_lock_that_a_thread_of_the_parent_held_does_not_stop_the_child():
    done = program(LOCKED, timeout_s=20)
    assert done.returncode == 0, done.stderr


ASKING = """
import os, sys
import spanledger
from opentelemetry import trace
from tests.sdk.making import eventually
spanledger.configure(service_name="shop", interval_s=0.01)
remote = trace.get_tracer_provider().sampler.inner.strategy
eventually(lambda: remote.answers)
before = remote.answers
child = os.fork()
if child == 0:
    eventually(lambda: remote.answers > before)
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""


def test_a_child_asks_for_itself_and_nobody_is_kept_from_ending(sampling_server):
    sampling_server.answer = b'{"probabilisticSampling": {"samplingRate": 0.5}}'
    env = {
        "OTEL_TRACES_SAMPLER": "spanledger",
        "OTEL_TRACES_SAMPLER_ARG": f"remote={sampling_server.url}",
        "SPANLEDGER_ENDPOINT": "http://127.0.0.1:9",
        "SPANLEDGER_TOKEN": "t",
    }
    done = program(ASKING, env=env, timeout_s=30)
    assert done.returncode == 0, done.stderr
    assert sampling_server.asked == [("/sampling?service=shop", "Bearer t")] * 2
